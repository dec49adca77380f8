// The reference itself against numbers worked out by hand (runtimes are held against it elsewhere), and binding of symbols.
import { describe, expect, test } from 'vitest';
import { float32, int64, scalar, tensor, type Tensor } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { bindSymbols, evaluate } from './evaluate.ts';
import * as o from './ops.ts';
import { numbersOf, roundHalfEven } from './elements.ts';
import { apply, constant, graph, input, type Value } from './value.ts';

const numbers = (v: Value) => Array.from(numbersOf(evaluate(graph('g', { v }), {}).v!));
const known = (t: Tensor) => constant(t);
const grid = known(float32([2, 3], [1, 2, 3, 4, 5, 6]));

test('halves are rounded to even', () => {
  expect([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 1e10].map(roundHalfEven)).toEqual([-2, -2, 0, 0, 2, 2, 2, 1e10]);
});

describe('operators', () => {
  test.each<[string, Value, number[]]>([
    ['Transpose', o.transpose(grid, [1, 0]), [1, 4, 2, 5, 3, 6]],
    ['Slice', o.slice(grid, 1, -2), [2, 3, 5, 6]],
    ['Pad', o.pad(grid, [0, 1, 1, 0]), [0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0]],
    ['Concat', o.concat([grid, o.slice(grid, 1, 0, 1)], 1), [1, 2, 3, 1, 4, 5, 6, 4]],
    ['Gather', o.gather(grid, known(int64([2], [-1, 0]))), [4, 5, 6, 1, 2, 3]],
    ['Gather of columns', o.gather(grid, known(int64([2], [2, 2])), 1), [3, 3, 6, 6]],
    ['ScatterND', o.scatterAdd(grid, known(int64([2, 1], [0, 0])), grid), [6, 9, 12, 4, 5, 6]],
    ['MatMul', o.matmul(grid, o.transposeLast(grid)), [14, 32, 32, 77]],
    ['ReduceMean', o.mean(grid, { axes: [0] }), [2.5, 3.5, 4.5]],
    ['ReduceMax', o.maximum(grid), [6]],
    ['ArgMax', o.argmax(grid, 0), [1, 1, 1]],
    ['Expand', o.expand(o.slice(grid, 1, 0, 1), [2, 2]), [1, 1, 4, 4]],
    ['Where', o.where(o.greater(grid, 3), grid, 0), [0, 0, 0, 4, 5, 6]],
    ['Cast to whole numbers', o.cast(known(float32([3], [-1.7, 1.7, 300])), 'int64'), [-1, 1, 300]],
    ['float32 rounding', o.add(known(scalar(1)), 1e-9), [1]],
    ['int64 division', o.div(known(int64([2], [-7, 7])), known(int64([], [2]))), [-3, 3]],
    ['int4', known(tensor('int4', [3], Uint8Array.of(0x8f, 0x07))), [-1, -8, 7]],
  ])('%s', (_, v, expected) => expect(numbers(v)).toEqual(expected));

  test('MatMulNBits reads the low nibble first, (value - 8) * scale', () => {
    const a = known(
      float32(
        [1, 16],
        Array.from({ length: 16 }, (_, i) => i),
      ),
    );
    const b = Uint8Array.from({ length: 8 }, (_, i) => (i === 0 ? 0x98 : i === 7 ? 0x0f : 0x88)); // row: 0 1 0 ... 7 -8
    const v = apply('MatMulNBits', [a, known(tensor('uint8', [1, 1, 8], b)), known(float32([1], [0.5]))], {
      K: 16,
      N: 1,
      bits: 4,
      block_size: 16,
    });
    expect(numbers(v)).toEqual([0.5 * (1 * 1 + 14 * 7 + 15 * -8)]);
  });

  test('an index outside the axis is an error', () => {
    expect(() => numbers(o.gather(grid, known(int64([1], [2]))))).toThrow('Gather: index 2 is outside an axis of 2');
  });
});

describe('symbols', () => {
  const y = o.reshape(input('x', ['B', '8*h', 'w+1']), ['8*B*h', 'w+1']);
  const zeros = (...shape: number[]) => float32(shape, new Float32Array(shape.reduce((a, b) => a * b, 1)));

  test('are bound from the feeds and size the results', () => {
    expect(bindSymbols(graph('g', { y }), { x: zeros(2, 24, 6) })).toEqual({ B: 2, h: 3, w: 5 });
    expect(evaluate(graph('g', { y }), { x: zeros(2, 24, 6) }).y!.shape).toEqual([48, 6]);
  });

  test('a product is solved when the rest is known, whatever the order', () => {
    const g = graph('g', { y: o.sum(input('p', ['h*w'])), z: o.sum(input('q', ['h'])) });
    expect(bindSymbols(g, { p: zeros(12), q: zeros(3) })).toEqual({ h: 3, w: 4 });
  });

  const g = graph('g', { y: o.add(o.sum(input('a', ['B', 2])), o.sum(input('b', ['B', '2*k']))) });
  test.each<[string, Record<string, Tensor>, string]>([
    ['missing', { a: zeros(1, 2) }, 'input "b" float32[B,2*k] was not fed'],
    ['of another rank', { a: zeros(2), b: zeros(1, 2) }, 'input "a" is float32[B,2], was fed float32[2]'],
    ['of another type', { a: int64([1, 2], [0, 0]), b: zeros(1, 2) }, 'was fed int64[1,2]'],
    ['that disagree', { a: zeros(1, 2), b: zeros(3, 2) }, 'input "b" is float32[B,2*k], was fed float32[3,2]'],
    ['that do not divide', { a: zeros(1, 2), b: zeros(1, 3) }, 'input "b" is float32[B,2*k], was fed float32[1,3]'],
  ])('feeds %s are an InputError', (_, feeds, message) => {
    expect(() => evaluate(g, feeds)).toThrow(InputError);
    expect(() => evaluate(g, feeds)).toThrow(message);
  });
});
