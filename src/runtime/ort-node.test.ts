import { expect, test } from 'vitest';
import { gradients } from '../graph/grad.ts';
import * as o from '../graph/ops.ts';
import { attention, mse, rmsNormalize, silu } from '../graph/functions.ts';
import { apply, constant, graph, input, parameter } from '../graph/value.ts';
import { float32, int64, scalar, tensor } from '../tensor/tensor.ts';
import { ortNode } from './ort-node.ts';

const runtime = await ortNode({ threads: 1 });

test('a graph of many operators', async () => {
  const x = input('x', ['B', 3]);
  const w = parameter('w', [3, 4]);
  const y = o.matmul(x, w); // (B, 4)
  const g = graph('many', {
    softmax: o.softmax(y),
    tail: o.slice(y, 1, 2),
    middle: o.slice(y, 1, 1, -1),
    max: o.maximum(y, { axes: [1] }),
    total: o.sum(y),
    best: o.argmax(y),
    padded: o.pad(y, [0, 1, 0, 0]),
    picked: o.gather(o.transpose(y, [1, 0]), constant(int64([2], [3, 0]))),
    chosen: o.where(o.greater(y, 0), y, o.neg(y)),
    mask: o.equal(y, y),
    flat: o.reshape(y, ['4*B']),
    wide: o.expand(o.reshape(y, ['B', 1, 4]), ['B', 2, 4]),
    same: x,
    again: y,
    known: constant(scalar(7)),
    scattered: o.scatterAdd(o.full([4, 2], 0), constant(int64([3, 1], [1, 1, 3])), o.full([3, 2], 1)),
    half: o.cast(y, 'float16'),
    whole: o.cast(o.mul(y, 10), 'int32'),
  });
  const session = await runtime.compile(g, { weights: { w: float32([3, 4], [1, 0, 0, 1, 0, 1, 0, -1, 0, 0, 1, 0.5]) } });
  expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['B', 3] }]);
  const r = await session.run({ x: float32([2, 3], [1, 2, 3, -1, 0, 1]) });
  expect([...r.again!.data]).toEqual([1, 2, 3, 0.5, -1, 0, 1, -0.5]);
  expect([...r.tail!.data]).toEqual([3, 0.5, 1, -0.5]);
  expect([...r.middle!.data]).toEqual([2, 3, 0, 1]);
  expect([...r.max!.data]).toEqual([3, 1]);
  expect(r.total).toEqual(scalar(6));
  expect([...r.best!.data]).toEqual([2n, 2n]);
  expect(r.padded!.shape).toEqual([2, 5]);
  expect([...r.picked!.data]).toEqual([0.5, -0.5, 1, -1]);
  expect(Array.from(r.chosen!.data as Float32Array, Math.abs)).toEqual([1, 2, 3, 0.5, 1, 0, 1, 0.5]);
  expect(r.mask).toEqual(tensor('bool', [2, 4], new Uint8Array(8).fill(1)));
  expect(r.flat!.shape).toEqual([8]);
  expect(r.wide!.shape).toEqual([2, 2, 4]);
  expect([...r.same!.data]).toEqual([1, 2, 3, -1, 0, 1]);
  expect(r.known).toEqual(scalar(7));
  expect([...r.scattered!.data]).toEqual([0, 0, 2, 2, 0, 0, 1, 1]);
  expect(r.half!.dtype).toBe('float16');
  expect(r.half!.data[0]).toBe(0x3c00);
  expect([...r.whole!.data]).toEqual([10, 20, 30, 5, -10, 0, 10, -5]);
  expect([...(r.softmax!.data as Float32Array).subarray(0, 4)].reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  await session.release();
  await expect(session.run({})).rejects.toThrow('was released');
});

test('sizes that are products of symbols are computed at run time', async () => {
  const image = input('image', ['B', 'h', 'w', 4]);
  const patches = o.reshape(image, ['B', 'h*w', 2, 2]); // a product beside a copied axis
  const padded = o.pad(image, [0, 1, 0, 0, 0, 1, 0, 0]); //                      (B, h+2, w, 4)
  const folded = o.reshape(padded, ['B*h+2*B', '4*w']); //                       two unknown axes
  const row = o.expand(o.full([4], 1), ['h+2', 'w', 4]);
  const g = graph('sizes', { patches, folded, row });
  const session = await runtime.compile(g);
  const r = await session.run({ image: float32([2, 3, 5, 4], new Float32Array(120).fill(1)) });
  expect([r.patches!.shape, r.folded!.shape, r.row!.shape]).toEqual([[2, 15, 2, 2], [10, 20], [5, 5, 4]]);
  await session.release();
});

