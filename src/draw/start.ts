// From a picture to a picture (SDEdit, Meng et al. 2022): the sampler begins not at pure noise but at the input's latent,
// noised to t = strength, and runs through the same steps, squeezed into [0, strength]. With a mask, the latent tokens outside are
// clamped to the input's (sampling/clamp.ts); and outside the mask the final pixels are the input's, bit for bit.
// Not here: reading files (disk/codec.ts), the loop (text-to-image.ts).
// Legend: h x w latent grid, C latent channels, m mask: 1 to repaint, 0 to keep.
import type { Grid } from '../sampling/noise.ts';
import { clamped, type Known } from '../sampling/clamp.ts';
import { noised } from '../sampling/path.ts';
import type { Velocity } from '../sampling/sampler.ts';
import { cutImage, flatten, imageToTensor, partOf, resizeImage, WHITE, type Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';
import type { Encoder } from '../models/family.ts';
import type { Box, Layout } from '../models/layout.ts';
import { LIMITS, SIDE_MIN, STRENGTH, STRENGTH_MASKED, type Limits, type PictureOptions } from './request.ts';
import type { Size } from './size.ts';

/** Shapes of mask and picture may differ by rounding, as a share. */
const SHAPE_TOLERANCE = 0.02;
/** Sizes at which what is kept around a mask is remembered. */
const SIZES = 2;
/** A repainted area fades in over this share of a latent token. */
const FEATHER = 1 / 8;

const painted = new WeakMap<Image, boolean>();

/** Whether a mask has anything to repaint. Each Image is looked at once. */
function isPainted(mask: Image): boolean {
  const known = painted.get(mask) ?? hasPaint(mask);
  painted.set(mask, known);
  return known;
}

function hasPaint({ data }: Image): boolean {
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]! > 0 && (data[i]! > 0 || data[i + 1]! > 0 || data[i + 2]! > 0)) return true;
  return false;
}

/** Throws InputError for a strength or mask that does not fit the picture. */
export function checkPicture({ image, strength = 0, mask }: PictureOptions): void {
  const wrong = (path: 'strength' | 'mask', why: string) => new InputError(`options.${path}`, why, { path });
  if (!image) {
    if (strength) throw wrong('strength', 'a strength without a picture to start from: give the picture, or leave the strength out');
    if (mask) throw wrong('mask', 'a mask without a picture to repaint: give the picture too');
    return;
  }
  if (!mask) return;
  if (Math.abs(Math.log((mask.width * image.height) / (mask.height * image.width))) > SHAPE_TOLERANCE)
    throw wrong('mask', `the mask is ${mask.width}x${mask.height}, the picture ${image.width}x${image.height}: expected the same shape`);
  if (!isPainted(mask)) throw wrong('mask', 'the mask is black: nothing would be repainted; paint white what is to change');
}

/** The strength that is meant. */
export function strengthOf({ strength, mask }: PictureOptions): number {
  return strength ?? (mask ? STRENGTH_MASKED : STRENGTH);
}

/** Size of the picture to draw when none is asked for: the input's, scaled into what can be drawn. */
export function sizeOf({ width, height }: Image, limits: Pick<Limits, 'side' | 'pixels'> = LIMITS): Size {
  const most = Math.min(limits.side / Math.max(width, height), Math.sqrt(limits.pixels / (width * height)));
  const scale = Math.min(Math.max(1, SIDE_MIN / Math.min(width, height)), most);
  const whole = limits.pixels < LIMITS.pixels ? Math.floor : Math.round;
  const side = (n: number) => Math.min(limits.side, Math.max(SIDE_MIN, whole(n * scale)));
  return { width: side(width), height: side(height) };
}

/** The middle of a picture in the shape of `size`, and at that size. */
export function cover(one: Image, { width, height }: Size): Image {
  const aspect = width / height;
  const part = {
    width: Math.min(one.width, Math.max(1, Math.round(one.height * aspect))),
    height: Math.min(one.height, Math.max(1, Math.round(one.width / aspect))),
  };
  if (part.width === one.width && part.height === one.height) return resizeImage(one, width, height);
  const [left, top] = [(one.width - part.width) >> 1, (one.height - part.height) >> 1];
  return resizeImage(cutImage(one, { x: left, y: top, ...part }), width, height);
}

/** What a latent sees of a picture of `size`: at the encoder's size, and going on at its edges where the latent reaches beyond. */
function seenBy(one: Image, size: Size, at: Size, box: Box | undefined): Image {
  if (!box) return cover(one, at);
  const aspect = size.width / size.height;
  const [width, height] = [Math.min(one.width, one.height * aspect), Math.min(one.height, one.width / aspect)];
  const { x, y, ...sides } = partOf({ width, height }, box);
  return resizeImage(one, at.width, at.height, { x: x + (one.width - width) / 2, y: y + (one.height - height) / 2, ...sides });
}

/** How much of each pixel is to be repainted, 0-1: a mask's brightness times its alpha. */
function coverage({ data }: Image): Float32Array {
  const m = new Float32Array(data.length / 4);
  for (let p = 0, i = 0; p < m.length; p++, i += 4) m[p] = ((data[i]! + data[i + 1]! + data[i + 2]!) * data[i + 3]!) / (3 * 255 * 255);
  return m;
}

