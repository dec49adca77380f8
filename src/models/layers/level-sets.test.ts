import { describe, expect, test } from 'vitest';
import { check } from '../../graph/check.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input } from '../../graph/value.ts';
import { initialize, rootScope, type Specs } from '../../nn/scope.ts';
import { float32, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { expectClose } from '../../sdk/testing.ts';
import { random } from '../../util/random.ts';
import { levelMaps, levelPixels, levelTables, MARGIN } from './level-sets.ts';
import type { Cells } from '../stage.ts';

const SIDE = 8;
const PADDED = SIDE + 2 * MARGIN;
const SIZES = { width: 6, depth: 2, levels: 3 };

const specs: Specs = new Map();
const s = rootScope(specs).in('renderer');
const maps = graph('maps', { ...levelMaps(s, input('thumbnails', ['B', 'h', 'w', 5]), SIZES) });
const tile = graph('tile', {
  pixels: levelPixels(s, {
    logits: input('logits', ['B', 'c', 'd', SIZES.levels]),
    colours: input('colours', ['B', 'a', 'b', 4 * SIZES.levels]),
    rows: input('rows', ['B', 'H', 'a']),
    columns: input('columns', ['B', 'W', 'b']),
    fineRows: input('fineRows', ['B', 'H', 'c']),
    fineColumns: input('fineColumns', ['B', 'W', 'd']),
    scale: input('scale', ['B', 1]),
  }),
});
const weights = initialize(specs, random(1));

/** A thumbnail that is red on the left and green on the right, transparent around. */
function halves(): Tensor<'float32'> {
  const data = new Float32Array(PADDED * PADDED * 5);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) data.set(x < SIDE / 2 ? [2, 0, 0, 2] : [0, 2, 0, 2], ((y + MARGIN) * PADDED + x + MARGIN) * 5);
  return float32([1, PADDED, PADDED, 5], data);
}

function cut(map: Tensor, [top, bottom, left, right]: Cells): Tensor {
  const [, , w, n] = map.shape as [number, number, number, number];
  const rows = Array.from({ length: bottom - top }, (_, y) => [
    ...(map.data as Float32Array).subarray(((top + y) * w + left) * n, ((top + y) * w + right) * n),
  ]);
  return float32([1, bottom - top, right - left, n], rows.flat());
}

function draw(w: Tensors, rectangle: { x: number; y: number; width: number; height: number }, size: number): Tensor {
  const made = evaluate(maps, { ...w, thumbnails: halves() });
  const { feeds, cells, fine } = levelTables(rectangle, size / SIDE, { rows: SIDE, columns: SIDE });
  return evaluate(tile, { ...w, ...feeds, logits: cut(made.logits!, fine), colours: cut(made.colours!, cells) }).pixels!;
}

/** Weights of two levels by hand: level 0 is red where the picture is red, level 1 green where it is green, level 2 never. */
function byHand(): Tensors {
  const zero = Object.fromEntries(Object.entries(weights).map(([path, w]) => [path, float32(w.shape, new Float32Array(w.data.length))]));
  const K = SIZES.levels;
  const first = zero['renderer.in.weight']!.data as Float32Array;
  for (const [channel, plane] of [
    [0, 0],
    [1, 1],
  ] as const)
    first[(4 * 5 + plane) * SIZES.width + channel] = 4; // the middle of the nine views
  const logits = zero['renderer.logits.weight']!.data as Float32Array;
  for (let corner = 0; corner < 4; corner++) for (const k of [0, 1]) logits[k * 4 * K + corner * K + k] = 0.1;
  (zero['renderer.logits.bias']!.data as Float32Array).forEach((_, i, all) => (all[i] = i % K === 2 ? -20 : 0));
  (zero['renderer.colours.bias']!.data as Float32Array).set([2, 0, 0, 2, 0, 2, 0, 2, 0, 0, 0, 0]);
  const colours = zero['renderer.colours.weight']!.data as Float32Array; // take the thumbnail's own red and green away again
  for (let k = 0; k < K; k++) for (const c of [0, 1]) colours[c * 4 * K + 4 * k + c] = -1 / 4 / (1 / (1 + Math.exp(-8)));
  return zero;
}

describe('level sets', () => {
  test('the program can be trained', () => {
    check(maps, { trainable: true });
    check(tile, { trainable: true });
  });

  test('tiles are pieces of the whole picture', () => {
    const whole = draw(weights, { x: 0, y: 0, width: 40, height: 40 }, 40);
    const part = draw(weights, { x: 13, y: 22, width: 17, height: 9 }, 40);
    const rows = Array.from({ length: 9 }, (_, y) => [
      ...(whole.data as Float32Array).subarray(((22 + y) * 40 + 13) * 4, ((22 + y) * 40 + 30) * 4),
    ]);
    expectClose(part, float32([1, 9, 17, 4], rows.flat()), { rtol: 1e-5, atol: 1e-5 });
  });

  test('an edge is as wide in pixels at every size', () => {
    const widthAt = (size: number) => {
      const y = Math.floor(size / 2);
      const row = draw(byHand(), { x: 0, y, width: size, height: 1 }, size).data as Float32Array;
      const green = Array.from({ length: size }, (_, x) => row[x * 4 + 1]! - row[x * 4]!); // -2 red .. 2 green
      const within = green.slice(size / 4, (3 * size) / 4).filter((v) => v > -1.6 && v < 1.6);
      return within.length;
    };
    const [small, large] = [widthAt(64), widthAt(512)];
    expect(small).toBeGreaterThan(0);
    expect(large).toBeLessThanOrEqual(small + 1); // by bilinear reading alone it would be eight times as wide
  });
});
