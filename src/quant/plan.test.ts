import { expect, test } from 'vitest';
import { rootScope, type Specs } from '../nn/scope.ts';
import { float32 } from '../tensor/tensor.ts';
import { planOf, relativeError } from './plan.ts';

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

test('relative error', () => {
  expect(relativeError([1, 2], float32([2], [1, 4]).data)).toBeCloseTo(4 / 17);
});
