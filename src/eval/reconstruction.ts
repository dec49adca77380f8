// How well the autoencoder keeps a picture: held-out scenes encoded and drawn back, beside the SVG drawn at that very size; and
// pieces of large pictures, where the question is whether edges are sharp, beside bicubic enlarging of a perfect 512-pixel
// picture (better than any model of that size) and of our own one.
import type { DataOptions } from '../data/dataset.ts';
import { sample } from '../data/dataset.ts';
import { cropRect } from '../data/pack.ts';
import { renderPool, type RenderJob, type RenderPool } from '../data/render.ts';
import { RuntimeError } from '../util/errors.ts';
import { premultipliedToTensor } from '../tensor/image.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
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
  /** Side of the pictures that the encoder reads. */
  readonly side: number;
  readonly encode: (picture: Tensor) => Promise<Remembered>;
  /** Scenes, and pieces of each large size. */
  readonly scenes: number;
  readonly pieces: number;
  readonly sizes: readonly number[];
  readonly seed: number;
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
  readonly large: Readonly<Record<number, { pieces: number; edges: number; truth: number; ours: Edges; bicubic: Edges; bicubicOfOurs: Edges }>>;
}

const SMALL = 512;
const PIECE = 384;
/** Pixels that an edge may take to either side. */
const REACH = 32;

export async function measureReconstruction(options: ReconstructionOptions): Promise<ReconstructionResult> {
  const pool = renderPool({ processes: 2 });
  try {
    return { psnr: await scenes(pool, options), large: await pieces(pool, options) };
  } finally {
    pool.close();
  }
}

function heldOutScene({ data, seed }: ReconstructionOptions, i: number): string {
  return sample(seed, i, { ...data, aspects: [[256, 256, 1]], subjects: 0, split: 'test' }).svg;
}

/** A picture or a piece of it; undefined where it cannot be drawn. */
async function drawn(pool: RenderPool, job: RenderJob): Promise<Uint8Array | undefined> {
  return (await pool.render(job)).pixels;
}

const square = (side: number): Area => ({ x: 0, y: 0, width: side, height: side });

async function scenes(pool: RenderPool, options: ReconstructionOptions): Promise<ReconstructionResult['psnr']> {
  const found: Record<number, number[]> = { 256: [], 512: [] };
  for (let i = 0; i < options.scenes; i++) {
    const svg = heldOutScene(options, i);
    const seen = await drawn(pool, { svg, width: options.side, height: options.side });
    if (!seen) continue;
    const remembered = await options.encode(premultipliedToTensor(options.side, options.side, seen));
    for (const [side, list] of Object.entries(found).map(([side, list]) => [Number(side), list] as const)) {
      const truth = await drawn(pool, { svg, width: side, height: side });
      if (truth) list.push(psnrOverWhite(premultipliedToTensor(side, side, truth), await remembered(square(side), { width: side, height: side })));
    }
  }
  return Object.fromEntries(Object.entries(found).map(([side, list]) => [side, { mean: average(list), worst: Math.min(...list), scenes: list.length }]));
}

async function pieces(pool: RenderPool, options: ReconstructionOptions): Promise<ReconstructionResult['large']> {
  const results: Record<number, ReconstructionResult['large'][number]> = {};
  for (const side of options.sizes) {
    const size = { width: side, height: side };
    const widths: (number | undefined)[][] = [[], [], [], []];
    const psnr: number[][] = [[], [], []];
    let count = 0;
    for (let i = 0; i < options.pieces; i++) {
      const svg = heldOutScene(options, 1000 + i);
      const [seen, small] = await Promise.all([options.side, SMALL].map((n) => drawn(pool, { svg, width: n, height: n })));
      if (!seen || !small) continue;
      const rect = cropRect({ width: SMALL, height: SMALL, pixels: small }, PIECE, [side, side], random(options.seed).split(`piece:${i}`));
      const [x, y] = [Math.min(side - PIECE, Math.round(rect[0] * side)), Math.min(side - PIECE, Math.round(rect[1] * side))];
      const tile: Area = { x, y, width: PIECE, height: PIECE };
      const bytes = await drawn(pool, { svg, width: PIECE, height: PIECE, rect: [x / side, y / side, (x + PIECE) / side, (y + PIECE) / side] });
      if (!bytes) continue;
      const truth = premultipliedToTensor(PIECE, PIECE, bytes);
      const remembered = await options.encode(premultipliedToTensor(options.side, options.side, seen));
      const candidates = [
        await remembered(tile, size),
        bicubic(premultipliedToTensor(SMALL, SMALL, small), tile, size),
        bicubic(await remembered(square(SMALL), { width: SMALL, height: SMALL }), tile, size),
      ];
      edgeWidths(truth, candidates, REACH).forEach((list, k) => widths[k]!.push(...list));
      candidates.forEach((c, k) => psnr[k]!.push(psnrOverWhite(truth, c)));
      count++;
    }
    if (count === 0) throw new RuntimeError('eval.render', `none of ${options.pieces} pieces at ${side} pixels could be drawn`);
    const there = (list: readonly (number | undefined)[]) => list.filter((w) => w !== undefined);
    const edges = (k: number): Edges => ({ psnr: average(psnr[k - 1]!), width: median(there(widths[k]!)), lost: 1 - there(widths[k]!).length / widths[k]!.length });
    results[side] = { pieces: count, edges: widths[0]!.length, truth: median(there(widths[0]!)), ours: edges(1), bicubic: edges(2), bicubicOfOurs: edges(3) };
  }
  return results;
}
