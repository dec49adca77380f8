import { expect, test } from 'vitest';
import { numbersOf } from '../elements.ts';
import { float32, int64, sizeOf, type Tensors } from '../../tensor/tensor.ts';
import { check } from '../check.ts';
import { evaluate } from '../evaluate.ts';
import { attention, mse, rmsNormalize } from '../functions.ts';
import { gradients } from '../grad.ts';
import * as o from '../ops.ts';
import { print } from '../print.ts';
import { END } from '../rules.ts';
import { constant, graph, input, nodesOf, parameter, type Graph, type Value } from '../value.ts';
import { dead } from './dead.ts';
import { fold } from './fold.ts';
import { fuse } from './fuse.ts';
import { forInference } from './optimize.ts';
import { share } from './share.ts';

const ramp = (shape: number[]) =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.3 * i + 1)),
  );

/** The pass keeps names and shapes, and the results to `tolerance`. */
function expectSame(before: Graph, after: Graph, feeds: Tensors, tolerance = 1e-6): void {
  check(after);
  const [a, b] = [evaluate(before, feeds), evaluate(after, feeds)];
  expect(Object.keys(b)).toEqual(Object.keys(a));
  for (const [name, t] of Object.entries(a)) {
    expect(b[name]!.shape).toEqual(t.shape);
    const [x, y] = [numbersOf(t), numbersOf(b[name]!)];
    const worst = Array.from(x, (n, i) => Math.abs(n - y[i]!)).reduce((m, n) => Math.max(m, n), 0);
    expect(worst, name).toBeLessThan(tolerance);
  }
}

test('fold computes constants and removes idle operators', () => {
  const x = input('x', ['B', 4]);
  const idle = o.sub(o.div(o.add(o.mul(o.mul(x, 1), o.exp(constant(ramp([4])))), 0), 1), 0);
  const moved = o.transpose(o.transpose(o.reshape(o.reshape(idle, [1, 'B', 4]), ['B', 2, 2]), [2, 0, 1]), [1, 2, 0]);
  const g = graph('folded', { y: moved, broadcast: o.mul(o.expand(o.sum(x, { axes: [1], keepdims: true }), ['B', 4]), x) });
  expect(print(fold(g))).toMatchInlineSnapshot(`
    "graph folded(x: float32[B,4]) {
      %0 = Mul(x, [2.31978 2.10793 0.642415 0.374392]): float32[B,4]
      %1 = Reshape(%0, shape=[B,2,2]): float32[B,2,2]
      %2 = ReduceSum(x, axes=[1], keepdims=true): float32[B,1]
      %3 = Mul(%2, x): float32[B,4]
      y = %1
      broadcast = %3
    }"
  `);
  expectSame(g, fold(g), { x: ramp([3, 4]) });
});

test('fold leaves large results and a broadcast that is needed', () => {
  const wide = o.expand(constant(ramp([1, 1])), [300, 100]);
  const needed = o.add(o.expand(input('x', [1]), ['B']), o.expand(input('y', [1]), ['B']));
  const g = graph('kept', { wide, needed, b: o.neg(input('b', ['B'])) });
  expect(nodesOf(fold(g)).map((v) => v.op)).toEqual(['Expand', 'Expand', 'Add', 'Neg']);
});

test('share computes equal values once', () => {
  const x = input('x', [4]);
  const g = graph('shared', {
    y: o.add(o.mul(o.exp(x), 2), o.mul(o.exp(x), 2)),
    z: o.sum(o.exp(x)),
    n: o.sum(o.exp(x), { keepdims: true }),
  });
  expect(print(share(g))).toMatchInlineSnapshot(`
    "graph shared(x: float32[4]) {
      %0 = Exp(x): float32[4]
      %1 = Mul(%0, 2): float32[4]
      %2 = Add(%1, %1): float32[4]
      %3 = ReduceSum(%0, axes=[0], keepdims=false): float32[]
      %4 = ReduceSum(%0, axes=[0], keepdims=true): float32[1]
      y = %2
      z = %3
      n = %4
    }"
  `);
  expectSame(g, share(g), { x: ramp([4]) });
});

