import { expect, test } from 'vitest';
import { numberOf } from './number.ts';

test.each([
  ['7', 7],
  ['+7', 7],
  ['-0.5', -0.5],
  ['.5', 0.5],
  ['-.5', -0.5],
  ['5.', 5],
  ['1e-3', 0.001],
  ['2E3', 2000],
  ['007', 7],
])('%s is %d', (text, n) => {
  expect(numberOf(text)).toBe(n);
});
test.each(['', ' ', '.', '-', 'e3', '1e', '12px', '0x10', '1e999', 'Infinity', 'NaN', '1,5', '1 2', '--1', '٣'])('%j is none', (text) => {
  expect(numberOf(text)).toBeUndefined();
});
