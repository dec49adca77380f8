import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addDims, broadcastShapes, divideDim, evaluateDim, fixed, mulDims, symbolsOf, termsOf, type Dim } from './dim.ts';

describe('dimensions are polynomials in one canonical form', () => {
  test.each<[Dim, Dim, Dim]>([
    [2, 3, 5],
    ['B', 0, 'B'],
    ['B', 'B', '2*B'],
    ['B', 1, 'B+1'],
    [1, 'B', 'B+1'],
    ['2*h*w+3', '-3', '2*h*w'],
    ['w', 'h', 'h+w'],
    ['h', '-h', 0],
    ['h', '-2*h', '-h'],
  ])('%s + %s = %s', (a, b, sum) => expect(addDims(a, b)).toBe(sum));

  test.each<[Dim[], Dim]>([
    [[], 1],
    [[2, 3], 6],
    [['B', 0], 0],
    [['w', 8, 'h'], '8*h*w'],
    [['h+1', 'h+1'], '2*h+h*h+1'],
    [['h-1', 'h+1'], 'h*h-1'],
    [[-1, 'h'], '-h'],
  ])('product of %j = %s', (factors, product) => expect(mulDims(...factors)).toBe(product));

  test.each<[Dim, Dim, Dim]>([
    [12, 4, 3],
    ['8*h*w', 'w', '8*h'],
    ['8*h*w', '4*h', '2*w'],
    ['2*h*w+4*h', '2*h', 'w+2'],
    ['h+1', 'h+1', 1],
    [0, 'h', 0],
  ])('%s / %s = %s', (a, b, quotient) => expect(divideDim(a, b)).toBe(quotient));

  test.each<[Dim, Dim]>([
    [7, 2],
    ['3*h', 2],
    ['h+1', 'h'],
    ['h', 'w'],
    ['h', 0],
    ['2*h+2', 'h+1'],
  ])('%s / %s is not exact', (a, b) => expect(() => divideDim(a, b)).toThrow('exactly'));

  const variable = fc.constantFrom('B', 'h', 'w');
  const dim: fc.Arbitrary<Dim> = fc
    .array(fc.tuple(fc.integer({ min: -4, max: 9 }), fc.array(variable, { maxLength: 2 })), { maxLength: 4 })
    .map((terms) => terms.map(([c, symbols]) => mulDims(c, ...symbols)).reduce(addDims, 0));
  const values = { B: 3, h: 5, w: 7 };
  const at = (d: Dim) => evaluateDim(d, values);

  test('sums and products mean sums and products of numbers, in any order', () => {
    fc.assert(
      fc.property(dim, dim, dim, (a, b, c) => {
        expect(at(addDims(a, b))).toBe(at(a) + at(b));
        expect(at(mulDims(a, b)) + 0).toBe(at(a) * at(b) + 0);
        expect(addDims(a, b)).toBe(addDims(b, a));
        expect(mulDims(a, b)).toBe(mulDims(b, a));
        expect(mulDims(a, addDims(b, c))).toBe(addDims(mulDims(a, b), mulDims(a, c)));
      }),
    );
  });

  test('dividing undoes multiplying by one term', () => {
    fc.assert(fc.property(dim, fc.constantFrom<Dim>(2, 'h', '3*w', '2*B*h'), (a, b) => void expect(divideDim(mulDims(a, b), b)).toBe(a)));
  });

  test('symbols and terms', () => {
    expect(symbolsOf('2*h*w+B-3')).toEqual(expect.arrayContaining(['h', 'w', 'B']));
    expect(symbolsOf(3)).toEqual([]);
    expect(termsOf('2*h*w-3')).toEqual([
      [2, ['h', 'w']],
      [-3, []],
    ]);
    expect(() => evaluateDim('B+h', { B: 1 })).toThrow('symbol "h" has no value');
    expect(() => fixed('B', 'here')).toThrow('here: dimension B must be a number');
  });
});

test('broadcasting', () => {
  expect(broadcastShapes(['B', 1, 3], [4, 1], 'x')).toEqual(['B', 4, 3]);
  expect(broadcastShapes([], [2], 'x')).toEqual([2]);
  expect(broadcastShapes([0], [1], 'x')).toEqual([0]);
  expect(() => broadcastShapes(['B', 2], ['C', 2], 'Add')).toThrow('Add: cannot broadcast [B,2] with [C,2]: B against C on axis -2');
});
