import { expect, test } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { rasterDrawing } from './raster.ts';

/** Red grows to the right, green downwards. */
const slopes = (width: number, height: number) =>
  float32(
    [1, 3, height, width],
    [0, 1, 2].flatMap((c) =>
      Array.from({ length: width * height }, (_, i) => [(i % width) / width, Math.floor(i / width) / height, 0][c]!),
    ),
  );
const pixels = async (source: ReturnType<typeof slopes>, size: { width: number; height: number }, tile = { x: 0, y: 0, ...size }) =>
  (await rasterDrawing(source).render(tile, size)).data as Float32Array;

test('of its own size it is itself, opaque', async () => {
  const found = await pixels(slopes(8, 6), { width: 8, height: 6 });
  const at = (x: number, y: number) => [...found.subarray((y * 8 + x) * 4, (y * 8 + x) * 4 + 4)];
  expect(at(3, 2)).toEqual([3 / 8, Math.fround(2 / 6), 0, 1]);
  expect(at(7, 5)).toEqual([7 / 8, Math.fround(5 / 6), 0, 1]);
});

test('tiles are the whole, larger and smaller', async () => {
  for (const size of [
    { width: 40, height: 40 },
    { width: 5, height: 5 },
  ]) {
    const whole = await pixels(slopes(16, 16), size);
    const tile = await pixels(slopes(16, 16), size, { x: 2, y: 1, width: 3, height: 4 });
    for (let y = 0; y < 4; y++) for (let x = 0; x < 3; x++) expect(tile[(y * 3 + x) * 4]).toBe(whole[((y + 1) * size.width + x + 2) * 4]);
  }
});

test('a slope stays one: at any size, the middle in the middle, a square cut to another shape', async () => {
  const red = async (width: number, height: number) => {
    const found = await pixels(slopes(64, 64), { width, height });
    return (x: number) => found[((height >> 1) * width + x) * 4]!;
  };
  for (const side of [32, 200]) {
    const at = await red(side, side);
    expect(at(side / 2) + at(side / 2 - 1)).toBeCloseTo(2 * (0.5 - 0.5 / 64), 4); // pixel i is i / 64 at its middle
  }
  const tall = await red(64, 128); // twice as large, half of it cut away
  expect(tall(63) - tall(0)).toBeCloseTo(63 / 128, 4);
});
