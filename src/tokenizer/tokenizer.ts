// The tokenizer of the text encoder: words (words.ts) to byte-level BPE symbols (bpe.ts) to token ids with a start, an
// end and padding. Ids: 0 pad, 1 start, 2 end, 3-7 the slot words <1> to <5>, 8-263 the bytes, then the merges.
// Its file is one small JSON; pure, so it runs in the browser. The empty text is [start, end]: the unconditional prompt.
import { InputError } from '../util/errors.ts';
import { bpeBytes, bpeEncoder, trainBpe } from './bpe.ts';
import type { BpeModel } from './bpe.ts';
import { SLOTS, slotOf, split } from './words.ts';

/** Tokens of a prompt when nothing else is asked. */
export const PROMPT_LENGTH = 64;

const LONGEST = 1024; // bytes of one token in a file; a learned one has at most 193 (words.ts cuts at 48 letters)
const FORMAT = 'banana-tokenizer-1';
const PAD = 0;
const START = 1;
const END = 2;
const FIRST_SLOT = 3;
const FIRST_SYMBOL = FIRST_SLOT + SLOTS.length;

/** A prompt as token ids. */
export interface TokenIds {
  /** start, tokens, end, then padding: exactly the asked length. */
  ids: Int32Array<ArrayBuffer>;
  /** Ids that are not padding, start and end included. */
  count: number;
  /** Tokens that did not fit and were left out at the end; 0 when the whole text is in. */
  truncated: number;
}

/** What `toJSON` gives and `tokenizerFromJSON` takes. */
export interface TokenizerFile {
  format: typeof FORMAT;
  /** The merges, best first, as one flat list: left, right, left, right... (symbols: 0-255 bytes, 256 + k the k-th merge). */
  merges: number[];
}

export interface Tokenizer {
  /** Number of ids: the rows of the text encoder's embedding. */
  readonly vocabularySize: number;
  /** `slots[k]` is the id of the slot word `<k + 1>`. */
  readonly special: { readonly pad: number; readonly start: number; readonly end: number; readonly slots: readonly number[] };
  /** The ids of a text, padded or cut to `length` (at least 2, default 64). Any string is fine. */
  encode(text: string, length?: number): TokenIds;
  /** The text of ids: start, end and padding are skipped. `decode(encode(text).ids)` is `normalise(text)`, if it fits. */
  decode(ids: Iterable<number>): string;
  toJSON(): TokenizerFile;
}

/** Learns a tokenizer of at most `vocabularySize` ids (at least 264) from texts; fewer when the texts are few. */
export function trainTokenizer(texts: Iterable<string>, vocabularySize: number): Tokenizer {
  return makeTokenizer(trainBpe(texts, vocabularySize - FIRST_SYMBOL));
}

/** A tokenizer from its file, parsed or as text. Throws InputError `tokenizer.file` when it is not one. */
export function tokenizerFromJSON(file: unknown, source = 'tokenizer'): Tokenizer {
  const fail = (what: string): never => {
    throw new InputError('tokenizer.file', `${source}: ${what}; \`npx tsx recipes/2-tokenizer.ts\` makes one`);
  };
  let value = file as Partial<TokenizerFile> | null;
  if (typeof file === 'string') {
    try {
      value = JSON.parse(file) as Partial<TokenizerFile> | null;
    } catch {
      fail('not JSON');
    }
  }
  const flat = value?.merges;
  if (value?.format !== FORMAT) fail(`not a tokenizer file (format ${JSON.stringify(value?.format)}, expected "${FORMAT}")`);
  if (!Array.isArray(flat) || flat.length % 2) return fail('its merges are not a list of pairs');
  const merges: [number, number][] = [];
  const seen = new Set<string>();
  const lengths = Array<number>(256).fill(1);
  for (let i = 0; i < flat.length; i += 2) {
    const [left, right] = [flat[i], flat[i + 1]] as [number, number];
    if (![left, right].every((s) => Number.isInteger(s) && s >= 0 && s < 256 + i / 2)) fail(`merge ${i / 2} joins unknown symbols`);
    if (seen.size === seen.add(`${left} ${right}`).size) fail(`merge ${i / 2} is there twice`);
    lengths.push(lengths[left]! + lengths[right]!);
    if (lengths[256 + i / 2]! > LONGEST) fail(`merge ${i / 2} makes a token over ${LONGEST} bytes`);
    merges.push([left, right]);
  }
  return makeTokenizer({ merges });
}

function makeTokenizer(model: BpeModel): Tokenizer {
  const symbolsOf = bpeEncoder(model);
  const bytes = bpeBytes(model);
  const slots = SLOTS.map((_, k) => FIRST_SLOT + k);

  const encode = (text: string, length: number = PROMPT_LENGTH): TokenIds => {
    if (!Number.isInteger(length) || length < 2)
      throw new InputError('tokenizer.length', `length ${length}: expected a whole number from 2`);
    const ids = new Int32Array(length).fill(PAD);
    let count = 0;
    let truncated = 0;
    ids[count++] = START;
    const put = (id: number) => {
      if (count < length - 1) ids[count++] = id;
      else truncated++;
    };
    for (const piece of split(text)) {
      const slot = slotOf(piece);
      if (slot !== undefined) put(slots[slot]!);
      else for (const symbol of symbolsOf(piece)) put(FIRST_SYMBOL + symbol);
    }
    ids[count++] = END;
    return { ids, count, truncated };
  };

  const decode = (ids: Iterable<number>): string => {
    const utf8 = new TextEncoder();
    const parts: number[] = [];
    for (const id of ids) {
      if (id === PAD || id === START || id === END) continue;
      const slot = SLOTS[id - FIRST_SLOT];
      const part = slot ? utf8.encode(` ${slot}`) : bytes[id - FIRST_SYMBOL];
      if (!part) throw new InputError('tokenizer.id', `id ${id}: expected 0 to ${FIRST_SYMBOL + bytes.length - 1}`);
      for (const byte of part) parts.push(byte);
    }
    return new TextDecoder().decode(Uint8Array.from(parts)).trimStart();
  };

  return {
    vocabularySize: FIRST_SYMBOL + bytes.length,
    special: { pad: PAD, start: START, end: END, slots },
    encode,
    decode,
    toJSON: () => ({ format: FORMAT, merges: model.merges.flat() }),
  };
}
