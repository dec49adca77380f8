// What the parts of a model are, wherever its files have them, and weights by other names.
import type { Weights } from '../../tensor/weights.ts';
import type { AutoencoderConfig } from './autoencoder.ts';
import type { ClipConfig } from './clip.ts';
import type { ClipTokenizer } from './clip-tokenizer.ts';
import type { ScheduleConfig } from './schedule.ts';
import type { TinyAutoencoderConfig } from './tiny-autoencoder.ts';
import type { UnetConfig } from './unet-config.ts';

export interface Part<C> {
  readonly config: C;
  readonly weights: Weights;
}

export interface TextPart extends Part<ClipConfig> {
  readonly tokenizer: ClipTokenizer;
}

/** An autoencoder, large or tiny. */
export type PicturePart = (Part<AutoencoderConfig> & { readonly kind: 'kl' }) | (Part<TinyAutoencoderConfig> & { readonly kind: 'tiny' });

export interface Components {
  readonly unet: Part<UnetConfig>;
  /** One, or the two of SDXL. */
  readonly texts: readonly TextPart[];
  readonly pictures: PicturePart;
  /** A tiny one besides a large one, for previews. */
  readonly previews: PicturePart | undefined;
  readonly schedule: ScheduleConfig;
  /** Latent cells along the side of a picture as the model was trained on. */
  readonly side: number;
  /** Whether no prompt at all is zeros, not the features of an empty one. */
  readonly zeros: boolean;
}

/** Weights by other names. */
export const renamed = (weights: Weights, names: ReadonlyMap<string, string>): Weights => ({
  ...weights,
  names: [...names.keys()],
  outline: (name) => weights.outline(names.get(name) ?? name),
  read: (name, rows) => weights.read(names.get(name) ?? name, rows),
});
