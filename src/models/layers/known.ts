// What is known of layers before a picture is drawn, as numbers of its latent: a box is three numbers of a frame, a drawing is the tokens of
// its thumbnail in its canonical frame - the tight box of what is visible, its longer side filling 94 % of a square.
import {
  cutImage,
  image,
  partOf,
  placeImage,
  resizeImage,
  sharesOf,
  visibleBox,
  type Image,
  type Size,
  type Tile,
} from '../../image/image.ts';
import type { Known } from '../../sampling/clamp.ts';
import type { KnownLayer } from '../family.ts';
import { numbersOf, split, type Layout as Parts } from '../layout.ts';
import { FILL, OBJECTS, PATCH, THUMBNAIL } from './config.ts';
import { frameNumbers } from './frame.ts';
import { canvasPlace } from './layout.ts';
import { encodeThumbnail, type Basis, type Thumbnail } from './thumbnail.ts';

/** Numbers of a frame that a box says; the one after them is the height in the stack. */
const BOX_NUMBERS = 3;

/** What layers say of a latent of these parts. Those that it has no parts for say nothing. */
export function knownOf(layers: readonly KnownLayer[], parts: Parts, size: Size, basis: Basis): Known {
  const truth = new Float32Array(numbersOf(parts));
  const known = new Float32Array(truth.length);
  const bySlot = (numbers: Float32Array<ArrayBuffer>) => new Map(split(numbers, parts).map((part, i) => [parts[i]!.slot, part]));
  const [values, masks] = [bySlot(truth), bySlot(known)];
  for (const { slot, box, z, image: shown } of layers) {
    const frame = OBJECTS + slot;
    if (slot > 0 && values.has(frame)) {
      values.get(frame)!.set(frameNumbers({ ...standing(box, size), height: z ?? 0 }));
      if (box) masks.get(frame)!.fill(1, 0, BOX_NUMBERS);
      if (z !== undefined) masks.get(frame)!.fill(1, BOX_NUMBERS);
    }
    const part = parts.find((one) => one.slot === slot);
    if (!shown || !part) continue;
    const thumbnail =
      slot === 0
        ? shrunk(shown, part.columns * PATCH, part.rows * PATCH, partOf(shown, sharesOf(canvasPlace(size, part), size)))
        : canonical(shown);
    values.get(slot)!.set(encodeThumbnail(thumbnail, basis));
    masks.get(slot)!.fill(1);
  }
  return { truth, mask: Uint8Array.from(known) };
}

/** Centre and longer side of a box, in shorter sides of the picture; those of the whole picture where there is none. */
function standing(box: KnownLayer['box'] = { x: 0, y: 0, width: 1, height: 1 }, { width, height }: Size) {
  const shorter = Math.min(width, height);
  return {
    x: ((box.x + box.width / 2 - 0.5) * width) / shorter,
    y: ((box.y + box.height / 2 - 0.5) * height) / shorter,
    size: Math.max(box.width * width, box.height * height) / shorter,
  };
}

/** The thumbnail of what is visible in a picture, in its canonical frame. */
export function canonical(one: Image): Thumbnail {
  const art = cutImage(one, visibleBox(one));
  const side = Math.ceil(Math.max(art.width, art.height) / FILL);
  const square = image(side, side);
  placeImage(square, { x: (side - art.width) >> 1, y: (side - art.height) >> 1 }, art);
  return shrunk(square, THUMBNAIL, THUMBNAIL);
}

/** A picture, or a part of it, at another size, premultiplied. */
export function shrunk(one: Image, width: number, height: number, part?: Tile): Thumbnail {
  const small = resizeImage(one, width, height, part);
  const pixels = Float32Array.from(small.data, (v, i) => (i % 4 === 3 ? v : (v * small.data[i - (i % 4) + 3]!) / 255));
  return { width, height, pixels };
}
