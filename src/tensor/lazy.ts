// Tensors by name that are read when asked for, each time anew: of a file that is too large to be in memory as numbers. Unlike a record
// with getters, nothing reads all of them by accident. (weights.ts is the same for what can only be read without blocking.)
import type { Outline } from './safetensors.ts';
import type { Tensor, Tensors } from './tensor.ts';

export interface LazyTensors {
  readonly names: readonly string[];
  /** What it is; undefined: there is none of that name. */
  outline(name: string): Outline | undefined;
  /** Its numbers. Throws InputError where the file cannot be read any more. */
  read(name: string): Tensor;
}

/** Tensors in memory as such; others as they are. */
export function lazily(tensors: Tensors | LazyTensors): LazyTensors {
  if (isLazy(tensors)) return tensors;
  const held = (name: string) => (Object.hasOwn(tensors, name) ? tensors[name] : undefined);
  return { names: Object.keys(tensors), outline: held, read: (name) => held(name)! };
}

const isLazy = (tensors: Tensors | LazyTensors): tensors is LazyTensors => typeof tensors.read === 'function';

/** All of them in memory. */
export const inMemory = ({ names, read }: LazyTensors): Tensors => Object.fromEntries(names.map((name) => [name, read(name)]));
