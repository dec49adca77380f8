// Captions: exact sentences about a scene, `[style,] [count|a] [size] [colour] noun [relation noun] [place] [, style]`, with varied
// order and synonyms. English and Dutch in full grammar (Dutch adjectives inflect: een rode vos, een rood huis, rode huizen);
// other languages as comma lists of words, `Fuchs, rot, Schnee`, which need no grammar to be right. Nothing is said that
// the picture does not show; leaving things out (style, background) happens here, leaving out everything is the trainer's.
import type { Random } from '../util/random.ts';
import { SCENERY, sceneryOf, type Background } from './backgrounds.ts';
import { COLOURS, type ColourName } from './colour.ts';
import { nounOf } from './labels.ts';
import { heldOut, type Split } from './splits.ts';
import { STYLES, type Concept, type StyleKey } from './sprites.ts';
import { table } from './tables.ts';

export interface Thing {
  concept: Concept;
  colour?: ColourName;
  size?: 'big' | 'small';
  count: number;
  /** Reference slot 1..5: the caption says `<1>` instead of, or before, the noun. */
  slot?: number;
}

export const RELATIONS = {
  'left of': { en: ['to the left of', 'left of'], nl: 'links van' },
  'right of': { en: ['to the right of', 'right of'], nl: 'rechts van' },
  above: { en: ['above', 'over'], nl: 'boven' },
  below: { en: ['below', 'under'], nl: 'onder' },
  'next to': { en: ['next to', 'beside'], nl: 'naast' },
} as const;
export type Relation = keyof typeof RELATIONS;

export const POSITIONS = {
  left: { en: ['on the left'], nl: 'links' },
  right: { en: ['on the right'], nl: 'rechts' },
  top: { en: ['at the top'], nl: 'bovenaan' },
  bottom: { en: ['at the bottom'], nl: 'onderaan' },
  middle: { en: ['in the middle', 'in the center'], nl: 'in het midden' },
} as const;
export type Position = keyof typeof POSITIONS;

/** What is true of a picture. With a relation it holds between the first two things; otherwise things are joined by "and". */
export interface Facts {
  things: Thing[];
  relation?: Relation;
  position?: Position;
  background: Background;
  style: StyleKey;
}

export interface CaptionOptions {
  /** Shares of languages; those not English or Dutch are comma lists. */
  languages: Record<string, number>;
  /** Share of synonyms and of hypernyms among the nouns. */
  synonym: number;
  hypernym: number;
  /** Probability of leaving out the style, and the background (a white one is left out half of the time). */
  dropStyle: number;
  dropBackground: number;
  split: Split;
}

export const CAPTIONS: CaptionOptions = {
  languages: { en: 0.8, nl: 0.12, de: 0.03, fr: 0.025, es: 0.025 },
  synonym: 0.18,
  hypernym: 0.04,
  dropStyle: 0.2,
  dropBackground: 0.15,
  split: 'train',
};

const NUMBERS = { en: ['no', 'one', 'two', 'three', 'four', 'five', 'six'], nl: ['geen', 'één', 'twee', 'drie', 'vier', 'vijf', 'zes'] };
const UNCOUNTED = new Set(['chestnut', 'coral', 'wing']);

/** "a" or "an", by sound as far as spelling tells. */
export function article(word: string): string {
  return /^(?:[aeio]|u(?!ni|fo|s[aei])|hour)/i.test(word) ? 'an' : 'a';
}

/** A plural by rule, the head being the word before "of", "with" or "in". */
function pluralOf(noun: string): string {
  const [, head = noun, tail = ''] = /^(.*?)( (?:of|with|in|on|without) .*)?$/.exec(noun) ?? [];
  if (/[^aeiou]y$/.test(head)) return `${head.slice(0, -1)}ies${tail}`;
  return `${head}${/(s|x|z|ch|sh)$/.test(head) ? 'es' : 's'}${tail}`;
}

/** Can it be counted: "two foxes"? */
export function isCountable(concept: Concept): boolean {
  if (concept.core) return concept.core.countable && concept.core.dutch.plural !== undefined;
  return (
    concept.group === 'animals-nature' && !/(s|fish)$/.test(concept.label) && !nounOf(concept.label).bare && !UNCOUNTED.has(concept.label)
  );
}

