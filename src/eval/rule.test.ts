import { describe, expect, test } from 'vitest';
import type { ColourName } from '../data/colour.ts';
import { holds, nearness, wrongWith, type Asked, type Box, type Seen } from './rule.ts';

/** An object around a centre; `second` is what else it might be. */
function thing(
  concept: string,
  [x, y]: readonly [number, number] = [0.5, 0.5],
  { colour, second = 'other', side = 0.3 }: { colour?: ColourName; second?: string; side?: number } = {},
): Seen {
  return {
    box: [x - side / 2, y - side / 2, side, side],
    concepts: [concept, second],
    odds: [0.8, 0.1],
    style: 'flat',
    ...(colour && { colour }),
  };
}
const ask = (things: Asked['things'], relation?: Asked['relation']): Asked => ({ things, ...(relation && { relation }) });
const one = (concept: string, colour?: ColourName) => ({ concept, count: 1, ...(colour && { colour }) });
const [left, right] = [
  [0.25, 0.5],
  [0.75, 0.5],
] as const;

describe('one object', () => {
  test.each([
    ['it is there', [thing('fox')], undefined],
    ['with something else', [thing('cat', left), thing('fox', right)], undefined],
    ['nothing', [], 'no fox'],
    ['something else', [thing('cat')], 'no fox'],
    ['only the second choice', [thing('dog', left, { second: 'fox' })], 'no fox'],
  ])('%s', (_, seen, wrong) => expect(wrongWith(ask([one('fox')]), seen, 'first')).toBe(wrong));
  test('leniently, the second choice will do', () =>
    expect(wrongWith(ask([one('fox')]), [thing('dog', left, { second: 'fox' })], 'five')).toBeUndefined());
});

describe('two objects', () => {
  const asked = ask([one('fox'), one('car')]);
  test.each([
    ['both', [thing('car', left), thing('fox', right)], undefined],
    ['one of them', [thing('car', left), thing('cat', right)], 'no fox'],
  ])('%s', (_, seen, wrong) => expect(wrongWith(asked, seen, 'first')).toBe(wrong));
  test('one object is not both, though it may be either', () =>
    expect(wrongWith(asked, [thing('car', left, { second: 'fox' })], 'five')).toBe('one object for two things'));
});

describe('counting: exactly so many', () => {
  const asked = ask([{ concept: 'fox', count: 3 }]);
  const foxes = (n: number) => Array.from({ length: n }, (_, i) => thing('fox', [0.2 + 0.2 * i, 0.5]));
  test.each([
    ['three', foxes(3), undefined],
    ['two', foxes(2), '2 of fox, not 3'],
    ['four', foxes(4), '4 of fox, not 3'],
    ['three and another thing', [...foxes(3), thing('car')], undefined],
    ['none', [thing('car')], 'no fox'],
  ])('%s', (_, seen, wrong) => expect(wrongWith(asked, seen, 'first')).toBe(wrong));
});

describe('colours', () => {
  const asked = ask([one('car', 'blue')]);
  test.each([
    ['blue', [thing('car', left, { colour: 'blue' })], undefined],
    ['red', [thing('car', left, { colour: 'red' })], 'no blue car, but red'],
    ['a colour that cannot be told', [thing('car')], 'no blue car, but no plain colour'],
    ['a blue fox and a red car', [thing('car', left, { colour: 'red' }), thing('fox', right, { colour: 'blue' })], 'no blue car, but red'],
    ['a red car and a blue one', [thing('car', left, { colour: 'red' }), thing('car', right, { colour: 'blue' })], undefined],
  ])('%s', (_, seen, wrong) => expect(wrongWith(asked, seen, 'first')).toBe(wrong));
});

describe('position', () => {
  const asked = ask([one('fox'), one('car')], 'left of');
  test.each([
    ['so', [thing('fox', left), thing('car', right)], undefined],
    ['the other way round', [thing('fox', right), thing('car', left)], 'not left of'],
    ['above', [thing('fox', [0.5, 0.2]), thing('car', [0.5, 0.8])], 'not left of'],
    ['one on the other', [thing('fox', [0.49, 0.5]), thing('car', [0.51, 0.5])], 'not left of'],
    ['two foxes, one of them so', [thing('fox', [0.1, 0.5]), thing('car', [0.5, 0.5]), thing('fox', [0.9, 0.5])], undefined],
    ['one of them missing', [thing('fox', left)], 'no car'],
  ])('%s', (_, seen, wrong) => expect(wrongWith(asked, seen, 'first')).toBe(wrong));

  test('each relation and its opposite; between two of them neither', () => {
    const box = (x: number, y: number): Box => [x - 0.1, y - 0.1, 0.2, 0.2];
    const [a, b] = [box(0.2, 0.5), box(0.8, 0.5)];
    expect([holds('left of', a, b), holds('right of', b, a), holds('right of', a, b), holds('next to', b, a)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    const [above, below] = [box(0.5, 0.2), box(0.5, 0.8)];
    expect([
      holds('above', above, below),
      holds('below', below, above),
      holds('below', above, below),
      holds('next to', above, below),
    ]).toEqual([true, true, false, false]);
    expect((['left of', 'right of', 'above', 'below'] as const).filter((r) => holds(r, a, a))).toEqual([]);
  });
});

describe('colour attribution', () => {
  const asked = ask([one('fox', 'green'), one('car', 'red')]);
  test.each([
    ['each its own', [thing('fox', left, { colour: 'green' }), thing('car', right, { colour: 'red' })], undefined],
    ['exchanged', [thing('fox', left, { colour: 'red' }), thing('car', right, { colour: 'green' })], 'no green fox, but red'],
    ['both red', [thing('fox', left, { colour: 'red' }), thing('car', right, { colour: 'red' })], 'no green fox, but red'],
  ])('%s', (_, seen, wrong) => expect(wrongWith(asked, seen, 'first')).toBe(wrong));
});

test('nearness: nothing, a little, half, right', () => {
  const asked = ask([one('fox'), one('car')], 'left of');
  const marks = [
    [thing('fox')],
    [thing('fox', left), thing('dog', right, { second: 'car' })],
    [thing('fox', right), thing('car', left)],
    [thing('fox', left), thing('car', right)],
  ];
  expect(marks.map((seen) => nearness(asked, seen))).toEqual([0, 0.05, 0.4, 0.8]);
});
