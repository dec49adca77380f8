// How well the autoencoder keeps a picture: held-out scenes encoded and drawn back, beside the SVG drawn at that very size; and
// pieces of large pictures, where the question is whether edges are sharp, beside bicubic enlarging of a perfect 512-pixel
// picture (better than any model of that size) and of our own one.
import type { DataOptions } from '../data/sample.ts';
import { sample } from '../data/dataset.ts';
import { cropRect } from '../data/pack.ts';
import type { RenderJob, RenderPool } from '../data/render.ts';
import { RuntimeError } from '../util/errors.ts';
import { premultipliedToTensor } from '../image/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import type { Key, Ledger } from './ledger.ts';
import { average, bicubic, edgeWidths, median, psnrOverWhite } from './metrics.ts';

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A picture as a model remembers it: draws any piece at any size. */
export type Remembered = (tile: Area, size: { width: number; height: number }) => Promise<Tensor>;

export interface ReconstructionOptions {
  readonly data: DataOptions;
  readonly pool: RenderPool;
  readonly ledger: Ledger;
  /** All that decides how the model remembers: the hash of its weights, the precision. */
  readonly key: Key;
  /** Side of the pictures that the encoder reads. */
  readonly side: number;
  readonly encode: (picture: Tensor) => Promise<Remembered>;
  /** Scenes, and pieces of each large size. */
  readonly scenes: number;
  readonly pieces: number;
  readonly sizes: readonly number[];
  readonly seed: number;
  /** Called after each scene and piece. */
  readonly progress: (part: string, done: number, total: number) => void;
}

/** Edge width in pixels (median of the edges that are there) and the share of edges that are not. */
export interface Edges {
  readonly psnr: number;
  readonly width: number;
  readonly lost: number;
}

export interface ReconstructionResult {
  /** Mean PSNR in dB by side in pixels, and the worst scene's. */
  readonly psnr: Readonly<Record<number, { mean: number; worst: number; scenes: number }>>;
  /** By side in pixels: pieces, clean edges in them, their width in the truth, ours, and bicubic of a 512-pixel picture. */
  readonly large: Readonly<
    Record<number, { pieces: number; edges: number; truth: number; ours: Edges; bicubic: Edges; bicubicOfOurs: Edges }>
  >;
}

const SMALL = 512;
const PIECE = 384;
/** Sides at which whole scenes are drawn back. */
const SIDES = [256, 512] as const;
/** Pixels that an edge may take to either side. */
const REACH = 32;

export async function measureReconstruction(options: ReconstructionOptions): Promise<ReconstructionResult> {
  const { ledger, key, seed } = options;
  const total = options.scenes + options.sizes.length * options.pieces;
  let done = 0;
  /** What each of `count` makes, kept; those that cannot be drawn are left out. */
  const each = async <T>(what: string, count: number, make: (i: number) => Promise<T | null>): Promise<T[]> => {
    const found: T[] = [];
    for (let i = 0; i < count; i++) {
      const one = await ledger.recall({ ...key, what, seed, i }, () => make(i));
      if (one !== null) found.push(one);
      options.progress('autoencoder', ++done, total);
    }
    if (found.length === 0) throw new RuntimeError('eval.render', `${what}: none of ${count} could be drawn`);
    return found;
  };
  const scenes = await each('scene', options.scenes, (i) => scene(options, i));
  const psnr = SIDES.map((side) => {
    const list = scenes.map((s) => s[side]!);
    return [side, { mean: average(list), worst: Math.min(...list), scenes: list.length }];
  });
  const large: [number, ReconstructionResult['large'][number]][] = [];
  for (const side of options.sizes)
    large.push([side, summary(await each(`piece at ${side}`, options.pieces, (i) => piece(options, side, i)))]);
  return { psnr: Object.fromEntries(psnr), large: Object.fromEntries(large) };
}

function heldOutScene({ data, seed }: ReconstructionOptions, i: number): string {
  return sample(seed, i, { ...data, aspects: [[256, 256, 1]], subjects: 0, split: 'test' }).svg;
}

/** A picture or a piece of it; undefined where it cannot be drawn. */
async function drawn({ pool }: ReconstructionOptions, job: RenderJob): Promise<Uint8Array | undefined> {
  return (await pool.render(job)).pixels;
}

const square = (side: number): Area => ({ x: 0, y: 0, width: side, height: side });

/** PSNR of a scene by the side at which it is drawn back. */
async function scene(options: ReconstructionOptions, i: number): Promise<Record<number, number> | null> {
  const svg = heldOutScene(options, i);
  const seen = await drawn(options, { svg, width: options.side, height: options.side });
  if (!seen) return null;
  const remembered = await options.encode(premultipliedToTensor(options.side, options.side, seen));
  const found: Record<number, number> = {};
  for (const side of SIDES) {
    const truth = await drawn(options, { svg, width: side, height: side });
    if (!truth) return null;
    found[side] = psnrOverWhite(premultipliedToTensor(side, side, truth), await remembered(square(side), { width: side, height: side }));
  }
  return found;
}

/** A piece of a large picture: PSNR of ours, of bicubic, of bicubic of ours; edge widths of the truth and of those (null: not there). */
interface Piece {
  readonly psnr: readonly number[];
  readonly widths: readonly (readonly (number | null)[])[];
}

async function piece(options: ReconstructionOptions, side: number, i: number): Promise<Piece | null> {
  const size = { width: side, height: side };
  const svg = heldOutScene(options, 1000 + i);
  const [seen, small] = await Promise.all([options.side, SMALL].map((n) => drawn(options, { svg, width: n, height: n })));
  if (!seen || !small) return null;
  const rect = cropRect({ width: SMALL, height: SMALL, pixels: small }, PIECE, [side, side], random(options.seed).split(`piece:${i}`));
  const [x, y] = [Math.min(side - PIECE, Math.round(rect[0] * side)), Math.min(side - PIECE, Math.round(rect[1] * side))];
  const tile: Area = { x, y, width: PIECE, height: PIECE };
  const bytes = await drawn(options, {
    svg,
    width: PIECE,
    height: PIECE,
    rect: [x / side, y / side, (x + PIECE) / side, (y + PIECE) / side],
  });
  if (!bytes) return null;
  const truth = premultipliedToTensor(PIECE, PIECE, bytes);
  const remembered = await options.encode(premultipliedToTensor(options.side, options.side, seen));
  const candidates = [
    await remembered(tile, size),
    bicubic(premultipliedToTensor(SMALL, SMALL, small), tile, size),
    bicubic(await remembered(square(SMALL), { width: SMALL, height: SMALL }), tile, size),
  ];
  const widths = edgeWidths(truth, candidates, REACH).map((list) => list.map((w) => w ?? null));
  return { psnr: candidates.map((c) => psnrOverWhite(truth, c)), widths };
}

function summary(pieces: readonly Piece[]): ReconstructionResult['large'][number] {
  const widths = (k: number) => pieces.flatMap((p) => p.widths[k]!);
  const there = (k: number) => widths(k).filter((w) => w !== null);
  const edges = (k: number): Edges => ({
    psnr: average(pieces.map((p) => p.psnr[k - 1]!)),
    width: median(there(k)),
    lost: 1 - there(k).length / widths(k).length,
  });
  return {
    pieces: pieces.length,
    edges: widths(0).length,
    truth: median(there(0)),
    ours: edges(1),
    bicubic: edges(2),
    bicubicOfOurs: edges(3),
  };
}
