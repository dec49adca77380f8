// How far the judges can be trusted: what they say of real renders that they have not seen, drawn from seeds of their own by the
// data's code (not by the composer that trained them), on every background, at the size in which the suite looks at pictures.
import { PLAIN_COLOURS, SCENERY_NAMES, type Background } from '../../data/backgrounds.ts';
import { COLOUR_NAMES, type ColourName } from '../../data/colour.ts';
import type { DataOptions, SampleObject } from '../../data/sample.ts';
import { MAKERS } from '../../data/makers.ts';
import { renderPool } from '../../data/render.ts';
import { boxOf, sceneSvg, type Art, type Placed } from '../../data/scenes.ts';
import { inScope, type Scope } from '../../data/sprites.ts';
import { premultipliedToTensor } from '../../image/image.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { random, type Random } from '../../util/random.ts';
import { backgroundClass, isSimple } from '../cases.ts';
import { ATTRIBUTES, traitsOf, type Attribute } from './characters.ts';
import { overlap } from './detector.ts';
import { average } from '../metrics.ts';
import { firstOf, type FoundObject, type JudgeAccuracy, type Judges } from './judges.ts';
import type { Box } from '../rule.ts';
import { randomFigure, type Figure } from './train-characters.ts';
import { drawScenes, type Shown } from './train-detector.ts';

/** Seeds that nothing else draws from. */
const [SCENES, SINGLES, COLOURS, FIGURES] = [911_001, 911_002, 911_003, 911_004];
/** Side in pixels of the renders. */
const SIDE = 256;
/** Overlap from which a box is right. */
const RIGHT = 0.5;
/** Figures of one maker among which a figure is looked for. */
const CROWD = 32;
/** True boxes are given as a detector would give them: off by up to this share of the longer side. */
const OFF = 0.03;

/** How many scenes, single objects and coloured objects. Figures: a crowd of each maker, each drawn twice. */
export interface Amounts {
  readonly scenes: number;
  readonly singles: number;
  readonly coloured: number;
}

export async function measureJudges(
  judges: Judges,
  scope: Scope,
  { scenes, singles, coloured }: Amounts,
  log: (line: string) => void = () => {},
): Promise<JudgeAccuracy> {
  log(`accuracy: ${scenes} scenes, ${singles} single objects, ${coloured} coloured ones, ${2 * CROWD * MAKERS.length} figures`);
  const detector = await measureDetector(judges, await drawScenes({ scope }, { seed: SCENES, count: scenes, side: SIDE }));
  log(
    `detector: precision ${detector.precision.toFixed(4)}, recall ${detector.recall.toFixed(4)}, F1 ${detector.f1.toFixed(4)}, background ${detector.background.toFixed(4)}`,
  );
  const single: Partial<DataOptions> = { scope, mix: { single: 1, scene: 0, character: 0 } };
  const classifier = await measureClassifier(judges, await drawScenes(single, { seed: SINGLES, count: singles, side: SIDE }));
  for (const [boxes, s] of Object.entries(classifier))
    log(`classifier, ${boxes}: concept ${s.concept.toFixed(4)}, among five ${s.concept5.toFixed(4)}, style ${s.style.toFixed(4)}`);
  const colour = await measureColours(judges, scope, coloured);
  log(`colour: ${colour.right.toFixed(4)}`);
  const characters = await measureReader(judges);
  log(
    `characters: ${ATTRIBUTES.map((a) => `${a} ${characters.attributes[a].toFixed(3)}`).join(', ')}, identity ${characters.identity.toFixed(3)}`,
  );
  return { detector, classifier, colour, characters };
}

const pictureOf = ({ pixels }: Pick<Shown, 'pixels'>) => premultipliedToTensor(SIDE, SIDE, pixels);

