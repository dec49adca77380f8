import { expect, test } from 'vitest';
import { initialize, rootScope, type Specs } from '../nn/scope.ts';
import { float32, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { planOf, raise, relativeError, sensitivity } from './plan.ts';

test('a plan is what layers declared for their matrices; small ones and what declares nothing stay float', () => {
  const specs: Specs = new Map();
  const s = rootScope(specs);
  const block = s.in('block').declare({ bits: 4 });
  block.in('query').parameter('weight', [256, 256], { deviation: 1 });
  block.in('table').declare({ bits: 5 }).parameter('table', [4096, 256], { deviation: 1 });
  block.parameter('gain', [8192], { constant: 1 });
  block.in('small').parameter('weight', [32, 100], { deviation: 1 });
  s.in('renderer').parameter('weight', [999, 999], { deviation: 1 });
  expect(planOf(specs)).toEqual({ 'block.query.weight': 4, 'block.table.table': 5 });
  expect(planOf(specs, 8)).toEqual({ 'block.query.weight': 8, 'block.table.table': 8 });
});

test('sensitivity finds the layer that matters, and the plan raises it', async () => {
  const specs: Specs = new Map();
  const s = rootScope(specs).declare({ bits: 4 });
  for (const name of ['a', 'b', 'c', 'd']) s.in(name).parameter('weight', [64, 64], { deviation: 1 });
  const weights = initialize(specs, random(0));
  const plan = planOf(specs);
  const importance: Record<string, number> = { a: 0.1, b: 3, c: 1, d: 0 };
  const run = async (w: Tensors) =>
    Float32Array.from({ length: 4096 }, (_, i) =>
      Object.entries(importance).reduce((sum, [name, x]) => sum + x * (w[`${name}.weight`] as Tensor<'float32'>).data[i]!, 0),
    );
  const found = await sensitivity(run, weights, plan);
  expect(
    Object.entries(found)
      .sort(([, a], [, b]) => b - a)
      .map(([path]) => path[0])
      .join(''),
  ).toBe('bcad');
  expect(found['d.weight']).toBe(0);
  expect(raise(plan, found, weights, { share: 0.3 })).toEqual({ ...plan, 'b.weight': 6 });
  expect(raise(plan, found, weights, { share: 0.5 })).toEqual({ ...plan, 'b.weight': 6, 'c.weight': 6 });
  expect(raise(plan, found, weights, { share: 0 })).toEqual(plan);
});

test('relative error', () => {
  expect(relativeError([1, 2], float32([2], [1, 4]).data)).toBeCloseTo(4 / 17);
});
