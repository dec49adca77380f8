// What the denoiser (transformer.ts) is made of: blocks of a diffusion transformer (Peebles & Xie 2023) with one AdaLN modulation that
// all share (PixArt's AdaLN-single), and the conditioning: text and references enter only as extra keys and values, computed once a
// prompt.
// Legend: B batch, L tokens of the picture, T text tokens, S reference tokens, M = T + S, C channels, D width.
import { rmsNormalize } from '../../graph/functions.ts';
import { add, concat, cos, div, mul, round, sin, slice, sub, sum, unsqueeze } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import { keysValues, selfAttention, type KeysValues, type Rotary } from '../../nn/attention.ts';
import { embedding, linear, rmsNorm, swiglu } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { INNER, type LayersConfig } from './config.ts';
import { textEncoder } from './text-encoder.ts';

/** What a prompt becomes, once: reused by every step. */
export interface Conditioning {
  /** Of each layer: keys and values of text and references, (B, G, M, d). */
  readonly layers: readonly KeysValues[];
  /** (B, D), the text as a whole. */
  readonly pooled: Value;
}

export interface TextInputs {
  /** (B, T) int64 */
  readonly ids: Value;
  /** (T) int64: 0, 1, 2, ... */
  readonly positions: Value;
  /** (B, T): 1 for a token, 0 for padding. */
  readonly mask: Value;
}

export interface ReferenceInputs {
  /** (B, S, C) latent tokens of the reference pictures. */
  readonly tokens: Value;
  /** (B, S) int64: slot 1..5 of each token; 0 is padding. */
  readonly slots: Value;
  /** Rotary tables (S, d/2): positions away from the image's own. */
  readonly rotary: Rotary;
}

/** Hides padding: mask (B, N) of ones and zeros to an additive bias (B, 1, 1, N). */
export function maskBias(mask: Value): Value {
  return unsqueeze(unsqueeze(mul(add(mask, -1), 1e4), 1), 1);
}

/** Text and references to each layer's keys and values. */
export function conditioning(s: Scope, text: TextInputs, config: LayersConfig, references?: ReferenceInputs): Conditioning {
  const { transformer: t } = config;
  const features = textEncoder(s.in('text'), text.ids, text.positions, maskBias(text.mask), config); // (B, T, D')
  const weights = unsqueeze(text.mask, -1);
  const total = sum(mul(features, weights), { axes: [1] }); //      (B, D')
  const count = sum(text.mask, { axes: [1], keepdims: true }); //   (B, 1), at least the start token
  const pooled = linear(s.in('pooled').declare({ bits: 5, adapt: 'modulation' }), div(total, count), t.width);
  const reference = references && referenceFeatures(s.in('reference').declare({ bits: 6, adapt: 'reference' }), references, config);
  const layers = Array.from({ length: t.depth }, (_, i) => {
    const layer = s.in('blocks').in(i).declare(INNER);
    const own = keysValues(layer.in('text').declare({ adapt: 'text' }), features, t.heads); // (B, G, T, d)
    if (!reference) return own;
    const more = keysValues(layer.in('reference').declare({ adapt: 'reference' }), reference, t.heads, references.rotary); // (B, G, S, d)
    return { k: concat([own.k, more.k], 2), v: concat([own.v, more.v], 2) };
  });
  return { layers, pooled };
}

/** Latent tokens of references with their slot: (B, S, C) to (B, S, D). */
function referenceFeatures(s: Scope, { tokens, slots }: ReferenceInputs, { transformer: t, subjects }: LayersConfig): Value {
  const x = linear(s.in('in'), tokens, t.width, { bias: true });
  return rmsNorm(s.in('norm'), add(x, embedding(s.in('slot').declare({ bits: 5 }), slots, subjects + 1, t.width)));
}

/** x (B) to cosines and sines of it at 64 frequencies: (B, 128). */
export function sinusoid(x: Value): Value {
  const frequencies = constant(
    float32(
      [1, 64],
      Array.from({ length: 64 }, (_, i) => 1000 ** (i / 63) * 0.5),
    ),
  );
  const angles = mul(unsqueeze(x, -1), frequencies);
  const turns = round(mul(angles, 1 / (2 * Math.PI)));
  const near = sub(angles, mul(turns, 2 * Math.PI)); // in [-pi, pi]: WGSL promises no precision beyond
  return concat([cos(near), sin(near)], -1);
}

/** What every block of the transformer reads besides its tokens. */
export interface BlockInputs {
  readonly extra: KeysValues;
  /** (L, d/2) */
  readonly rotary: Rotary;
  /** (B, 1, 1, M + L) on the keys, extra keys first (0 seen, -1e4 hidden). */
  readonly bias?: Value | undefined;
}

/** What the first and the last layer declare. */
export const END = { bits: 6, adapt: 'ends' } as const;

/** Block i: tokens (B, L, D) to tokens. */
export function block(
  s: Scope,
  i: number,
  h: Value,
  shared: Value,
  { extra, rotary, bias }: BlockInputs,
  { transformer: c }: Pick<LayersConfig, 'transformer'>,
): Value {
  const own = s.in('blocks').in(i).declare(INNER);
  const modulation = add(shared, own.parameter('modulation', [6 * c.width], { constant: 0 }));
  const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = chunks(modulation, 6, c.width);
  const a = selfAttention(own.in('attention').declare({ adapt: 'attention' }), modulate(h, shiftA!, scaleA!), c.heads, {
    rotary,
    extra,
    ...(bias && { bias }),
  });
  h = add(h, mul(a, add(gateA!, 1)));
  const m = swiglu(own.in('mlp').declare({ adapt: 'mlp' }), modulate(h, shiftM!, scaleM!), c.hidden);
  return add(h, mul(m, add(gateM!, 1)));
}

/** (B, n*D) to n values of (B, 1, D). */
export function chunks(x: Value, n: number, D: number): Value[] {
  return Array.from({ length: n }, (_, i) => unsqueeze(slice(x, -1, i * D, (i + 1) * D), 1));
}

/** Normalised x, shifted and scaled: AdaLN. */
export function modulate(x: Value, shift: Value, scale: Value): Value {
  return add(mul(rmsNormalize(x), add(scale, 1)), shift);
}
