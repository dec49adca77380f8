// House GenEval: GenEval's six tasks (Ghosh, Hajishirzi & Schmidt 2023) with things, styles and places of the model's own scope. Each
// prompt comes with an SVG of the same facts, drawn and judged like the model's pictures, so that a judge's blindness shows as a
// low score of the truth. When a picture is right stands in rule.ts.
import { PLAIN_COLOURS, SCENERY_NAMES, sceneryOf, type Background } from '../data/backgrounds.ts';
import { caption, isCountable, type Facts, type Thing } from '../data/captions.ts';
import { COLOUR_NAMES, type ColourName } from '../data/colour.ts';
import { isHeldOut } from '../data/dataset.ts';
import type { DataOptions } from '../data/sample.ts';
import { LAYOUTS, type LayoutName } from '../data/layouts.ts';
import { boxOf, sceneSvg, type Placed } from '../data/scenes.ts';
import { inScope, type Concept } from '../data/sprites.ts';
import { random, type Random } from '../util/random.ts';
import { isSimple, type SetOptions } from './cases.ts';
import { average } from './metrics.ts';
import { nearness, wrongWith, type Asked, type Seen, type Strictness } from './rule.ts';
import { labelOf, sightOfDrawn, sightOfReal, type Miss, type Suite, type Variant } from './suite.ts';

interface TaskOptions {
  readonly layouts: readonly LayoutName[];
  /** Every thing in a colour that the prompt says, on white or a plain colour. */
  readonly coloured?: true;
  /** The prompt says how the first thing lies to the second. */
  readonly related?: true;
}

export const TASKS = {
  'one object': { layouts: ['one'] },
  'two objects': { layouts: ['pair'] },
  counting: { layouts: ['count'] },
  colours: { layouts: ['one'], coloured: true },
  position: { layouts: ['pair', 'stack'], related: true },
  'colour attribution': { layouts: ['pair'], coloured: true },
} as const satisfies Record<string, TaskOptions>;
export type Task = keyof typeof TASKS;
export const TASK_NAMES = Object.keys(TASKS) as Task[];

/** Most things that are counted. */
const MOST = 4;

export interface Prompt {
  readonly set: string;
  readonly task: Task;
  /** Among those of its set and task: its seeds follow from it, whatever else is measured. */
  readonly index: number;
  readonly caption: string;
  readonly asked: Asked;
  /** A right picture. */
  readonly svg: string;
}

/** `count` prompts of a task; fewer where the scope has none (no synonyms among counted things). */
export function promptsOf(data: DataOptions, task: Task, set: SetOptions, count: number, seed: number): Prompt[] {
  const scope = inScope(data.scope);
  const rng = random(seed).split(`${task}:${set.name}`);
  const prompts = new Map<string, Prompt>();
  for (let i = 0; prompts.size < count && i < 400 * count; i++) {
    const prompt = draft(task, scope, set, rng.split(i));
    if (prompt && !prompts.has(prompt.caption)) prompts.set(prompt.caption, { ...prompt, index: prompts.size });
  }
  return [...prompts.values()];
}

/** One try: undefined where the chosen things do not fit task and set. */
function draft(
  task: Task,
  { concepts, styles }: ReturnType<typeof inScope>,
  set: SetOptions,
  rng: Random,
): Omit<Prompt, 'index'> | undefined {
  const { layouts, coloured, related }: TaskOptions = TASKS[task];
  const layout = rng.pick(layouts);
  const style = rng.pick(styles);
  const background = pickBackground(rng, coloured === true || style === 'mono');
  const chosen = Array.from({ length: LAYOUTS[layout].things }, () => rng.pick(concepts));
  const alone = chosen.length === 1 && layout === 'one';
  const able = (c: Concept) =>
    c.styles.includes(style) &&
    (alone || c.composable) &&
    (layout !== 'count' || isCountable(c)) &&
    (!coloured || isSimple(c, style)) &&
    (!set.synonym || (c.core?.synonyms.length ?? 0) > 0);
  if (!chosen.every(able) || new Set(chosen.map((c) => c.core?.noun ?? c.label)).size < chosen.length) return undefined;
  const { places, relation, count = 1, sizes } = LAYOUTS[layout].place(rng, 1, sceneryOf(background)?.ground);
  if (sizes?.some(Boolean) || count > MOST || (set.synonym && count > 1) || (related && (relation === undefined || relation === 'next to')))
    return undefined;
  const colours = coloured ? pickColours(rng, background, chosen.length) : [];
  const things = chosen.map((concept, i): Thing => ({ concept, count, ...(colours[i] && { colour: colours[i] }) }));
  const facts: Facts = { things, background, style, ...(related && relation && { relation }) };
  if (isHeldOut(facts) !== (set.split === 'test')) return undefined;
  const { text, language } = caption(facts, rng, {
    languages: { [set.language]: 1 },
    dropStyle: 0,
    dropBackground: 0,
    synonym: set.synonym ?? 0,
    hypernym: 0,
    split: 'train',
  });
  if (language !== set.language) return undefined; // a noun whose Dutch grammar is not known
  const scene = { width: 256, height: 256, background };
  const objects = places.map(({ thing, x, y, size, stand }): Placed => {
    const placed: Placed = {
      concept: chosen[thing]!.hex,
      style,
      ...(colours[thing] && { colour: colours[thing] }),
      x,
      y,
      size,
      flip: false,
    };
    return stand === undefined ? placed : { ...placed, y: stand - boxOf(placed, scene)[3] / 2 };
  });
  const asked: Asked = {
    things: things.map(({ concept, colour, count: n }) => ({ concept: concept.hex, count: n, ...(colour && { colour }) })),
    ...(facts.relation && { relation: facts.relation }),
  };
  return { set: set.name, task, caption: text, asked, svg: sceneSvg({ ...scene, objects }) };
}

