// One training example, and what a dataset is asked for.
import type { Background } from './backgrounds.ts';
import type { CaptionOptions, Relation } from './captions.ts';
import type { ColourName } from './colour.ts';
import type { Split } from './splits.ts';
import type { Scope } from './sprites.ts';

/** Shares of the kinds of pictures. */
export type Mix = Record<'single' | 'scene' | 'character', number>;

export interface DataOptions {
  mix: Mix;
  scope: Scope;
  /** Width and height in units, with weights. Multiples of 32 whose product is about the preset's area. */
  aspects: [width: number, height: number, weight: number][];
  /** Share of samples with reference subjects. */
  subjects: number;
  split: Split;
  captions: Partial<CaptionOptions>;
  /** Share of objects that are recoloured. */
  recolour: number;
  /** Every background is this one, if given. */
  grounds?: 'transparent';
  /** Figures of layered pictures are of so many identities of a maker; all of them when left out. */
  identities?: number;
  /** Side of the packed pictures, in pixels (a square one's; others have about the same area). */
  size: number;
}

export interface SampleObject {
  concept: string;
  label: string;
  colour?: ColourName;
  /** x, y, width, height in fractions of the picture. */
  box: [number, number, number, number];
  flip: boolean;
}

export interface Subject {
  slot: number;
  /** The reference picture: square, on white or transparent. */
  referenceSvg: string;
  /** Where a figure is in that picture: x, y, width, height in fractions. */
  referenceBox?: [number, number, number, number];
  label: string;
}

/** One training example; plain JSON. */
export interface Sample {
  index: number;
  kind: string;
  caption: string;
  language: string;
  svg: string;
  width: number;
  height: number;
  /** The style's word. */
  style: string;
  background: Background;
  transparent: boolean;
  objects: SampleObject[];
  relation?: Relation;
  subjects?: Subject[];
}
