// The networks of a model against its files: which of their tensors are asked for, and which are left over.
import type { ModelPart } from '../models/family.ts';

export interface PartReport {
  readonly name: string;
  readonly tensors: number;
  readonly numbers: number;
  readonly stored: readonly string[];
  /** Tensors that nothing asks for. */
  readonly unused: readonly string[];
  /** Tensors that are asked for and not there. */
  readonly missing: readonly string[];
}

export function reportOf({ name, asked, found, stored, numbers }: ModelPart): PartReport {
  const [wants, has] = [new Set(asked), new Set(found)];
  return {
    ...{ name, tensors: found.length, numbers, stored },
    unused: found.filter((one) => !wants.has(one)),
    missing: asked.filter((one) => !has.has(one)),
  };
}

/** In a word, with the first few. */
export const leftOver = (unused: readonly string[]): string =>
  unused.length === 0 ? 'none' : `${unused.length}: ${unused.slice(0, 2).join(', ')}${unused.length > 2 ? ', ...' : ''}`;
