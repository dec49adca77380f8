// A picture cut out of the plain ground that it stands on: what a drawing on a sheet of paper is, or an icon on a colour. The ground is the
// colour of the picture's rim; what is reached from there without leaving it is nothing, and pixels beside it are unmixed: with g the ground
// and f the purest colour nearby, p = a f + (1 - a) g (Smith & Blinn 1996, with f taken from the neighbourhood).
import { image, isOpaque, type Color, type Image } from './image.ts';

/** A picture that was cut out. */
export interface Cutout {
  /** As large as the picture, transparent where its ground was. */
  readonly object: Image;
  readonly ground: Color;
}

/** Levels by which a pixel of the ground may be off: JPEG's noise. */
const TOLERANCE = 24;
/** Share that has to be ground of the rim's three plainest sides: a bust stands on the fourth. */
const PLAIN = 0.97;
/** Pixels around one in which the purest colour is looked for. */
const AROUND = 2;

/** What stands on a plain ground; undefined where the rim is not plain, there is nothing else, or the picture can be seen through. */
export function cutOut(one: Image): Cutout | undefined {
  if (!isOpaque(one)) return undefined;
  const rim = sidesOf(one);
  const ground = [0, 1, 2].map((c) => median(rim.flat().map((i) => one.data[i * 4 + c]!))) as unknown as Color;
  const plain = (i: number) => distance(one, i, ground) <= TOLERANCE;
  const sides = rim.map((all) => ({ all: all.length, plain: all.filter(plain) }));
  const plainest = [...sides].sort((a, b) => b.plain.length / b.all - a.plain.length / a.all).slice(0, 3);
  const count = (of: (side: (typeof sides)[number]) => number) => plainest.reduce((sum, side) => sum + of(side), 0);
  if (count((side) => side.plain.length) < PLAIN * count((side) => side.all)) return undefined;
  const from = sides.flatMap((side) => side.plain);
  const behind = reached(one, from, plain);
  return behind.includes(0) ? { object: unmixed(one, behind, ground), ground } : undefined;
}

/** A picture with its plain ground made transparent; itself where nothing can be cut out of it. */
export const withoutGround = (one: Image): Image => cutOut(one)?.object ?? one;

/** Pixels at the rim, side by side. */
function sidesOf({ width, height }: Image): number[][] {
  const across = Array.from({ length: width }, (_, x) => x);
  const down = Array.from({ length: height }, (_, y) => y * width);
  return [across, across.map((x) => (height - 1) * width + x), down, down.map((i) => i + width - 1)];
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Levels between a pixel and a colour, of the channel where they are most. */
const distance = ({ data }: Image, i: number, [r, g, b]: Color): number =>
  Math.max(Math.abs(data[i * 4]! - r), Math.abs(data[i * 4 + 1]! - g), Math.abs(data[i * 4 + 2]! - b));

/** 1 for each pixel that is reached from some by neighbours that fit. */
function reached({ width, height }: Image, from: readonly number[], fits: (i: number) => boolean): Uint8Array {
  const found = new Uint8Array(width * height);
  const open = from.filter((i) => !found[i] && (found[i] = 1));
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    const x = i % width;
    for (const next of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width])
      if (next >= 0 && next < found.length && !found[next] && fits(next)) {
        found[next] = 1;
        open.push(next);
      }
  }
  return found;
}

/** The picture without what is behind it. */
function unmixed(one: Image, behind: Uint8Array, ground: Color): Image {
  const { width, height, data } = one;
  const out = image(width, height, new Uint8ClampedArray(data));
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (behind[i]) {
        out.data.fill(0, i * 4, i * 4 + 4);
        continue;
      }
      if (distance(one, i, ground) <= TOLERANCE) continue; // of the ground's colour, but not reached
      const near = neighbours(x, y, one);
      if (!near.some((n) => behind[n])) continue;
      const purest = Math.max(...near.map((n) => (behind[n] ? 0 : distance(one, n, ground))));
      const alpha = Math.max(1 / 255, Math.min(1, distance(one, i, ground) / Math.max(1, purest)));
      for (let c = 0; c < 3; c++) out.data[i * 4 + c] = ground[c]! + (data[i * 4 + c]! - ground[c]!) / alpha;
      out.data[i * 4 + 3] = 255 * alpha;
    }
  return out;
}

function neighbours(x: number, y: number, { width, height }: Image): number[] {
  const found: number[] = [];
  for (let row = Math.max(0, y - AROUND); row <= Math.min(height - 1, y + AROUND); row++)
    for (let column = Math.max(0, x - AROUND); column <= Math.min(width - 1, x + AROUND); column++) found.push(row * width + column);
  return found;
}
