// A picture of fixed pixels, drawn at any size: scaled to cover, its middle in the middle, with Keys' cubic (1981, a = -1/2), widened
// where it shrinks. Of its own size it is itself.
import type { Tile, Size } from '../image/image.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Drawing } from './family.ts';

/** The weights of source pixels for a stretch of output pixels along one axis. */
interface Taps {
  /** First source pixel of each output pixel, and the weights from there on. */
  readonly first: Int32Array;
  readonly weights: readonly Float32Array[];
}

/** Of pixels (1, 3, H, W) around [-1, 1]. */
export function rasterDrawing({ shape, data }: Tensor): Drawing {
  const [, channels, height, width] = shape as [number, number, number, number];
  const source = data as Float32Array;
  return {
    render: async (tile, size) => {
      const scale = Math.max(size.width / width, size.height / height);
      const rows = tapsOf(tile.y, tile.height, { from: height, to: size.height, scale });
      const columns = tapsOf(tile.x, tile.width, { from: width, to: size.width, scale });
      return drawn(source, { width, height }, channels, rows, columns, tile);
    },
  };
}

/** Keys' cubic: 1 at 0, 0 at the other whole numbers, 0 from 2 on. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d >= 2) return 0;
  return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
}

function tapsOf(begin: number, count: number, { from, to, scale }: { from: number; to: number; scale: number }): Taps {
  const stretch = Math.max(1, 1 / scale);
  const first = new Int32Array(count);
  const weights = Array.from({ length: count }, (_, i) => {
    const center = from / 2 + (begin + i + 0.5 - to / 2) / scale - 0.5;
    const low = Math.max(0, Math.ceil(center - 2 * stretch));
    const high = Math.min(from - 1, Math.floor(center + 2 * stretch));
    first[i] = low;
    const taps = Float32Array.from({ length: high - low + 1 }, (_, j) => cubic((low + j - center) / stretch));
    const sum = taps.reduce((a, b) => a + b, 0);
    return taps.map((w) => w / sum);
  });
  return { first, weights };
}

/** Columns first, of the source's rows that are needed, then rows. (1, height, width, 4), opaque. */
function drawn(source: Float32Array, { width, height }: Size, channels: number, rows: Taps, columns: Taps, tile: Tile): Tensor {
  const top = rows.first[0]!;
  const bottom = rows.first.at(-1)! + rows.weights.at(-1)!.length;
  const out = new Float32Array(tile.width * tile.height * 4).fill(1);
  const band = new Float32Array((bottom - top) * tile.width);
  for (let c = 0; c < channels; c++) {
    const plane = source.subarray(c * width * height, (c + 1) * width * height);
    for (let y = top; y < bottom; y++)
      for (let x = 0; x < tile.width; x++)
        band[(y - top) * tile.width + x] = weighted(plane, y * width + columns.first[x]!, 1, columns.weights[x]!);
    for (let y = 0; y < tile.height; y++)
      for (let x = 0; x < tile.width; x++)
        out[(y * tile.width + x) * 4 + c] = weighted(band, (rows.first[y]! - top) * tile.width + x, tile.width, rows.weights[y]!);
  }
  return float32([1, tile.height, tile.width, 4], out);
}

function weighted(data: Float32Array, from: number, step: number, weights: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += data[from + i * step]! * weights[i]!;
  return sum;
}
