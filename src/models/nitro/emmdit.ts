// E-MMDiT, the denoiser of AMD's Nitro-E (2025, arXiv 2510.27135): tokens of the picture and of the prompt attend to each other (MMDiT,
// Esser et al. 2024), in three groups of blocks. In the middle one the picture's tokens are compressed, to halves and quarters of its
// sides at once. Some blocks attend within regions: every k-th token, by turns. It predicts the velocity of the straight path.
// Legend: B pictures, h w rows and columns, L = h w cells, M tokens of the prompt, D width, H heads, d width of a head.
// https://github.com/AMD-AGI/Nitro-E/blob/9f12d73/core/models/transformer_emmdit.py
import { divideDim, mulDims, type Dim } from '../../graph/dim.ts';
import { attention, silu } from '../../graph/functions.ts';
import { add, concat, gather, gelu, mul, reshape, slice, split, transpose, unsqueeze } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { layerNorm, linear, rmsNorm } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { twoLayers, waves } from '../../nn/time.ts';
import type { EmmditConfig } from './emmdit-config.ts';

export interface EmmditInputs {
  /** Noisy latent (B, h, w, channels); h and w are multiples of SIDE, and numbers where blocks attend by regions. */
  readonly x: Value;
  /** Time (B), from 0 (picture) to 1000 (noise). */
  readonly time: Value;
  /** Features of the prompt (B, M, context). */
  readonly context: Value;
  /** Where the cells are (positions.ts). */
  readonly cells: Value;
  readonly places: Value;
  readonly halves: Value;
  readonly quarters: Value;
}

interface Sides {
  readonly rows: Dim;
  readonly columns: Dim;
}

/** Width of the waves that write the time. */
const TIME_WAVES = 256;
const EPSILON = 1e-6;
/** The regions of block i: into how many the tokens are dealt, and how many neighbours stay together. */
const REGIONS = [
  { count: 1, together: 1 },
  { count: 4, together: 1 },
  { count: 4, together: 4 },
] as const;
type Regions = (typeof REGIONS)[number];

interface Streams {
  readonly image: Value;
  readonly text: Value;
}

/** The velocity of x: (B, L, outChannels). */
export function emmdit(s: Scope, inputs: EmmditInputs, config: EmmditConfig): Value {
  const { width: D, groups } = config;
  const [B, rows, columns, channels] = inputs.x.shape as [Dim, Dim, Dim, number];
  const sides = { rows, columns };
  const exact = s.declare({ bits: undefined }); // small, and all that comes after hangs on them
  const time = timeFeatures(exact.in('adaln_single'), inputs.time, D); // (B, 6, D)
  const table = s.in('pos_embed').parameter('pos_embed', [1, config.table ** 2, D], { deviation: 0.02 });
  const placed = gather(reshape(table, [config.table ** 2, D]), inputs.cells); // (L, D)
  const image = add(
    linear(exact.in('pos_embed').in('proj'), reshape(inputs.x, [B, mulDims(rows, columns), channels]), D, { bias: true }),
    placed,
  );
  const text = linear(exact.in('context_embedder'), inputs.context, D, { bias: true });
  const blocks = (group: number, streams: Streams) => through(s.in('block_groups').in(group), group, streams, time, config);
  const fine = blocks(0, { image, text });
  const coarse = blocks(1, { image: compressed(s.in('tokencompressor.0.0'), fine.image, sides), text: fine.text });
  const restored = reconstructed(s.in('tokenreconstructor.0.0'), coarse.image, fine.image, inputs, sides);
  const last = blocks(groups.length - 1, { image: add(restored, inputs.places), text: coarse.text });
  return linear(exact.in('proj_out'), layerNorm(s.in('norm_out'), last.image, { epsilon: EPSILON, affine: false }), config.outChannels, {
    bias: true,
  });
}

