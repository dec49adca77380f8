// The core vocabulary: everyday things that can be drawn, written by hand, because no table knows which words a person
// types first, nor the gender and plural of their Dutch names. The table is tables/nouns.txt: one line a concept, its
// fields between semicolons:
//   CLDR label ; English noun (empty: the label) ; plural (empty: regular, "-" mass noun, "=" the noun is a plural) ;
//   synonyms, comma separated ; Dutch noun with its article ; Dutch plural.
// A section's head is the hypernym ("-": none). Order within a section is importance; sections are interleaved.
// Deliberately not here: the other ~1,100 concepts. They get their words from Unicode's tables (tables/).

import { tableText } from './tables.ts';
import { COLOUR_NAMES, type ColourName } from './colour.ts';

/** One hand-written noun. */
export interface CoreNoun {
  label: string;
  noun: string;
  /** Undefined for mass nouns and for nouns that are plural themselves: they are never counted. */
  plural?: string;
  /** How it stands without a count: with an article, or bare. */
  countable: boolean;
  synonyms: string[];
  /** The colour that the drawing has and the noun does not say: a "black cat" is a cat. */
  colour?: ColourName;
  /** Undefined where the section is no kind that a person would name. */
  hypernym?: string;
  dutch: { noun: string; article: 'de' | 'het'; plural?: string };
}

function plural(noun: string): string {
  if (/(s|x|z|ch|sh)$/.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

function line(text: string, hypernym: string | undefined): CoreNoun {
  const [label = '', noun = '', many = '', synonyms = '', dutch = '', dutchMany = ''] = text.split(';').map((s) => s.trim());
  const [article, ...rest] = dutch.split(' ');
  const word = noun || label;
  const countable = many !== '-' && many !== '=';
  const own = COLOUR_NAMES.find((c) => label.startsWith(`${c} `) && !word.startsWith(c));
  const name = { noun: rest.join(' '), article: article as 'de' | 'het' };
  return {
    label,
    noun: word,
    ...(countable && { plural: many || plural(word) }),
    countable,
    synonyms: synonyms ? synonyms.split(',') : [],
    ...(own !== undefined && { colour: own }),
    ...(hypernym !== undefined && { hypernym }),
    dutch: dutchMany && dutchMany !== '=' ? { ...name, plural: dutchMany } : name,
  };
}

function parse(): CoreNoun[] {
  const ranked: { key: number; noun: CoreNoun }[] = [];
  for (const section of `\n${tableText('nouns.txt')}`.split('\n# ').slice(1)) {
    const [head = '', ...lines] = section.trim().split('\n');
    const hypernym = head === '-' ? undefined : head;
    // Half of each section's place is its position, half its share: small sections reach the first twenty as well.
    lines.forEach((text, i) => ranked.push({ key: (i + 0.5) / (lines.length + 12), noun: line(text, hypernym) }));
  }
  return ranked.sort((a, b) => a.key - b.key).map((r) => r.noun);
}

/** The core nouns, the most everyday first, sections interleaved. */
export const CORE_NOUNS: readonly CoreNoun[] = parse();
