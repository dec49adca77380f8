// The autoencoder of Stable Diffusion (Rombach et al. 2022) under the names of diffusers' AutoencoderKL: pictures to latents of an eighth
// of their side and back. Its encoder gives a mean and a variance, of which the mean is the latent here.
// Legend: B pictures, C channels, h w rows and columns.
import { mulDims, type Dim } from '../../graph/dim.ts';
import { attention, silu } from '../../graph/functions.ts';
import { add, div, mul, pad, reshape, slice, transpose, unsqueeze, upsample, sub } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { conv, groupNorm, linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { InputError } from '../../util/errors.ts';
import { setting, type Settings } from './settings.ts';
import { residual } from './unet.ts';

export interface AutoencoderConfig {
  readonly latentChannels: number;
  readonly pictureChannels: number;
  /** Channels of each level, the finest first. */
  readonly channels: readonly number[];
  /** Residual blocks of a level on the way down; there is one more on the way up. */
  readonly layers: number;
  readonly groups: number;
  readonly epsilon: number;
  /** The network's latent is the autoencoder's less `shift`, times `scale`. */
  readonly scale: number;
  readonly shift: number;
  /** Whether a convolution of one point stands between the latent and each network. */
  readonly quantConv: boolean;
}

const EPSILON = 1e-6;

/** From an autoencoder's config.json. Throws InputError `model.manifest` for one that is damaged or is computed otherwise. */
export function autoencoderConfig(settings: Settings): AutoencoderConfig {
  const number = (name: string, absent: number) => setting(settings, name, 'number', absent);
  const flag = (name: string, absent: boolean) => setting(settings, name, 'boolean', absent);
  if (!flag('mid_block_add_attention', true) || settings.values['latents_mean'])
    throw new InputError('model.manifest', `${settings.source}: an autoencoder of another network than Stable Diffusion's`);
  return {
    latentChannels: number('latent_channels', 4),
    pictureChannels: number('out_channels', 3),
    channels: setting(settings, 'block_out_channels', 'numbers', [64]),
    layers: number('layers_per_block', 1),
    groups: number('norm_num_groups', 32),
    epsilon: EPSILON,
    scale: number('scaling_factor', 0.18215),
    shift: number('shift_factor', 0),
    quantConv: flag('use_post_quant_conv', true),
  };
}

/** The picture (B, 3, 2^k h, 2^k w) around [-1, 1] of a latent (B, C, h, w) as the U-Net has it. */
export function decoder(root: Scope, latent: Value, config: AutoencoderConfig): Value {
  const { scale, shift, quantConv, latentChannels } = config;
  const s = root.in('decoder');
  let x = div(latent, scale);
  if (shift) x = add(x, shift);
  if (quantConv) x = conv(root.in('post_quant_conv'), x, latentChannels, { kernel: 1 });
  const channels = [...config.channels].reverse();
  x = middle(s.in('mid_block'), conv(s.in('conv_in'), x, channels[0]!), config);
  for (const [i, width] of channels.entries()) {
    const block = s.in('up_blocks').in(i);
    for (let j = 0; j <= config.layers; j++) x = residual(block.in('resnets').in(j), x, width, { config });
    if (i < channels.length - 1) x = conv(block.in('upsamplers').in(0).in('conv'), upsample(x), width);
  }
  return conv(s.in('conv_out'), silu(groupNorm(s.in('conv_norm_out'), x, config.groups, config)), config.pictureChannels);
}

/** The latent (B, C, h, w), as the U-Net has it, of a picture (B, 3, 2^k h, 2^k w) in [-1, 1]. */
export function encoder(root: Scope, picture: Value, config: AutoencoderConfig): Value {
  const { channels, latentChannels: C } = config;
  const s = root.in('encoder');
  let x = conv(s.in('conv_in'), picture, channels[0]!);
  for (const [i, width] of channels.entries()) {
    const block = s.in('down_blocks').in(i);
    for (let j = 0; j < config.layers; j++) x = residual(block.in('resnets').in(j), x, width, { config });
    if (i === channels.length - 1) continue;
    const edged = pad(x, [0, 0, 0, 0, 0, 0, 1, 1]); // at the right and the bottom alone
    x = conv(block.in('downsamplers').in(0).in('conv'), edged, width, { stride: 2, pads: [0, 0, 0, 0] });
  }
  x = middle(s.in('mid_block'), x, config);
  x = conv(s.in('conv_out'), silu(groupNorm(s.in('conv_norm_out'), x, config.groups, config)), 2 * C);
  if (config.quantConv) x = conv(root.in('quant_conv'), x, 2 * C, { kernel: 1 });
  return mul(sub(slice(x, 1, 0, C), config.shift), config.scale);
}

function middle(s: Scope, x: Value, config: AutoencoderConfig): Value {
  const width = config.channels.at(-1)!;
  const block = (i: number, y: Value) => residual(s.in('resnets').in(i), y, width, { config });
  return block(1, attend(s.in('attentions').in(0), block(0, x), config));
}

/** Attention of all places of x (B, C, h, w) to each other, with one head. */
function attend(s: Scope, x: Value, config: AutoencoderConfig): Value {
  const [B, C, h, w] = x.shape as [Dim, number, Dim, Dim];
  const rows = transpose(reshape(groupNorm(s.in('group_norm'), x, config.groups, config), [B, C, mulDims(h, w)]), [0, 2, 1]); // (B, h*w, C)
  const head = (name: string) => unsqueeze(linear(s.in(name), rows, C, { bias: true }), 1);
  const y = attention(unsqueeze(head('to_q'), 2), head('to_k'), head('to_v')); // (B, 1, 1, h*w, C)
  const out = linear(s.in('to_out.0'), reshape(y, rows.shape), C, { bias: true });
  return add(x, reshape(transpose(out, [0, 2, 1]), [B, C, h, w]));
}
