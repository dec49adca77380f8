import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { assign } from './assign.ts';

const total = (scores: readonly (readonly number[])[], columns: readonly number[]) =>
  columns.reduce((sum, c, r) => sum + (c < 0 ? 0 : scores[r]![c]!), 0);

/** Every one-to-one assignment tried. */
function best(scores: readonly (readonly number[])[]): number {
  const columns = scores[0]!.length;
  const place = (r: number, used: number, skips: number): number => {
    if (r === scores.length) return 0;
    let most = skips > 0 ? place(r + 1, used, skips - 1) : -Infinity;
    for (let c = 0; c < columns; c++) if (!(used & (1 << c))) most = Math.max(most, scores[r]![c]! + place(r + 1, used | (1 << c), skips));
    return most;
  };
  return place(0, 0, Math.max(0, scores.length - columns));
}

test('the assignment with the greatest sum, not the greedy one', () => {
  expect(
    assign([
      [0.9, 0.8],
      [0.85, 0.1],
    ]),
  ).toEqual([1, 0]); // greedy: 0.9 + 0.1
  expect(
    assign([
      [1, 0, 0],
      [0, 0, 1],
    ]),
  ).toEqual([0, 2]);
  expect(assign([[0.2], [0.7], [0.1]])).toEqual([-1, 0, -1]);
  expect(assign([])).toEqual([]);
  expect(assign([[], []])).toEqual([-1, -1]);
});

test('as good as trying everything, for all shapes up to five', () => {
  const rng = random(7);
  for (let rows = 1; rows <= 5; rows++)
    for (let columns = 1; columns <= 5; columns++)
      for (let k = 0; k < 6; k++) {
        const scores = Array.from({ length: rows }, () => Array.from({ length: columns }, () => rng.normal()));
        const found = assign(scores);
        const used = found.filter((c) => c >= 0);
        expect(new Set(used).size).toBe(used.length);
        expect(used.length).toBe(Math.min(rows, columns));
        expect(total(scores, found)).toBeCloseTo(best(scores), 9);
      }
});
