// Layers of networks with weights from elsewhere, against numbers from PyTorch 2.13 for weights and inputs sin(0.7 i), i = 1, 2, ...
import { expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { attention, causalBias } from '../graph/functions.ts';
import { reshape, slice, upsample } from '../graph/ops.ts';
import { graph, input, type Value } from '../graph/value.ts';
import { expectClose } from '../sdk/testing.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { conv, groupNorm, layerNorm, rmsNorm } from './layers.ts';
import { rootScope, type Scope, type Specs } from './scope.ts';

const sines = (shape: readonly number[]) =>
  float32(
    shape,
    Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * (i + 1))),
  );

/** What a layer makes of sines with weights of sines, and the shapes of its weights by name. */
function run(shape: readonly number[], layer: (s: Scope, x: Value) => Value): { y: Tensor; weights: Record<string, readonly number[]> } {
  const specs: Specs = new Map();
  const g = graph('layer', { y: layer(rootScope(specs).in('part'), input('x', shape)) });
  const weights = Object.fromEntries([...specs].map(([name, spec]) => [name, spec.shape]));
  const feeds = Object.fromEntries(Object.entries({ x: shape, ...weights }).map(([name, s]) => [name, sines(s)]));
  return { y: evaluate(g, feeds).y!, weights };
}

const expectNumbers = (y: Tensor, shape: readonly number[], numbers: readonly number[]) => {
  expect(y.shape).toEqual(shape);
  const list = (data: ArrayLike<number>) => ({ y: float32([numbers.length], data) });
  expectClose(list((y.data as Float32Array).slice(0, numbers.length)), list(numbers), { rtol: 1e-5, atol: 1e-6 });
};

test('conv: groups, stride, padded to keep the size', () => {
  const { y, weights } = run([1, 4, 3, 3], (s, x) => conv(s, x, 2, { stride: 2, groups: 2 }));
  expect(weights).toEqual({ 'part.weight': [2, 2, 3, 3], 'part.bias': [2] });
  expectNumbers(y, [1, 2, 2, 2], [-1.97765017, 2.47110868, 2.47110868, -1.97765017, -1.70850563, 2.7402549, 2.7402549, -1.70850563]);
  const patch = run([1, 4, 6, 6], (s, x) => conv(s, x, 8, { kernel: 2, stride: 2, bias: false }));
  expect(patch).toMatchObject({ y: { shape: [1, 8, 3, 3] }, weights: { 'part.weight': [8, 4, 2, 2] } });
});

test('groupNorm', () => {
  const { y, weights } = run([1, 4, 3, 3], (s, x) => groupNorm(s, x, 2));
  expect(weights).toEqual({ 'part.weight': [4], 'part.bias': [4] });
  expectNumbers(
    y,
    [1, 4, 3, 3],
    [1.23087609, 1.54209197, 1.43060446, 0.94884783, 0.32339984, -0.15158142, -0.25270513, 0.0675889, 0.65866125, 1.90066624, 2.36270666],
  );
  expect(() => run([1, 4, 3, 3], (s, x) => groupNorm(s, x, 3))).toThrow('4 channels cannot be cut into 3 groups');
});

test('layerNorm, with and without weights', () => {
  const { y, weights } = run([2, 4], (s, x) => layerNorm(s, x, { epsilon: 1e-6 }));
  expect(weights).toEqual({ 'part.weight': [4], 'part.bias': [4] });
  expectNumbers(y, [2, 4], [0.48063847, 2.09596682, 1.40897798, -0.16925283, 1.59519386, 0.32535663, -0.1093912, 0.44231623]);
  expect(run([2, 4], (s, x) => layerNorm(s, x, { affine: false })).weights).toEqual({});
});

test('rmsNorm takes the name that the checkpoint has', () => {
  expect(run([2, 4], (s, x) => rmsNorm(s, x, { name: 'weight' })).weights).toEqual({ 'part.weight': [4] });
});

test('upsample repeats each pixel', () => {
  const { y } = run([1, 1, 1, 2], (_, x) => upsample(x));
  const row = [0.64421769, 0.64421769, 0.98544973, 0.98544973];
  expectNumbers(y, [1, 1, 2, 4], [...row, ...row]);
});

test('causal attention: each position sees none after it', () => {
  const heads = (q: Value) => reshape(q, [1, 2, 3, 4]);
  const { y } = run([1, 2, 1, 3, 4], (_, q) => attention(q, heads(q), heads(q), causalBias(3)));
  expectNumbers(
    y,
    [1, 2, 1, 3, 4],
    [
      0.64421767, 0.98544973, 0.86320943, 0.33498821, -0.25111997, -0.68556857, -0.7975837, -0.53448278, 0.26356423, 0.70399702, 0.81332892,
      0.54013968, 0.31909892, -0.36647931, -0.87969577, -0.97917777, -0.48412594, -0.02358639, 0.44804695, 0.70895612, 0.49527046,
      0.0028672, -0.49088455, -0.75376511,
    ],
  );
  const first = (q: Value) => reshape(slice(q, 2, 0, 1), [1, 1, 3, 4]);
  const shared = run([1, 1, 2, 3, 4], (_, q) => attention(q, first(q), first(q), causalBias(3, 2)));
  const firsts = [...(shared.y.data as Float32Array)].filter((_, i) => i % 12 < 4); // first position of both heads
  expect(firsts).toEqual([...sines([4]).data, ...sines([4]).data]);
});
