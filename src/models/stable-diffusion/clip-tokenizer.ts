// CLIP's byte-pair encoding, read from a tokenizer's vocab.json and merges.txt: lower-cased words of bytes, of which the last one of a
// word carries "</w>". Symbols are strings here, as in the files. Not here: ftfy's repairs, which the first CLIP made where it was
// installed. Follows openai/CLIP simple_tokenizer.py and the fast tokenizer of transformers.
import { LETTERS, lettersOf, merged, parting, remembering } from '../../tokenizer/merging.ts';
import { InputError } from '../../util/errors.ts';

export interface ClipTokenizer {
  /** Token of the start, of the end, and of what fills a text up. */
  readonly start: number;
  readonly end: number;
  readonly padding: number;
  /** Tokens of a text, without start, end and padding. */
  tokens(text: string): readonly number[];
  /** Start, as many tokens as fit, end, and padding: `length` numbers. */
  encode(text: string, length: number): number[];
}

const START = '<|startoftext|>';
const END = '<|endoftext|>';
/** Spaces are Unicode's: not the byte order mark, which JavaScript's \s has, but the next line (U+0085), which that lacks. */
const PIECE = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;
/**
 * From the texts of vocab.json and merges.txt and the word that pads ("!" for OpenCLIP, the end for CLIP: special_tokens_map.json).
 * Throws InputError `tokenizer.vocabulary` naming `source` when they are no CLIP tokenizer's.
 */
export function clipTokenizer(vocabulary: string, merges: string, source: string, pad = END): ClipTokenizer {
  const ids = vocabularyOf(vocabulary, source);
  const pairs = merges.split('\n').filter((line) => line.trim() && !line.startsWith('#version'));
  const ranks = new Map(pairs.map((line, rank) => [line.trim(), rank]));
  const idOf = (symbol: string): number => {
    const id = ids.get(symbol);
    if (id !== undefined) return id;
    throw new InputError('tokenizer.vocabulary', `${source}: the vocabulary lacks "${symbol}"; expected CLIP's vocab.json`);
  };
  const [start, end] = [idOf(START), idOf(END)];
  const padding = idOf(pad);
  const special: Readonly<Record<string, number>> = { [START]: start, [END]: end, [pad]: padding }; // "!" in a text is padding, there too
  const around = parting(Object.keys(special));
  const tokensOf = remembering((word): readonly number[] => merged(withEnd(lettersOf(word)), ranks).map(idOf));
  const tokens = (text: string) =>
    normalised(text)
      .split(around)
      .flatMap((part) => (Object.hasOwn(special, part) ? [special[part]!] : (part.match(PIECE) ?? []).flatMap(tokensOf)));
  const encode = (text: string, length: number) => {
    const body = [start, ...tokens(text).slice(0, length - 2), end];
    return [...body, ...new Array<number>(length - body.length).fill(padding)];
  };
  return { start, end, padding, tokens, encode };
}

/** CLIP's vocabulary from its list of merges, and as many of these as a vocabulary of `size` words has. */
export function clipVocabulary(merges: string, size: number): { words: Readonly<Record<string, number>>; lines: string } {
  const signs = [...LETTERS].sort((a, b) => Number(a >= '\u0100') - Number(b >= '\u0100')); // printable bytes come first
  const lines = merges
    .split('\n')
    .filter((line) => line.trim() && !line.startsWith('#version'))
    .slice(0, size - 2 * signs.length - 2);
  const words = [...signs, ...signs.map((sign) => `${sign}</w>`), ...lines.map((line) => line.trim().replace(' ', '')), START, END];
  return { words: Object.fromEntries(words.map((word, id) => [word, id])), lines: lines.join('\n') };
}

function vocabularyOf(text: string, source: string): ReadonlyMap<string, number> {
  try {
    return new Map(Object.entries(JSON.parse(text) as Record<string, number>));
  } catch (cause) {
    throw new InputError('tokenizer.vocabulary', `${source}: vocab.json is no JSON; expected CLIP's words and their numbers`, { cause });
  }
}

/** Letter by letter in lower case: no sigma for the ends of words. */
const normalised = (text: string): string => Array.from(text.normalize('NFC'), (letter) => letter.toLowerCase()).join('');

/** The last letter of a word has the mark that ends it. */
const withEnd = (letters: readonly string[]): string[] => [...letters.slice(0, -1), `${letters.at(-1)}</w>`];
