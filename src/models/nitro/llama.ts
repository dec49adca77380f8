// Llama 3 as a text encoder under the names of transformers' LlamaModel (Dubey et al. 2024): RMS norms, rotary positions whose slow turns
// are slowed further (the "llama3" scaling), keys and values shared by groups of heads, SwiGLU. Its features are what follows the last norm.
// Not here: the table of embeddings as part of a graph - of 128,256 rows a prompt needs 128, which are read from the file.
// Legend: B texts, L tokens of each, D width, G groups of R heads, d width of a head.
import type { Dim } from '../../graph/dim.ts';
import { attention, causalBias, rotate, silu } from '../../graph/functions.ts';
import { add, mul, reshape, sub, transpose } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import { linear, rmsNorm } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { InputError } from '../../util/errors.ts';
import { oneOf, setting, settingsIn, type Settings } from '../stable-diffusion/settings.ts';

export interface LlamaConfig {
  readonly vocabulary: number;
  readonly width: number;
  readonly depth: number;
  /** Query heads, and the heads of keys and values that groups of them share. */
  readonly heads: number;
  readonly groups: number;
  readonly perHead: number;
  /** Hidden width of the feed-forward part. */
  readonly hidden: number;
  readonly epsilon: number;
  /** Turns of the rotary positions for each token, fast first: (d / 2). */
  readonly turns: readonly number[];
}

/** From a text encoder's config.json. Throws InputError `model.manifest`. */
export function llamaConfig(settings: Settings): LlamaConfig {
  const number = (name: string, absent?: number) => setting(settings, name, 'number', absent);
  oneOf(settings, 'hidden_act', { silu: true }, 'silu');
  for (const name of ['attention_bias', 'mlp_bias'])
    if (setting(settings, name, 'boolean', false)) throw new InputError('model.manifest', `${settings.source}: "${name}" is not read`);
  const [width, heads] = [number('hidden_size'), number('num_attention_heads')];
  const perHead = number('head_dim', width / heads);
  return {
    vocabulary: number('vocab_size'),
    width,
    depth: number('num_hidden_layers'),
    heads,
    groups: number('num_key_value_heads', heads),
    perHead,
    hidden: number('intermediate_size'),
    epsilon: number('rms_norm_eps', 1e-6),
    turns: turnsOf(settings, perHead),
  };
}

/** transformers 5 writes all of it as "rope_parameters", those before the base as "rope_theta" and the rest as "rope_scaling". */
function turnsOf(settings: Settings, perHead: number): number[] {
  const rope = settingsIn(settings, settings.values['rope_parameters'] ? 'rope_parameters' : 'rope_scaling');
  const base = setting(rope, 'rope_theta', 'number', setting(settings, 'rope_theta', 'number', 10000));
  const plain = Array.from({ length: perHead / 2 }, (_, i) => base ** ((-2 * i) / perHead));
  return oneOf(rope, 'rope_type', SCALINGS, 'default')(plain, rope);
}

const SCALINGS: Readonly<Record<string, (turns: number[], settings: Settings) => number[]>> = {
  default: (turns) => turns,
  llama3: slowed,
};

/** Turns slower than the training's length are slowed by a factor, quick ones stay, between them it goes over. */
function slowed(turns: number[], settings: Settings): number[] {
  const number = (name: string) => setting(settings, name, 'number');
  const [factor, low, high] = [number('factor'), number('low_freq_factor'), number('high_freq_factor')];
  const length = number('original_max_position_embeddings');
  return turns.map((turn) => {
    const quick = ((length * turn) / (2 * Math.PI) - low) / (high - low);
    const share = Math.min(Math.max(quick, 0), 1);
    return (1 - share) * (turn / factor) + share * turn;
  });
}

/** Where the names of its weights begin: LlamaForCausalLM puts "model." before them. */
export const llamaRoot = (s: Scope, names: readonly string[]): Scope =>
  names.some((name) => name.startsWith('model.')) ? s.in('model') : s;

/** The name of the table of embeddings below the root: (vocabulary, D). */
export const EMBEDDINGS = 'embed_tokens.weight';

/** Layers `from` to before `to`. */
export type Layers = readonly [from: number, to: number];

/**
 * Features (B, L, D) of embedded tokens x (B, L, D); of some layers alone, what the next ones read. `seen` (B, L) is 1 for a token of the text and 0 for padding: no token attends to
 * padding, but padding has features too, of the text before it.
 */
export function llamaFeatures(s: Scope, x: Value, seen: Value, config: LlamaConfig, [from, to]: Layers = [0, config.depth]): Value {
  const [B, L] = x.shape as [Dim, number];
  const unseen = reshape(mul(sub(seen, 1), 1e9), [B, 1, 1, L]);
  const at = { bias: add(causalBias(L, config.heads / config.groups), unseen), rotary: rotaryTables(L, config.turns), config };
  for (let i = from; i < to; i++) x = block(s.in('layers').in(i), x, at);
  return to === config.depth ? norm(s.in('norm'), x, config) : x;
}

interface At {
  /** (B, 1, R L, L) */
  readonly bias: Value;
  readonly rotary: readonly [cosine: Value, sine: Value];
  readonly config: LlamaConfig;
}

const norm = (s: Scope, x: Value, { epsilon }: LlamaConfig) => rmsNorm(s, x, { epsilon, name: 'weight' });

/** Cosines and sines of tokens 0 to L - 1: (L, d / 2) each. */
function rotaryTables(L: number, turns: readonly number[]): [Value, Value] {
  const angles = Array.from({ length: L }, (_, i) => turns.map((turn) => i * turn)).flat();
  const table = (wave: (x: number) => number) => constant(float32([L, turns.length], Float32Array.from(angles, wave)));
  return [table(Math.cos), table(Math.sin)];
}

function block(s: Scope, x: Value, at: At): Value {
  const y = add(x, selfAttention(s.in('self_attn'), norm(s.in('input_layernorm'), x, at.config), at));
  const mlp = s.in('mlp');
  const z = norm(s.in('post_attention_layernorm'), y, at.config);
  const wide = (name: string) => linear(mlp.in(name), z, at.config.hidden);
  return add(y, linear(mlp.in('down_proj'), mul(silu(wide('gate_proj')), wide('up_proj')), at.config.width));
}

function selfAttention(s: Scope, x: Value, { bias, rotary, config }: At): Value {
  const { heads, groups: G, perHead: d, width } = config;
  const [B, L] = x.shape as [Dim, number];
  const parts = (name: string, count: number) => transpose(reshape(linear(s.in(name), x, count * d), [B, L, count, d]), [0, 2, 1, 3]);
  const q = reshape(rotate(parts('q_proj', heads), ...rotary), [B, G, heads / G, L, d]);
  const y = attention(q, rotate(parts('k_proj', G), ...rotary), parts('v_proj', G), bias); // (B, G, R, L, d)
  return linear(s.in('o_proj'), reshape(transpose(y, [0, 3, 1, 2, 4]), [B, L, heads * d]), width);
}
