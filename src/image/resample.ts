// A part of a picture at another size, by the cubic filter of Catmull and Rom: as Pillow's BICUBIC, which widens it where a picture shrinks.
// Numbers are floats as networks give them; a picture at its own size comes back as it was.
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Size, Tile } from './image.ts';

/** Pixels of the given picture under one that is to be made, and how much of each. */
interface Taps {
  readonly first: number;
  readonly shares: readonly number[];
}

/** The filter (Keys 1981, a = -0.5). */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

function tapsAt(at: number, from: number, to: number): Taps {
  const scale = from / to;
  const reach = Math.max(1, scale);
  const centre = (at + 0.5) * scale;
  const first = Math.max(0, Math.floor(centre - 2 * reach + 0.5));
  const end = Math.min(from, Math.floor(centre + 2 * reach + 0.5));
  const raw = Array.from({ length: end - first }, (_, i) => cubic((first + i + 0.5 - centre) / reach));
  const sum = raw.reduce((total, share) => total + share, 0);
  return { first, shares: raw.map((share) => share / sum) };
}

const along = (begin: number, count: number, from: number, to: number): Taps[] =>
  Array.from({ length: count }, (_, i) => tapsAt(begin + i, from, to));

/** One tile, (1, height, width, K), of a picture (1, H, W, K) at some size. */
export function resampled({ shape, data }: Tensor<'float32'>, tile: Tile, size: Size): Tensor<'float32'> {
  const [, H, W, K] = shape as [number, number, number, number];
  const columns = along(tile.x, tile.width, W, size.width);
  const rows = along(tile.y, tile.height, H, size.height);
  const line = new Float64Array(W * K);
  const out = new Float32Array(tile.height * tile.width * K);
  for (const [y, { first, shares }] of rows.entries()) {
    line.fill(0);
    for (const [i, share] of shares.entries())
      for (let at = 0, from = (first + i) * W * K; at < W * K; at++) line[at]! += share * data[from + at]!;
    for (const [x, taps] of columns.entries())
      for (const [i, share] of taps.shares.entries())
        for (let k = 0; k < K; k++) out[(y * tile.width + x) * K + k]! += share * line[(taps.first + i) * K + k]!;
  }
  return float32([1, tile.height, tile.width, K], out);
}
