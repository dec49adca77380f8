// The text form, the shape rules' errors, and what check finds wrong with a whole graph.
import { describe, expect, test } from 'vitest';
import { float32, int64, zeros } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { check } from './check.ts';
import { attention, rmsNormalize, silu } from './functions.ts';
import { gradients } from './grad.ts';
import * as o from './ops.ts';
import { print } from './print.ts';
import { apply, constant, graph, input, nodesOf, parameter, type Value } from './value.ts';

describe('print', () => {
  test('a layer', () => {
    const x = input('x', ['B', 'L', 4]);
    const w = parameter('mlp.up', [4, 8]);
    const g = graph('layer', { y: silu(o.matmul(rmsNormalize(x), w)) });
    expect(print(check(g, { trainable: true }))).toMatchInlineSnapshot(`
      "graph layer(x: float32[B,L,4], mlp.up: float32[4,8] weight) {
        %0 = Mul(x, x): float32[B,L,4]
        %1 = ReduceMean(%0, axes=[2], keepdims=true): float32[B,L,1]
        %2 = Add(%1, 0.000001): float32[B,L,1]
        %3 = Sqrt(%2): float32[B,L,1]
        %4 = Div(x, %3): float32[B,L,4]
        %5 = MatMul(%4, mlp.up): float32[B,L,8]
        %6 = Sigmoid(%5): float32[B,L,8]
        %7 = Mul(%5, %6): float32[B,L,8]
        y = %7
      }"
    `);
  });

  test('attention, grouped', () => {
    const g = graph('attention', {
      y: attention(input('q', ['B', 2, 3, 'L', 8]), input('k', ['B', 2, 'M', 8]), input('v', ['B', 2, 'M', 8])),
    });
    expect(print(check(g))).toMatchInlineSnapshot(`
      "graph attention(q: float32[B,2,3,L,8], k: float32[B,2,M,8], v: float32[B,2,M,8]) {
        %0 = Mul(q, 0.353553): float32[B,2,3,L,8]
        %1 = Reshape(%0, shape=[B,2,3*L,8]): float32[B,2,3*L,8]
        %2 = Transpose(k, perm=[0,1,3,2]): float32[B,2,8,M]
        %3 = MatMul(%1, %2): float32[B,2,3*L,M]
        %4 = Softmax(%3, axis=3): float32[B,2,3*L,M]
        %5 = MatMul(%4, v): float32[B,2,3*L,8]
        %6 = Reshape(%5, shape=[B,2,3,L,8]): float32[B,2,3,L,8]
        y = %6
      }"
    `);
  });

  test('a training step', () => {
    const x = input('x', [4, 2]);
    const w = parameter('w', [2, 1]);
    const loss = o.mean(o.abs(o.matmul(x, w)));
    const g = graph('step', { loss, 'next/w': o.sub(w, o.mul(gradients(loss, [w])[0]!, 0.1)) });
    expect(print(check(g, { trainable: true }))).toMatchInlineSnapshot(`
      "graph step(x: float32[4,2], w: float32[2,1] weight) {
        %0 = MatMul(x, w): float32[4,1]
        %1 = Abs(%0): float32[4,1]
        %2 = ReduceMean(%1, axes=[0,1], keepdims=false): float32[]
        %3 = Transpose(x, perm=[1,0]): float32[2,4]
        %4 = Mul(1, 0.25): float32[]
        %5 = Reshape(%4, shape=[1,1]): float32[1,1]
        %6 = Expand(%5, shape=[4,1]): float32[4,1]
        %7 = Sign(%0): float32[4,1]
        %8 = Mul(%6, %7): float32[4,1]
        %9 = MatMul(%3, %8): float32[2,1]
        %10 = Mul(%9, 0.1): float32[2,1]
        %11 = Sub(w, %10): float32[2,1]
        loss = %2
        next/w = %11
      }"
    `);
  });

  test('constants, whole numbers, several outputs of one value, an input as output', () => {
    const table = constant(zeros('float32', [3, 4]));
    const rows = o.gather(table, constant(int64([2], [0, -1])));
    const x = input('x', [2, 4]);
    expect(print(graph('g', { rows, again: rows, x, c: o.add(rows, 0.1) }, [x]))).toMatchInlineSnapshot(`
      "graph g(x: float32[2,4]) {
        %0 = Gather(<float32[3,4]>, [0 -1], axis=0): float32[2,4]
        %1 = Add(%0, 0.1): float32[2,4]
        rows = %0
        again = %0
        x = x
        c = %1
      }"
    `);
  });
});

