// The sizes of a Stable Diffusion U-Net from its config.json, as diffusers' UNet2DConditionModel reads it: SD 1 and 2, SDXL, SDXS, the
// Turbo, LCM and pruned ones are the same network in other sizes. Settings of other networks are refused, not drawn wrongly.
import type { Waves } from '../../nn/time.ts';
import { InputError } from '../../util/errors.ts';
import { oneOf, perLevel, setting, wordPerLevel, type Settings } from './settings.ts';

/** A level of resolution. */
export interface Level {
  readonly channels: number;
  /** Residual blocks on the way down; there is one more on the way up. */
  readonly layers: number;
  readonly heads: number;
  /** Transformer blocks of each attention on the way down and up; 0: there is no attention. */
  readonly down: number;
  readonly up: number;
}

export interface UnetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** The finest first. */
  readonly levels: readonly Level[];
  /** Transformer blocks in the middle, with the heads of the coarsest level; undefined: there is no middle. */
  readonly middle: number | undefined;
  /** Groups of each group normalisation, and what it adds to the variance. */
  readonly groups: number;
  readonly epsilon: number;
  /** Width of the prompt's features. */
  readonly context: number;
  /** How the time is written as waves. */
  readonly waves: Waves;
  /** Width of the guidance scale as waves, of a network that is told it (LCM); 0: it is not. */
  readonly guidance: number;
  /** What SDXL is told besides: the pooled prompt, and sizes, each as waves of a width. */
  readonly added: { readonly pooled: number; readonly size: number } | undefined;
}

/** Numbers that SDXL is told of a picture: its height and width, top and left of the crop, height and width that are wanted. */
export const SIZES = 6;

const DOWN = { DownBlock2D: false, CrossAttnDownBlock2D: true };
const UP = { UpBlock2D: false, CrossAttnUpBlock2D: true };
const ADDED = { none: false, text_time: true };

/** Settings that would change what is computed, in ways that no Stable Diffusion uses: what they may be; absent is always right. */
const ONLY: Readonly<Record<string, unknown>> = {
  act_fn: 'silu',
  attention_type: 'default',
  center_input_sample: false,
  class_embed_type: null,
  conv_in_kernel: 3,
  conv_out_kernel: 3,
  cross_attention_norm: null,
  downsample_padding: 1,
  dual_cross_attention: false,
  encoder_hid_dim: null,
  encoder_hid_dim_type: null,
  mid_block_scale_factor: 1,
  num_class_embeds: null,
  only_cross_attention: false,
  resnet_skip_time_act: false,
  resnet_out_scale_factor: 1,
  resnet_time_scale_shift: 'default',
  reverse_transformer_layers_per_block: null,
  time_embedding_act_fn: null,
  time_embedding_dim: null,
  time_embedding_type: 'positional',
  timestep_post_act: null,
  num_attention_heads: null,
};

/** From a U-Net's config.json. Throws InputError `model.manifest` for one that is damaged or of a network that is not drawn here. */
export function unetConfig(settings: Settings): UnetConfig {
  refuseOthers(settings);
  const number = (name: string, absent: number) => setting(settings, name, 'number', absent);
  const pooled = number('projection_class_embeddings_input_dim', 0) - SIZES * number('addition_time_embed_dim', 0);
  return {
    inChannels: number('in_channels', 4),
    outChannels: number('out_channels', 4),
    levels: levelsOf(settings),
    middle: middleOf(settings),
    groups: number('norm_num_groups', 32),
    epsilon: number('norm_eps', 1e-5),
    context: number('cross_attention_dim', 1280),
    waves: { cosineFirst: setting(settings, 'flip_sin_to_cos', 'boolean', true), shift: number('freq_shift', 0) },
    guidance: number('time_cond_proj_dim', 0),
    added: oneOf(settings, 'addition_embed_type', ADDED, 'none') ? { pooled, size: number('addition_time_embed_dim', 0) } : undefined,
  };
}

function levelsOf(settings: Settings): Level[] {
  const channels = setting(settings, 'block_out_channels', 'numbers', [320, 640, 1280, 1280]);
  const each = (name: string, absent: number) => perLevel(settings, name, channels.length, absent);
  const [layers, heads, depth] = [each('layers_per_block', 2), each('attention_head_dim', 8), each('transformer_layers_per_block', 1)];
  const down = wordPerLevel(settings, 'down_block_types', channels.length, DOWN);
  const up = wordPerLevel(settings, 'up_block_types', channels.length, UP).reverse();
  return channels.map((width, i) => ({
    channels: width,
    layers: layers[i]!,
    heads: heads[i]!, // diffusers calls the number of heads attention_head_dim, for the sake of files (diffusers #2011)
    down: down[i] ? depth[i]! : 0,
    up: up[i] ? depth[i]! : 0,
  }));
}

function middleOf(settings: Settings): number | undefined {
  if (settings.values['mid_block_type'] === null) return undefined;
  oneOf(settings, 'mid_block_type', { UNetMidBlock2DCrossAttn: true }, 'UNetMidBlock2DCrossAttn');
  const depth = settings.values['transformer_layers_per_block'] ?? 1;
  return Array.isArray(depth) ? (depth.at(-1) as number) : (depth as number);
}

function refuseOthers({ source, values }: Settings): void {
  for (const [name, only] of Object.entries(ONLY)) {
    const found = values[name] ?? only;
    if (found === only) continue;
    const said = `"${name}" is ${JSON.stringify(found)}; only a U-Net with ${JSON.stringify(only)} is drawn`;
    throw new InputError('model.manifest', `${source}: ${said}`);
  }
}
