import { expect, test } from 'vitest';
import { figureDrawings } from './figures.ts';
import { layeredData, layeredSample, wholePicture, type LayeredKind } from './layered.ts';
import { renderPool } from './render.ts';

const data = layeredData('pico');
const several = (kind: LayeredKind, options = data, count = 40) =>
  Array.from({ length: count }, (_, i) => layeredSample(3, i, kind, options));

test('samples are pure functions of seed, index and options', () => {
  for (const kind of ['single', 'scene', 'figures'] as const) expect(several(kind, data, 5)).toEqual(several(kind, data, 5));
  expect(wholePicture(4, data)).toEqual(wholePicture(4, data));
});

test('what the caption calls by a number has a reference of that number, and nothing else has one', () => {
  const samples = [...several('figures'), ...several('scene', { ...data, subjects: 1 }), ...several('single')];
  for (const { caption, objects } of samples) {
    const said = [...caption.matchAll(/<(\d)>/g)].map(([, n]) => Number(n));
    expect(objects.flatMap(({ reference }) => reference?.slot ?? []).sort()).toEqual(said.sort());
  }
  expect(several('scene').every(({ objects }) => objects.every(({ reference }) => reference === undefined))).toBe(true);
});

test('a figure is shown by another drawing of the same figure, a thing by its own', () => {
  const person = (key: string) => key.split(' ').slice(0, -1).join(' ');
  for (const { objects } of several('figures'))
    for (const { drawing, reference } of objects) {
      expect(reference!.drawing).not.toBe(drawing);
      expect(person(reference!.drawing)).toBe(person(drawing));
    }
  for (const { objects } of several('scene', { ...data, subjects: 1 }))
    for (const { drawing, reference } of objects) if (reference) expect(reference.drawing).toBe(drawing);
});

test('as many as five figures stand beside each other in a wide picture, none outside it', () => {
  const wide = several('figures', { ...data, aspects: [[448, 256, 1]] }, 200);
  expect(Math.max(...wide.map(({ objects }) => objects.length))).toBe(5);
  for (const { objects, aspect } of wide) for (const { x, size } of objects) expect(Math.abs(x) + size / 2).toBeLessThan(aspect[0] / 2);
});

test('figures fill their frame', { timeout: 60_000 }, async () => {
  const pool = renderPool();
  try {
    const [first] = await figureDrawings(64, pool, 1);
    const { pixels } = await pool.render(first!);
    const there = [...Array(64 * 64).keys()].filter((i) => pixels![i * 4 + 3]! > 8);
    const extent = (of: (i: number) => number) => Math.max(...there.map(of)) - Math.min(...there.map(of)) + 1;
    const longer = Math.max(
      extent((i) => i % 64),
      extent((i) => Math.floor(i / 64)),
    );
    expect(longer).toBeGreaterThanOrEqual(58);
    expect(longer).toBeLessThanOrEqual(62);
  } finally {
    pool.close();
  }
});