describe('the shape rules throw', () => {
  const x = input('x', ['B', 3]);
  const i = input('i', [2], 'int64');
  test.each<[string, () => Value, string]>([
    ['broadcast', () => o.add(x, input('y', [2])), 'cannot broadcast [B,3] with [2]: 3 against 2'],
    ['types', () => o.add(x, i), 'operands differ in type: x float32[B,3] and i int64[2]'],
    ['MatMul rank', () => o.matmul(x, input('v', [3])), 'both need rank 2 or more'],
    ['MatMul inner', () => o.matmul(x, x), 'MatMul(x float32[B,3], x float32[B,3]): inner sizes 3 and B differ'],
    ['Reshape', () => o.reshape(x, ['B', 2]), '3*B elements do not fit [B,2]'],
    ['Transpose', () => o.transpose(x, [1, 1]), '[1,1] is no permutation'],
    ['transposeLast', () => o.transposeLast(i), 'needs two axes, found [2]'],
    ['Expand', () => o.expand(x, ['B', 2]), 'cannot broadcast'],
    ['axis', () => o.sum(x, { axes: [2] }), 'axis 2 is outside rank 2'],
    ['Concat', () => o.concat([x, input('z', ['C', 3])], 1), 'all must agree outside axis 1'],
    ['Concat of none', () => o.concat([], 0), 'needs at least one value'],
    ['Slice', () => o.slice(input('s', [4]), 0, 3, 1), 'Slice: result shape [-2] has an impossible size -2'],
    ['Gather', () => o.gather(x, x), 'the indices must be whole numbers'],
    ['ScatterND', () => o.scatterAdd(x, o.reshape(i, [2, 1]), x), 'updates must be [2,3]'],
    ['MatMulNBits', () => apply('MatMulNBits', [x, i, i], { K: 4, N: 2 }), 'inner size 3 is not K = 4'],
    ['DynamicQuantizeMatMul', () => apply('DynamicQuantizeMatMul', [x, input('b', [4, 2], 'int8'), i]), 'inner sizes differ'],
  ])('%s', (_, build, message) => {
    expect(build).toThrow(ShapeError);
    expect(build).toThrow(message);
  });

  test('not where nothing is to do: the same value comes back', () => {
    for (const same of [
      o.reshape(x, ['B', 3]),
      o.transpose(x, [0, 1]),
      o.expand(x, ['B', 3]),
      o.pad(x, [0, 0, 0, 0]),
      o.concat([x], 0),
      o.cast(x, 'float32'),
      o.sum(x, { axes: [] }),
    ])
      expect(same).toBe(x);
  });

  test('split cuts an axis into parts', () => {
    expect(o.split(input('s', ['B', 6]), -1, [1, 2, 3]).map((v) => v.shape)).toEqual([
      ['B', 1],
      ['B', 2],
      ['B', 3],
    ]);
    expect(o.slice(input('s', ['n+3']), 0, 1, -1).shape).toEqual(['n+1']);
    expect(o.unsqueeze(x, -1).shape).toEqual(['B', 3, 1]);
  });
});

describe('check', () => {
  const x = input('x', [2]);
  const failing: [string, Parameters<typeof check>, string][] = [
    [
      'two inputs of one name',
      [{ name: 'g', inputs: [x, input('x', [3])], outputs: { y: o.neg(x) } }],
      'graph g: two inputs are named "x"',
    ],
    ['an input without a name', [{ name: 'g', inputs: [input('', [3])], outputs: { y: o.neg(x) } }], 'an input has no name'],
    ['no outputs', [{ name: 'g', inputs: [x], outputs: {} }], 'has no outputs'],
    ['an input that is not listed', [{ name: 'g', inputs: [], outputs: { y: o.neg(x) } }], 'uses "x", which is not among its inputs'],
    [
      'a shape that is not what the rule says',
      [{ name: 'g', inputs: [x], outputs: { y: { ...o.neg(x), shape: [3] } } }],
      'Neg says float32[3], its rule float32[2]',
    ],
    [
      'a type that is not what the rule says',
      [{ name: 'g', inputs: [x], outputs: { y: { ...o.neg(x), dtype: 'int32' } } }],
      'Neg says int32[2], its rule float32[2]',
    ],
    [
      'a fast operator where training is wanted',
      [
        graph('g', { y: apply('SimplifiedLayerNormalization', [x, constant(float32([2], [1, 1]))], { epsilon: 1e-6 }) }),
        { trainable: true },
      ],
      'SimplifiedLayerNormalization is for inference only',
    ],
  ];
  test.each(failing)('finds %s', (_, args, message) => {
    expect(() => check(...args)).toThrow(ShapeError);
    expect(() => check(...args)).toThrow(message);
  });

  test('graph() refuses two inputs of one name, and orders inputs', () => {
    expect(() => graph('g', { y: o.add(x, input('x', [2])) })).toThrow('two different inputs are named "x"');
    const [a, b] = [input('a', []), input('b', [])];
    expect(graph('g', { y: o.add(a, b) }, [b]).inputs.map((v) => v.name)).toEqual(['b', 'a']);
  });

  test('deep graphs need no deep stack', () => {
    let y: Value = x;
    for (let n = 0; n < 20_000; n++) y = o.neg(y);
    expect(nodesOf(check(graph('deep', { y }))).length).toBe(20_000);
  });
});
