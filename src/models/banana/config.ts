// Every size of every network, from one dial: the width of the transformer. A preset is a point on the dial and the few
// choices that go with it; whatever is not said here is derived. Nothing else in the project holds a size.
import { InputError } from '../../util/errors.ts';
import type { Heads } from '../../nn/attention.ts';

export interface TransformerConfig {
  readonly width: number;
  readonly depth: number;
  readonly heads: Heads;
  /** Hidden width of SwiGLU. */
  readonly hidden: number;
}

export interface Config {
  readonly name: string;
  /** Side in pixels of the part of a 512-pixel picture that one latent token stands for. */
  readonly latentPixels: number;
  /** Channels of a latent token. */
  readonly channels: number;
  /** Side in pixels of the patches that the encoder reads: a token is 32 of the encoder's pixels wide. */
  readonly patch: number;
  readonly transformer: TransformerConfig;
  readonly text: TransformerConfig & { readonly vocabulary: number; readonly length: number };
  readonly autoencoder: TransformerConfig & {
    /** Blocks of the encoder; `depth` is the decoder's. */
    readonly encoderDepth: number;
    /** Width of a feature cell; a token has 8 x 8 cells. */
    readonly cell: number;
    /** Widths of the renderer's two hidden layers. */
    readonly render: readonly [number, number];
  };
  /** Most reference subjects in one picture. */
  readonly subjects: number;
  /** Side of a subject's reference picture as the encoder reads it, in pixels. */
  readonly referencePixels: number;
}

/** What the networks of prompt and tokens read of a configuration. */
export type NetworkConfig = Pick<Config, 'transformer' | 'text' | 'channels' | 'subjects'>;

/** Side of the picture that `latentPixels` is of. */
const SIDE = 512;

/** Latent tokens of a 512x512 picture. */
export function baseTokens({ latentPixels }: Config): number {
  return (SIDE / latentPixels) ** 2;
}

/** Cells along a token's side: the feature map has this many times the latent's resolution. */
export const CELLS = 8;
/** The encoder's pixels along a token's side. */
export const ENCODER_PIXELS = 32;

export function transformer(width: number, depth: number, headWidth: number): TransformerConfig {
  const count = width / headWidth;
  const share = [4, 3, 2, 1].find((n) => count % n === 0)!; // query heads to a key/value head: 4:1 where it divides
  return { width, depth, heads: { groups: count / share, share, width: headWidth }, hidden: Math.round((width * 8) / 3 / 64) * 64 };
}

interface Point {
  width: number;
  depth: number;
  head: number;
  text: [width: number, depth: number, vocabulary: number, length: number];
  autoencoder: [width: number, encoderDepth: number, decoderDepth: number, cell: number];
  latentPixels: number;
  channels: number;
  patch: number;
  reference: number;
  render: [number, number];
}

const POINTS = {
  // Seconds on two cores: every test of the whole chain.
  tiny: {
    width: 64,
    depth: 2,
    head: 16,
    text: [64, 1, 512, 24],
    autoencoder: [64, 1, 1, 8],
    latentPixels: 128,
    channels: 8,
    patch: 16,
    reference: 32,
    render: [8, 8],
  },
  // An hour or two on two cores. 64 tokens a 512-pixel picture: the renderer makes up for the coarse grid.
  pico: {
    width: 256,
    depth: 6,
    head: 32,
    text: [256, 2, 4096, 32],
    autoencoder: [256, 2, 3, 24],
    latentPixels: 64,
    channels: 32,
    patch: 16,
    reference: 96,
    render: [24, 16],
  },
  // The default to be: one GPU, under an hour a stage.
  nano: {
    width: 768,
    depth: 11,
    head: 64,
    text: [512, 6, 8192, 64],
    autoencoder: [384, 4, 6, 32],
    latentPixels: 32,
    channels: 32,
    patch: 8,
    reference: 160,
    render: [24, 16],
  },
  // 1.8 B, the size in the description.
  xl: {
    width: 2304,
    depth: 26,
    head: 64,
    text: [1024, 8, 16384, 64],
    autoencoder: [768, 6, 8, 48],
    latentPixels: 32,
    channels: 32,
    patch: 8,
    reference: 160,
    render: [24, 16],
  },
} as const satisfies Record<string, Point>;

export type PresetName = keyof typeof POINTS;
export const PRESETS = Object.keys(POINTS) as PresetName[];

/** The sizes of a preset; throws InputError for an unknown name. */
export function preset(name: string): Config {
  const p: Point | undefined = (POINTS as Record<string, Point>)[name];
  if (!p || !Object.hasOwn(POINTS, name))
    throw new InputError('preset.unknown', `unknown preset "${name}": choose one of ${PRESETS.join(', ')}`);
  const [textWidth, textDepth, vocabulary, length] = p.text;
  const [aeWidth, encoderDepth, decoderDepth, cell] = p.autoencoder;
  const headFor = (width: number) => Math.min(p.head, width / 4);
  return {
    name,
    latentPixels: p.latentPixels,
    channels: p.channels,
    patch: p.patch,
    transformer: transformer(p.width, p.depth, p.head),
    text: { ...transformer(textWidth, textDepth, headFor(textWidth)), vocabulary, length },
    autoencoder: { ...transformer(aeWidth, decoderDepth, headFor(aeWidth)), encoderDepth, cell, render: p.render },
    subjects: 5,
    referencePixels: p.reference,
  };
}

/**
 * What blocks declare. By measurement on pico (docs/log.md): the blocks of all networks at 4 bits; tables and what reads time and
 * guidance at 5; the first and last layers, which are small, at 6: 12 pictures against the same weights with all but the
 * transformer's blocks at 8: the autoencoder's blocks at 4 bits 42 dB, all of these together 36 to 39 dB, where 4 bits in the
 * transformer's blocks leave 31 dB.
 */
export const INNER = { bits: 4, inner: true } as const;
