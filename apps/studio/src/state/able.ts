// What the model of the moment can be asked for.
import type { ModelInfo } from 'banana-sdk/web';
import { SIDES } from './wish.ts';

/** Longer sides to choose from. */
export const sizesOf = (): readonly number[] => SIDES;

/** Steps to choose from: a few of those that the model draws in. */
export function stepsOf(model: ModelInfo | undefined): readonly number[] {
  const all = model?.steps ?? [];
  return all.length <= 12 ? all : all.filter((x) => x <= 4 || x % 10 === 0);
}
