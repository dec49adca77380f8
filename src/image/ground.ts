// A drawing on a plain ground, as people have them, without it: what has the edge's colour and can be reached from there is nothing.
// Not here: grounds of several colours, and photographs - nothing is guessed.
import { image, isOpaque, type Image } from './image.ts';

/** Levels by which a colour may differ from the ground's: what JPEG leaves of a plain one. */
const TOLERANCE = 24;

/**
 * A picture with its ground made transparent. One that can be seen through, whose edge has more than one colour, or that would be
 * nothing then, is itself.
 */
export function withoutGround(one: Image): Image {
  const { width, height, data } = one;
  const isGround = (p: number): boolean => [0, 1, 2].every((c) => Math.abs(data[p * 4 + c]! - data[c]!) <= TOLERANCE);
  const edge = edgeOf(width, height);
  if (!isOpaque(one) || !edge.every(isGround)) return one;
  const out = image(width, height, new Uint8ClampedArray(data));
  const reached = new Uint8Array(width * height);
  const next = edge;
  for (let p = next.pop(); p !== undefined; p = next.pop()) {
    if (reached[p] || !isGround(p)) continue;
    reached[p] = 1;
    out.data.fill(0, p * 4, p * 4 + 4);
    next.push(...besides(p, width, height));
  }
  return reached.includes(0) ? out : one;
}

/** The pixels that touch a pixel. */
function besides(p: number, width: number, height: number): number[] {
  const x = p % width;
  const [left, right] = [x > 0 ? [p - 1] : [], x < width - 1 ? [p + 1] : []];
  return [...left, ...right, ...(p >= width ? [p - width] : []), ...(p < width * (height - 1) ? [p + width] : [])];
}

/** The pixels at the edge of a picture. */
function edgeOf(width: number, height: number): number[] {
  const last = (height - 1) * width;
  const across = Array.from({ length: width }, (_, x) => [x, last + x]);
  const down = Array.from({ length: height }, (_, y) => [y * width, y * width + width - 1]);
  return [...across, ...down].flat();
}
