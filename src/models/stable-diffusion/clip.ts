// CLIP's text encoder (Radford et al. 2021) under the names of transformers' CLIPTextModel: CLIP-L, and OpenCLIP's H and bigG, which
// are the same network in other sizes. A pre-norm transformer with learned positions, in which a token sees none after it.
// Legend: B texts, L tokens of each, D width, d width of a head.
import type { Dim } from '../../graph/dim.ts';
import { attention, causalBias, quickGelu } from '../../graph/functions.ts';
import { add, argmax, cast, equal, gelu, matmul, reshape, transpose, unsqueeze } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import { embedding, layerNorm, linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { int64 } from '../../tensor/tensor.ts';
import { oneOf, setting, type Settings } from './settings.ts';

export interface ClipConfig {
  readonly vocabulary: number;
  /** Tokens of a text, start, end and padding included. */
  readonly length: number;
  readonly width: number;
  readonly depth: number;
  readonly heads: number;
  /** Hidden width of the feed-forward part. */
  readonly hidden: number;
  readonly activation: (x: Value) => Value;
  readonly epsilon: number;
  /** Width of the pooled features, of a model that projects them. */
  readonly projection: number;
  /** The token that ends a text; undefined: it is the highest of all. */
  readonly end: number | undefined;
}

const ACTIVATIONS = { quick_gelu: quickGelu, gelu: (x: Value) => gelu(x), gelu_new: (x: Value) => gelu(x, 'tanh') };

/** Files from before transformers 4.28 say 2, whatever the vocabulary: for those it takes the highest token of a text as its end. */
const WRONG_END = 2;

/** From a text encoder's config.json; what is absent there is CLIP-L's. Throws InputError `model.manifest`. */
export function clipConfig(settings: Settings): ClipConfig {
  const number = (name: string, absent: number) => setting(settings, name, 'number', absent);
  const end = number('eos_token_id', 49407);
  return {
    vocabulary: number('vocab_size', 49408),
    length: number('max_position_embeddings', 77),
    width: number('hidden_size', 512),
    depth: number('num_hidden_layers', 12),
    heads: number('num_attention_heads', 8),
    hidden: number('intermediate_size', 2048),
    activation: oneOf(settings, 'hidden_act', ACTIVATIONS, 'quick_gelu'),
    epsilon: number('layer_norm_eps', 1e-5),
    projection: number('projection_dim', 512),
    end: end === WRONG_END ? undefined : end,
  };
}

/** Where the names of a text encoder begin: transformers 5 writes them without the "text_model." of all files before. */
export const clipRoot = (s: Scope, names: readonly string[]): Scope =>
  names.some((name) => name.startsWith('text_model.')) ? s.in('text_model') : s;

/**
 * Features of ids (B, L) int64: (B, L, D). `skip` last layers are left out (1 for SDXL, "clip skip" elsewhere); `normed`: with the
 * final normalisation, as Stable Diffusion 1 and 2 take them.
 */
export function clipFeatures(s: Scope, ids: Value, config: ClipConfig, { skip = 0, normed = true } = {}): Value {
  const { width: D, vocabulary, length } = config;
  const L = ids.shape[1] as number;
  const table = (name: string, index: Value, count: number) => embedding(s.in('embeddings').in(name), index, count, D, undefined, 'weight');
  const positions = constant(
    int64(
      [L],
      Array.from({ length: L }, (_, i) => i),
    ),
  );
  let x = add(table('token_embedding', ids, vocabulary), table('position_embedding', positions, length)); // (B, L, D)
  for (let i = 0; i < config.depth - skip; i++) x = block(s.in('encoder').in('layers').in(i), x, config);
  return normed ? layerNorm(s.in('final_layer_norm'), x, config) : x;
}

function block(s: Scope, x: Value, config: ClipConfig): Value {
  const y = add(x, causalAttention(s.in('self_attn'), layerNorm(s.in('layer_norm1'), x, config), config));
  const wide = linear(s.in('mlp').in('fc1'), layerNorm(s.in('layer_norm2'), y, config), config.hidden, { bias: true });
  return add(y, linear(s.in('mlp').in('fc2'), config.activation(wide), config.width, { bias: true }));
}

function causalAttention(s: Scope, x: Value, { heads: H, width: D }: ClipConfig): Value {
  const [B, L] = x.shape as [Dim, number];
  const heads = (y: Value) => transpose(reshape(y, [B, L, H, D / H]), [0, 2, 1, 3]); // (B, H, L, d)
  const parts = (name: string) => heads(linear(s.in(name), x, D, { bias: true }));
  const y = attention(unsqueeze(parts('q_proj'), 2), parts('k_proj'), parts('v_proj'), causalBias(L)); // (B, H, 1, L, d)
  return linear(s.in('out_proj'), reshape(transpose(y, [0, 3, 1, 2, 4]), [B, L, D]), D, { bias: true });
}

/** Of normed features (B, L, D) of ids (B, L) those of the token that ends each text: (B, D). */
export function clipPooled(features: Value, ids: Value, { end }: Pick<ClipConfig, 'end'>): Value {
  const [B, L, D] = features.shape as [Dim, number, number];
  const known = end === undefined ? ids : equal(ids, constant(int64([], [end])));
  const at = argmax(cast(known, 'float32')); // (B, 1): the first of the highest
  const places = constant(
    int64(
      [1, L],
      Array.from({ length: L }, (_, i) => i),
    ),
  );
  const chosen = unsqueeze(cast(equal(places, at), 'float32'), 1); // (B, 1, L)
  return reshape(matmul(chosen, features), [B, D]);
}

/** Pooled features (B, D) in the space that CLIP compares texts and pictures in: (B, projection). `s` is the root of the file. */
export const clipProjected = (s: Scope, pooled: Value, { projection }: Pick<ClipConfig, 'projection'>): Value =>
  linear(s.in('text_projection'), pooled, projection);
