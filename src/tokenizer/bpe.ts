// Byte-level byte-pair encoding (Sennrich et al. 2016, on bytes as GPT-2 does). Symbols 0-255 are the bytes, symbol
// 256 + k is the k-th merge. Training counts distinct words once and keeps the pair counts up to date as pairs merge, so
// its cost follows the changes, not the corpus. Every string is encodable: there is no "unknown".
// Not here: which symbols are special, padding (tokenizer.ts), how text becomes words (words.ts).
import { InputError } from '../util/errors.ts';
import { slotOf, split } from './words.ts';

/** The learned merges, best first: `merges[k]` are the two symbols that symbol 256 + k joins. */
export interface BpeModel {
  readonly merges: readonly (readonly [number, number])[];
}

const BYTES = 256;
const BASE = 2 ** 21; // a pair as one number: left * BASE + right, exact below 2^53
const pairKey = (left: number, right: number) => left * BASE + right;

/**
 * Learns merges from texts until there are `vocabularySize` symbols (the 256 bytes included), or no pair is left that
 * occurs twice. Ties go to the pair of lower symbols, so the result depends on the texts' words alone, not their order.
 */
export function trainBpe(texts: Iterable<string>, vocabularySize: number): BpeModel {
  if (!Number.isInteger(vocabularySize) || vocabularySize < BYTES || vocabularySize > BASE)
    throw new InputError('tokenizer.vocabulary', `vocabulary of ${vocabularySize} symbols: expected a whole number from ${BYTES}`);
  const { words, counts } = countWords(texts);
  const pairs = new Map<number, { count: number; words: Set<number> }>();
  const heap = new PairHeap();

  const add = (key: number, word: number, change: number) => {
    let pair = pairs.get(key);
    if (!pair) pairs.set(key, (pair = { count: 0, words: new Set() }));
    pair.count += change;
    if (change > 0) pair.words.add(word);
  };
  words.forEach((word, w) => {
    for (let i = 1; i < word.length; i++) add(pairKey(word[i - 1]!, word[i]!), w, counts[w]!);
  });
  for (const [key, { count }] of pairs) heap.push(count, key);

  const merges: [number, number][] = [];
  while (BYTES + merges.length < vocabularySize) {
    const best = heap.pop();
    if (!best) break;
    const pair = pairs.get(best.key);
    if (!pair || pair.count < 2) continue;
    if (pair.count !== best.count) {
      heap.push(pair.count, best.key); // it lost some occurrences since it was pushed
      continue;
    }
    const left = Math.floor(best.key / BASE);
    const right = best.key % BASE;
    const symbol = BYTES + merges.length;
    merges.push([left, right]);
    pairs.delete(best.key);

    const grown = new Set<number>();
    for (const w of pair.words) {
      const before = words[w]!;
      const after = mergePair(before, left, right, symbol);
      if (after.length === before.length) continue; // the pair was here once, and another merge took it
      for (let i = 1; i < before.length; i++) add(pairKey(before[i - 1]!, before[i]!), w, -counts[w]!);
      for (let i = 1; i < after.length; i++) {
        const key = pairKey(after[i - 1]!, after[i]!);
        add(key, w, counts[w]!);
        if (after[i - 1] === symbol || after[i] === symbol) grown.add(key);
      }
      words[w] = after;
    }
    pairs.delete(best.key); // the subtraction above made it again
    for (const key of grown) heap.push(pairs.get(key)!.count, key);
  }
  return { merges };
}

/** A word's symbols; not defined for slot words. */
export type BpeEncoder = (word: string) => readonly number[];

/** A function from a word to its symbols. It remembers the words it has seen (at most 50,000). */
export function bpeEncoder(model: BpeModel): BpeEncoder {
  const ranks = new Map(model.merges.map(([left, right], k) => [pairKey(left, right), k]));
  const known = new Map<string, readonly number[]>();
  return (word) => {
    const found = known.get(word);
    if (found) return found;
    let symbols: number[] = Array.from(new TextEncoder().encode(word));
    while (symbols.length > 1) {
      let best = Infinity;
      for (let i = 1; i < symbols.length; i++) best = Math.min(best, ranks.get(pairKey(symbols[i - 1]!, symbols[i]!)) ?? Infinity);
      if (best === Infinity) break;
      const [left, right] = model.merges[best]!;
      symbols = mergePair(symbols, left, right, BYTES + best);
    }
    if (known.size >= 50_000) known.clear();
    known.set(word, symbols);
    return symbols;
  };
}

/** The bytes of every symbol, 0 to 255 + merges. */
export function bpeBytes(model: BpeModel): Uint8Array[] {
  const bytes = Array.from({ length: BYTES }, (_, b) => Uint8Array.of(b));
  for (const [left, right] of model.merges) bytes.push(Uint8Array.of(...bytes[left]!, ...bytes[right]!));
  return bytes;
}

/** Each occurrence of (left, right), from left to right, becomes `symbol`. */
function mergePair(symbols: readonly number[], left: number, right: number, symbol: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < symbols.length; i++) {
    const joins = symbols[i] === left && i + 1 < symbols.length && symbols[i + 1] === right;
    merged.push(joins ? symbol : symbols[i]!);
    if (joins) i++;
  }
  return merged;
}

/** Distinct words as bytes, in a fixed order, and how often each occurs. Slot words are left out. */
function countWords(texts: Iterable<string>): { words: number[][]; counts: number[] } {
  const seen = new Map<string, number>();
  for (const text of texts) for (const word of split(text)) if (slotOf(word) === undefined) seen.set(word, (seen.get(word) ?? 0) + 1);
  const utf8 = new TextEncoder();
  return { words: [...seen.keys()].map((word) => Array.from(utf8.encode(word))), counts: [...seen.values()] };
}

/** Pairs by count, the greatest first, then the lower key. Old entries stay in it: the reader checks the count. */
class PairHeap {
  readonly #items: { count: number; key: number }[] = [];

  push(count: number, key: number): void {
    const items = this.#items;
    let i = items.push({ count, key }) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(items[i]!, items[parent]!)) break;
      [items[i], items[parent]] = [items[parent]!, items[i]!];
      i = parent;
    }
  }

  pop(): { count: number; key: number } | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (!last || !items.length) return top;
    items[0] = last;
    for (let i = 0; ; ) {
      let child = 2 * i + 1;
      if (child >= items.length) return top;
      if (child + 1 < items.length && before(items[child + 1]!, items[child]!)) child++;
      if (!before(items[child]!, items[i]!)) return top;
      [items[i], items[child]] = [items[child]!, items[i]!];
      i = child;
    }
  }
}

function before(a: { count: number; key: number }, b: { count: number; key: number }): boolean {
  return a.count > b.count || (a.count === b.count && a.key < b.key);
}
