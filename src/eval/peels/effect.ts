// What a Peel does to the pictures of one base, and what using it costs. Three kinds of pictures at the same seeds: the base's own, the
// Peel's, and the Peel's where the prompt leaves out the words that call it up; each beside the pictures that it was trained on. Then, through
// the SDK: what a swap takes, three at once, and that every byte is as before when all are gone.
import { readPeelBytes } from '../../node/library.ts';
import { fitPeel, readPeel, type Peel } from '../../adapters/peel.ts';
import { NO_PEELS, stackFeeds } from '../../adapters/stack.ts';
import type { BaseId } from '../../adapters/info.ts';
import type { Painter } from '../../models/family.ts';
import type { NodeBanana } from '../../node/index.ts';
import type { Specs } from '../../nn/scope.ts';
import type { Precision } from '../../quant/precision.ts';
import type { Image } from '../../image/image.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import { distancesTo, drawing, featuresOf, stackOf } from './scores.ts';

/** Precisions at which the effect is measured: the kernels of the GPU's 4-bit base and of the CPU's 8-bit one. */
export const PRECISIONS: readonly Precision[] = ['int4', 'int8'];

/** What no set is of: the Peel has to carry over to them. */
export const OTHERS = [
  'a fox',
  'a red car',
  'a green tree',
  'a house in the snow',
  'a bicycle',
  'three strawberries',
  'a blue bird',
  'a smiling face',
  'a penguin next to a ball',
  'a guitar',
  'a pizza',
  'a castle at night',
] as const;
const OWN = 12;

/** Energy distances to the pictures that it was trained on, in typical distances of two pictures. */
export interface Distances {
  /** Prompts alone, without the Peel. */
  readonly base: number;
  /** With the Peel at weight 1. */
  readonly peel: number;
  /** With the Peel, but without its words. */
  readonly silent: number;
  /** Share of the base's distance that the Peel closes: 1 is all of it. */
  readonly closed: number;
}

export interface Effect {
  readonly pictures: number;
  /** By precision of the products: prompts from the training captions, and others. */
  readonly own: Readonly<Record<string, Distances>>;
  readonly others: Readonly<Record<string, Distances>>;
}

/** Measures one Peel at weight 1, by the base at some precisions. */
export async function effectOf(
  peel: Peel,
  painters: ReadonlyMap<Precision, Painter>,
  pictures: readonly TrainingPicture[],
): Promise<Effect> {
  const see = (images: readonly Image[]) => images.map(featuresOf);
  const captions = pictures
    .filter((_, i) => Math.floor((i * OWN) / pictures.length) !== Math.floor(((i - 1) * OWN) / pictures.length))
    .map((p) => p.caption);
  const truth = see(pictures.map((p) => p.image));
  const stack = stackOf([peel]);
  const effect = { pictures: pictures.length, own: {} as Record<string, Distances>, others: {} as Record<string, Distances> };
  for (const [precision, painter] of painters) {
    const draw = drawing(painter);
    for (const [found, texts] of [
      [effect.own, captions],
      [effect.others, OTHERS],
    ] as const) {
      const drawn = { base: [] as Image[], peel: [] as Image[], silent: [] as Image[] };
      for (const [seed, text] of texts.entries()) {
        drawn.base.push(await draw(text, seed, NO_PEELS));
        drawn.peel.push(await draw(text, seed, stack));
        drawn.silent.push(await draw(text, seed, stack, { triggers: false }));
      }
      const plain = see(drawn.base);
      const d = distancesTo(truth, plain, { base: plain, peel: see(drawn.peel), silent: see(drawn.silent) });
      found[precision] = { ...d, closed: 1 - d.peel / d.base };
    }
  }
  return effect;
}

export interface Cost {
  /** File to matrices that the sessions take: reading, hashes, fitting, laying side by side. Median and greatest of `count`. */
  readonly swapSeconds: number;
  readonly swapSecondsMax: number;
  readonly count: number;
  /** Median seconds of a 512-pixel picture in 2 steps: without, with one that stays, with one that changes each time, with three. */
  readonly pictureSeconds: Readonly<Record<'without' | 'same' | 'changing' | 'three', number>>;
  /** Pictures of the stack of three, of one alone and of none all differ. */
  readonly stackDiffers: boolean;
  /** The picture's bytes before any Peel was on and after all were taken off are the same. */
  readonly removedSameBytes: boolean;
}

const ROUNDS = 15;

/** Measures what using Peels costs; `paths` are their files. */
export async function costOf(paths: readonly string[], banana: NodeBanana, specs: Specs, base: BaseId): Promise<Cost> {
  const swaps: number[] = [];
  for (let i = 0; i < ROUNDS + 1; i++) {
    const path = paths[i % paths.length]!;
    const from = performance.now();
    stackFeeds(specs, stackOf([fitPeel(await readPeel(await readPeelBytes(path), path), specs, base, path)]));
    swaps.push((performance.now() - from) / 1000);
  }
  swaps.shift(); // code that runs for the first time
  const draw = (used: readonly string[]) =>
    banana.picture({ prompt: 'a fox', seed: 1, steps: 2, preview: 0, peels: used.map((path) => ({ path, weight: 1 / used.length })) });
  const bytes = async (used: readonly string[]) => Buffer.from((await draw(used)).image.data);
  const before = await bytes([]);
  const [one, three] = [await bytes(paths.slice(0, 1)), await bytes(paths.slice(0, 3))];
  const removedSameBytes = before.equals(await bytes([]));
  const seconds: Record<keyof Cost['pictureSeconds'], number[]> = { without: [], same: [], changing: [], three: [] };
  const clocked = async (of: keyof typeof seconds, used: readonly string[], warm: boolean) => {
    if (warm) await draw(used);
    const from = performance.now();
    await draw(used);
    seconds[of].push((performance.now() - from) / 1000);
  };
  for (let i = 0; i < ROUNDS; i++) {
    await clocked('without', [], true);
    await clocked('same', paths.slice(0, 1), true);
    await clocked('changing', paths.slice(1 + (i % Math.max(1, paths.length - 1)), 2 + (i % Math.max(1, paths.length - 1))), false);
    await clocked('three', paths.slice(0, 3), true);
  }
  return {
    swapSeconds: median(swaps),
    swapSecondsMax: Math.max(...swaps),
    count: ROUNDS,
    pictureSeconds: {
      without: median(seconds.without),
      same: median(seconds.same),
      changing: median(seconds.changing),
      three: median(seconds.three),
    },
    stackDiffers: !three.equals(one) && !one.equals(before) && !three.equals(before),
    removedSameBytes,
  };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1]!;
