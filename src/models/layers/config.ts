// Sizes of the layered model: a picture is a canvas and up to six objects, each a thumbnail of 64 x 64 premultiplied RGBA in its
// own frame, 4 x 4 patches of 16 x 16 pixels that stand as 256 numbers each in a fixed basis (docs/layers.md).
import { InputError } from '../../util/errors.ts';
import type { Heads } from '../../nn/attention.ts';
import { LEVELS, type LevelSizes } from './level-sets.ts';

export { OBJECTS } from '../layout.ts';

/** Side of a thumbnail, in pixels. */
export const THUMBNAIL = 64;
/** Side of a patch, in pixels: a token of content. */
export const PATCH = 16;
/** Patches along a thumbnail's side. */
export const GRID = THUMBNAIL / PATCH;
/** Numbers of a patch: premultiplied RGBA. */
export const PATCH_NUMBERS = PATCH * PATCH * 4;
/** Patches along the side of a whole picture that is a canvas alone, without objects: one to start from, or to learn from. */
export const PICTURE_GRID = 2 * GRID;
/** Share of a thumbnail's side that the longer side of its art fills. */
export const FILL = 0.94;
/** Numbers of a frame: x, y, log2 of the size, height in the stack. */
export const FRAME_NUMBERS = 4;

export interface TransformerConfig {
  readonly width: number;
  readonly depth: number;
  readonly heads: Heads;
  /** Hidden width of SwiGLU. */
  readonly hidden: number;
}

export interface LayersConfig {
  readonly name: string;
  /** Numbers of a content token: components of the basis. */
  readonly channels: number;
  readonly transformer: TransformerConfig;
  readonly text: TransformerConfig & { readonly vocabulary: number; readonly length: number };
  readonly renderer: LevelSizes;
  /** Most subjects of one picture: a reference belongs to an object. */
  readonly subjects: number;
}

function transformer(width: number, depth: number, headWidth: number): TransformerConfig {
  const count = width / headWidth;
  const share = [4, 3, 2, 1].find((n) => count % n === 0)!; // query heads to a key/value head: 4:1 where it divides
  return { width, depth, heads: { groups: count / share, share, width: headWidth }, hidden: Math.round((width * 8) / 3 / 64) * 64 };
}

interface Point {
  width: number;
  depth: number;
  head: number;
  text: [width: number, depth: number, vocabulary: number, length: number];
  channels: number;
  renderer: LevelSizes;
}

const POINTS = {
  // Seconds on two cores: every test of the whole chain.
  tiny: { width: 64, depth: 2, head: 16, text: [64, 1, 512, 24], channels: 64, renderer: { width: 16, depth: 1, levels: 3 } },
  // Some hours on two cores.
  pico: { width: 256, depth: 6, head: 32, text: [256, 2, 4096, 32], channels: 256, renderer: LEVELS },
  // One GPU, under an hour.
  nano: { width: 768, depth: 11, head: 64, text: [512, 6, 8192, 64], channels: 256, renderer: LEVELS },
  // 1.8 B, the size in the description.
  xl: { width: 2304, depth: 26, head: 64, text: [1024, 8, 16384, 64], channels: 256, renderer: LEVELS },
} as const satisfies Record<string, Point>;

export type LayeredPreset = keyof typeof POINTS;
export const LAYERED_PRESETS = Object.keys(POINTS) as LayeredPreset[];

/** The sizes of a preset; throws InputError for an unknown name. */
export function layersPreset(name: string): LayersConfig {
  const p: Point | undefined = Object.hasOwn(POINTS, name) ? POINTS[name as keyof typeof POINTS] : undefined;
  if (!p) throw new InputError('preset.unknown', `unknown preset "${name}": choose one of ${LAYERED_PRESETS.join(', ')}`);
  const [width, depth, vocabulary, length] = p.text;
  return {
    name,
    channels: p.channels,
    transformer: transformer(p.width, p.depth, p.head),
    text: { ...transformer(width, depth, Math.min(p.head, width / 4)), vocabulary, length },
    renderer: p.renderer,
    subjects: 5,
  };
}

/**
 * What blocks declare. By measurement on pico (docs/log.md): the blocks of all networks at 4 bits; tables and what reads time and
 * guidance at 5; the first and last layers, which are small, at 6: 12 pictures against the same weights with all but the
 * transformer's blocks at 8: the autoencoder's blocks at 4 bits 42 dB, all of these together 36 to 39 dB, where 4 bits in the
 * transformer's blocks leave 31 dB.
 */
export const INNER = { bits: 4, inner: true } as const;
