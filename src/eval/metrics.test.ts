import { expect, test } from 'vitest';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { psnrOverWhite } from './metrics.ts';

/** An opaque grey picture from a function of the pixel, in [-1, 1]. */
function grey(width: number, height: number, f: (x: number, y: number) => number): Tensor<'float32'> {
  const data = new Float32Array(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([f(x, y), f(x, y), f(x, y), 1], (y * width + x) * 4);
  return float32([1, height, width, 4], data);
}

test('PSNR over white: equal steps of error, and what is transparent is white', () => {
  const [a, b] = [grey(8, 8, () => 0), grey(8, 8, () => 0.02)];
  expect(psnrOverWhite(a, b)).toBeCloseTo(20 * Math.log10(2 / 0.02), 3);
  const clear = float32([1, 8, 8, 4], new Float32Array(256).fill(-1));
  expect(
    psnrOverWhite(
      clear,
      grey(8, 8, () => 1),
    ),
  ).toBe(Infinity);
  expect(() =>
    psnrOverWhite(
      a,
      grey(8, 4, () => 0),
    ),
  ).toThrow('expected equal sizes');
});
