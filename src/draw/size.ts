// Sizes: from what the caller asks for (pixels, an aspect ratio, or nothing) to the picture's size and the tiles it is drawn in.
// Any number of pixels can be drawn, so no side need be a multiple of anything.
import type { Size, Tile } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import { BASE, checkedSize, LIMITS, SIDE_MIN, type Aspect, type Limits, type SizeOptions } from './request.ts';

export type { Size };

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
    throw new InputError('size.conflict', `${width}x${height} is not ${aspect}: give one side, or leave the aspect ratio out`, {
      path: 'aspect',
    });
}

/** Pixels drawn at a time: some 10 MB of the renderer's memory, and the fastest shape measured, at 512 pixels as at 4K. */
export const TILE: Size = { width: 128, height: 256 };

/** The tiles of a picture, row by row; those at the right and the bottom may be smaller. */
export function tilesOf({ width, height }: Size, tile: Size): Tile[] {
  const tiles: Tile[] = [];
  for (let y = 0; y < height; y += tile.height)
    for (let x = 0; x < width; x += tile.width)
      tiles.push({ x, y, width: Math.min(tile.width, width - x), height: Math.min(tile.height, height - y) });
  return tiles;
}
