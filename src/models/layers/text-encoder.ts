// Text encoder: byte-pair tokens to features, bidirectional, trained together with the transformer.
// Legend: B prompts, T tokens, D its width. Padding is hidden by an additive bias on the keys.
import { add } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { selfAttention } from '../../nn/attention.ts';
import { embedding, rmsNorm, swiglu } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { INNER, type LayersConfig } from './config.ts';

/** ids (B, T) int64, bias (B, 1, 1, T) 0 or very negative: features (B, T, D). `positions` is (T) int64: 0, 1, 2... */
export function textEncoder(s: Scope, ids: Value, positions: Value, bias: Value, { text }: Pick<LayersConfig, 'text'>): Value {
  let x = embedding(s.in('token').declare({ bits: 5 }), ids, text.vocabulary, text.width, { deviation: 0.5 });
  x = add(x, embedding(s.in('position').declare({ bits: 5 }), positions, text.length, text.width, { deviation: 0.1 })); // (B, T, D)
  for (let i = 0; i < text.depth; i++) {
    const block = s.in('blocks').in(i).declare(INNER);
    x = add(x, selfAttention(block.in('attention'), rmsNorm(block.in('attention-norm'), x), text.heads, { bias }));
    x = add(x, swiglu(block.in('mlp'), rmsNorm(block.in('mlp-norm'), x), text.hidden));
  }
  return rmsNorm(s.in('norm'), x);
}