/** The synonyms that a split may use: a share of them is only for tests. */
export function synonymsOf(concept: Concept, split: Split): string[] {
  const own = concept.core?.synonyms ?? [];
  return [...own, ...(concept.core ? [] : concept.synonyms.filter((tag) => heldOut('tag', tag) === (split === 'test')))];
}

function englishNoun(thing: Thing, alone: boolean, rng: Random, o: CaptionOptions): string {
  const { concept, colour, count, size, slot } = thing;
  const draw = rng.uniform();
  const synonyms = count === 1 ? synonymsOf(concept, o.split) : [];
  let { noun, bare } = concept.core ? { noun: concept.core.noun, bare: !concept.core.countable } : nounOf(concept.label);
  let tag = '';
  if (draw < o.synonym && synonyms.length) {
    // A hand-written synonym takes the noun's place; a tag of Unicode's, which may be any kind of word, is only added.
    if (concept.core) noun = rng.pick(synonyms);
    else if (alone) tag = `, ${rng.pick(synonyms)}`;
  }
  if (draw > 1 - o.hypernym && concept.core?.hypernym && count === 1) [noun, bare] = [concept.core.hypernym, false];
  else if (count > 1) noun = concept.core?.plural ?? pluralOf(noun);
  const sizes = size === 'big' ? ['big', 'large', 'huge'] : ['small', 'little', 'tiny'];
  const words = [size && rng.pick(sizes), colour, noun].filter(Boolean).join(' ');
  if (slot) return rng.uniform() < 0.6 ? `<${slot}>` : `the ${words} <${slot}>`;
  if (count > 1) return `${rng.uniform() < 0.85 ? NUMBERS.en[count] : count} ${words}`;
  return `${bare ? '' : `${rng.uniform() < 0.06 ? 'one' : article(words)} `}${words}${tag}`;
}

/** A Dutch noun phrase; undefined where the noun's grammar is not known. */
export function dutchNoun(thing: Thing): string | undefined {
  const { concept, colour, count, size, slot } = thing;
  const noun = concept.core?.dutch;
  if (!noun || (count > 1 && !noun.plural)) return undefined;
  const base = noun.article === 'het' && count === 1;
  const inflect = ([plain, inflected]: readonly [string, string]) => (base ? plain : inflected);
  const words = [
    size && inflect(size === 'big' ? ['groot', 'grote'] : ['klein', 'kleine']),
    colour && inflect(COLOURS[colour].nl),
    count > 1 ? noun.plural : noun.noun,
  ]
    .filter(Boolean)
    .join(' ');
  if (slot) return size || colour ? `<${slot}>` : `${noun.article} ${words} <${slot}>`;
  if (count > 1) return `${NUMBERS.nl[count]} ${words}`;
  return noun.plural ? `een ${words}` : words;
}

/** The noun of a concept in a language of the tables. */
export function foreignNoun(concept: Concept, language: string): string | undefined {
  if (language === 'nl' && concept.core) return concept.core.dutch.noun;
  return table<Record<string, Record<string, string>>>('languages')[language]?.[concept.hex];
}

/** English words for a background, with the space or comma before them. */
export function placeWords(background: Background, rng: Random): string {
  const scenery = sceneryOf(background);
  if (scenery) return ` ${rng.pick(scenery.en)}`;
  if (background.kind === 'transparent')
    return rng.pick([' on a transparent background', ', transparent background', ' with a transparent background']);
  const name = background.kind === 'white' ? 'white' : background.colour!;
  return rng.pick([` on ${article(name)} ${name} background`, `, ${name} background`, ` with ${article(name)} ${name} background`]);
}

function dutchPlace(background: Background, rng: Random): string {
  const scenery = sceneryOf(background);
  if (scenery) return ` ${rng.pick(scenery.nl)}`;
  if (background.kind === 'transparent') return rng.pick([' op een transparante achtergrond', ', transparante achtergrond']);
  const name = COLOURS[background.kind === 'white' ? 'white' : background.colour!].nl[1];
  return rng.pick([` op een ${name} achtergrond`, `, ${name} achtergrond`]);
}

/** The style put around an English description; most often as a suffix, `…, flat style`. */
function withStyle(text: string, style: StyleKey, rng: Random): string {
  const { word } = STYLES[style];
  return rng.pick([
    `${text}, ${word} style`,
    `${text}, ${word} style`,
    `${text}, ${word} style`,
    `${text}, ${word} style`,
    `${text}, ${word}`,
    `${text} in ${word} style`,
    `${text} in ${article(word)} ${word} style`,
    `${word} style, ${text}`,
    `${word} style: ${text}`,
    style === 'mono' ? `${article(word)} ${word} of ${text}` : `${article(word)} ${word} picture of ${text}`,
  ]);
}

