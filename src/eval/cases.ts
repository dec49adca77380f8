// Prompts of one thing each, with everything that must be true of the picture, and the SVG that a person would call right, so that
// every score of the model stands beside the same score of real renders of the very same facts. Sets differ in language and in
// whether training has seen the combination. Prompts of several things are in geneval.ts, of subjects in identity.ts.
import { COLOUR_NAMES } from '../data/colour.ts';
import { PLAIN_COLOURS, SCENERY_NAMES, type Background } from '../data/backgrounds.ts';
import { sample } from '../data/dataset.ts';
import type { DataOptions, Sample } from '../data/sample.ts';
import { canRecolour } from '../data/scenes.ts';
import type { Split } from '../data/splits.ts';
import { inScope, sprite, STYLES, type Concept, type StyleKey } from '../data/sprites.ts';

/** The words that a judge tells apart. */
export interface Classes {
  /** Code points, and what people call them. */
  readonly concept: readonly string[];
  readonly labels: readonly string[];
  readonly style: readonly string[];
  readonly background: readonly string[];
}

/** One prompt, and what is true of a right picture. */
export interface Case {
  readonly set: string;
  readonly caption: string;
  readonly svg: string;
  /** Code point, style's word, class of the background. */
  readonly truth: { readonly concept: string; readonly style: string; readonly background: string };
  /** The caption says nothing of the background: no picture is wrong for it. */
  readonly backgroundSaid: boolean;
}

export interface SetOptions {
  readonly name: string;
  readonly split: Split;
  readonly language: 'en' | 'nl';
  /** Share of nouns that are synonyms; above 0 the set holds only what has one. */
  readonly synonym?: number;
}

/** Seen and held-out combinations, in English and Dutch. The synonyms are hand-written ones, which training uses now and then. */
export const SETS: readonly SetOptions[] = [
  { name: 'seen, English', split: 'train', language: 'en' },
  { name: 'held out, English', split: 'test', language: 'en' },
  { name: 'seen, synonyms', split: 'train', language: 'en', synonym: 1 },
  { name: 'seen, Dutch', split: 'train', language: 'nl' },
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
function truthOf({ objects, style, background }: Pick<Sample, 'objects' | 'style' | 'background'>): Case['truth'] {
  return { concept: objects[0]!.concept, style, background: backgroundClass(background) };
}

/** Options of samples of one object alone, in square pictures. */
function singleObjects(data: DataOptions, split: Split): DataOptions {
  return { ...data, mix: { single: 1, scene: 0, character: 0 }, aspects: [[256, 256, 1]], subjects: 0, split };
}

/** `count` cases of a set, fewer where the scope has no such: style and background are always said. */
export function conceptCases(data: DataOptions, { name, split, language, synonym = 0 }: SetOptions, count: number, seed: number): Case[] {
  const captions = { languages: { [language]: 1 }, dropStyle: 0, dropBackground: 0, synonym, hypernym: 0 };
  const options: DataOptions = { ...singleObjects(data, split), captions, recolour: 0 };
  const withSynonyms = new Set(
    inScope(data.scope)
      .concepts.filter((c) => c.core?.synonyms.length)
      .map((c) => c.hex),
  );
  const cases: Case[] = [];
  for (let i = 0; cases.length < count && i < 20 * count; i++) {
    const s = sample(seed, i, options);
    if (s.language !== language) continue; // a noun whose Dutch grammar is not known
    if (synonym && !withSynonyms.has(s.objects[0]!.concept)) continue;
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
