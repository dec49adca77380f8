// The U-Net of Stable Diffusion (Ronneberger et al. 2015; Rombach et al. 2022) under the names of diffusers' UNet2DConditionModel: down
// through levels of resolution, a middle, and up again, each step up reading what its step down left. Residual blocks know the time,
// transformer blocks read the prompt. It predicts the noise in x, or what its scheduler says.
// Legend: B pictures, C channels, h w rows and columns, D width of the time's features, M tokens of the prompt.
import { mulDims, type Dim } from '../../graph/dim.ts';
import { attention, silu } from '../../graph/functions.ts';
import { add, concat, gelu, mul, reshape, split, sub, transpose, unsqueeze, upsample } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { conv, groupNorm, layerNorm, linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { twoLayers, waves } from '../../nn/time.ts';
import { SIZES, type Level, type UnetConfig } from './unet-config.ts';

export interface UnetInputs {
  /** Noisy latent (B, in, 2^k h, 2^k w) for k levels but one: every level halves it. */
  readonly x: Value;
  /** Time (B), from 0 to 999. */
  readonly time: Value;
  /** Features of the prompt (B, M, context). */
  readonly context: Value;
  /** Guidance scale (B), of a network that is told it. */
  readonly guidance?: Value;
  /** Pooled prompt (B, pooled) and sizes (B, 6), of SDXL. */
  readonly pooled?: Value;
  readonly sizes?: Value;
}

/** diffusers' Transformer2DModel adds this to the variance of its group normalisation, whatever the config says. */
const TRANSFORMER_EPSILON = 1e-6;

/** The prediction for x: (B, out, h, w). */
export function unet(s: Scope, inputs: UnetInputs, config: UnetConfig): Value {
  const emb = silu(timeFeatures(s, inputs, config)); // (B, D); every residual block begins with this SiLU
  const at = { emb, context: inputs.context, config };
  const left = [conv(s.in('conv_in'), inputs.x, config.levels[0]!.channels)];
  let x = left[0]!;
  for (const [i, level] of config.levels.entries()) {
    const block = s.in('down_blocks').in(i);
    for (let j = 0; j < level.layers; j++) left.push((x = layer(block, j, x, level, level.down, at)));
    if (i < config.levels.length - 1) left.push((x = conv(block.in('downsamplers').in(0).in('conv'), x, level.channels, { stride: 2 })));
  }
  x = middle(s.in('mid_block'), x, at);
  for (const [i, level] of [...config.levels].reverse().entries()) {
    const block = s.in('up_blocks').in(i);
    for (let j = 0; j <= level.layers; j++) x = layer(block, j, concat([x, left.pop()!], 1), level, level.up, at);
    if (i < config.levels.length - 1) x = conv(block.in('upsamplers').in(0).in('conv'), upsample(x), level.channels);
  }
  return conv(s.in('conv_out'), silu(groupNorm(s.in('conv_norm_out'), x, config.groups, config)), config.outChannels);
}

/** What all blocks read. */
interface At {
  readonly emb: Value;
  readonly context: Value;
  readonly config: UnetConfig;
}

/** What a residual block reads. */
export interface ResidualAt {
  readonly emb?: Value;
  readonly config: Pick<UnetConfig, 'groups' | 'epsilon'>;
}

/** A residual block, and `depth` transformer blocks when there are any. */
function layer(s: Scope, index: number, x: Value, { channels, heads }: Level, depth: number, at: At): Value {
  const y = residual(s.in('resnets').in(index), x, channels, at);
  return depth ? spatialTransformer(s.in('attentions').in(index), y, heads, depth, at) : y;
}

function middle(s: Scope, x: Value, at: At): Value {
  const { middle: depth, levels } = at.config;
  const level = levels.at(-1)!;
  return depth === undefined ? x : residual(s.in('resnets').in(1), layer(s, 0, x, level, depth, at), level.channels, at);
}

/** x (B, C, h, w) to (B, out, h, w) (He et al. 2016), with the time, where there is one, added in the middle. */
export function residual(s: Scope, x: Value, out: number, { emb, config }: ResidualAt): Value {
  const norm = (name: string, y: Value) => silu(groupNorm(s.in(name), y, config.groups, config));
  const timed = (y: Value) => {
    if (!emb) return y;
    const time = linear(s.in('time_emb_proj'), emb, out, { bias: true }); // (B, out)
    return add(y, reshape(time, [...time.shape, 1, 1]));
  };
  const y = timed(conv(s.in('conv1'), norm('norm1', x), out));
  const z = conv(s.in('conv2'), norm('norm2', y), out);
  return add(x.shape[1] === out ? x : conv(s.in('conv_shortcut'), x, out, { kernel: 1 }), z);
}

/**
 * Transformer blocks over the places of x (B, C, h, w), around them a residual connection. SD 1 keeps the projections as convolutions
 * of one point, SD 2 and SDXL as matrices: the same numbers.
 */
function spatialTransformer(s: Scope, x: Value, heads: number, depth: number, { context, config }: At): Value {
  const [B, C, h, w] = x.shape as [Dim, number, Dim, Dim];
  const normed = groupNorm(s.in('norm'), x, config.groups, { epsilon: TRANSFORMER_EPSILON });
  let rows = transpose(reshape(normed, [B, C, mulDims(h, w)]), [0, 2, 1]); // (B, h*w, C)
  rows = linear(s.in('proj_in'), rows, C, { bias: true });
  for (let i = 0; i < depth; i++) rows = transformerBlock(s.in('transformer_blocks').in(i), rows, context, heads);
  rows = linear(s.in('proj_out'), rows, C, { bias: true });
  return add(x, reshape(transpose(rows, [0, 2, 1]), [B, C, h, w]));
}

/** x (B, L, C): attention to itself, to the prompt, and a feed-forward part with a gate (GEGLU, Shazeer 2020). */
function transformerBlock(s: Scope, x: Value, context: Value, heads: number): Value {
  const C = x.shape[2] as number;
  const self = layerNorm(s.in('norm1'), x);
  const y = add(x, attend(s.in('attn1'), self, self, heads));
  const z = add(y, attend(s.in('attn2'), layerNorm(s.in('norm2'), y), context, heads));
  const wide = linear(s.in('ff.net.0.proj'), layerNorm(s.in('norm3'), z), 8 * C, { bias: true });
  const [value, gate] = split(wide, 2, [4 * C, 4 * C]) as [Value, Value];
  return add(z, linear(s.in('ff.net.2'), mul(value, gelu(gate)), C, { bias: true }));
}

/** Attention of x (B, L, C) to `other` (B, M, C'). */
function attend(s: Scope, x: Value, other: Value, heads: number): Value {
  const [B, L, C] = x.shape as [Dim, Dim, number];
  const parts = (name: string, y: Value) => transpose(reshape(linear(s.in(name), y, C), [B, y.shape[1]!, heads, C / heads]), [0, 2, 1, 3]);
  const y = attention(unsqueeze(parts('to_q', x), 2), parts('to_k', other), parts('to_v', other)); // (B, heads, 1, L, C/heads)
  return linear(s.in('to_out.0'), reshape(transpose(y, [0, 3, 1, 2, 4]), [B, L, C]), C, { bias: true });
}

/** The time and what else the network is told of a picture: (B, D). */
function timeFeatures(s: Scope, { time, guidance, pooled, sizes }: UnetInputs, config: UnetConfig): Value {
  const width = config.levels[0]!.channels;
  let x = waves(time, width, config.waves);
  const embedding = s.in('time_embedding');
  if (config.guidance) {
    const told = waves(mul(sub(guidance!, 1), 1000), config.guidance, { cosineFirst: false, shift: 1 }); // as LCM was trained with it
    x = add(x, linear(embedding.in('cond_proj'), told, width));
  }
  const emb = twoLayers(embedding, x, 4 * width);
  if (!config.added) return emb;
  const [B] = time.shape as [Dim];
  const each = waves(reshape(sizes!, [mulDims(B, SIZES)]), config.added.size, config.waves); // (B*6, size)
  const told = concat([pooled!, reshape(each, [B, SIZES * config.added.size])], 1);
  return add(emb, twoLayers(s.in('add_embedding'), told, 4 * width));
}
