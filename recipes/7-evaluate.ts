// Recipe 7: the evaluation, the house suite. House GenEval; concept, style and background of single things; subjects from reference
// pictures; fewer steps and fewer bits. One page, one JSON file, one sheet of the worst pictures. Everything that the judges saw is kept
// in RUN/evaluation/sights.jsonl, so that a second run goes on where one was stopped.
//   npm run evaluate -- [--quick|--full] [--preset NAME] [--model FILE] [--json FILE] [--out FOLDER] [--only PARTS] [--run FOLDER]
//                       [--steps N] [--precision NAME] [--judges FILE] [--prompts 8,6,3,3,0] [--cases 30] [--scenes 8]
// PARTS: geneval, concepts, identity, free, steps, comma separated. --prompts (a task, for each of SETS), --cases, --scenes: other amounts. --precision: float32, int8 or int4 products (default: as the SDK draws). The
// judges are RUN/judges.safetensors, or those of everything that recipe 6 trains (runs/judges/judges.safetensors,
// models/judges.safetensors). Without --model it takes the shipped model of the preset, else the run's. --out takes evaluate.md,
// evaluate.json and worst.webp (default RUN/evaluation; docs/results to publish).
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, machineLine, provenance } from '../bench/machine.ts';
import { FIGURE_STYLES } from '../src/data/figures.ts';
import { layeredData } from '../src/data/layered.ts';
import type { DataOptions } from '../src/data/sample.ts';
import { renderPool } from '../src/data/render.ts';
import { classesOf, conceptCases, SETS } from '../src/eval/cases.ts';
import { measureConcepts } from '../src/eval/concepts.ts';
import { measureFree } from '../src/eval/free-sentences.ts';
import { measureGenEval, promptsOf, TASK_NAMES, type Prompt } from '../src/eval/geneval.ts';
import { measureIdentity, subjectScenes } from '../src/eval/identity.ts';
import { openLedger } from '../src/eval/ledger.ts';
import { loadJudges, openJudges, type Judges } from '../src/eval/judges/judges.ts';
import { markdown, type Evaluation } from '../src/eval/report.ts';
import { measureSteps } from '../src/eval/steps.ts';
import { renderOf, worstOf, type Miss, type Suite, type Variant } from '../src/eval/suite.ts';
import { layersPreset } from '../src/models/layers/config.ts';
import { modelPath } from '../src/node/models.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { readFileWhole, writeFileWhole } from '../src/disk/files.ts';
import { tensorToImage, type Color, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { PRECISIONS, type Precision } from '../src/quant/names.ts';
import { BananaError, InputError } from '../src/util/errors.ts';
import { openWays, type Ways } from '../src/eval/ways.ts';

const PARTS = ['geneval', 'concepts', 'identity', 'free', 'steps'] as const;
type Part = (typeof PARTS)[number];
/** Side in pixels of the pictures that are judged. */
const SIDE = 256;
/** Behind what is transparent, on the sheet. */
const PALE: Color = [225, 225, 235];
const SEED = 920_000;
/** Pictures of each prompt, as GenEval has it. */
const PICTURES = 4;
const WORST = 24;

/** How much of each part. */
export interface Amounts {
  /** House GenEval: prompts a task, for each of SETS. */
  readonly prompts: readonly number[];
  /** Single things, for each of SETS. */
  readonly cases: number;
  /** Scenes for each number of subjects. */
  readonly scenes: number;
  /** Prompts a task that every number of steps and bits draws. */
  readonly lite: number;
}

const AMOUNTS = {
  quick: { prompts: [8, 6, 3, 3, 0], cases: 30, scenes: 8, lite: 6 },
  full: { prompts: [60, 60, 30, 30, 30], cases: 300, scenes: 40, lite: 40 },
} as const satisfies Record<string, Amounts>;

export interface Options {
  preset: string;
  mode: keyof typeof AMOUNTS;
  amounts: Amounts;
  parts: readonly Part[];
  run: string;
  out: string;
  json?: string;
  model?: string;
  steps?: number;
  precision?: Precision;
  judges?: string;
}

/** What every part works with. */
interface Work {
  readonly options: Options;
  readonly data: DataOptions;
  readonly ways: Ways;
  /** The way in which pictures are drawn where nothing else is said. */
  readonly main: Variant;
  readonly suite: Suite;
  readonly misses: Miss[];
}

const say = (line: string) => process.stderr.write(`${line}\n`);

/** One line that is written again and again; on its own lines, and seldom, where nobody looks. */
function progressLine(stopped: () => boolean): Suite['progress'] {
  let [part, began, last] = ['', 0, 0];
  return (name, done, total) => {
    if (stopped()) throw new InputError('evaluate.stopped', 'stopped; what was judged is kept: the same command goes on from here');
    const now = performance.now();
    if (name !== part) [part, began, last] = [name, now, 0];
    const terminal = process.stderr.isTTY === true;
    if (now - last < (terminal ? 100 : 10_000) && done < total) return;
    last = now;
    const seconds = (now - began) / 1000;
    const line = `${name} ${done}/${total}  ${seconds.toFixed(0)} s, ${((seconds / done) * (total - done)).toFixed(0)} s to go`;
    process.stderr.write(terminal ? `\r${line}\x1b[K${done === total ? '\n' : ''}` : `${line}\n`);
  };
}

/** House GenEval's prompts: `counts` a task for each set. */
function genevalPrompts(data: DataOptions, counts: readonly number[]): Prompt[] {
  return SETS.flatMap((set, i) => TASK_NAMES.flatMap((task) => promptsOf(data, task, set, counts[i] ?? 0, SEED)));
}

const DRAWN: Readonly<Record<Part, (work: Work) => Promise<Partial<Evaluation>>>> = {
  async geneval({ suite, main, data, options, misses }) {
    const found = await measureGenEval(suite, main, genevalPrompts(data, options.amounts.prompts), PICTURES);
    misses.push(...found.misses);
    return { geneval: found.result, pictures: PICTURES };
  },
  async concepts({ suite, main, data, options, misses }) {
    const cases = SETS.flatMap((set) => conceptCases(data, set, options.amounts.cases, SEED));
    const found = await measureConcepts(suite, main, cases);
    misses.push(...found.misses);
    return { concepts: found.result };
  },
  async identity({ suite, main, data, ways, options, misses }) {
    if (!ways.model.abilities.includes('references')) return { notes: ['identity: the model was not trained with references'] };
    const figures: DataOptions = { ...data, aspects: [...data.aspects, [448, 256, 1]] }; // one to four in a square, five in a wide picture
    const found = await measureIdentity(suite, main, subjectScenes(figures, options.amounts.scenes, SEED, FIGURE_STYLES), figures, SEED);
    misses.push(...found.misses);
    return { identity: found.result };
  },
  async free({ suite, main, data }) {
    return { free: await measureFree(suite, main, data) };
  },
  async steps({ suite, main, ways, data, options }) {
    const { lite } = options.amounts;
    const variants = [
      ...ways.model.steps.map((steps) => ways.way({ steps })),
      ...PRECISIONS.filter((p) => p !== ways.precision).map((precision) => ways.way({ precision })),
    ];
    return { stepsAndBits: await measureSteps(suite, main, variants, genevalPrompts(data, [lite, 0, 0, 0, 0]), PICTURES) };
  },
};

/** The model that is given, else the shipped one of the preset, else the run's. Throws InputError where there is none. */
function modelOf({ preset: name, model, run }: Options): string {
  const own = join(run, `${name}.safetensors`);
  if (model !== undefined) return model;
  try {
    return relative(process.cwd(), modelPath(name)); // results are published: no paths of this machine
  } catch (error) {
    if (!existsSync(own)) throw error;
    return own;
  }
}

/** The judges: given, the run's, shipped for the preset, or those of everything. Throws InputError where they do not know the preset's world. */
async function findJudges({ preset: name, run, judges }: Options, runtime: Runtime): Promise<{ judges: Judges; hash: string }> {
  const places = [join(run, 'judges.safetensors'), 'runs/judges/judges.safetensors', 'models/judges.safetensors'];
  const path = judges ?? places.find(existsSync);
  if (path === undefined) throw new InputError('evaluate.judges', 'there are no judges: train them with npx tsx recipes/6-judges.ts');
  const file = await loadJudges(path);
  const { concept, style } = classesOf(layeredData(name));
  const unknown = [...concept.filter((c) => !file.classes.concept.includes(c)), ...style.filter((s) => !file.classes.style.includes(s))];
  if (unknown.length > 0)
    throw new InputError(
      'evaluate.judges',
      `${path}: these judges do not know ${unknown.length} concepts or styles of preset ${name} (${unknown.slice(0, 3).join(', ')}): give others with --judges FILE`,
    );
  const hash = createHash('sha256')
    .update(await readFileWhole(path))
    .digest('hex')
    .slice(0, 16);
  return { judges: await openJudges(runtime, file), hash };
}

/** The worst pictures, each beside the real render of its prompt. */
async function worstSheet(worst: readonly Miss[], { suite, main }: Work): Promise<Uint8Array> {
  const [images, labels]: [Image[], string[]] = [[], []];
  for (const { caption, seed, svg, why, references = [], ...size } of worst) {
    const truth = await renderOf(suite, svg, size);
    const known = await Promise.all(references.map(async ({ slot, svg: own }) => ({ slot, picture: await renderOf(suite, own) })));
    const given = known.flatMap(({ slot, picture }) => (picture ? [{ slot, picture }] : []));
    if (!truth || given.length < known.length) continue;
    images.push(
      tensorToImage(await main.draw(caption, seed, { references: given, ...size }), { background: PALE }),
      tensorToImage(truth, { background: PALE }),
    );
    labels.push(caption, `a real render; drawn: ${why}`);
  }
  return encodeImage(await labelledSheet(images, labels, { columns: 8, cell: 160, lines: 3 }), 'webp');
}

/** Evaluates; writes page, JSON and sheet into `out`. */
export async function evaluate(options: Options, stopped: () => boolean = () => false): Promise<Evaluation> {
  const started = performance.now();
  const { steps, precision } = options;
  const file = modelOf(options);
  const ways = await openWays(file, { side: SIDE, ...(steps !== undefined && { steps }), ...(precision && { precision }) });
  const { model } = ways;
  if (model.preset !== options.preset)
    throw new InputError('evaluate.preset', `${file} is a model of preset ${model.preset}: add --preset ${model.preset}`);
  const runtime = await ortNode({ spinning: false }); // several sessions are live at once
  const pool = renderPool({ processes: 2 });
  const [misses, notes]: [Miss[], string[]] = [[], []];
  let result: Partial<Evaluation> = {};
  let sheet: Uint8Array | undefined;
  try {
    const { judges, hash } = await findJudges(options, runtime);
    const ledger = openLedger(join(options.run, 'evaluation', 'sights.jsonl'));
    const suite: Suite = { judges, judgesKey: { judges: hash }, pool, side: SIDE, ledger, progress: progressLine(stopped) };
    const work: Work = { options, data: layeredData(options.preset), ways, main: ways.way(), suite, misses };
    const { accuracy, training, classes } = judges;
    const counts = { concepts: classes.concept.length, styles: classes.style.length, backgrounds: classes.background.length };
    result = { judges: { hash, accuracy, training, ...counts } };
    for (const part of options.parts) {
      const { notes: more = [], ...measured } = await DRAWN[part](work);
      notes.push(...more);
      result = { ...result, ...measured };
    }
    const worst = worstOf(misses, WORST);
    if (worst.length > 0) sheet = await worstSheet(worst, work);
    result = { ...result, worst: worst.map(({ part, caption, seed, why, nearness }) => ({ part, caption, seed, why, nearness })) };
    await judges.release();
  } finally {
    pool.close();
    await ways.release();
  }
  const evaluation: Evaluation = {
    ...provenance('npm run evaluate --'),
    machine: machineLine(describeMachine()),
    preset: options.preset,
    model: model.name,
    file,
    hash: model.hash,
    mode: options.mode,
    seconds: (performance.now() - started) / 1000,
    steps: ways.steps,
    precision: ways.precision,
    side: SIDE,
    ...result,
    notes,
  };
  await publish(evaluation, sheet, options);
  return evaluation;
}

async function publish(evaluation: Evaluation, sheet: Uint8Array | undefined, { out, json }: Options): Promise<void> {
  const text = `${JSON.stringify(evaluation, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`;
  const page = markdown(evaluation, sheet && 'worst.webp');
  await writeFileWhole(join(out, 'evaluate.md'), page);
  await writeFileWhole(join(out, 'evaluate.json'), text);
  if (sheet) await writeFileWhole(join(out, 'worst.webp'), sheet);
  if (json !== undefined) await writeFileWhole(json, text);
  process.stdout.write(page);
  say(`written: ${join(out, 'evaluate.md')}, evaluate.json${sheet ? ', worst.webp' : ''}`);
}

function parse(): Options {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values: v } = parseArgs({
    options: {
      preset: text,
      model: text,
      json: text,
      out: text,
      only: text,
      run: text,
      steps: text,
      precision: text,
      judges: text,
      prompts: text,
      cases: text,
      scenes: text,
      quick: flag,
      full: flag,
    },
  });
  const steps = v.steps === undefined ? undefined : Number(v.steps);
  if (steps !== undefined && !(Number.isInteger(steps) && steps > 0))
    throw new InputError('evaluate.option', `--steps ${v.steps}: expected a whole number above 0`);
  if (v.quick && v.full) throw new InputError('evaluate.mode', 'choose one of --quick and --full');
  const name = v.preset ?? 'pico';
  layersPreset(name); // throws for an unknown one
  const parts = (v.only?.split(',') ?? PARTS) as readonly Part[];
  for (const p of parts) if (!PARTS.includes(p)) throw new InputError('evaluate.part', `--only ${p}: choose from ${PARTS.join(', ')}`);
  const precision = v.precision as Precision | undefined;
  if (precision !== undefined && !PRECISIONS.includes(precision))
    throw new InputError('evaluate.precision', `--precision ${precision}: choose from ${PRECISIONS.join(', ')}`);
  const mode = v.full ? 'full' : 'quick';
  const run = v.run ?? `runs/${name}`;
  return {
    preset: name,
    mode,
    amounts: {
      ...AMOUNTS[mode],
      ...(v.prompts !== undefined && { prompts: v.prompts.split(',').map(Number) }),
      ...(v.cases !== undefined && { cases: Number(v.cases) }),
      ...(v.scenes !== undefined && { scenes: Number(v.scenes) }),
    },
    parts,
    run,
    out: v.out ?? join(run, 'evaluation'),
    ...(steps !== undefined && { steps }),
    ...(precision !== undefined && { precision }),
    ...(v.json !== undefined && { json: v.json }),
    ...(v.model !== undefined && { model: relative(process.cwd(), v.model) }),
    ...(v.judges !== undefined && { judges: v.judges }),
  };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  let stopped = false;
  process.once('SIGINT', () => {
    stopped = true; // at the next case; a second Ctrl-C ends it at once, and loses nothing either
  });
  try {
    await evaluate(parse(), () => stopped);
  } catch (error) {
    console.error(error instanceof BananaError || (error instanceof Error && 'code' in error) ? `evaluate: ${error.message}` : error);
    process.exitCode = stopped ? 130 : 1;
  }
}