/** For each pixel 0-1 how much of it is drawn: the mask, fading in over `feather` pixels from what is kept (not from the picture's edge). */
export function feathered(m: Float32Array, { width, height }: Size, feather: number): Float32Array {
  const reach = Math.ceil(feather) + 1;
  const distance = Float32Array.from(m, (x) => (x > 0 ? reach : 0)); // to the nearest kept pixel, in chessboard steps
  const at = (x: number, y: number) => (x < 0 || y < 0 || x >= width || y >= height ? reach : distance[y * width + x]!);
  const relax = (x: number, y: number, d: 1 | -1) => {
    const nearest = Math.min(at(x - d, y), at(x - 1, y - d), at(x, y - d), at(x + 1, y - d));
    distance[y * width + x] = Math.min(distance[y * width + x]!, nearest + 1);
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) relax(x, y, 1);
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) relax(x, y, -1);
  return m.map((x, i) => x * Math.min(1, distance[i]! / (feather + 1)));
}

/** Mixes `drawn` over `kept` where m > 0, premultiplied; where m is 0 the bytes of `kept`. Both of one size; changes `drawn`. */
function mix(drawn: Image, kept: Image, m: Float32Array): void {
  const [a, b] = [drawn.data, kept.data];
  for (let p = 0, i = 0; p < m.length; p++, i += 4) {
    const share = m[p]!;
    if (share >= 1) continue;
    const [alphaA, alphaB] = [a[i + 3]! * share, b[i + 3]! * (1 - share)];
    const alpha = alphaA + alphaB;
    for (let c = i; c < i + 3; c++) a[c] = share <= 0 ? b[c]! : alpha > 0 ? Math.round((a[c]! * alphaA + b[c]! * alphaB) / alpha) : 0;
    a[i + 3] = share <= 0 ? b[i + 3]! : Math.round(alpha);
  }
}

/** A picture to start from, ready for the sampler. */
export interface Start {
  /** The input's latent, h * w * C. */
  readonly latent: Float32Array;
  readonly strength: number;
  /** Where the sampler begins: (1 - strength) latent + strength noise. */
  begin(noise: Float32Array): Float32Array<ArrayBuffer>;
  /** The velocity whose predicted image is the input outside the mask; the same one without a mask. */
  hold(velocity: Velocity): Velocity;
  /** Puts the input's pixels back outside the mask; changes `drawn`, a picture of any size. */
  restore(drawn: Image): void;
}

/** Encodes a picture for a layout of one part, of a picture of `size`. `opaque`: over white, as the picture will be. */
export async function startFrom(
  given: PictureOptions & { image: Image },
  { layout, size, opaque, encoder: { pixels, encode } }: { layout: Layout; size: Size; opaque: boolean; encoder: Encoder },
): Promise<Start> {
  const { rows, columns, channels, box } = layout[0]!;
  const strength = strengthOf(given);
  const behind = (one: Image): Image => (opaque ? flatten(one, WHITE) : one);
  const at = { width: columns * pixels, height: rows * pixels };
  const latent = await encode(imageToTensor(behind(seenBy(given.image, size, at, box))));
  const begin = (noise: Float32Array) => noised(latent, noise, strength);
  const mask = given.mask;
  if (!mask) return { latent, strength, begin, hold: (velocity) => velocity, restore: () => {} };

  const repaint = touchedBy(coverage(seenBy(mask, size, at, box)), { rows, columns }, pixels);
  const known: Known = { truth: latent, mask: Uint8Array.from(latent, (_, i) => (repaint[Math.floor(i / channels)] ? 0 : 1)) };
  const hold = (velocity: Velocity): Velocity => clamped(velocity, known);
  const around = (size: Size) => ({
    kept: behind(cover(given.image, size)),
    share: feathered(coverage(cover(mask, size)), size, (FEATHER * size.width) / columns),
  });
  const surroundings = new Map<string, ReturnType<typeof around>>(); // of the last sizes: that of previews, and that of the picture
  const restore = (drawn: Image): void => {
    const size = `${drawn.width}x${drawn.height}`;
    const { kept, share } = surroundings.get(size) ?? around(drawn);
    surroundings.delete(size);
    surroundings.set(size, { kept, share });
    if (surroundings.size > SIZES) surroundings.delete(surroundings.keys().next().value!);
    mix(drawn, kept, share);
  };
  return { latent, strength, begin, hold, restore };
}

/** Which latent tokens, of `side` pixels, a mask at the encoder's size touches. */
function touchedBy(m: Float32Array, { rows, columns }: Grid, side: number): boolean[] {
  const touched = Array.from({ length: rows * columns }, () => false);
  const width = columns * side;
  m.forEach((x, i) => {
    if (x > 0) touched[Math.floor(i / width / side) * columns + Math.floor((i % width) / side)] = true;
  });
  return touched;
}

/** SHA-256 of a picture's size and pixels, the first 16 hexadecimal digits: the same picture in any file format without losses. */
export async function hashOf({ width, height, data }: Image): Promise<string> {
  const bytes = new Uint8Array(8 + data.length);
  new DataView(bytes.buffer).setUint32(0, width);
  new DataView(bytes.buffer).setUint32(4, height);
  bytes.set(data, 8);
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest.subarray(0, 8), (x) => x.toString(16).padStart(2, '0')).join('');
}
