import { expect, test } from 'vitest';
import { initialize, rootScope, type Specs } from '../nn/scope.ts';
import { float32, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { EIGHT, FOUR, planOf, raise, relativeError, sensitivity } from './plan.ts';

const shapes = Object.entries({
  'transformer.blocks.0.attention.query.weight': [256, 256],
  'transformer.blocks.0.modulation': [1536],
  'transformer.text.blocks.1.mlp.up.weight': [256, 704],
  'transformer.text.token.table': [4096, 256],
  'transformer.out.weight': [256, 32],
  'transformer.in.weight': [32, 100],
  'decoder.blocks.0.mlp.up.weight': [256, 704],
  'decoder.mix.0.weight': [216, 24],
  'renderer.hidden.weight': [999, 999],
}).map(([path, shape]) => [path, { shape }] as const);

test('the table: blocks at 4 bits, tables at 5, the rest at 6, small matrices and the renderer float', () => {
  expect(planOf(shapes)).toEqual({
    'transformer.blocks.0.attention.query.weight': 4,
    'transformer.text.blocks.1.mlp.up.weight': 4,
    'transformer.text.token.table': 5,
    'transformer.out.weight': 6,
    'decoder.blocks.0.mlp.up.weight': 4,
  });
  expect(new Set(Object.values(planOf(shapes, EIGHT)))).toEqual(new Set([8]));
  expect(Object.keys(planOf(shapes, EIGHT))).toEqual(Object.keys(planOf(shapes, FOUR)));
});

test('sensitivity finds the layer that matters, and the plan raises it', async () => {
  const specs: Specs = new Map();
  const s = rootScope(specs);
  for (const name of ['a', 'b', 'c', 'd']) s.in(name).parameter('weight', [64, 64], { deviation: 1 });
  const weights = initialize(specs, random(0));
  const plan = planOf(Object.entries(weights), [[/./, 4]]);
  const importance: Record<string, number> = { a: 0.1, b: 3, c: 1, d: 0 };
  const run = async (w: Tensors) => Float32Array.from({ length: 4096 }, (_, i) => Object.entries(importance).reduce((sum, [name, x]) => sum + x * (w[`${name}.weight`] as Tensor<'float32'>).data[i]!, 0));
  const found = await sensitivity(run, weights, plan);
  expect(Object.entries(found).sort(([, a], [, b]) => b - a).map(([path]) => path[0]).join('')).toBe('bcad');
  expect(found['d.weight']).toBe(0);
  expect(raise(plan, found, weights, { share: 0.3 })).toEqual({ ...plan, 'b.weight': 6 });
  expect(raise(plan, found, weights, { share: 0.5 })).toEqual({ ...plan, 'b.weight': 6, 'c.weight': 6 });
  expect(raise(plan, found, weights, { share: 0 })).toEqual(plan);
});

test('relative error', () => {
  expect(relativeError([1, 2], float32([2], [1, 4]).data)).toBeCloseTo(4 / 17);
});
