// The networks of this family as graphs for inference: a text's features, the noise in a latent, a latent's picture and back. Latents are
// (B, h, w, C) outside, as everywhere in the pipeline; pictures (B, 3, h, w) as they come, (B, h, w, 3) as they go. All sizes are symbols.
import { transpose } from '../../graph/ops.ts';
import { graph, input, type Value } from '../../graph/value.ts';
import { rootScope, type Convolve, type Product, type Specs } from '../../nn/scope.ts';
import { stage, type Stage } from '../stage.ts';
import * as kl from './autoencoder.ts';
import { clipFeatures, clipPooled, clipProjected, clipRoot, type ClipConfig } from './clip.ts';
import type { PicturePart } from './part.ts';
import { TINY_LAYERS, tinyDecoder, tinyEncoder, type TinyAutoencoderConfig } from './tiny-autoencoder.ts';
import { tinyHalves, type Halves } from './tiny-strips.ts';
import { unet } from './unet.ts';
import { SIZES, type UnetConfig } from './unet-config.ts';

export interface StageOptions {
  /** How weights are multiplied: plain, quantized, with Peels. */
  readonly product?: Product | undefined;
  readonly convolve?: Convolve | undefined;
}

/** Files hold matrices as PyTorch does; a kernel takes large ones in 8 bits where it is asked to; adapters change them. */
const scope = (specs: Specs, { product, convolve }: StageOptions) =>
  rootScope(specs, product, convolve).declare({ turned: true, bits: 8, adapt: 'all' });

/** Latent cells that the coarsest level of a U-Net makes one of. */
export const unitOf = ({ levels }: UnetConfig): number => 2 ** (levels.length - 1);

/** Pixels along the side of a latent cell. */
export const pixelsOf = (part: PicturePart): number =>
  2 ** ((part.kind === 'kl' ? part.config.channels.length : part.config.decoder.length) - 1);

const channelsFirst = (x: Value) => transpose(x, [0, 3, 1, 2]);
const channelsLast = (x: Value) => transpose(x, [0, 2, 3, 1]);

/**
 * ids (B, L) -> `features` (B, L, D): of SDXL (`pair`) without the last layer and what normalises it; else all. `pooled` (B, P) where the
 * encoder projects.
 */
export function textStage(config: ClipConfig, names: readonly string[], pair: boolean, options: StageOptions = {}): Stage {
  return stage((specs) => {
    const root = scope(specs, options);
    const s = clipRoot(root, names);
    const ids = input('ids', ['B', config.length], 'int64');
    const features = clipFeatures(s, ids, config, pair ? { skip: 1, normed: false } : {});
    if (!pair || !names.includes('text_projection.weight')) return graph('text', { features });
    const pooled = clipProjected(root, clipPooled(clipFeatures(s, ids, config), ids, config), config);
    return graph('text', { features, pooled });
  });
}

/** x (B, h, w, C), time (B), context (B, M, D), and what else the network is told -> `prediction` (B, h, w, C). */
export function unetStage(config: UnetConfig, options: StageOptions = {}): Stage {
  return stage((specs) => {
    const unit = unitOf(config);
    const inputs = {
      x: channelsFirst(input('x', ['B', `${unit}*h`, `${unit}*w`, config.inChannels])),
      time: input('time', ['B']),
      context: input('context', ['B', 'M', config.context]),
      ...(config.guidance && { guidance: input('guidance', ['B']) }),
      ...(config.added && { pooled: input('pooled', ['B', config.added.pooled]), sizes: input('sizes', ['B', SIZES]) }),
    };
    return graph('unet', { prediction: channelsLast(unet(scope(specs, options), inputs, config)) });
  });
}

/** latent (B, h, w, C) -> pixels (B, 3, 8h, 8w). */
export function decodeStage(part: PicturePart): Stage {
  return stage((specs) => {
    const s = scope(specs, {});
    const latent = channelsFirst(input('latent', ['B', 'h', 'w', part.config.latentChannels]));
    const pixels = part.kind === 'kl' ? kl.decoder(s, latent, part.config) : tinyDecoder(s, latent, part.config);
    return graph('decode', { pixels });
  });
}

/** A tiny decoder in two: latent (B, h, w, C) -> features -> pixels. */
export const decodeHalves = (config: TinyAutoencoderConfig): Halves =>
  tinyHalves(config, TINY_LAYERS, (specs) => scope(specs, {}), channelsFirst(input('latent', ['B', 'h', 'w', config.latentChannels])));

/** pixels (B, 8h, 8w, 3) -> latent (B, h, w, C). */
export function encodeStage(part: PicturePart): Stage {
  return stage((specs) => {
    const s = scope(specs, {});
    const side = pixelsOf(part);
    const pixels = channelsFirst(input('pixels', ['B', `${side}*h`, `${side}*w`, part.config.pictureChannels]));
    const latent = part.kind === 'kl' ? kl.encoder(s, pixels, part.config) : tinyEncoder(s, pixels, part.config);
    return graph('encode', { latent: channelsLast(latent) });
  });
}
