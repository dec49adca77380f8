// Byte-pair merging as other tools' files write it: symbols are strings of letters, a letter for each byte (GPT-2's way), and merges are
// lines of two symbols, the first learned first. Our own tokenizer merges numbers (bpe.ts).

/** Bytes as the letters that the files write them with: printable ones as they are, the others from U+0100 on. */
export const LETTERS: readonly string[] = (() => {
  let next = 256;
  const plain = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
  return Array.from({ length: 256 }, (_, b) => String.fromCodePoint(plain(b) ? b : next++));
})();

/** An endless "word" is cut, so that merging it is not slow; no text encoder here reads as many tokens. */
const LONGEST = 512;

/** A word's bytes as letters. */
export const lettersOf = (word: string): string[] =>
  Array.from(new TextEncoder().encode(word).subarray(0, LONGEST), (byte) => LETTERS[byte]!);

/** Joins the pair of the lowest rank, everywhere, until none is left. Ranks are by "left right". */
export function merged(symbols: string[], ranks: ReadonlyMap<string, number>): string[] {
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

/** Words whose tokens are remembered. */
const REMEMBERED = 10_000;

/** A function of words that remembers what it gave. */
export function remembering<T>(make: (word: string) => T): (word: string) => T {
  const known = new Map<string, T>();
  return (word) => {
    const found = known.get(word);
    if (found !== undefined) return found;
    const made = make(word);
    if (known.size >= REMEMBERED) known.clear();
    known.set(word, made);
    return made;
  };
}

/** What parts a text at any of some words, which stay as parts of their own. */
export const parting = (words: readonly string[]): RegExp =>
  new RegExp(`(${words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`);
