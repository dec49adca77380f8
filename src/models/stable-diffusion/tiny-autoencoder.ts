// The tiny autoencoder (TAESD, Ollin Boer Bohan) under the names of diffusers' AutoencoderTiny: convolutions and ReLUs in the place of
// the large autoencoder, 1.2 million weights each way. Layers are numbered as they follow each other, those without weights too.
// Legend: B pictures, h w rows and columns of the latent. A picture is 2^k times as large, k its levels but one.
import { add, div, mul, relu, sub, tanh, upsample } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { conv } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { InputError } from '../../util/errors.ts';
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
    if (channels.length < 2) throw new InputError('model.manifest', `${settings.source}: an autoencoder of one level, expected some`);
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

/** What a decoder is by its levels. */
export type TinyDecoderConfig = Pick<TinyAutoencoderConfig, 'decoder' | 'pictureChannels'>;

/** The decoder for the latent of SANA's autoencoder, as its own file (taesana_decoder.pth) names it: 32 times as large, five levels up. */
export const TAESANA: TinyDecoderConfig = {
  decoder: [256, 128, 64, 64, 64, 64].map((channels, i) => ({ channels, blocks: i < 5 ? 3 : 1 })),
  pictureChannels: 3,
};

/** Where a decoder's layers are, and the number of the first. */
export interface TinyLayers {
  in(s: Scope): Scope;
  readonly first: number;
}

/** In diffusers' files, and in a file of the decoder's own, which counts the clamp of the latent as a layer. */
export const TINY_LAYERS: TinyLayers = { in: (s) => s.in('decoder').in('layers'), first: 0 };
export const RAW_LAYERS: TinyLayers = { in: (s) => s, first: 1 };

/** The picture (B, 3, 2^k h, 2^k w) around [-1, 1] of a latent (B, C, h, w) as the U-Net has it: there is no scaling factor. */
export const tinyDecoder = (s: Scope, latent: Value, config: TinyDecoderConfig, layers = TINY_LAYERS): Value =>
  tinyPixels(s, tinyFeatures(s, latent, config, layers), config, layers);

/** The features (B, C', 2^(k-1) h, 2^(k-1) w) of a latent (B, C, h, w): all levels but the finest, which takes most of the memory. */
export function tinyFeatures(s: Scope, latent: Value, { decoder }: TinyDecoderConfig, layers = TINY_LAYERS): Value {
  const next = counter(layers.in(s), layers.first);
  let x = relu(conv(next(), mul(tanh(div(latent, 3)), 3), decoder[0]!.channels));
  next(); // the ReLU
  for (const [i, level] of decoder.slice(0, -1).entries()) x = blocks(next, i > 0 ? finer(next, x, level) : x, level);
  return x;
}

/** The picture (B, 3, 2 a, 2 b) around [-1, 1] of features (B, C', a, b): the finest level. */
export function tinyPixels(s: Scope, features: Value, { decoder, pictureChannels }: TinyDecoderConfig, layers = TINY_LAYERS): Value {
  const coarser = decoder.slice(0, -1);
  const before = coarser.reduce((sum, level, i) => sum + level.blocks + (i > 0 ? 2 : 0), 2); // two layers lead to a finer level
  const next = counter(layers.in(s), layers.first + before);
  const x = blocks(next, finer(next, features, decoder.at(-1)!), decoder.at(-1)!);
  return sub(mul(conv(next(), x, pictureChannels), 2), 1);
}

/** Rows of features around some that their pixels depend on: a convolution and three a block at twice the size, and the last. */
export const tinyReach = ({ decoder }: TinyDecoderConfig): number => Math.ceil((2 + 3 * decoder.at(-1)!.blocks) / 2);

const blocks = (next: () => Scope, x: Value, level: TinyLevels[number]): Value =>
  Array.from({ length: level.blocks }).reduce<Value>((y) => block(next(), y), x);

function finer(next: () => Scope, x: Value, { channels }: TinyLevels[number]): Value {
  next(); // the upsampling
  return conv(next(), upsample(x), channels, { bias: false });
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