test('attention with grouped heads and an empty low-rank side input', async () => {
  const q = input('q', ['B', 2, 4, 'L', 8]);
  const k = input('k', ['B', 2, 'M', 8]);
  const v = input('v', ['B', 2, 'M', 8]);
  const a = input('a', [8, 'r']);
  const b = input('b', ['r', 8]);
  const y = attention(q, k, v);
  const session = await runtime.compile(graph('attention', { y: o.add(y, o.matmul(o.matmul(y, a), b)) }));
  const fill = (shape: number[]) => float32(shape, new Float32Array(shape.reduce((x, z) => x * z, 1)).fill(0.5));
  const r = await session.run({ q: fill([3, 2, 4, 5, 8]), k: fill([3, 2, 7, 8]), v: fill([3, 2, 7, 8]), a: fill([8, 0]), b: fill([0, 8]) });
  expect(r.y!.shape).toEqual([3, 2, 4, 5, 8]);
  expect(r.y!.data[0]).toBeCloseTo(0.5, 6);
  await session.release();
});

test('a training step whose results are fed back lowers the loss', async () => {
  const x = input('x', [8, 2]);
  const target = input('target', [8, 1]);
  const weights = { w1: parameter('w1', [2, 8]), gain: parameter('gain', [8]), w2: parameter('w2', [8, 1]) };
  const y = o.matmul(o.mul(rmsNormalize(silu(o.matmul(x, weights.w1))), weights.gain), weights.w2);
  const loss = mse(y, target);
  const names = Object.keys(weights);
  const grads = gradients(loss, Object.values(weights));
  const next = Object.fromEntries(Object.values(weights).map((p, i) => [`next/${names[i]}`, o.sub(p, o.mul(grads[i]!, 0.1))]));
  const session = await runtime.compile(graph('step', { loss, ...next }));
  let state = {
    w1: float32([2, 8], Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * 7.3))),
    gain: float32([8], new Float32Array(8).fill(1)),
    w2: float32([8, 1], Float32Array.from({ length: 8 }, (_, i) => Math.cos(i * 3.1))),
  };
  const xs = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const batch = { x: float32([8, 2], xs), target: float32([8, 1], Float32Array.from({ length: 8 }, (_, i) => xs[2 * i]! * xs[2 * i + 1]!)) };
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const r = await session.run({ ...batch, ...state });
    losses.push(r.loss!.data[0] as number);
    state = Object.fromEntries(names.map((n) => [n, r[`next/${n}`]])) as typeof state;
  }
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 5);
  await session.release();
});

test('the fast operators load', async () => {
  const x = input('x', ['B', 'L', 32]);
  const packed = constant(tensor('uint8', [16, 1, 16], new Uint8Array(256).fill(0x99)));
  const scales = constant(float32([16], new Float32Array(16).fill(0.5)));
  const bytes = constant(tensor('int8', [32, 16], new Int8Array(512).fill(2)));
  const int4 = constant(tensor('int4', [32, 16], new Uint8Array(256).fill(0x11)));
  const g = graph('fast', {
    norm: apply('SimplifiedLayerNormalization', [x, constant(float32([32], new Float32Array(32).fill(2)))], { epsilon: 1e-6 }),
    attended: apply('MultiHeadAttention', [x, x, x], { num_heads: 4, scale: 0.35 }),
    four: apply('MatMulNBits', [x, packed, scales], { K: 32, N: 16, bits: 4, block_size: 32, accuracy_level: 0 }),
    eight: apply('DynamicQuantizeMatMul', [x, bytes, constant(float32([16], new Float32Array(16).fill(0.5)))]),
    loose: o.matmul(x, apply('DequantizeLinear', [int4, constant(float32([2, 16], new Float32Array(32).fill(0.5)))], { axis: 0, block_size: 16 })),
  });
  const session = await runtime.compile(g);
  const r = await session.run({ x: float32([1, 2, 32], new Float32Array(64).fill(1)) });
  expect(Object.fromEntries(Object.entries(r).map(([name, t]) => [name, Number(t.data[0]).toFixed(3)]))).toEqual({
    norm: '2.000', attended: '1.000', four: '16.000', eight: '32.000', loose: '16.000',
  });
  await session.release();
});

test('feeds that do not fit get one clear line', async () => {
  const session = await runtime.compile(graph('sum', { y: o.add(input('a', ['B', 2]), input('b', ['B', 2])) }));
  const a = float32([3, 2], new Float32Array(6));
  await expect(session.run({ a })).rejects.toThrow('no tensor for input "b"');
  await expect(session.run({ a, b: a, c: a })).rejects.toThrow('input "c" does not exist; the inputs are "a", "b"');
  await expect(session.run({ a, b: float32([2, 2], new Float32Array(4)) })).rejects.toThrow(
    'input "b" [2,2]: axis 0 is 2, expected 3 (B with B = 3 from "a")',
  );
  await expect(session.run({ a, b: float32([6], new Float32Array(6)) })).rejects.toThrow('input "b" has shape [6], expected [B,2]');
  await expect(session.run({ a, b: int64([3, 2], [1, 2, 3, 4, 5, 6]) })).rejects.toThrow('input "b" is int64, expected float32');
  await session.release();
});
