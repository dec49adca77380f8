// Held-out splits, deterministic by hash: a fact is a short text such as `colour:1F98A:red`, and one in ten (or as the
// table says) is never trained on. A test sample holds at least one such fact. The (concept, style) pairs are a fixed
// list, made once so that each style and each group loses the same share. Core Dutch nouns are all trained on: nothing
// here could know a Dutch word that it has never seen.
import { hash32 } from '../util/random.ts';
import { table } from './tables.ts';

/** Shares held out, in percent, by the kind of fact (the text before the first colon). */
export const HELD_OUT_PERCENT = {
  colour: 10,
  relation: 10,
  count: 10,
  background: 10,
  tag: 15,
  nl: 15,
  character: 10,
  expression: 10,
} as const;
export type FactKind = keyof typeof HELD_OUT_PERCENT | 'style';

export type Split = 'train' | 'test';

let pairs: Set<string> | undefined;

/** Is this fact held out from training? */
export function heldOut(kind: FactKind, ...parts: (string | number)[]): boolean {
  if (kind === 'style') {
    pairs ??= new Set(table<[string, string][]>('heldout-style-pairs').map(([hex, style]) => `${hex}:${style}`));
    return pairs.has(parts.join(':'));
  }
  return hash32(`held:${kind}:${parts.join(':')}`) % 100 < HELD_OUT_PERCENT[kind];
}
