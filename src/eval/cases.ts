// What the model is asked to draw: prompts with everything that must be true of the picture, and the SVG that a person would
// call right, so that every score of the model stands beside the same score of real renders of the very same facts. Sets differ
// in language and in whether training has seen the combination. The judge's classes follow from the same scope.
import { COLOUR_NAMES, type ColourName } from '../data/colour.ts';
import { caption, type Facts } from '../data/captions.ts';
import { PLAIN_COLOURS, SCENERY_NAMES, type Background } from '../data/backgrounds.ts';
import { sample, type DataOptions, type Sample } from '../data/dataset.ts';
import { canRecolour, sceneSvg } from '../data/scenes.ts';
import { heldOut, type Split } from '../data/splits.ts';
import { inScope, sprite, STYLES, type Concept, type StyleKey } from '../data/sprites.ts';
import { random, type Random } from '../util/random.ts';

/** The words that a judge tells apart. */
export interface Classes {
  /** Code points, and what people call them. */
  readonly concept: readonly string[];
  readonly labels: readonly string[];
  readonly style: readonly string[];
  readonly background: readonly string[];
}
export const HEADS = ['concept', 'style', 'background'] as const;
export type Head = (typeof HEADS)[number];

/** One prompt, and what is true of a right picture. */
export interface Case {
  readonly set: string;
  readonly caption: string;
  readonly svg: string;
  /** Name of the class, by head. */
  readonly truth: Readonly<Record<Head, string>>;
  /** The caption says nothing of the background: no picture is wrong for it. */
  readonly backgroundSaid: boolean;
  readonly colour?: ColourName;
}

export interface SetOptions {
  readonly name: string;
  readonly split: Split;
  readonly language: 'en' | 'nl';
  /** Share of nouns that are synonyms. */
  readonly synonym?: number;
}

/** Seen and held-out combinations, in English and Dutch. */
export const SETS: readonly SetOptions[] = [
  { name: 'seen, English', split: 'train', language: 'en' },
  { name: 'seen, Dutch', split: 'train', language: 'nl' },
  { name: 'held out, English', split: 'test', language: 'en' },
  { name: 'held out, Dutch', split: 'test', language: 'nl' },
];

/** Class of a background: its kind, a plain one with its colour. */
export function backgroundClass({ kind, colour }: Background): string {
  return kind === 'plain' ? `plain ${colour}` : kind;
}

/** Everything that single objects of a scope can be. */
export function classesOf(data: DataOptions): Classes {
  const { concepts, styles } = inScope(data.scope);
  return {
    concept: concepts.map((c) => c.hex),
    labels: concepts.map((c) => c.label),
    style: styles.map((s) => STYLES[s].word),
    background: ['white', 'transparent', ...PLAIN_COLOURS.map((c) => `plain ${c}`), ...SCENERY_NAMES],
  };
}

/** The truth of a sample of one object. */
export function truthOf({ objects, style, background }: Pick<Sample, 'objects' | 'style' | 'background'>): Case['truth'] {
  return { concept: objects[0]!.concept, style, background: backgroundClass(background) };
}

/** Options of samples of one object alone, in square pictures. */
export function singleObjects(data: DataOptions, split: Split): DataOptions {
  return { ...data, mix: { single: 1, scene: 0, character: 0 }, aspects: [[256, 256, 1]], subjects: 0, split };
}

/** `count` cases of a set: style and background are always said. */
export function conceptCases(data: DataOptions, { name, split, language, synonym = 0 }: SetOptions, count: number, seed: number): Case[] {
  const captions = { languages: { [language]: 1 }, dropStyle: 0, dropBackground: 0, synonym, hypernym: 0 };
  const options: DataOptions = { ...singleObjects(data, split), captions, recolour: 0 };
  const cases: Case[] = [];
  for (let i = 0; cases.length < count && i < 20 * count; i++) {
    const s = sample(seed, i, options);
    if (s.language !== language) continue; // a noun whose Dutch grammar is not known
    const said = s.background.kind !== 'white' || /\bwhite\b|\bwitte\b/.test(s.caption);
    cases.push({ set: name, caption: s.caption, svg: s.svg, truth: truthOf(s), backgroundSaid: said });
  }
  return cases;
}

/** Can a picture of it be told by its colour? Most of it takes the colour, and its name says none. */
export function isSimple({ hex, label, group, core }: Concept, style: StyleKey): boolean {
  const found = sprite(hex, style);
  const named = COLOUR_NAMES.some((c) => (core?.noun ?? label).split(' ').includes(c));
  return found !== undefined && !named && found.share >= 0.6 && canRecolour(found) && !['people-body', 'smileys-emotion'].includes(group);
}

/** `count` simple objects in another colour, on white; colours that white hides are left out. */
export function colourCases(data: DataOptions, split: Split, count: number, seed: number): Case[] {
  const { concepts, styles } = inScope(data.scope);
  const colours = COLOUR_NAMES.filter((c) => c !== 'white');
  const rng = random(seed).split(`colours:${split}`);
  const cases: Case[] = [];
  for (let i = 0; cases.length < count && i < 500 * count; i++) {
    const [concept, style, colour] = [rng.pick(concepts), rng.pick(styles), rng.pick(colours)];
    const out = heldOut('colour', concept.hex, colour) || heldOut('style', concept.hex, style);
    if (!concept.styles.includes(style) || !isSimple(concept, style) || out !== (split === 'test')) continue;
    cases.push(colourCase(concept, style, colour, split, rng));
  }
  return cases;
}

function colourCase(concept: Concept, style: StyleKey, colour: ColourName, split: Split, rng: Random): Case {
  const background: Background = { kind: 'white', seed: 0 };
  const facts: Facts = { things: [{ concept, colour, count: 1 }], background, style };
  const { text } = caption(facts, rng, { languages: { en: 1 }, dropStyle: 0, dropBackground: 0, synonym: 0, hypernym: 0 });
  const svg = sceneSvg({ width: 256, height: 256, background, objects: [{ concept: concept.hex, style, colour, x: 0.5, y: 0.5, size: 0.74, flip: false }] });
  const truth = { concept: concept.hex, style: STYLES[style].word, background: 'white' };
  return { set: split === 'test' ? 'held-out colours' : 'seen colours', caption: text, svg, truth, backgroundSaid: false, colour };
}