test('dead keeps what the named outputs need', () => {
  const [x, y] = [input('x', [4]), input('y', [4])];
  const g = graph('both', { a: o.exp(x), b: o.add(x, y) });
  expect(print(dead(g, ['a']))).toMatchInlineSnapshot(`
    "graph both(x: float32[4]) {
      %0 = Exp(x): float32[4]
      a = %0
    }"
  `);
  expect(() => dead(g, ['c'])).toThrow('has no output "c"');
});

test('fuse finds normalisation with and without a gain', () => {
  const x = input('x', ['B', 8]);
  const g = graph('norms', {
    plain: rmsNormalize(x),
    gain: o.mul(parameter('gain', [8]), rmsNormalize(x)),
    rows: o.mul(rmsNormalize(x), input('rows', ['B', 1])),
  });
  expect(print(share(fuse(g)))).toMatchInlineSnapshot(`
    "graph norms(x: float32[B,8], gain: float32[8] weight, rows: float32[B,1]) {
      %0 = SimplifiedLayerNormalization(x, [1 1 1 1 1 1 1 1], epsilon=0.000001): float32[B,8]
      %1 = SimplifiedLayerNormalization(x, gain, epsilon=0.000001): float32[B,8]
      %2 = Mul(%0, rows): float32[B,8]
      plain = %0
      gain = %1
      rows = %2
    }"
  `);
  expectSame(g, fuse(g), { x: ramp([3, 8]), gain: ramp([8]), rows: ramp([3, 1]) });
});

test('fuse finds grouped attention, with a bias on the keys too, and leaves it alone with another', () => {
  const [q, k, v] = [input('q', ['B', 2, 4, 'L', 8]), input('k', ['B', 2, 'M', 8]), input('v', ['B', 2, 'M', 6])];
  const g = graph('attention', {
    y: o.reshape(o.matmul(o.softmax(o.matmul(o.reshape(o.mul(q, 0.5), ['B', 2, '4*L', 8]), o.transposeLast(k))), v), ['B', 2, 4, 'L', 6]),
  });
  expect(print(fold(fuse(g)))).toMatchInlineSnapshot(`
    "graph attention(q: float32[B,2,4,L,8], k: float32[B,2,M,8], v: float32[B,2,M,6]) {
      %0 = Reshape(q, shape=[2*B,4*L,8]): float32[2*B,4*L,8]
      %1 = Reshape(k, shape=[2*B,M,8]): float32[2*B,M,8]
      %2 = Reshape(v, shape=[2*B,M,6]): float32[2*B,M,6]
      %3 = MultiHeadAttention(%0, %1, %2, num_heads=1, scale=0.5): float32[2*B,4*L,6]
      %4 = Reshape(%3, shape=[B,2,4,L,6]): float32[B,2,4,L,6]
      y = %4
    }"
  `);
  expectSame(g, fuse(g), { q: ramp([2, 2, 4, 3, 8]), k: ramp([2, 2, 5, 8]), v: ramp([2, 2, 5, 6]) });
  const square = input('v', ['B', 2, 'M', 8]);
  const biased = graph('biased', { y: attention(q, k, square, input('bias', ['B', 1, 1, 'M'])) });
  expect(print(fold(fuse(biased)))).toMatchInlineSnapshot(`
    "graph biased(q: float32[B,2,4,L,8], k: float32[B,2,M,8], bias: float32[B,1,1,M], v: float32[B,2,M,8]) {
      %0 = Reshape(q, shape=[B,2,4*L,8]): float32[B,2,4*L,8]
      %1 = Expand([2.82843 0 0 0], shape=[B,2,4*L,4]): float32[B,2,4*L,4]
      %2 = Concat(%0, %1, axis=3): float32[B,2,4*L,12]
      %3 = Reshape(%2, shape=[2*B,4*L,12]): float32[2*B,4*L,12]
      %4 = Expand(bias, shape=[B,2,1,M]): float32[B,2,1,M]
      %5 = Transpose(%4, perm=[0,1,3,2]): float32[B,2,M,1]
      %6 = Pad(%5, pads=[0,0,0,0,0,0,0,3]): float32[B,2,M,4]
      %7 = Concat(k, %6, axis=3): float32[B,2,M,12]
      %8 = Reshape(%7, shape=[2*B,M,12]): float32[2*B,M,12]
      %9 = Reshape(v, shape=[2*B,M,8]): float32[2*B,M,8]
      %10 = MultiHeadAttention(%3, %8, %9, num_heads=1, scale=0.3535533845424652): float32[2*B,4*L,8]
      %11 = Reshape(%10, shape=[B,2,4,L,8]): float32[B,2,4,L,8]
      y = %11
    }"
  `);
  const bias = float32([2, 1, 1, 5], [0, -1e4, 0, 0.5, 0, 0, 0, -1e4, -1e4, 1]);
  expectSame(biased, fuse(biased), { q: ramp([2, 2, 4, 3, 8]), k: ramp([2, 2, 5, 8]), v: ramp([2, 2, 5, 8]), bias }, 2e-6);
  const each = graph('each', { y: attention(q, k, square, input('bias', ['B', 1, '4*L', 'M'])) });
  expect(print(fuse(each))).toBe(print(each));
});

