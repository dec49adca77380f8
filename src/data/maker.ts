// What a maker of characters is, and what all of them are written with.
import type { Random } from '../util/random.ts';
import { article } from './captions.ts';

/** The chosen parts of a figure: what stays the same between two pictures of it. */
export type Identity = Record<string, string>;

export interface Maker {
  /** The word of the captions. */
  style: string;
  licence: string;
  /** Share among the characters. */
  weight: number;
  identity: (rng: Random) => Identity;
  /** The expressions, with the words for each (the first is the plainest); words after the noun begin with a space. */
  expressions: (who: Identity) => Record<string, readonly string[]>;
  /** What to call it, with a colour where it has one: "person", "blue mug". */
  noun: (who: Identity) => string;
  /** Visible attributes: "long brown hair". */
  attributes: (who: Identity) => string[];
  /** Inner SVG and its view box, the figure's lower edge on the lower edge of the box where it is cut off there. */
  draw: (who: Identity, expression: string) => { body: string; viewBox: string };
  /** Is the figure cut off at the lower edge, and so must stand on the picture's? */
  bust: boolean;
}

export const inner = (svg: string) => svg.replace(/^[\s\S]*?<svg[^>]*>|<\/svg>[\s\S]*$/g, '');
export const an = (text: string) => `${article(text)} ${text}`;
export const key = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];
/** 'none' with probability 1 - p. */
export const maybe = (rng: Random, p: number, list: readonly string[]) => (rng.uniform() < p ? rng.pick(list) : 'none');

export const FACES = {
  happy: ['happy', 'smiling'],
  laughing: ['laughing'],
  sad: ['sad', 'unhappy'],
  angry: ['angry', 'mad'],
  surprised: ['surprised', 'astonished'],
  winking: ['winking'],
  loving: [' in love'],
  dizzy: ['dizzy'],
  cheeky: [' sticking out the tongue'],
  serious: ['serious'],
  tired: ['tired', 'sleepy'],
  sleeping: ['sleeping'],
  scared: ['scared', 'afraid'],
  nervous: ['nervous'],
  calm: ['calm'],
  excited: ['excited'],
} as const;

export const pickFaces = (names: readonly (keyof typeof FACES)[]) => Object.fromEntries(names.map((n) => [n, FACES[n]]));