function pickBackground(rng: Random, plain: boolean): Background {
  const seed = rng.integer(2 ** 31);
  const draw = rng.uniform();
  if (draw < 0.4) return { kind: 'white', seed };
  if (plain || draw < 0.6) return { kind: 'plain', colour: rng.pick(PLAIN_COLOURS), seed };
  return { kind: rng.pick(SCENERY_NAMES), seed };
}

/** Different colours that stand out from the background. */
function pickColours(rng: Random, { kind, colour }: Background, n: number): ColourName[] {
  const free = COLOUR_NAMES.filter((c) => c !== (kind === 'white' ? 'white' : colour));
  return Array.from({ length: n }, () => free.splice(rng.integer(free.length), 1)[0]!);
}

/** Shares of right pictures, with the concept told by the judge's first choice, and by one of its first five. */
export interface TaskScore extends Readonly<Record<Strictness, number>> {
  readonly count: number;
}
export interface TaskResult {
  readonly prompts: number;
  readonly real: TaskScore;
  readonly drawn: TaskScore;
}
/** By set and task. */
export type GenEvalResult = Readonly<Record<string, Readonly<Partial<Record<Task, TaskResult>>>>>;

const scoreOf = (marks: readonly Readonly<Record<Strictness, boolean>>[]): TaskScore => ({
  count: marks.length,
  first: average(marks.map((m) => Number(m.first))),
  five: average(marks.map((m) => Number(m.five))),
});
const marksOf = (asked: Asked, seen: readonly Seen[]) => ({
  first: wrongWith(asked, seen, 'first') === undefined,
  five: wrongWith(asked, seen, 'five') === undefined,
});

/** Draws every prompt `pictures` times and judges it; a prompt whose truth cannot be drawn is left out. */
export async function measureGenEval(
  suite: Suite,
  variant: Variant,
  prompts: readonly Prompt[],
  pictures: number,
): Promise<{ result: GenEvalResult; misses: Miss[] }> {
  const [sets, misses]: [
    Record<string, Partial<Record<Task, { asked: Asked; real: readonly Seen[]; drawn: (readonly Seen[])[] }[]>>>,
    Miss[],
  ] = [{}, []];
  for (const [i, { set, task, index, asked, svg, caption: text }] of prompts.entries()) {
    const real = await sightOfReal(suite, svg);
    if (real) {
      const drawn: (readonly Seen[])[] = [];
      for (let seed = index * pictures; seed < (index + 1) * pictures; seed++) {
        const { objects } = await sightOfDrawn(suite, variant, text, seed);
        drawn.push(objects);
        const why = wrongWith(asked, objects, 'first', (concept) => labelOf(suite.judges, concept));
        if (why !== undefined) misses.push({ part: task, caption: text, seed, svg, why, nearness: nearness(asked, objects) });
      }
      ((sets[set] ??= {})[task] ??= []).push({ asked, real: real.objects, drawn });
    }
    suite.progress('geneval', i + 1, prompts.length);
  }
  const result = Object.entries(sets).map(([set, tasks]) => {
    const rows = Object.entries(tasks).map(([task, list]): [string, TaskResult] => [
      task,
      {
        prompts: list.length,
        real: scoreOf(list.map(({ asked, real }) => marksOf(asked, real))),
        drawn: scoreOf(list.flatMap(({ asked, drawn }) => drawn.map((seen) => marksOf(asked, seen)))),
      },
    ]);
    return [set, Object.fromEntries(rows)];
  });
  return { result: Object.fromEntries(result) as GenEvalResult, misses };
}

/** Mean over the tasks of a set: the score of the suite. */
export function meanScore(tasks: GenEvalResult[string], who: 'real' | 'drawn', strictness: Strictness): number {
  return average(Object.values(tasks).map((t) => t[who][strictness]));
}
