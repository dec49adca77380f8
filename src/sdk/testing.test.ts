import { expect, test } from 'vitest';
import { float32, int64, scalar } from '../tensor/tensor.ts';
import { expectClose, type Numbers } from './testing.ts';

test('what is close passes', () => {
  expectClose({ y: float32([2], [1, 2.000001]) }, { y: float32([2], [1, 2]) });
  expectClose([1, 2, [3, NaN]], [1, 2, [3, NaN]]);
  expectClose(Infinity, Infinity);
  expectClose(1.05, 1, { rtol: 0.1 });
});

test.each<[string, Numbers, Numbers, string]>([
  [
    'the first element and the worst',
    { y: float32([2, 3], [1, 2, 3, 4, 9, 7]) },
    { y: float32([2, 3], [1, 2, 3, 4, 5, 6]) },
    'y[1,1]: found 9, expected 5 (rtol 0.00001, atol 0.000001); 2 of 6 differ, most at [1,1] by 4.00',
  ],
  ['a scalar', { loss: scalar(1) }, { loss: scalar(2) }, 'loss: found 1, expected 2'],
  ['not a number', float32([2], [NaN, 1]), float32([2], [0, 1]), 'value[0]: found NaN, expected 0'],
  ['a path through lists and objects', { a: [{ b: [1, 2] }] }, { a: [{ b: [1, 3] }] }, 'a.0.b[1]: found 2, expected 3'],
  ['shapes', float32([2], [1, 2]), float32([1, 2], [1, 2]), 'value: found float32[2], expected float32[1,2]'],
  ['types', int64([1], [1]), float32([1], [1]), 'value: found int64[1], expected float32[1]'],
  ['keys', { a: 1, c: 1 }, { a: 1, b: 1 }, 'value: found [a,c], expected [a,b]'],
  ['lengths', [1], [1, 2], 'value: found 1 elements, expected 2'],
])('names %s', (_, actual, expected, message) => expect(() => expectClose(actual, expected)).toThrow(message));
