// The tiny autoencoder (TAESD, Ollin Boer Bohan) under the names of diffusers' AutoencoderTiny: convolutions and ReLUs in the place of
// the large autoencoder, 1.2 million weights each way. Layers are numbered as they follow each other, those without weights too.
// Legend: B pictures, h w rows and columns of the latent. A picture is 2^k times as large, k its levels but one.
import { add, div, mul, relu, sub, tanh, upsample } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { conv } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { oneOf, perLevel, setting, type Settings } from './settings.ts';

/** One way of it: channels and blocks of each level, in the order in which they follow each other. */
export type TinyLevels = readonly { readonly channels: number; readonly blocks: number }[];

export interface TinyAutoencoderConfig {
  readonly latentChannels: number;
  readonly pictureChannels: number;
  readonly encoder: TinyLevels;
  readonly decoder: TinyLevels;
}

/** From an autoencoder's config.json. Throws InputError `model.manifest` for one that is damaged or is computed otherwise. */
export function tinyAutoencoderConfig(settings: Settings): TinyAutoencoderConfig {
  oneOf(settings, 'act_fn', { relu: true }, 'relu');
  oneOf(settings, 'upsample_fn', { nearest: true }, 'nearest');
  const levels = (way: string, absent: readonly number[]): TinyLevels => {
    const channels = setting(settings, `${way}_block_out_channels`, 'numbers', [64, 64, 64, 64]);
    const blocks = perLevel(settings, `num_${way}_blocks`, channels.length, absent);
    return channels.map((count, i) => ({ channels: count, blocks: blocks[i]! }));
  };
  return {
    latentChannels: setting(settings, 'latent_channels', 'number', 4),
    pictureChannels: setting(settings, 'out_channels', 'number', 3),
    encoder: levels('encoder', [1, 3, 3, 3]),
    decoder: levels('decoder', [3, 3, 3, 1]),
  };
}

/** The picture (B, 3, 2^k h, 2^k w) around [-1, 1] of a latent (B, C, h, w) as the U-Net has it: there is no scaling factor. */
export const tinyDecoder = (s: Scope, latent: Value, config: TinyAutoencoderConfig): Value =>
  decoded(counter(s.in('decoder').in('layers')), latent, config);

/** The decoder for the latent of SANA's autoencoder, as its own file (taesana_decoder.pth) names it: 32 times as large, five levels up. */
export const TAESANA: Pick<TinyAutoencoderConfig, 'decoder' | 'pictureChannels'> = {
  decoder: [256, 128, 64, 64, 64, 64].map((channels, i) => ({ channels, blocks: i < 5 ? 3 : 1 })),
  pictureChannels: 3,
};

/** The picture of a latent (B, C, h, w), by a file of the decoder's own: it counts the clamp of the latent as a layer, diffusers does not. */
export const rawTinyDecoder = (s: Scope, latent: Value, config: Pick<TinyAutoencoderConfig, 'decoder' | 'pictureChannels'>): Value =>
  decoded(counter(s, 1), latent, config);

function decoded(
  next: () => Scope,
  latent: Value,
  { decoder, pictureChannels }: Pick<TinyAutoencoderConfig, 'decoder' | 'pictureChannels'>,
): Value {
  let x = relu(conv(next(), mul(tanh(div(latent, 3)), 3), decoder[0]!.channels));
  next(); // the ReLU
  for (const [i, { blocks }] of decoder.entries()) {
    const finer = decoder[i + 1];
    for (let j = 0; j < blocks; j++) x = block(next(), x);
    if (finer) {
      next(); // the upsampling
      x = upsample(x);
    }
    x = conv(next(), x, finer ? finer.channels : pictureChannels, { bias: !finer });
  }
  return sub(mul(x, 2), 1);
}

/** The latent (B, C, h, w) of a picture (B, 3, 2^k h, 2^k w) in [-1, 1]. */
export function tinyEncoder(s: Scope, picture: Value, { encoder, latentChannels }: TinyAutoencoderConfig): Value {
  const next = counter(s.in('encoder').in('layers'));
  let x = div(add(picture, 1), 2);
  for (const [i, { channels, blocks }] of encoder.entries()) {
    x = i === 0 ? conv(next(), x, channels) : conv(next(), x, channels, { stride: 2, bias: false });
    for (let j = 0; j < blocks; j++) x = block(next(), x);
  }
  return conv(next(), x, latentChannels);
}

/** Scopes of a sequence's layers, one after the other. */
function counter(s: Scope, first = 0): () => Scope {
  let at = first;
  return () => s.in(at++);
}

/** Three convolutions around which x (B, C, h, w) is led. */
function block(s: Scope, x: Value): Value {
  const channels = x.shape[1] as number;
  const at = (index: number, y: Value) => conv(s.in('conv').in(index), y, channels);
  return relu(add(at(4, relu(at(2, relu(at(0, x))))), x));
}
