// Tiles of the large decoder: together the whole, none larger than it may be.
import { expect, test } from 'vitest';
import { errorOf } from '../../../test/open-weights.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { decodedInTiles } from './tiles.ts';

const SIDE = 2;
/** Each cell as pixels of its first three numbers, somewhat brighter at the right: what depends on nothing around it but its place. */
async function enlarged({ shape, data }: Tensor): Promise<Tensor<'float32'>> {
  const [, h, w, C] = shape as [number, number, number, number];
  const [H, W] = [h * SIDE, w * SIDE];
  const pixel = (i: number) => {
    const [c, y, x] = [Math.floor(i / (H * W)), Math.floor((i % (H * W)) / W), i % W];
    return Number(data[(Math.floor(y / SIDE) * w + Math.floor(x / SIDE)) * C + c]) + (x % SIDE) / 10;
  };
  return float32(
    [1, 3, H, W],
    Float32Array.from({ length: 3 * H * W }, (_, i) => pixel(i)),
  );
}

const latent = (h: number, w: number) =>
  float32(
    [1, h, w, 4],
    Float32Array.from({ length: h * w * 4 }, (_, i) => Math.sin(i * i)),
  );

test.each([
  [20, 20, 1],
  [128, 40, 14],
  [33, 21, 2],
])('%i by %i cells', async (h, w, tiles) => {
  const given = latent(h, w);
  const seen: string[] = [];
  const found = await decodedInTiles(
    given,
    SIDE,
    (tile) => {
      seen.push(tile.shape.slice(1, 3).join(' '));
      return enlarged(tile);
    },
    32,
  );
  expect(errorOf(found, await enlarged(given))).toBeLessThan(1e-6);
  expect(seen.every((tile) => tile.split(' ').every((side) => Number(side) <= 32))).toBe(true);
  expect(seen.length).toBe(tiles);
});

test('two of different brightness fade into each other', async () => {
  let tone = -1;
  const flat = async ({ shape: [, h, w] }: Tensor) =>
    float32([1, 3, h! * SIDE, w! * SIDE], new Float32Array(3 * h! * w! * SIDE ** 2).fill((tone += 1)));
  const { data } = await decodedInTiles(latent(8, 48), SIDE, flat, 32);
  const row = [...data.subarray(0, 48 * SIDE)];
  expect([row[0], row.at(-1)]).toEqual([0, 1]);
  const steps = row.map((x, i) => x - (row[i - 1] ?? 0));
  expect(Math.min(...steps)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...steps)).toBeLessThan(0.05);
});
