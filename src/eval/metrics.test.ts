import { expect, test } from 'vitest';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { bicubic, edgeWidths, median, psnrOverWhite } from './metrics.ts';

/** An opaque grey picture from a function of the pixel, in [-1, 1]. */
function grey(width: number, height: number, f: (x: number, y: number) => number): Tensor<'float32'> {
  const data = new Float32Array(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([f(x, y), f(x, y), f(x, y), 1], (y * width + x) * 4);
  return float32([1, height, width, 4], data);
}

/** A step at `at` whose rise from 10 % to 90 % takes `width` pixels, linearly. */
const ramp = (at: number, width: number) => (x: number) => Math.min(0.8, Math.max(-0.8, (1.28 * (x - at)) / width));

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

test('bicubic enlarging keeps straight lines, and a tile is a part of the whole', () => {
  const line = grey(16, 16, (x, y) => x / 20 - y / 40);
  const size = { width: 64, height: 64 };
  const whole = bicubic(line, { x: 0, y: 0, ...size }, size);
  const exact = (x: number, y: number) => ((x + 0.5) / 4 - 0.5) / 20 - ((y + 0.5) / 4 - 0.5) / 40;
  for (const [x, y] of [
    [20, 20],
    [31, 40],
    [44, 17],
  ] as const)
    expect(whole.data[(y * 64 + x) * 4]).toBeCloseTo(exact(x, y), 5);
  const tile = bicubic(line, { x: 10, y: 20, width: 7, height: 5 }, size);
  for (let y = 0; y < 5; y++)
    expect([...tile.data.slice(y * 28, y * 28 + 28)]).toEqual([...whole.data.slice(((20 + y) * 64 + 10) * 4, ((20 + y) * 64 + 17) * 4)]);
});

test('edge widths: of the truth, of a blurred edge, and of one that is not there', () => {
  const truth = grey(96, 24, ramp(47.5, 1));
  const [own, soft, none] = edgeWidths(truth, [grey(96, 24, ramp(47.5, 8)), grey(96, 24, () => 0)]) as [number[], number[], number[]];
  expect(own.length).toBe(8); // every third row
  expect(median(own)).toBeCloseTo(1, 1);
  expect(median(soft)).toBeCloseTo(8, 1);
  expect(none.every((w) => w === undefined)).toBe(true);
  const upright = edgeWidths(
    grey(24, 96, (_, y) => -ramp(47.5, 2)(y)),
    [],
  ); // falling, along columns
  expect(median(upright[0] as number[])).toBeCloseTo(7 / 3, 5); // two pixels, read between samples: shares 0, 0.3, 0.7, 1
});

test('an enlarged edge is as wide as the enlarging', () => {
  const [small, large] = [grey(32, 32, (x) => (x < 16 ? -0.8 : 0.8)), grey(256, 256, (x) => (x < 128 ? -0.8 : 0.8))];
  const size = { width: 256, height: 256 };
  const [own, enlarged] = edgeWidths(large, [bicubic(small, { x: 0, y: 0, ...size }, size)]) as [number[], number[]];
  expect(median(own)).toBeLessThanOrEqual(1);
  expect(median(enlarged)).toBeGreaterThan(4);
});