/** A group of blocks; their regions go on from the group before. */
function through(s: Scope, group: number, streams: Streams, time: Value, config: EmmditConfig): Streams {
  const before = config.groups.slice(0, group).reduce((a, b) => a + b, 0);
  const all = config.groups.reduce((a, b) => a + b, 0);
  for (let i = 0; i < config.groups[group]!; i++) {
    const regions = REGIONS[config.regions ? (before + i) % REGIONS.length : 0]!;
    streams = block(s.in(i), streams, time, { heads: config.heads, regions, last: before + i === all - 1 });
  }
  return streams;
}

interface BlockOptions {
  readonly heads: number;
  readonly regions: Regions;
  /** The last block of all leaves the prompt as it is: nothing reads it any more. */
  readonly last: boolean;
}

function block(s: Scope, { image, text }: Streams, time: Value, { heads, regions, last }: BlockOptions): Streams {
  const [of, ofText] = [modulation(s, '', time), last ? undefined : modulation(s, '_c', time)];
  const normed = modulated(layerNorm(s.in('norm1'), image), of.attention);
  const normedText = layerNorm(s.in('norm1_context'), text);
  const seen = {
    image: dealt(normed, regions),
    text: dealt(ofText ? modulated(normedText, ofText.attention) : normedText, regions),
  };
  const attended = jointAttention(s.in('attn'), seen, heads, last);
  const next = (x: Value, y: Value, ff: string, { attention: { gate }, mlp }: Modulation) => {
    const z = add(x, mul(gate, gathered(y, regions)));
    return add(z, mul(mlp.gate, feedForward(s.in(ff), modulated(layerNorm(s, z, { epsilon: EPSILON, affine: false }), mlp))));
  };
  return { image: next(image, attended.image, 'ff', of), text: ofText ? next(text, attended.text, 'ff_context', ofText) : text };
}

interface Shift {
  readonly shift: Value;
  readonly scale: Value;
  readonly gate: Value;
}
interface Modulation {
  readonly attention: Shift;
  readonly mlp: Shift;
}

/** What the time does to a block (AdaLN-affine): bias + time (1 + scale), six rows of (B, 1, D). */
function modulation(s: Scope, suffix: string, time: Value): Modulation {
  const [, six, D] = time.shape as [Dim, number, number];
  const rows = (name: string) => s.parameter(name + suffix, [six, D], { deviation: 1 / Math.sqrt(D) });
  const all = add(rows('scale_shift_bias'), mul(time, add(rows('scale_shift_scale'), 1)));
  const [a, b, c, d, e, f] = split(all, 1, [1, 1, 1, 1, 1, 1]) as [Value, Value, Value, Value, Value, Value];
  return { attention: { shift: a, scale: b, gate: c }, mlp: { shift: d, scale: e, gate: f } };
}

const modulated = (x: Value, { shift, scale }: Shift): Value => add(mul(x, add(scale, 1)), shift);

/** x (B, L, D) dealt to regions: (B count, L / count, D), neighbours that stay together one after the other. */
function dealt(x: Value, { count, together }: Regions): Value {
  if (count === 1) return x;
  const [B, L, D] = x.shape as [Dim, Dim, number];
  const dealer = reshape(x, [B, divideDim(L, count * together), count, together, D]);
  return reshape(transpose(dealer, [0, 2, 1, 3, 4]), [mulDims(B, count), divideDim(L, count), D]);
}

/** The inverse of dealt(). */
function gathered(x: Value, { count, together }: Regions): Value {
  if (count === 1) return x;
  const [regions, L, D] = x.shape as [Dim, Dim, number];
  const B = divideDim(regions, count);
  const hands = reshape(x, [B, count, divideDim(L, together), together, D]);
  return reshape(transpose(hands, [0, 2, 1, 3, 4]), [B, mulDims(L, count), D]);
}

