import { expect, test } from 'vitest';
import { gridNoise } from '../sampling/noise.ts';
import { random } from '../util/random.ts';
import { canvasOf, noiseOf, numbersOf, split, tokensOf, type Layout, type Part } from './layout.ts';

const object = (slot: number): Part => ({ rows: 4, columns: 4, channels: 8, slot });
const canvas: Part = { rows: 2, columns: 3, channels: 8, slot: 0 };
const frame: Part = { rows: 1, columns: 1, channels: 4, slot: 7 };
const layers: Layout = [frame, object(1), canvas];

test('a layout counts its tokens and numbers, and cuts a latent into its parts', () => {
  expect([tokensOf(layers), numbersOf(layers)]).toEqual([1 + 16 + 6, 4 + 16 * 8 + 6 * 8]);
  const latent = Float32Array.from({ length: numbersOf(layers) }, (_, i) => i);
  expect(split(latent, layers).map((part) => [part.length, part[0]])).toEqual([
    [4, 0],
    [128, 4],
    [48, 132],
  ]);
  split(latent, layers)[1]![0] = -1;
  expect(latent[4]).toBe(-1);
  expect(() => split(latent.subarray(1), layers)).toThrow('a latent of 179 numbers: the layout has 180');
});

test('the noise of one canvas is that of its grid, also of a coarser one', () => {
  const [full, grid] = [
    { rows: 8, columns: 6 },
    { rows: 4, columns: 3 },
  ];
  expect(noiseOf(random(5), canvasOf(grid, 2), canvasOf(full, 2))).toEqual(gridNoise(random(5), full, grid, 2));
  expect(noiseOf(random(5), canvasOf(full, 2))).toEqual(random(5).normals(96));
});

test('a part keeps its noise when others come and go, and no two have the same', () => {
  const noise = (layout: Layout) => new Map(split(noiseOf(random(3), layout), layout).map((part, i) => [layout[i]!.slot, [...part]]));
  const [few, many] = [noise([object(2), canvas]), noise([frame, object(1), object(2), canvas])];
  for (const slot of [2, 0]) expect(many.get(slot)).toEqual(few.get(slot));
  expect(new Set([...many.values()].map(([first]) => first)).size).toBe(4);
});
