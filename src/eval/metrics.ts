// Measures that need no judge: PSNR, of pictures as people see them: laid over white, without the alpha channel (whose zeros would
// flatter every figure); the middle and the mean of numbers.
import { InputError } from '../util/errors.ts';
import type { Tensor } from '../tensor/tensor.ts';

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
