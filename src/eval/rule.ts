// When a picture is right: GenEval's rules (Ghosh, Hajishirzi & Schmidt 2023) in our closed world. A prompt asks for things, each
// perhaps in a colour, in a number, and for a relation between the first two; the judges have seen objects. A picture is right
// when different objects can be named for everything that was asked. Pure: no pixels and no networks here.
import type { Relation } from '../data/captions.ts';
import type { ColourName } from '../data/colour.ts';

/** x, y, width, height in fractions of the picture. */
export type Box = readonly [number, number, number, number];

/** A detected thing. */
export interface FoundBox {
  readonly box: Box;
  /** How sure the detector is, 0 to 1. */
  readonly score: number;
}

/** An object as the judges saw it: little enough to keep. */
export interface Seen {
  readonly box: Box;
  /** Code points of the concepts that it is taken for, the most likely five first, and their probabilities. */
  readonly concepts: readonly string[];
  readonly odds: readonly number[];
  /** The most likely style's word. */
  readonly style: string;
  /** What most of it is painted in, where that can be told. */
  readonly colour?: ColourName;
}

/** What a prompt asks for. */
export interface Asked {
  /** `count` 1: at least one such thing; more: exactly so many. */
  readonly things: readonly { readonly concept: string; readonly colour?: ColourName; readonly count: number }[];
  /** Between the first thing and the second. */
  readonly relation?: Relation;
}

/** How the concept is told: the judge's first choice, or one of its first five (many drawings have near twins). */
export type Strictness = 'first' | 'five';
const CHOICES: Readonly<Record<Strictness, number>> = { first: 1, five: 5 };

/** Share of the two sizes by which centres must differ before one thing lies to a side of the other: GenEval's. */
const MARGIN = 0.1;

/** Does `a` lie so to `b`? Of the offset of the centres, the part along that way, less the margin, must be more than half. */
export function holds(relation: Relation, a: Box, b: Box): boolean {
  const offset = [0, 1].map((axis) => a[axis]! + a[axis + 2]! / 2 - b[axis]! - b[axis + 2]! / 2);
  const [dx, dy] = offset.map((d, axis) => Math.sign(d) * Math.max(0, Math.abs(d) - MARGIN * (a[axis + 2]! + b[axis + 2]!)));
  const length = Math.hypot(offset[0]!, offset[1]!);
  const [x, y] = length === 0 ? [0, 0] : [dx! / length, dy! / length];
  return { 'left of': x < -0.5, 'right of': x > 0.5, above: y < -0.5, below: y > 0.5, 'next to': Math.abs(x) > 0.5 }[relation];
}

/** What is wrong with a picture: undefined when it is right, else the first thing that a person would say. */
export function wrongWith(
  asked: Asked,
  seen: readonly Seen[],
  strictness: Strictness,
  nameOf: (concept: string) => string = (c) => c,
): string | undefined {
  const like = (concept: string) => seen.filter((s) => s.concepts.slice(0, CHOICES[strictness]).includes(concept));
  for (const { concept, count } of asked.things) {
    const found = like(concept).length;
    if (found === 0) return `no ${nameOf(concept)}`;
    if (count > 1 && found !== count) return `${found} of ${nameOf(concept)}, not ${count}`;
  }
  // A colour is asked of every one of a number of things, and of some one of the others.
  const fits = asked.things.map(({ concept, colour }) => like(concept).filter((s) => colour === undefined || s.colour === colour));
  for (const [i, { concept, colour, count }] of asked.things.entries())
    if (fits[i]!.length < count) return `no ${colour} ${nameOf(concept)}, but ${like(concept)[0]!.colour ?? 'no plain colour'}`;
  const choices = choose(fits);
  if (choices.length === 0) return 'one object for two things';
  const { relation } = asked;
  if (relation !== undefined && !choices.some(([a, b]) => holds(relation, a!.box, b!.box))) return `not ${relation}`;
  return undefined;
}

/** Every way of naming a different object for each thing. */
function choose(fits: readonly (readonly Seen[])[]): Seen[][] {
  return fits.reduce<Seen[][]>(
    (ways, options) => ways.flatMap((way) => options.filter((o) => !way.includes(o)).map((o) => [...way, o])),
    [[]],
  );
}

/** How near a picture is to being right, for putting the worst first: 0 none of the things is there, 1 all are, surely, and right. */
export function nearness(asked: Asked, seen: readonly Seen[]): number {
  const sure = asked.things.map(({ concept }) => Math.max(0, ...seen.map((s) => s.odds[s.concepts.indexOf(concept)] ?? 0)));
  return Math.min(...sure) * (wrongWith(asked, seen, 'first') === undefined ? 1 : 0.5);
}
