// A glance finds what a decoder does to each number of a cell, whatever lies between the pixels.
import { expect, test } from 'vitest';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { glancer } from './glance.ts';

const WEIGHTS = [
  [0.5, -0.2, 0.1],
  [0, 0.3, -0.4],
  [-0.1, 0.1, 0],
  [0.2, 0, 0.6],
];
const GROUND = [-0.3, 0.1, 0.7];
const colour = (latent: ArrayLike<number>, cell: number, c: number) =>
  WEIGHTS.reduce((sum, weights, k) => sum + weights[c]! * latent[cell * 4 + k]!, GROUND[c]!);

test('of a decoder that is a line it is the picture, and the decoder is run once', async () => {
  let runs = 0;
  const decode = async ({ shape, data }: Tensor) => {
    runs++;
    const [, h, w] = shape as [number, number, number, number];
    const at = (i: number) => {
      const [c, y, x] = [Math.floor(i / (4 * h * w)), Math.floor((i % (4 * h * w)) / (2 * w)), i % (2 * w)];
      return colour(data as Float32Array, Math.floor(y / 2) * w + Math.floor(x / 2), c) + (x % 2 ? 0.1 : -0.1); // a pattern within each cell
    };
    return float32(
      [1, 3, 2 * h, 2 * w],
      Float32Array.from({ length: 12 * h * w }, (_, i) => at(i)),
    );
  };
  const glance = glancer(4, decode);
  for (const [rows, columns] of [
    [3, 5],
    [2, 2],
  ] as const) {
    const latent = Float32Array.from({ length: rows * columns * 4 }, (_, i) => Math.sin(i + rows));
    const { shape, data } = await glance(latent, { rows, columns });
    expect(shape).toEqual([1, 3, rows, columns]);
    data.forEach((x, i) => expect(x).toBeCloseTo(colour(latent, i % (rows * columns), Math.floor(i / (rows * columns))), 3));
  }
  expect(runs).toBe(1);
});
