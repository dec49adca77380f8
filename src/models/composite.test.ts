import { expect, test } from 'vitest';
import type { Tile } from '../image/image.ts';
import { float32 } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { composite } from './composite.ts';

const tile: Tile = { x: 10, y: 20, width: 8, height: 6 };
const rng = random(4);

/** A layer of random pixels, some of them transparent, no colour above its alpha. */
function layer(slot: number, box: Tile) {
  const pixels = new Float32Array(box.width * box.height * 4);
  for (let i = 0; i < pixels.length; i += 4) {
    const alpha = rng.uniform() < 0.3 ? 0 : rng.uniform();
    pixels.set(
      Array.from({ length: 4 }, (_, c) => (c === 3 ? 2 : 2 * rng.uniform()) * alpha - 1),
      i,
    );
  }
  const at = (x: number, y: number) => pixels.subarray((y * box.width + x) * 4, (y * box.width + x) * 4 + 4);
  return {
    slot,
    box: () => box,
    at: (x: number, y: number) =>
      x >= box.x && y >= box.y && x < box.x + box.width && y < box.y + box.height ? at(x - box.x, y - box.y) : undefined,
    async render({ x, y, width, height }: Tile) {
      const cut = Array.from({ length: height }, (_, row) => [
        ...pixels.subarray(((y + row) * box.width + x) * 4, ((y + row) * box.width + x + width) * 4),
      ]);
      return float32([1, height, width, 4], cut.flat());
    },
  };
}

const whole = () => layer(0, { x: 0, y: 0, width: 40, height: 40 });
const part = () => layer(1, { x: 5, y: 22, width: 9, height: 3 });
const outside = () => layer(2, { x: 30, y: 0, width: 4, height: 40 });

test.each([
  ['none', []],
  ['one that is elsewhere', [outside()]],
  ['one that covers it', [whole()]],
  ['one that covers a part, then one that covers all', [part(), whole()]],
  ['two that cover it, a part over them', [whole(), outside(), whole(), part()]],
])('layers over one another: %s', async (_, layers) => {
  const { data } = await composite(layers).render(tile, { width: 40, height: 40 });
  const expected = Array.from({ length: tile.width * tile.height }, (_, i) => {
    const [x, y] = [tile.x + (i % tile.width), tile.y + Math.floor(i / tile.width)];
    return layers.reduce(
      (below, one) => below.map((v, c) => (v + 1) * (1 - ((one.at(x, y)?.[3] ?? -1) + 1) / 2) + (one.at(x, y)?.[c] ?? -1)),
      [-1, -1, -1, -1],
    );
  }).flat();
  const farthest = Math.max(...expected.map((v, i) => Math.abs(v - (data as Float32Array)[i]!)));
  expect(data.length).toBe(expected.length);
  expect(farthest).toBeLessThan(1e-6);
});
