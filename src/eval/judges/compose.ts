// Crops to train a classifier on, composed on the host from the bank: a drawing on a background, with a shadow, a neighbour or the
// picture's edge now and then, turned over, seen through a box that is a few percent off, at the sharpness of a large picture or of
// a small one. Everything follows from the stream of random numbers. Real scenes are what it is measured on.
import type { Random } from '../../util/random.ts';
import { enlarge, shrink } from './crop.ts';
import { BACKDROP, type Backdrop, type Bank, type Drawn } from './sprite-bank.ts';

const BACKDROP_SHARES = [0.2, 0.2, 0.2, 0.4];
/** A box may be off by this share of its longer side: in place and in size. */
const JITTER = { place: 0.045, size: 0.1 } as const;
const SHARES = { flip: 0.3, neighbour: 0.2, edge: 0.12, shadow: 0.5, soft: 0.5, colours: 0.25 } as const;
/** The orders of red, green and blue: other colours at no cost. */
export const ORDERS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

interface Layer {
  readonly bytes: Uint8Array;
  readonly size: number;
  /** Layer's pixel of the crop's pixel p: first + p * step. */
  readonly x: readonly [first: number, step: number];
  readonly y: readonly [first: number, step: number];
  /** Outside: 'clear' or the last pixel. */
  readonly repeat: boolean;
  /** Which of the layer's channels is red, green, blue. */
  readonly order?: readonly [number, number, number];
}

const centred = (rng: Random) => rng.uniform() * 2 - 1;

