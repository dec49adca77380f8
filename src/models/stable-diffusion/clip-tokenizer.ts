// CLIP's byte-pair encoding, read from a tokenizer's vocab.json and merges.txt: lower-cased words of bytes, of which the last one of a
// word carries "</w>". Symbols are strings here, as in the files. Not here: ftfy's repairs, which the first CLIP made where it was
// installed. Follows openai/CLIP simple_tokenizer.py and the fast tokenizer of transformers.
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
/** Words whose tokens are remembered. */
const REMEMBERED = 10_000;
/** An endless "word" is cut, so that merging it is not slow; a text has 77 tokens at most. */
const LONGEST = 512;

/** Bytes as the letters that the files write them with: printable ones as they are, the others from U+0100 on. */
const LETTERS = (() => {
  let next = 256;
  const plain = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(plain(b) ? b : next++));
})();

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
  const around = new RegExp(
    `(${Object.keys(special)
      .map((word) => word.replace(/\W/g, '\\$&'))
      .join('|')})`,
  );
  const known = new Map<string, readonly number[]>();
  const tokensOf = (word: string): readonly number[] => {
    const found = known.get(word);
    if (found) return found;
    const made = merged(lettersOf(word), ranks).map(idOf);
    if (known.size >= REMEMBERED) known.clear();
    known.set(word, made);
    return made;
  };
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

function vocabularyOf(text: string, source: string): ReadonlyMap<string, number> {
  try {
    return new Map(Object.entries(JSON.parse(text) as Record<string, number>));
  } catch (cause) {
    throw new InputError('tokenizer.vocabulary', `${source}: vocab.json is no JSON; expected CLIP's words and their numbers`, { cause });
  }
}

/** Letter by letter in lower case: no sigma for the ends of words. */
const normalised = (text: string): string => Array.from(text.normalize('NFC'), (letter) => letter.toLowerCase()).join('');

/** A word's bytes as letters, the last one with the mark that ends a word. */
function lettersOf(word: string): string[] {
  const letters = Array.from(new TextEncoder().encode(word).subarray(0, LONGEST), (byte) => LETTERS[byte]!);
  return [...letters.slice(0, -1), `${letters.at(-1)}</w>`];
}

/** Joins the pair that was learned first, everywhere, until none is left. */
function merged(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
  const rankAt = (i: number) => ranks.get(`${symbols[i - 1]} ${symbols[i]}`) ?? Infinity;
  while (symbols.length > 1) {
    const all = symbols.slice(1).map((_, i) => rankAt(i + 1));
    const best = Math.min(...all);
    if (best === Infinity) break;
    const next: string[] = [];
    for (let i = 0; i < symbols.length; i++) next.push(rankAt(i + 1) === best ? symbols[i]! + symbols[++i]! : symbols[i]!);
    symbols = next;
  }
  return symbols;
}