/** Attention of both streams (B, ., D) to both, each with projections of its own. */
function jointAttention(s: Scope, { image, text }: Streams, H: number, last: boolean): Streams {
  const [B, L, D] = image.shape as [Dim, Dim, number];
  const M = text.shape[1] as number;
  const heads = (x: Value, name: string, norm?: string) => {
    const y = transpose(reshape(linear(s.in(name), x, D, { bias: true }), [B, x.shape[1]!, H, D / H]), [0, 2, 1, 3]);
    return norm ? rmsNorm(s.in(norm), y, { epsilon: EPSILON, name: 'weight' }) : y;
  };
  const both = (a: Value, b: Value) => concat([a, b], 2); // (B, H, L + M, d)
  const q = both(heads(image, 'to_q', 'norm_q'), heads(text, 'add_q_proj', 'norm_added_q'));
  const k = both(heads(image, 'to_k', 'norm_k'), heads(text, 'add_k_proj', 'norm_added_k'));
  const v = both(heads(image, 'to_v'), heads(text, 'add_v_proj'));
  const y = transpose(attention(unsqueeze(q, 2), k, v), [0, 3, 1, 2, 4]); // (B, L + M, H, 1, d)
  const out = (name: string, part: Value, length: Dim) => linear(s.in(name), reshape(part, [B, length, D]), D, { bias: true });
  return { image: out('to_out.0', slice(y, 1, 0, -M), L), text: last ? text : out('to_add_out', slice(y, 1, -M), M) };
}

const feedForward = (s: Scope, x: Value): Value => {
  const D = x.shape.at(-1) as number;
  return linear(s.in('net.2'), gelu(linear(s.in('net.0.proj'), x, 3 * D, { bias: true }), 'tanh'), D, { bias: true });
};

/** Two products with a GELU between. */
const small = (s: Scope, x: Value, out: number, [first, second]: readonly [number, number] = [1, 3]): Value =>
  linear(s.in(second), gelu(linear(s.in(first), x, out, { bias: true }), 'tanh'), out, { bias: true });

/** Cells (B, L, D) as fewer tokens: those of halves of the sides, then those of quarters, (B, L / 4 + L / 16, D). */
function compressed(s: Scope, x: Value, sides: Sides): Value {
  const D = x.shape[2] as number;
  return concat([small(s.in('body2x'), unshuffled(x, sides, 2), D), small(s.in('body4x'), unshuffled(x, sides, 4), D)], 1);
}

/** Compressed tokens as cells again, with what the cells were before. */
function reconstructed(s: Scope, tokens: Value, before: Value, { halves, quarters }: EmmditInputs, sides: Sides): Value {
  const D = tokens.shape[2] as number;
  const half = small(s.in('body2x'), shuffled(gather(tokens, halves, 1), sides, 2), D);
  const quarter = small(s.in('body4x'), shuffled(gather(tokens, quarters, 1), sides, 4), D);
  return small(s.in('mergers'), concat([half, quarter, before], 2), D, [0, 2]);
}

/** Squares of r x r cells of x (B, L, C) as one token: (B, L / r^2, C r^2), channels outermost. */
function unshuffled(x: Value, { rows, columns }: Sides, r: number): Value {
  const [B, L, C] = x.shape as [Dim, Dim, number];
  const squares = reshape(x, [B, divideDim(rows, r), r, divideDim(columns, r), r, C]);
  return reshape(transpose(squares, [0, 1, 3, 5, 2, 4]), [B, divideDim(L, r * r), C * r * r]);
}

/** The inverse of unshuffled(): (B, L / r^2, C) to (B, L, C / r^2). */
function shuffled(x: Value, { rows, columns }: Sides, r: number): Value {
  const [B, L, C] = x.shape as [Dim, Dim, number];
  const squares = reshape(x, [B, divideDim(rows, r), divideDim(columns, r), C / (r * r), r, r]);
  return reshape(transpose(squares, [0, 1, 4, 2, 5, 3]), [B, mulDims(L, r * r), C / (r * r)]);
}

/** What all blocks are told of the time (B): (B, 6, D). */
function timeFeatures(s: Scope, time: Value, D: number): Value {
  const [B] = time.shape as [Dim];
  const x = twoLayers(s.in('emb.timestep_embedder'), waves(time, TIME_WAVES, { cosineFirst: true, shift: 0 }), D);
  return reshape(linear(s.in('linear'), silu(x), 6 * D, { bias: true }), [B, 6, D]);
}
