// What a Peel does, in numbers. How far what is drawn lies from the pictures that it was trained on, base beside Peel, at the same
// seeds: the energy distance (Székely & Rizzo 2013) between two sets of pictures in a plain feature space of colours and edges, no judge
// and no model needed.
import type { Peel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../../adapters/stack.ts';
import type { Painter } from '../../models/family.ts';
import { placed } from '../../train/peel/pictures.ts';
import { drawPicture } from '../../train/peel/samples.ts';
import { withTriggers } from '../../adapters/triggers.ts';
import { flatten, resizeImage, type Image } from '../../image/image.ts';

const SIDE = 64; // pixels at which colours and edges are looked at
/** Sides at which edges are looked at: fine and coarse. */
const EDGE_SIDES = [64, 32] as const;

/** Groups of numbers that say how a picture looks; each group counts as much as any other. */
export type Features = Readonly<Record<'colours' | 'edges', Float64Array>>;

/** A picture's features, over white. */
export function featuresOf(one: Image): Features {
  const small = flatten(placed(one, SIDE, SIDE));
  return { colours: coloursOf(small), edges: edgesOf(small) };
}

/** Square roots of the shares of 4 x 4 x 4 colours; a pixel counts for the colours around its own. */
function coloursOf({ data }: Image): Float64Array {
  const shares = new Float64Array(64);
  for (let i = 0; i < data.length; i += 4) {
    const at = [0, 1, 2].map((c) => (data[i + c]! / 255) * 3);
    for (let corner = 0; corner < 8; corner++) {
      let [bin, share] = [0, 1];
      for (let c = 0; c < 3; c++) {
        const low = Math.min(2, Math.floor(at[c]!));
        const high = (corner >> c) & 1;
        bin = bin * 4 + low + high;
        share *= high ? at[c]! - low : 1 - (at[c]! - low);
      }
      shares[bin]! += share / (data.length / 4);
    }
  }
  return shares.map(Math.sqrt);
}

/** Differences of lightness that are weak, middling and strong edges; one between two counts for both. */
const STRENGTHS = [0.05, 0.3, 0.7] as const;

/** Square roots of the shares of edges by strength (3) and direction (4), at two sides. */
function edgesOf(one: Image): Float64Array {
  const all = EDGE_SIDES.flatMap((side) => {
    const { data } = resizeImage(one, side, side);
    const light = Float64Array.from(
      { length: side * side },
      (_, i) => (0.299 * data[4 * i]! + 0.587 * data[4 * i + 1]! + 0.114 * data[4 * i + 2]!) / 255,
    );
    const shares = new Array<number>(12).fill(0);
    for (let y = 1; y < side - 1; y++)
      for (let x = 1; x < side - 1; x++) {
        const dx = light[y * side + x + 1]! - light[y * side + x - 1]!;
        const dy = light[(y + 1) * side + x]! - light[(y - 1) * side + x]!;
        const strength = Math.hypot(dx, dy);
        if (strength < STRENGTHS[0]) continue; // even
        const direction = Math.floor(((Math.atan2(dy, dx) / Math.PI + 1) * 4 + 0.5) % 4); // of a line, not of an arrow
        const low = strength < STRENGTHS[1] ? 0 : 1;
        const high = Math.min(1, (strength - STRENGTHS[low]!) / (STRENGTHS[low + 1]! - STRENGTHS[low]!));
        shares[low * 4 + direction]! += (1 - high) / (side - 2) ** 2;
        shares[low * 4 + 4 + direction]! += high / (side - 2) ** 2;
      }
    return shares;
  });
  return Float64Array.from(all, Math.sqrt);
}

/** Distances between pictures: each group's mean distance over `scale` is 1, and the groups are averaged. */
function measure(scale: readonly Features[]): (a: Features, b: Features) => number {
  const groups = Object.keys(scale[0]!) as (keyof Features)[];
  const apart = (a: Float64Array, b: Float64Array) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]!) ** 2, 0));
  const typical = new Map(groups.map((g) => [g, meanOver(scale, scale, (a, b) => apart(a[g], b[g]), true)]));
  return (a, b) => groups.reduce((sum, g) => sum + apart(a[g], b[g]) / typical.get(g)!, 0) / groups.length;
}

function meanOver<T>(a: readonly T[], b: readonly T[], of: (x: T, y: T) => number, same: boolean): number {
  let [sum, count] = [0, 0];
  a.forEach((x, i) => b.forEach((y, j) => (same && i === j) || ([sum, count] = [sum + of(x, y), count + 1])));
  return sum / Math.max(1, count);
}

/**
 * Energy distances of some sets to `truth`; 0 is "cannot be told apart". The unit is the typical distance of two pictures of `truth` and `base`,
 * whatever else is measured, so that figures of several Peels on one base can be compared.
 */
export function distancesTo<K extends string>(
  truth: readonly Features[],
  base: readonly Features[],
  sets: Readonly<Record<K, readonly Features[]>>,
): Record<K, number> {
  const of = measure([...truth, ...base]);
  const within = (a: readonly Features[]) => meanOver(a, a, of, true);
  const inside = within(truth);
  return Object.fromEntries(
    Object.entries<readonly Features[]>(sets).map(([name, set]) => [name, 2 * meanOver(truth, set, of, false) - inside - within(set)]),
  ) as Record<K, number>;
}

/** Draws a text with a stack on; a Peel's own words are added when `triggers` is set. */
export type Draw = (text: string, seed: number, stack: PeelStack, options?: { triggers?: boolean }) => Promise<Image>;

export const stackOf = (peels: readonly Peel[], weight = 1): PeelStack =>
  peels.reduce((stack, peel) => withPeel(stack, peel, weight), NO_PEELS);

/** A function that draws pictures of `side` pixels in `steps` steps, over white. */
export const drawing =
  (painter: Painter, { side = 256, steps = 4 } = {}): Draw =>
  (text, seed, stack, { triggers = true } = {}) =>
    drawPicture(painter, triggers ? withTriggers(text, stack) : text, stack, { seed, steps, side });
