// Grouped-query attention (Ainslie et al. 2023) with RMS-normalised queries and keys (QK-norm, Henry et al. 2020) and
// rotary positions. R query heads share a key/value head. Extra keys and values (text, references) come ready-made, so
// that they are computed once a prompt and cached.
// Legend: B batch, L positions, M extra positions, D width, G key/value heads, R query heads each, d head width.
import { mulDims, type Dim } from '../graph/dim.ts';
import { attention, rmsNormalize, rotate } from '../graph/functions.ts';
import { concat, mul, reshape, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import { linear } from './layers.ts';
import type { Scope } from './scope.ts';

export interface Heads {
  /** Key/value heads G. */
  readonly groups: number;
  /** Query heads that share each of them, R. */
  readonly share: number;
  /** Head width d. */
  readonly width: number;
}

/** Rotary tables: cosine and sine (L, d/2). */
export interface Rotary {
  readonly cosine: Value;
  readonly sine: Value;
}

export interface KeysValues {
  /** (B, G, M, d) */
  readonly k: Value;
  readonly v: Value;
}

/** RMS normalisation over the head width with a learned gain. */
function headNorm(s: Scope, x: Value, width: number): Value {
  return mul(rmsNormalize(x), s.parameter('gain', [width], { constant: 1 }));
}

/** Keys and values of x (B, M, D'): both (B, G, M, d). `key` is the scope of the keys' weight. */
export function keysValues(s: Scope, x: Value, { groups: G, width: d }: Heads, rotary?: Rotary, key = s.in('key')): KeysValues {
  const [B, M] = x.shape as [Dim, Dim];
  const heads = (y: Value) => transpose(reshape(y, [B, M, G, d]), [0, 2, 1, 3]); // (B, G, M, d)
  const k = headNorm(s.in('key-norm'), heads(linear(key, x, G * d)), d);
  return { k: rotary ? rotate(k, rotary.cosine, rotary.sine) : k, v: heads(linear(s.in('value'), x, G * d)) };
}

/** Attention of x (B, L, D) to itself and to `extra`; `bias` (B, 1, 1, M') is added to the scores of all keys, extra first. */
export function selfAttention(
  s: Scope,
  x: Value,
  heads: Heads,
  { rotary, extra, bias }: { rotary?: Rotary; extra?: KeysValues; bias?: Value } = {},
): Value {
  const { groups: G, share: R, width: d } = heads;
  const [B, L, D] = x.shape as [Dim, Dim, number];
  const own = keysValues(s, x, heads, rotary, s.in('key').declare({ adapt: undefined })); // they only meet `query`, which adapters reach
  const k = extra ? concat([extra.k, own.k], 2) : own.k; // (B, G, M+L, d)
  const v = extra ? concat([extra.v, own.v], 2) : own.v;
  let q = transpose(reshape(linear(s.in('query'), x, G * R * d), [B, L, G * R, d]), [0, 2, 1, 3]); // (B, G*R, L, d)
  q = headNorm(s.in('query-norm'), q, d);
  if (rotary) q = rotate(q, rotary.cosine, rotary.sine);
  const y = attention(reshape(q, [B, G, R, L, d]), k, v, bias); // (B, G, R, L, d)
  const merged = reshape(transpose(y, [0, 3, 1, 2, 4]), [B, L, mulDims(G, R, d)]);
  return linear(s.in('out'), merged, D, { deviation: 0.5 / Math.sqrt(D) });
}