function english(facts: Facts, rng: Random, o: CaptionOptions, said: { place: boolean; style: boolean }): string {
  const { things, relation, position, background, style } = facts;
  const nouns = things.map((t) => englishNoun(t, things.length === 1, rng, o));
  let text = nouns[0]!;
  if (relation && nouns.length > 1) {
    text = `${text} ${rng.pick(RELATIONS[relation].en)} ${nouns[1]}`;
    if (nouns.length > 2) text += ` and ${nouns.slice(2).join(' and ')}`;
  } else if (nouns.length > 1) text = `${nouns.slice(0, -1).join(', ')} and ${nouns.at(-1)}`;
  if (position) text += ` ${rng.pick(POSITIONS[position].en)}`;
  const place = said.place ? placeWords(background, rng) : '';
  const inFront = place && sceneryOf(background) && rng.uniform() < 0.08;
  text = inFront ? `${place.trim()}, ${text}` : text + place;
  return said.style ? withStyle(text, style, rng) : text;
}

function dutch(facts: Facts, rng: Random, said: { place: boolean; style: boolean }): string | undefined {
  const { things, relation, position, background, style } = facts;
  const nouns = things.map(dutchNoun);
  if (nouns.some((noun) => noun === undefined)) return undefined;
  let text = nouns[0]!;
  if (relation && nouns.length > 1) {
    text = `${text} ${RELATIONS[relation].nl} ${nouns[1]}`;
    if (nouns.length > 2) text += ` en ${nouns.slice(2).join(' en ')}`;
  } else if (nouns.length > 1) text = `${nouns.slice(0, -1).join(', ')} en ${nouns.at(-1)}`;
  if (position) text += ` ${POSITIONS[position].nl}`;
  if (said.place) text += dutchPlace(background, rng);
  if (!said.style) return text;
  // A user mixes languages: the English style word is as common as the Dutch one.
  return rng.pick([`${text}, ${STYLES[style].nl} stijl`, `${text}, ${STYLES[style].nl} stijl`, `${text}, ${STYLES[style].word} style`]);
}

/** Comma list: noun, colour, place, style. Only for one thing. */
function list(facts: Facts, language: 'nl' | 'de' | 'fr' | 'es', said: { place: boolean; style: boolean }): string | undefined {
  const [thing] = facts.things;
  if (!thing || facts.things.length > 1 || thing.count > 1 || thing.slot || facts.position) return undefined;
  const noun = foreignNoun(thing.concept, language);
  const trained = language !== 'nl' || thing.concept.core || !heldOut('nl', thing.concept.hex);
  if (!noun || !trained) return undefined;
  const colour = thing.colour && COLOURS[thing.colour][language];
  const scenery = sceneryOf(facts.background);
  const place = said.place && scenery ? (language === 'nl' ? scenery.nl[0] : scenery[language]) : undefined;
  const style = said.style ? `${STYLES[facts.style].word} style` : undefined;
  return [noun, typeof colour === 'string' ? colour : colour?.[0], place, style].filter(Boolean).join(', ');
}

const LISTED = ['nl', 'de', 'fr', 'es'] as const;

/** A caption of these facts, and the language that it is in. */
export function caption(facts: Facts, rng: Random, options: Partial<CaptionOptions> = {}): { text: string; language: string } {
  const o = { ...CAPTIONS, ...options };
  const quiet = facts.background.kind === 'white' ? 0.5 : o.dropBackground;
  const said = { place: rng.uniform() >= quiet, style: rng.uniform() >= o.dropStyle };
  const names = Object.keys(o.languages);
  const language = names[rng.weighted(Object.values(o.languages))] ?? 'en';
  if (language === 'nl') {
    const text = dutch(facts, rng, said);
    if (text) return { text, language };
  }
  const listed = LISTED.find((l) => l === language);
  const words = listed && list(facts, listed, said);
  if (words) return { text: words, language };
  return { text: english(facts, rng, o, said), language: 'en' };
}

/** The scenery names that a prompt may use, for suggestions and tests. */
export const PLACES = Object.fromEntries(Object.entries(SCENERY).map(([name, s]) => [name, s.en[0]]));
