// Sizes: from what the caller asks for (pixels, an aspect ratio, or nothing) to the picture's size, its latent grid and the
// tiles it is drawn in. The latent grid has about the same number of tokens for every size and the picture's shape, because
// the model was trained so; the renderer draws any number of pixels from it, so no side need be a multiple of anything.
import type { Config } from '../models/banana/config.ts';
import type { Tile } from '../models/banana/renderer.ts';
import { InputError } from '../util/errors.ts';
import { BASE, checkedSize, LIMITS, SIDE_MIN, type Aspect, type Limits, type SizeOptions } from './request.ts';

export interface Size {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** Where no side is asked for both are multiples of this: exact enough at 512 pixels, and kind to video codecs. */
const ROUND = 8;

/**
 * The picture's size. Nothing given: 512x512. An aspect ratio: the area of 512x512. One side: the other follows from the
 * aspect ratio (1:1), to the pixel. Throws InputError for a side that is not a whole number from 64 to 4096, an unknown aspect ratio, or
 * one that contradicts the sides.
 */
export function resolveSize(options: SizeOptions = {}): Size {
  return sizeWithin(checkedSize(options));
}

/** The same for options that were checked. Throws InputError for what is too large in sum or contradicts itself. */
export function sizeWithin({ width, height, aspect }: SizeOptions, limits: Pick<Limits, 'side' | 'pixels'> = LIMITS): Size {
  if (width !== undefined && height !== undefined) {
    if (aspect !== undefined) checkFits({ width, height }, aspect);
    return within({ width, height }, limits.pixels);
  }
  const ratio = ratioOf(aspect ?? '1:1');
  if (width === undefined && height === undefined)
    return within({ width: round(BASE * Math.sqrt(ratio)), height: round(BASE / Math.sqrt(ratio)) }, limits.pixels);
  const size = { width: width ?? Math.round(height! * ratio), height: height ?? Math.round(width! / ratio) };
  for (const [name, side] of Object.entries(size))
    if (side < SIDE_MIN || side > limits.side) throw wrongSide(`aspect ${aspect ?? '1:1'} makes the ${name} ${side}`, limits.side);
  return within(size, limits.pixels);
}

const wrongSide = (found: string, most: number): InputError =>
  new InputError('size.side', `${found}: expected a whole number of pixels from ${SIDE_MIN} to ${most}`, { path: 'aspect' });

function within({ width, height }: Size, most: number): Size {
  if (width * height <= most) return { width, height };
  const found = `${width}x${height} has ${width * height} pixels`;
  throw new InputError('size.pixels', `${found}: expected at most ${most}; choose a smaller size`, { path: 'width' });
}

function round(side: number): number {
  return Math.round(side / ROUND) * ROUND;
}

/** Width divided by height. */
function ratioOf(aspect: Aspect): number {
  const [w, h] = aspect.split(':').map(Number) as [number, number];
  return w / h;
}

function checkFits({ width, height }: Size, aspect: Aspect): void {
  const ratio = ratioOf(aspect);
  if (Math.abs(width - height * ratio) >= ROUND && Math.abs(height - width / ratio) >= ROUND)
    throw new InputError('size.conflict', `${width}x${height} is not ${aspect}: give one side, or leave the aspect ratio out`, { path: 'aspect' });
}

/** Latent tokens of a 512x512 picture. */
export function baseTokens({ latentPixels }: Config): number {
  return (BASE / latentPixels) ** 2;
}

/** Rows and columns, at least 1 each, of about `tokens` latent tokens in the shape of a picture. Shape counts twice as much as number. */
export function latentGrid({ width, height }: Size, tokens: number): { rows: number; columns: number } {
  const aspect = width / height;
  const misfit = (rows: number, columns: number) => (2 * Math.log(columns / rows / aspect)) ** 2 + Math.log((rows * columns) / tokens) ** 2;
  let best = { rows: 1, columns: 1 };
  for (let rows = 1; rows <= Math.ceil(2 * Math.sqrt(tokens / aspect)); rows++) {
    const exact = ((rows * aspect) ** 4 * (tokens / rows)) ** (1 / 5); // where the misfit of these rows is least
    for (const columns of [Math.floor(exact), Math.ceil(exact)])
      if (columns >= 1 && misfit(rows, columns) < misfit(best.rows, best.columns)) best = { rows, columns };
  }
  return best;
}

/** The tiles of a picture, row by row; those at the right and the bottom may be smaller. */
export function tilesOf({ width, height }: Size, tile: Size): Tile[] {
  const tiles: Tile[] = [];
  for (let y = 0; y < height; y += tile.height)
    for (let x = 0; x < width; x += tile.width)
      tiles.push({ x, y, width: Math.min(tile.width, width - x), height: Math.min(tile.height, height - y) });
  return tiles;
}