/** Lays `layer` over the `n` x `n` crop. `at` clamps positions of the crop to the part that the picture has. */
function lay(
  crop: Float32Array,
  n: number,
  { bytes, size, x: [x0, dx], y: [y0, dy], repeat, order = ORDERS[0] }: Layer,
  edge: readonly [number, number, number, number],
): void {
  if (size === 1) {
    for (let i = 0; i < crop.length; i++) crop[i] = bytes[i & 3]!;
    return;
  }
  for (let j = 0; j < n; j++) {
    const v = y0 + Math.min(edge[3], Math.max(edge[1], j)) * dy;
    for (let i = 0; i < n; i++) {
      let u = x0 + Math.min(edge[2], Math.max(edge[0], i)) * dx;
      let w = v;
      if (repeat) [u, w] = [Math.min(size - 1.001, Math.max(0, u)), Math.min(size - 1.001, Math.max(0, w))];
      else if (u < 0 || w < 0 || u >= size - 1 || w >= size - 1) continue;
      const [column, row] = [Math.floor(u), Math.floor(w)];
      const [fx, fy] = [u - column, w - row];
      const p = (row * size + column) * 4;
      const q = p + size * 4;
      const [a, b, c, d] = [(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy];
      const alpha = bytes[p + 3]! * a + bytes[p + 7]! * b + bytes[q + 3]! * c + bytes[q + 7]! * d;
      if (alpha === 0) continue;
      const o = (j * n + i) * 4;
      const under = 1 - alpha / 255;
      for (let k = 0; k < 3; k++) {
        const from = order[k]!;
        crop[o + k] =
          crop[o + k]! * under + bytes[p + from]! * a + bytes[p + 4 + from]! * b + bytes[q + from]! * c + bytes[q + 4 + from]! * d;
      }
      crop[o + 3] = crop[o + 3]! * under + alpha;
    }
  }
}

const fits = (one: Drawn, { dark, colour }: Backdrop) =>
  (one.on === undefined || (one.on === 'dark') === dark) && (one.colour === undefined || one.colour !== colour || one.on === 'dark');

/** Composes one crop into `out` (side * side * 4 bytes) and says what it shows. */
export function composeCrop<D extends Drawn>(
  { drawings, backdrops, canvas: { side: canvas, art } }: Bank<D>,
  pickDrawing: (rng: Random) => readonly D[],
  rng: Random,
  side: number,
  margin: number,
  out: Uint8Array,
): D {
  const group = backdrops[rng.weighted(BACKDROP_SHARES)]!;
  let [one, backdrop] = [rng.pick(pickDrawing(rng)), rng.pick(group)];
  for (let i = 0; i < 20 && !fits(one, backdrop); i++)
    [one, backdrop] = [rng.pick(pickDrawing(rng)), rng.pick(backdrops[rng.weighted(BACKDROP_SHARES)]!)];
  const n = side;
  const crop = new Float32Array(n * n * 4);
  const longer = art * canvas; // of the art, in canvas pixels
  const seen = longer * margin * (1 + JITTER.size * centred(rng));
  const step = seen / n;
  const start = (jitter: number) => canvas / 2 - seen / 2 + longer * JITTER.place * jitter - 0.5 + step / 2;
  const [left, top] = [start(centred(rng)), start(centred(rng))];
  const flip = rng.uniform() < SHARES.flip && !one.handed;
  const turned = (first: number, turn: boolean): Layer['x'] => (turn ? [canvas - 1 - first, -step] : [first, step]);
  const [w, h] = [one.art[0] * canvas, one.art[1] * canvas];
  const pixelOf = (position: number, first: number) => (position - first) / step;
  const edge: [number, number, number, number] = [0, 0, n - 1, n - 1];
  if (one.bust || rng.uniform() < SHARES.edge) {
    const gap = one.bust ? 0 : 6 * rng.uniform() ** 2;
    const which = one.bust ? 3 : rng.integer(4);
    const at = [canvas / 2 - w / 2 - gap, canvas / 2 - h / 2 - gap, canvas / 2 + w / 2 + gap, canvas / 2 + h / 2 + gap][which]!;
    const p = pixelOf(at - 0.5, which % 2 ? top : left);
    edge[which] = which < 2 ? Math.min(n / 2, Math.max(0, p)) : Math.max(n / 2, Math.min(n - 1, p));
  }
  if (backdrop.bytes.length === 4) lay(crop, n, { bytes: backdrop.bytes, size: 1, x: [0, 0], y: [0, 0], repeat: true }, edge);
  else {
    const size = (0.2 + 0.75 * rng.uniform()) * BACKDROP;
    const [x, y] = [rng.uniform() * (BACKDROP - size), rng.uniform() * (BACKDROP - size)];
    const bytes = backdrop.bytes;
    lay(
      crop,
      n,
      { bytes, size: BACKDROP, x: rng.uniform() < 0.5 ? [x, size / n] : [x + size, -size / n], y: [y, size / n], repeat: true },
      edge,
    );
    if (rng.uniform() < SHARES.shadow)
      shadow(crop, n, [pixelOf(canvas / 2 - 0.5, left), pixelOf(canvas / 2 + h / 2 - 0.5, top)], Math.max(w * 0.42, 3) / step);
  }
  if (rng.uniform() < SHARES.neighbour) {
    const other = rng.pick(rng.pick(drawings));
    if (fits(other, backdrop)) {
      const along = rng.uniform() < 0.7;
      const distance =
        ((along ? w + other.art[0] * canvas : h + other.art[1] * canvas) / 2 + (0.02 + 0.3 * rng.uniform()) * canvas) *
        (rng.uniform() < 0.5 ? -1 : 1);
      const [x, y] = along ? [left - distance, top + 5 * centred(rng)] : [left + 5 * centred(rng), top - distance];
      lay(
        crop,
        n,
        { bytes: other.bytes, size: canvas, x: turned(x, rng.uniform() < SHARES.flip && !other.handed), y: [y, step], repeat: false },
        edge,
      );
    }
  }
  const order = one.paintable && rng.uniform() < SHARES.colours ? rng.pick(ORDERS) : ORDERS[0];
  lay(crop, n, { bytes: one.bytes, size: canvas, x: turned(left, flip), y: [top, step], repeat: false, order }, edge);
  const m = rng.uniform() < SHARES.soft ? Math.round(n * (0.35 + 0.65 * rng.uniform())) : n;
  enlarge(m === n ? crop : shrink(crop, n, m), m, n, out);
  return one;
}

/** The flat ellipse under a thing that stands, as scenes.ts draws it: centre and half width in pixels of the crop. */
function shadow(crop: Float32Array, n: number, [x, y]: readonly [number, number], rx: number): void {
  const ry = rx * 0.16;
  for (let j = Math.max(0, Math.floor(y - ry)); j <= Math.min(n - 1, y + ry); j++)
    for (let i = Math.max(0, Math.floor(x - rx)); i <= Math.min(n - 1, x + rx); i++)
      if (((i - x) / rx) ** 2 + ((j - y) / ry) ** 2 < 1) for (let k = 0; k < 3; k++) crop[(j * n + i) * 4 + k]! *= 0.84;
}