export async function measureDetector(judges: Judges, shown: readonly Shown[]): Promise<JudgeAccuracy['detector']> {
  let [hits, found, wanted, background] = [0, 0, 0, 0];
  for (const one of shown) {
    const [seen] = await judges.detect([pictureOf(one)]);
    const left = one.sample.objects.map((o) => o.box as Box);
    wanted += left.length;
    found += seen!.objects.length;
    background += Number(judges.classes.background[firstOf(seen!.background)] === backgroundClass(one.sample.background));
    for (const { box } of seen!.objects) {
      const at = left.findIndex((b) => overlap(b, box) >= RIGHT);
      if (at < 0) continue;
      left.splice(at, 1);
      hits++;
    }
  }
  const [precision, recall] = [hits / found, hits / wanted];
  return {
    precision,
    recall,
    f1: (2 * precision * recall) / (precision + recall),
    background: background / shown.length,
    scenes: shown.length,
    objects: wanted,
  };
}

export async function measureClassifier(judges: Judges, shown: readonly Shown[]): Promise<JudgeAccuracy['classifier']> {
  const rng = random(SINGLES).split('boxes');
  const { classes } = judges;
  const right = { trueBoxes: [] as number[][], foundBoxes: [] as number[][] };
  const judged = (seen: FoundObject | undefined, { concept }: SampleObject, style: string) => {
    if (!seen) return [0, 0, 0];
    const own = seen.concept[classes.concept.indexOf(concept)]!;
    const rank = seen.concept.filter((p) => p > own).length;
    return [Number(rank === 0), Number(rank < 5), Number(classes.style[firstOf(seen.style)] === style)];
  };
  for (const one of shown) {
    const picture = pictureOf(one);
    const [object] = one.sample.objects;
    const [given] = await judges.classify(picture, [{ box: blurred(object!.box, rng), score: 1 }]);
    right.trueBoxes.push(judged(given, object!, one.sample.style));
    const { objects } = await judges.find(picture);
    right.foundBoxes.push(
      judged(
        objects.find((o) => overlap(o.box, object!.box) >= RIGHT),
        object!,
        one.sample.style,
      ),
    );
  }
  const score = (rows: number[][]) => {
    const [concept, concept5, style] = [0, 1, 2].map((k) => average(rows.map((r) => r[k]!))) as [number, number, number];
    return { concept, concept5, style, count: rows.length };
  };
  return { trueBoxes: score(right.trueBoxes), foundBoxes: score(right.foundBoxes) };
}

/** A box that is a little off. */
function blurred([x, y, w, h]: Box, rng: Random): Box {
  const off = () => OFF * Math.max(w, h) * (2 * rng.uniform() - 1);
  const [dw, dh] = [off(), off()];
  return [x + off() - dw / 2, y + off() - dh / 2, w + dw, h + dh];
}

/** Any background on which a colour can be seen. */
function anyBackground(rng: Random, colour?: ColourName): Background {
  const kind = rng.pick(['white', 'transparent', 'plain', ...SCENERY_NAMES] as const);
  const background: Background = { kind, seed: rng.integer(2 ** 31), ...(kind === 'plain' && { colour: rng.pick(PLAIN_COLOURS) }) };
  const hides =
    (kind === 'white' && colour === 'white') ||
    (kind === 'snow' && colour === 'white') ||
    ((kind === 'night' || kind === 'space') && colour === 'black') ||
    (kind === 'plain' && background.colour === colour);
  return hides ? anyBackground(rng, colour) : background;
}

export async function measureColours(
  judges: Pick<Judges, 'classify'>,
  scope: Scope,
  count: number,
  told: (index: number, truth: ColourName) => void = () => {},
): Promise<JudgeAccuracy['colour']> {
  const { concepts, styles } = inScope(scope);
  const rng = random(COLOURS);
  const wanted: { svg: string; box: Box; colour: ColourName }[] = [];
  while (wanted.length < count) {
    const [concept, style, colour] = [rng.pick(concepts), rng.pick(styles), rng.pick(COLOUR_NAMES)];
    if (!concept.styles.includes(style) || !isSimple(concept, style)) continue;
    const placed: Placed = {
      concept: concept.hex,
      style,
      colour,
      x: 0.4 + 0.2 * rng.uniform(),
      y: 0.4 + 0.2 * rng.uniform(),
      size: 0.3 + 0.4 * rng.uniform(),
      flip: rng.uniform() < 0.25,
    };
    const scene = { width: 256, height: 256, background: anyBackground(rng, colour), objects: [placed] };
    wanted.push({ svg: sceneSvg(scene), box: blurred(boxOf(placed, scene), rng), colour });
  }
  const right: number[] = [];
  await eachRender(wanted, async (picture, { box, colour }) => {
    const [seen] = await judges.classify(picture, [{ box, score: 1 }]);
    told(right.push(Number(seen!.colour?.colour === colour)) - 1, colour);
  });
  return { right: average(right), count: right.length };
}

