// Scores of what the model draws: each case drawn with each number of steps from one seed, judged, and set beside the judge's
// verdict of the real render of the very same case. The model is a function here; which one, and how it steps, is the caller's.
import type { RenderPool } from '../data/render.ts';
import { premultipliedToTensor } from '../tensor/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { dominantColour } from './colours.ts';
import type { Case } from './cases.ts';
import { forJudge, JUDGE_SIDE, rankOf, type Judge, type Verdict } from './judge.ts';
import { average, psnrOverWhite } from './metrics.ts';

/** Draws a caption from a seed: (1, S, S, 4) premultiplied around [-1, 1], S a multiple of JUDGE_SIDE. */
export type Draw = (caption: string, seed: number) => Promise<Tensor>;

/** A way to draw: '4 steps', 'teacher, 50 steps'. */
export interface Variant {
  readonly name: string;
  readonly draw: Draw;
}

/** Shares of pictures that are right; NaN where nothing was asked. */
export interface Score {
  readonly count: number;
  readonly concept: number;
  /** The right concept is among the judge's first five. */
  readonly concept5: number;
  readonly style: number;
  /** Of the pictures whose caption says the background. */
  readonly background: number;
}

export interface PictureResult {
  /** By set: of the real renders, and of each variant. */
  readonly sets: Readonly<Record<string, { real: Score; variants: Readonly<Record<string, Score>> }>>;
  /** By variant, beside the last one at the same seeds: PSNR in dB, and share of pictures for which the judge names the same concept. */
  readonly agreement: Readonly<Record<string, { psnr: number; sameConcept: number }>>;
  /** The last variant's pictures, the least convincing first. */
  readonly worst: readonly { case: Case; seed: number; probability: number; seenAs: string }[];
}

/** The real render of a case, as the judge sees it; undefined where it cannot be drawn. */
async function realOf(pool: RenderPool, { svg }: Case): Promise<Tensor | undefined> {
  const { pixels } = await pool.render({ svg, width: JUDGE_SIDE, height: JUDGE_SIDE });
  return pixels && premultipliedToTensor(JUDGE_SIDE, JUDGE_SIDE, pixels);
}

function scoreOf(verdicts: readonly Verdict[], cases: readonly Case[], { classes }: Judge): Score {
  const rank = (i: number, head: 'concept' | 'style' | 'background') => rankOf(verdicts[i]![head], classes[head].indexOf(cases[i]!.truth[head]));
  const share = (right: (i: number) => boolean, asked = [...cases.keys()]) => asked.filter(right).length / asked.length;
  const said = [...cases.keys()].filter((i) => cases[i]!.backgroundSaid);
  return {
    count: cases.length,
    concept: share((i) => rank(i, 'concept') === 0),
    concept5: share((i) => rank(i, 'concept') < 5),
    style: share((i) => rank(i, 'style') === 0),
    background: share((i) => rank(i, 'background') === 0, said),
  };
}

/** Draws and judges every case. `progress` is called after each picture of a case. */
export async function measurePictures(judge: Judge, pool: RenderPool, cases: readonly Case[], variants: readonly Variant[], progress: (done: number) => void = () => {}): Promise<PictureResult> {
  const shown: Tensor[][] = variants.map(() => []);
  const agreement: number[][] = variants.map(() => []);
  const [kept, real]: [{ case: Case; seed: number }[], Tensor[]] = [[], []];
  for (const [seed, one] of cases.entries()) {
    const truth = await realOf(pool, one);
    if (!truth) continue;
    const pictures: Tensor[] = [];
    for (const { draw } of variants) pictures.push(await draw(one.caption, seed));
    pictures.forEach((p, k) => {
      shown[k]!.push(forJudge(p));
      if (k < pictures.length - 1) agreement[k]!.push(psnrOverWhite(p, pictures.at(-1)!));
    });
    kept.push({ case: one, seed });
    real.push(truth);
    progress(kept.length);
  }
  const verdicts: Verdict[][] = [];
  for (const pictures of shown) verdicts.push(await judge.verdicts(pictures));
  const realVerdicts = await judge.verdicts(real);

  const names = [...new Set(kept.map((k) => k.case.set))];
  const sets = names.map((name) => {
    const rows = [...kept.keys()].filter((i) => kept[i]!.case.set === name);
    const of = (list: readonly Verdict[]) => scoreOf(rows.map((i) => list[i]!), rows.map((i) => kept[i]!.case), judge);
    return [name, { real: of(realVerdicts), variants: Object.fromEntries(variants.map((v, k) => [v.name, of(verdicts[k]!)])) }] as const;
  });
  const first = (v: Verdict) => v.concept.indexOf(Math.max(...v.concept));
  const last = verdicts.at(-1)!;
  const agree = variants.slice(0, -1).map(({ name }, k) => [name, { psnr: average(agreement[k]!), sameConcept: average(last.map((v, i) => Number(first(v) === first(verdicts[k]![i]!)))) }]);
  const worst = kept.map(({ case: one, seed }, i) => ({ case: one, seed, probability: last[i]!.concept[judge.classes.concept.indexOf(one.truth.concept)]!, seenAs: judge.classes.labels[first(last[i]!)]! }));
  return { sets: Object.fromEntries(sets), agreement: Object.fromEntries(agree), worst: worst.sort((a, b) => a.probability - b.probability) };
}

export type ColourResult = Readonly<Record<string, { count: number; real: number; variants: Readonly<Record<string, number>> }>>;

/** Shares of recoloured things that have the colour that was asked for, by set. */
export async function measureColours(pool: RenderPool, cases: readonly Case[], variants: readonly Variant[]): Promise<ColourResult> {
  const right: Record<string, { real: number[]; variants: number[][] }> = {};
  for (const [seed, one] of cases.entries()) {
    const truth = await realOf(pool, one);
    if (!truth) continue;
    const list = (right[one.set] ??= { real: [], variants: variants.map(() => []) });
    const score = (p: Tensor) => Number(dominantColour(p)?.colour === one.colour);
    list.real.push(score(truth));
    for (const [k, { draw }] of variants.entries()) list.variants[k]!.push(score(forJudge(await draw(one.caption, seed))));
  }
  return Object.fromEntries(
    Object.entries(right).map(([set, r]) => [set, { count: r.real.length, real: average(r.real), variants: Object.fromEntries(variants.map((v, k) => [v.name, average(r.variants[k]!)])) }]),
  );
}
