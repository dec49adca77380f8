// Measures on pixels that need no judge: PSNR, and how many pixels an edge takes from 10 % to 90 %, beside the edge that is really
// there and beside bicubic enlarging, which is what a model of one fixed size would be followed by. Pictures are compared as
// people see them: laid over white, without the alpha channel (whose zeros would flatter every figure).
import { InputError } from '../util/errors.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';

/** R, G, B over white of picture (1, H, W, 4), premultiplied in [-1, 1]: (H, W, 3) in 0..255, clipped. */
export function overWhite({ shape, data }: Tensor): { width: number; height: number; rgb: Float32Array } {
  const [, height, width] = shape as [number, number, number];
  const source = data as Float32Array;
  const rgb = new Float32Array(width * height * 3);
  for (let i = 0, o = 0; o < rgb.length; i += 4, o += 3) {
    const alpha = clamp(source[i + 3]!, -1, 1);
    for (let c = 0; c < 3; c++) rgb[o + c] = 127.5 * (clamp(source[i + c]!, -1, alpha) + 1 + (1 - alpha));
  }
  return { width, height, rgb };
}

/** Peak signal-to-noise ratio over white in dB, not rounded to 8 bits. Throws InputError for pictures of unequal sizes. */
export function psnrOverWhite(a: Tensor, b: Tensor): number {
  if (a.shape.join() !== b.shape.join())
    throw new InputError('eval.size', `PSNR of pictures [${a.shape}] and [${b.shape}]: expected equal sizes`);
  const [x, y] = [overWhite(a).rgb, overWhite(b).rgb];
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i]! - y[i]!) ** 2;
  return 10 * Math.log10((255 ** 2 * x.length) / sum);
}

/** Catmull-Rom's cubic (Keys 1981, a = -0.5), the usual "bicubic". */
function cubic(x: number): number {
  const d = Math.abs(x);
  return d < 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : d < 2 ? -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2 : 0;
}

/** For `n` pixels from `start` of an axis enlarged from `from` to `to` pixels: four source pixels and their weights. */
function cubicAxis(start: number, n: number, from: number, to: number): { index: number[]; weight: number[] }[] {
  return Array.from({ length: n }, (_, i) => {
    const at = ((start + i + 0.5) * from) / to - 0.5;
    const first = Math.floor(at) - 1;
    return { index: [0, 1, 2, 3].map((k) => clamp(first + k, 0, from - 1)), weight: [0, 1, 2, 3].map((k) => cubic(at - first - k)) };
  });
}

/** A tile (x, y, width, height) of picture (1, h, w, 4) enlarged bicubically to `size`. */
export function bicubic(
  source: Tensor,
  tile: { x: number; y: number; width: number; height: number },
  size: { width: number; height: number },
): Tensor<'float32'> {
  const [, h, w] = source.shape as [number, number, number];
  const data = source.data as Float32Array;
  const columns = cubicAxis(tile.x, tile.width, w, size.width);
  const rows = cubicAxis(tile.y, tile.height, h, size.height);
  const out = new Float32Array(tile.width * tile.height * 4);
  rows.forEach(({ index: ys, weight: wy }, y) =>
    columns.forEach(({ index: xs, weight: wx }, x) => {
      for (let j = 0; j < 4; j++)
        for (let i = 0; i < 4; i++) {
          const from = (ys[j]! * w + xs[i]!) * 4;
          const share = wy[j]! * wx[i]!;
          for (let c = 0; c < 4; c++) out[(y * tile.width + x) * 4 + c]! += share * data[from + c]!;
        }
    }),
  );
  return float32([1, tile.height, tile.width, 4], out);
}

/** Brightness over white of each pixel, rows first, 0..255. */
function brightness(picture: Tensor): { width: number; height: number; at: (x: number, y: number) => number } {
  const { width, height, rgb } = overWhite(picture);
  return {
    width,
    height,
    at: (x, y) => 0.299 * rgb[(y * width + x) * 3]! + 0.587 * rgb[(y * width + x) * 3 + 1]! + 0.114 * rgb[(y * width + x) * 3 + 2]!,
  };
}

/** Smallest difference in brightness that counts as an edge. */
const STEP = 50;

/**
 * Pixels from 10 % to 90 % across the clean edges of `truth`: places along rows and columns where it is flat on both sides for
 * `reach` pixels and steps by at least 50 of 255 within 4. Each of `drawn` is measured at the same places: undefined where it
 * has less than half of the step within `reach`, that is, where the edge is not there. The first row is that of the truth itself.
 */
export function edgeWidths(truth: Tensor, drawn: readonly Tensor[], reach = 20): (number | undefined)[][] {
  const planes = [truth, ...drawn].map(brightness);
  const widths: (number | undefined)[][] = planes.map(() => []);
  const { width, height } = planes[0]!;
  for (const along of ['row', 'column'] as const) {
    const [lines, length] = along === 'row' ? [height, width] : [width, height];
    for (let line = 0; line < lines; line += 3) {
      const profiles = planes.map((p) => Float32Array.from({ length }, (_, i) => (along === 'row' ? p.at(i, line) : p.at(line, i))));
      for (let at = reach; at < length - reach; at++) {
        if (!isCleanEdge(profiles[0]!, at, reach)) continue;
        const step = profiles[0]![at + 2]! - profiles[0]![at - 2]!;
        profiles.forEach((p, k) => widths[k]!.push(riseOf(p, at, step, reach)));
        at += reach;
      }
    }
  }
  return widths;
}

/** Flat, a step at `at`, flat. */
function isCleanEdge(p: Float32Array, at: number, reach: number): boolean {
  const step = Math.abs(p[at + 2]! - p[at - 2]!);
  if (step < STEP || Math.abs(p[at + 1]! - p[at - 1]!) < step * 0.5) return false;
  const flat = (from: number, to: number) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = from; i <= to; i++) [low, high] = [Math.min(low, p[i]!), Math.max(high, p[i]!)];
    return high - low <= step * 0.08;
  };
  return flat(at - reach, at - 2) && flat(at + 2, at + reach);
}

/** Where the profile last leaves its low end's 10 % and first reaches 90 %, between the levels `reach` away. */
function riseOf(p: Float32Array, at: number, step: number, reach: number): number | undefined {
  const level = (from: number, to: number) => {
    let sum = 0;
    for (let i = from; i <= to; i++) sum += p[i]!;
    return sum / (to - from + 1);
  };
  const quarter = Math.max(1, Math.floor(reach / 4));
  const [before, after] = [level(at - reach, at - reach + quarter), level(at + reach - quarter, at + reach)];
  if ((after - before) / step < 0.5) return undefined;
  const share = (i: number) => (p[i]! - before) / (after - before);
  let middle = at - reach;
  while (middle < at + reach && share(middle) < 0.5) middle++;
  let low = middle;
  while (low > at - reach && share(low) > 0.1) low--;
  let high = middle;
  while (high < at + reach && share(high) < 0.9) high++;
  const crossing = (i: number, wanted: number) => {
    const [a, b] = [share(i), share(i + 1)];
    return b === a ? i : i + clamp((wanted - a) / (b - a), 0, 1);
  };
  return crossing(high - 1, 0.9) - crossing(low, 0.1);
}

/** The middle one of some numbers; NaN of none. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[sorted.length >> 1]! : (sorted[sorted.length / 2 - 1]! + sorted[sorted.length / 2]!) / 2;
}

/** Mean; NaN of none. */
export function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
}

function clamp(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x));
}