/** Draws each job and looks at it. */
async function eachRender<J extends { svg: string }>(jobs: readonly J[], look: (picture: Tensor, job: J) => Promise<void>): Promise<void> {
  const pool = renderPool({ processes: 2, seconds: 600 });
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(jobs.map(({ svg }) => ({ svg, width: SIDE, height: SIDE })))) {
      const job = jobs[i++]!;
      if (pixels) await look(pictureOf({ pixels }), job);
    }
  } finally {
    pool.close();
  }
}

/** A figure alone, whole or cut off at the picture's edge, and the box of it. */
function portrait({ maker, who, expression }: Figure, rng: Random): { svg: string; box: Box } {
  const drawn = maker.draw(who, expression);
  const [, , vw = 1, vh = 1] = drawn.viewBox.split(' ').map(Number);
  const size = (0.45 + 0.45 * rng.uniform()) / Math.max(vw, vh);
  const [w, h] = [vw * size, vh * size];
  const box: Art['box'] = [0.5 - w / 2 + 0.1 * (rng.uniform() - 0.5), maker.bust ? 1 - h : 0.5 - h / 2, w, h];
  return {
    svg: sceneSvg({
      width: 256,
      height: 256,
      background: anyBackground(rng),
      objects: [],
      art: [{ ...drawn, box, flip: rng.uniform() < 0.3 }],
    }),
    box: blurred(box, rng),
  };
}

export async function measureReader(judges: Judges): Promise<JudgeAccuracy['characters']> {
  const { classes } = judges;
  const rng = random(FIGURES);
  const jobs = MAKERS.flatMap((maker) =>
    Array.from({ length: CROWD }, () => {
      const first = randomFigure(rng, maker);
      const others = Object.keys(maker.expressions(first.who)).filter((e) => e !== first.expression);
      return [first, { ...first, expression: rng.pick(others) }].map((figure) => ({ figure, ...portrait(figure, rng) }));
    }).flat(),
  );
  const right = Object.fromEntries(ATTRIBUTES.map((a) => [a, [] as number[]])) as Record<Attribute, number[]>;
  const places = new Map<object, Float32Array>();
  await eachRender(jobs, async (picture, job) => {
    const [read] = await judges.readCharacters(picture, [job.box]);
    places.set(job, read!.identity);
    const truth = traitsOf(job.figure.maker, job.figure.who, job.figure.expression);
    for (const a of ATTRIBUTES) right[a].push(Number(classes.attributes[a][firstOf(read!.attributes[a])] === truth[a]));
  });
  const near = (a: object, b: object) => places.get(a)?.reduce((sum, x, k) => sum + x * (places.get(b)?.[k] ?? 0), 0) ?? -1;
  const matches = jobs.flatMap((job, i) => {
    if (i % 2) return [];
    const crowd = jobs
      .slice(Math.floor(i / (2 * CROWD)) * 2 * CROWD, (Math.floor(i / (2 * CROWD)) + 1) * 2 * CROWD)
      .filter((_, k) => k % 2);
    const likeness = crowd.map((other) => near(job, other));
    return [Number(crowd[likeness.indexOf(Math.max(...likeness))] === jobs[i + 1])];
  });
  return {
    attributes: Object.fromEntries(ATTRIBUTES.map((a) => [a, average(right[a])])) as Record<Attribute, number>,
    identity: average(matches),
    count: places.size,
  };
}
