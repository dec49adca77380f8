import { expect, it } from 'vitest';
import { inMemory, lazily } from './lazy.ts';
import { float32 } from './tensor.ts';

it('reads tensors of a record, whatever they are called', () => {
  const tensors = { read: float32([1], [1]), 'a.b': float32([2], [2, 3]) };
  const lazy = lazily(tensors);
  expect(lazy.names).toEqual(['read', 'a.b']);
  expect(lazy.read('a.b')).toBe(tensors['a.b']);
  expect(lazy.outline('read')!.shape).toEqual([1]);
  expect(lazy.outline('toString')).toBeUndefined();
  expect(inMemory(lazy)).toEqual(tensors);
  expect(lazily(lazy)).toBe(lazy);
});
