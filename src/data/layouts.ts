// Layouts: where the things of a scene go. Each draws places from a stream of random numbers and says what became true
// (relation, position, count, sizes), so that a caption cannot disagree with its picture.
import type { Random } from '../util/random.ts';
import type { Position, Relation } from './captions.ts';

export interface Spot {
  /** Index of the thing. */
  thing: number;
  x: number;
  y: number;
  size: number;
  /** Stand with the lower edge at this height instead of being centred at `y`. */
  stand?: number;
}

export interface Placement {
  places: Spot[];
  relation?: Relation;
  position?: Position;
  count?: number;
  sizes?: (undefined | 'big' | 'small')[];
}

interface Layout {
  things: number;
  /** @param aspect width / height. @param ground height of the ground, undefined where things float. */
  place: (rng: Random, aspect: number, ground: number | undefined) => Placement;
}

const jitter = (rng: Random, amount: number) => (rng.uniform() * 2 - 1) * amount;
const stand = (ground: number | undefined) => (ground === undefined ? {} : { stand: ground });
/** Widths are fractions of the shorter side: how much wider the picture is than that. */
const room = (aspect: number) => Math.max(1, aspect);

export type LayoutName = 'one' | 'place' | 'pair' | 'stack' | 'count' | 'trio';

export const LAYOUTS: Record<LayoutName, Layout> = {
  /** One thing in the middle. */
  one: {
    things: 1,
    place: (rng, _aspect, ground) => {
      const draw = rng.uniform();
      const size =
        draw < 0.08
          ? 0.88 + jitter(rng, 0.03)
          : draw < 0.18
            ? 0.38 + jitter(rng, 0.04)
            : (ground === undefined ? 0.74 : 0.62) + jitter(rng, 0.04);
      const word = draw < 0.08 ? 'big' : draw < 0.18 ? 'small' : undefined;
      const base = ground === undefined || word === 'big' ? {} : { stand: ground };
      return { places: [{ thing: 0, x: 0.5 + jitter(rng, 0.015), y: 0.5 + jitter(rng, 0.015), size, ...base }], sizes: [word] };
    },
  },
  /** One thing somewhere else than in the middle. */
  place: {
    things: 1,
    place: (rng, _aspect, ground) => {
      const position = rng.pick(
        ground === undefined ? (['left', 'right', 'top', 'bottom', 'middle'] as const) : (['left', 'right', 'middle'] as const),
      );
      const size = 0.42 + jitter(rng, 0.05);
      const x = { left: 0.25, right: 0.75, top: 0.5, bottom: 0.5, middle: 0.5 }[position] + jitter(rng, 0.02);
      const y = { left: 0.5, right: 0.5, top: 0.25, bottom: 0.75, middle: 0.5 }[position] + jitter(rng, 0.02);
      return { places: [{ thing: 0, x, y, size, ...stand(ground) }], position };
    },
  },
  /** Two things side by side. */
  pair: {
    things: 2,
    place: (rng, aspect, ground) => {
      const firstLeft = rng.uniform() < 0.5;
      const draw = rng.uniform();
      const relation = draw < 0.25 ? 'next to' : draw < 0.4 ? undefined : firstLeft ? 'left of' : 'right of';
      const sizes = rng.uniform() < 0.2 ? (rng.uniform() < 0.5 ? (['big', 'small'] as const) : (['small', 'big'] as const)) : undefined;
      const size = (i: number) => (sizes ? (sizes[i] === 'big' ? 0.52 : 0.26) : 0.42) * Math.min(1.2, room(aspect)) + jitter(rng, 0.02);
      const [a, b] = firstLeft ? [0.26, 0.74] : [0.74, 0.26];
      const y = 0.5 + jitter(rng, 0.03);
      return {
        places: [
          { thing: 0, x: a + jitter(rng, 0.015), y, size: size(0), ...stand(ground) },
          { thing: 1, x: b + jitter(rng, 0.015), y, size: size(1), ...stand(ground) },
        ],
        ...(relation && { relation }),
        ...(sizes && { sizes: [...sizes] }),
      };
    },
  },
  /** One thing above the other. */
  stack: {
    things: 2,
    place: (rng, _aspect, ground) => {
      const firstAbove = rng.uniform() < 0.5;
      const low = ground === undefined ? 0.75 : 0.72;
      const [a, b] = firstAbove ? [0.26, low] : [low, 0.26];
      const x = 0.5 + jitter(rng, 0.04);
      const at = (thing: number, y: number) => ({ thing, x: x + jitter(rng, 0.02), y, size: 0.38 + jitter(rng, 0.03) });
      return { places: [at(0, a), at(1, b)], relation: firstAbove ? 'above' : 'below' };
    },
  },
  /** Two to five of the same. */
  count: {
    things: 1,
    place: (rng, aspect, ground) => {
      const count = 2 + rng.weighted([0.4, 0.35, 0.2, 0.05]);
      const rows = count > 3 && ground === undefined ? 2 : 1;
      const top = Math.ceil(count / rows);
      const size = Math.min((0.82 / top) * (rows === 1 ? room(aspect) : 1), rows === 2 ? 0.36 : 0.42) + jitter(rng, 0.01);
      const places = Array.from({ length: count }, (_, i): Spot => {
        const row = rows === 2 && i >= top ? 1 : 0;
        const inRow = rows === 1 ? count : row ? count - top : top;
        const column = row ? i - top : i;
        const x = 0.5 + ((column - (inRow - 1) / 2) * 0.92) / Math.max(inRow, 2);
        return { thing: 0, x: x + jitter(rng, 0.01), y: rows === 2 ? 0.28 + 0.44 * row : 0.5 + jitter(rng, 0.03), size, ...stand(ground) };
      });
      return { places, count };
    },
  },
  /** Three different things in a row. */
  trio: {
    things: 3,
    place: (rng, aspect, ground) => {
      const size = 0.28 * Math.min(1.3, room(aspect)) + jitter(rng, 0.01);
      const y = 0.5 + jitter(rng, 0.03);
      return { places: [0, 1, 2].map((thing) => ({ thing, x: 0.18 + 0.32 * thing, y, size, ...stand(ground) })) };
    },
  },
};
