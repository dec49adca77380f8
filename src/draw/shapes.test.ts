// Every shape at every size: accepted, covered by its tiles, and drawn without seams, which is to say that a window across tile
// borders has the same numbers as the tiles under it. (A whole 4096x4096 picture at once would take gigabytes, so windows it is.)
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ortNode } from '../runtime/ort-node.ts';
import { random } from '../util/random.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { layoutOf, partsOf } from '../models/layers/layout.ts';
import { openPainter } from '../models/layers/painter.ts';
import type { Painter } from '../models/family.ts';
import { numbersOf } from '../models/layout.ts';
import { resolveSize, TILE, tilesOf, type Size } from './size.ts';
import { ASPECTS, SIDE_MAX } from './request.ts';
import { checkOptions } from './check.ts';

/** Numbers in [-1, 1] may differ by this much: a seven-thousandth of the step between two grey levels. */
const BOUND = 1e-6;
const WINDOW = 24;

const model = tinyLayersModel();
let painter: Painter;
beforeAll(async () => void (painter = await openPainter(model, await ortNode({ threads: 1 }), { hash: '' })));
afterAll(() => painter.release());

const LONGER = { '512': 512, '1K': 1024, '2K': 2048, '4K': 4096 };
const shapes = Object.entries(LONGER).flatMap(([name, side]) =>
  ASPECTS.map((aspect): [string, Size] => {
    const [w, h] = aspect.split(':').map(Number) as [number, number];
    const asked = w >= h ? { width: side, aspect } : { height: side, aspect };
    checkOptions({ prompt: 'x', ...asked });
    return [`${aspect} at ${name}`, resolveSize(asked)];
  }),
);
const odd: Size[] = [
  { width: 65, height: 4095 },
  { width: 4093, height: 67 },
  { width: 1001, height: 999 },
  { width: 3840, height: 2160 },
  { width: 4096, height: 4096 },
  { width: 129, height: 257 },
  { width: 64, height: 64 },
];

describe.each([...shapes, ...odd.map((size): [string, Size] => [`${size.width}x${size.height}`, size])])('%s', (_, size) => {
  const tiles = tilesOf(size, TILE);

  test('is accepted, and its tiles cover it once', () => {
    checkOptions({ prompt: 'x', ...size });
    expect(Math.max(size.width, size.height)).toBeLessThanOrEqual(SIDE_MAX);
    expect(tiles.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(size.width * size.height);
    const corners = new Set(tiles.map(({ x, y }) => `${x} ${y}`));
    expect(corners.size).toBe(tiles.length);
    for (const { x, y, width, height } of tiles) {
      expect([x % TILE.width, y % TILE.height]).toEqual([0, 0]);
      expect([x + width <= size.width, y + height <= size.height]).toEqual([true, true]);
    }
  });

  test('has no seams', async () => {
    const layout = partsOf(layoutOf(size, 2, false), model.config.channels);
    const drawing = await painter.decode(random(2).normals(numbersOf(layout)), layout);
    const [last] = tiles.slice(-1) as [(typeof tiles)[number]];
    // Across the first border, the last one, and in the far corner.
    for (const [cx, cy] of [
      [TILE.width, TILE.height],
      [last.x, last.y],
      [size.width, size.height],
    ] as const) {
      const x = Math.max(0, Math.min(size.width - WINDOW, cx - WINDOW / 2));
      const y = Math.max(0, Math.min(size.height - WINDOW, cy - WINDOW / 2));
      const area = { x, y, width: WINDOW, height: WINDOW };
      const whole = await drawing.render(area, size);
      let seen = 0;
      for (const tile of tiles) {
        if (tile.x >= x + WINDOW || tile.y >= y + WINDOW || tile.x + tile.width <= x || tile.y + tile.height <= y) continue;
        const part = await drawing.render(tile, size);
        for (let py = Math.max(y, tile.y); py < Math.min(y + WINDOW, tile.y + tile.height); py++)
          for (let px = Math.max(x, tile.x); px < Math.min(x + WINDOW, tile.x + tile.width); px++)
            for (let c = 0; c < 4; c++, seen++) {
              const difference = Math.abs(at(part, px - tile.x, py - tile.y, c) - at(whole, px - x, py - y, c));
              if (!(difference <= BOUND)) throw new Error(`pixel ${px},${py} differs by ${difference}`);
            }
      }
      expect(seen).toBe(WINDOW * WINDOW * 4);
    }
  });
});

function at({ shape, data }: Tensor, x: number, y: number, c: number): number {
  return (data as Float32Array)[(y * shape[2]! + x) * 4 + c]!;
}
