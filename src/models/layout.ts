// What the latent of a picture consists of: parts, each a grid of tokens, one after the other, rows first. A picture in one piece
// is the layout of one canvas; a picture of layers has a part for each thing and for where it is (ART, Pu et al. 2025).
// Samplers step a flat list of numbers and know nothing of parts: whatever has to know asks here.
import type { Size } from '../image/image.ts';
import { gridNoise, type Grid } from '../sampling/noise.ts';
import type { Random } from '../util/random.ts';

/** Most objects of a picture in layers. */
export const OBJECTS = 6;

/** A rectangle of a picture, as shares of its width and height. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Part extends Grid {
  /** Numbers of a token. */
  readonly channels: number;
  /** Which part it is: 0 the canvas, others as the family counts them. No two parts of a layout share one. */
  readonly slot: number;
  /** Where it lies; left out: it covers the picture, or only drawing tells. */
  readonly box?: Box;
}

/** The parts of a picture in the order in which their numbers stand. */
export type Layout = readonly Part[];

/** A picture in one piece. */
export const canvasOf = ({ rows, columns }: Grid, channels: number): Layout => [{ rows, columns, channels, slot: 0 }];

const cellsOf = ({ rows, columns }: Grid): number => rows * columns;

/** Tokens of a picture. */
export const tokensOf = (layout: Layout): number => layout.reduce((sum, part) => sum + cellsOf(part), 0);

/** Numbers of a picture's latent. */
export const numbersOf = (layout: Layout): number => layout.reduce((sum, part) => sum + cellsOf(part) * part.channels, 0);

/**
 * Standard normal noise for a latent. Each part has a stream of its own, by its slot, so that it keeps its noise when others come and go.
 * A part that is finer in `full` has that one's noise, averaged: a coarse preview of a seed looks like the whole picture.
 */
export function noiseOf(rng: Random, layout: Layout, full: Layout = layout): Float32Array<ArrayBuffer> {
  const noise = new Float32Array(numbersOf(layout));
  for (const [i, part] of split(noise, layout).entries()) {
    const { slot, channels } = layout[i]!;
    const fine = full.find((one) => one.slot === slot) ?? layout[i]!;
    part.set(gridNoise(slot === 0 ? rng : rng.split(slot), fine, layout[i]!, channels));
  }
  return noise;
}

/** The numbers of each part, as views. Throws RangeError for a latent of another length. */
export function split(latent: Float32Array<ArrayBuffer>, layout: Layout): Float32Array<ArrayBuffer>[] {
  if (latent.length !== numbersOf(layout))
    throw new RangeError(`a latent of ${latent.length} numbers: the layout has ${numbersOf(layout)}`);
  let from = 0;
  return layout.map((part) => latent.subarray(from, (from += cellsOf(part) * part.channels)));
}

/** Rows and columns, at least 1 each, of about `tokens` tokens in the shape of a picture. Shape counts twice as much as number. */
export function latentGrid({ width, height }: Size, tokens: number): Grid {
  const aspect = width / height;
  const misfit = (rows: number, columns: number) => (2 * Math.log(columns / rows / aspect)) ** 2 + Math.log((rows * columns) / tokens) ** 2;
  let best: Grid = { rows: 1, columns: 1 };
  for (let rows = 1; rows <= Math.ceil(2 * Math.sqrt(tokens / aspect)); rows++) {
    const exact = ((rows * aspect) ** 4 * (tokens / rows)) ** (1 / 5); // where the misfit of these rows is least
    for (const columns of [Math.floor(exact), Math.ceil(exact)])
      if (columns >= 1 && misfit(rows, columns) < misfit(best.rows, best.columns)) best = { rows, columns };
  }
  return best;
}