test('fuse finds attention whose heads come from a transposition, into which that of the keys was folded', () => {
  const heads = (name: string, length: string) => o.transpose(o.reshape(input(name, ['B', length, 16]), ['B', length, 2, 8]), [0, 2, 1, 3]);
  const [q, k, v] = [heads('q', 'L'), heads('k', 'M'), heads('v', 'M')];
  const g = graph('heads', { y: attention(o.unsqueeze(q, 2), k, v) });
  const fused = forInference(g);
  expect(
    nodesOf(fused)
      .filter(({ op }) => ['Softmax', 'MultiHeadAttention'].includes(op))
      .map(({ op }) => op),
  ).toEqual(['MultiHeadAttention']);
  expectSame(g, fused, { q: ramp([2, 3, 16]), k: ramp([2, 5, 16]), v: ramp([2, 5, 16]) });
});

test('fuse finds a mix of 3x3 neighbours, and leaves other views alone', () => {
  const padded = o.pad(input('x', ['B', 'h', 'w', 2]), [0, 1, 1, 0, 0, 1, 1, 0]);
  const ends = [-2, -1, END];
  const mixed = (order: readonly number[]) => {
    const views = ends.flatMap((bottom, y) => order.map((x) => o.slice(o.slice(padded, 1, y, bottom), 2, x, ends[x])));
    return graph('mix', { y: o.matmul(o.concat(views, -1), parameter('w', [18, 3])) });
  };
  const feeds = { x: ramp([2, 5, 4, 2]), w: ramp([18, 3]) };
  const g = mixed([0, 1, 2]);
  expect(nodesOf(fuse(g)).flatMap(({ op }) => (['Conv', 'MatMul', 'Pad'].includes(op) ? [op] : []))).toEqual(['Conv']);
  expectSame(g, fuse(g), feeds, 2e-6);
  expect(print(fuse(mixed([2, 1, 0])))).toBe(print(mixed([2, 1, 0])));
  const [views, w] = g.outputs.y!.inputs as [Value, Value];
  const other = graph('other', { y: o.matmul(o.concat([...views.inputs.slice(1), views.inputs[0]!], -1), w) });
  expect(print(fuse(other))).toBe(print(other));
});

test('a training step folds and shares to fewer nodes with the same results', () => {
  const x = input('x', [6, 4]);
  const weights = { w1: parameter('w1', [4, 8]), gain: parameter('gain', [8]), w2: parameter('w2', [8, 4]) };
  const h = o.mul(rmsNormalize(o.matmul(o.gather(x, constant(int64([6], [5, 4, 3, 2, 1, 0]))), weights.w1)), weights.gain);
  const loss = mse(o.matmul(h, weights.w2), x);
  const g = graph('step', { loss, ...Object.fromEntries(gradients(loss, Object.values(weights)).map((v, i) => [`d${i}`, v])) });
  const small = share(fold(g));
  expect([nodesOf(g).length, nodesOf(small).length]).toMatchInlineSnapshot(`
    [
      40,
      34,
    ]
  `);
  expectSame(g, small, { x: ramp([6, 4]), w1: ramp([4, 8]), gain: ramp([8]), w2: ramp([8, 4]) });
});
