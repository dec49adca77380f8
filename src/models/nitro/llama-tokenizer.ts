// Llama 3's byte-pair encoding, read from a tokenizer.json: a text is cut into pieces by a pattern, a piece that is a word of the
// vocabulary is taken whole, others are merged from their bytes. Patterns are known ones, not run from the file: JavaScript's are others.
import { lettersOf, merged, parting, remembering } from '../../tokenizer/merging.ts';
import { InputError } from '../../util/errors.ts';

export interface LlamaTokenizer {
  /** Tokens of a text, however many; what stands before every text is among them. */
  tokens(text: string): readonly number[];
}

/** Patterns by how tokenizer.json writes them. Spaces are Unicode's; without case, "s" is also the long s (U+017F). */
const PATTERNS: Readonly<Record<string, RegExp>> = {
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    /'(?:[sSſ]|[tT]|[rR][eE]|[vV][eE]|[mM]|[lL][lL]|[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu,
};

/** What is read of a tokenizer.json. */
interface File {
  readonly model?: {
    readonly type?: string;
    readonly vocab?: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly ignore_merges?: boolean;
  };
  readonly pre_tokenizer?: unknown;
  readonly normalizer?: unknown;
  readonly added_tokens?: readonly { readonly content: string; readonly id: number }[];
  readonly post_processor?: unknown;
}

/** From the text of a tokenizer.json. Throws InputError `tokenizer.vocabulary` naming `source` for one of another kind. */
export function llamaTokenizer(text: string, source: string): LlamaTokenizer {
  const { model = {}, added_tokens = [], post_processor, ...file } = fileOf(text, source);
  const pattern = PATTERNS[patternOf(file.pre_tokenizer) ?? ''];
  if (model.type !== 'BPE' || !model.vocab || !model.merges || !pattern || file.normalizer) refuse(source, 'is no tokenizer of Llama 3');
  const ids = new Map(Object.entries(model.vocab));
  const ranks = new Map(model.merges.map((pair, rank) => [typeof pair === 'string' ? pair : pair.join(' '), rank]));
  const special = new Map(added_tokens.map(({ content, id }) => [content, id]));
  const idOf = (symbol: string): number => ids.get(symbol) ?? refuse(source, `lacks the symbol "${symbol}"`);
  const piece = remembering((word): readonly number[] => {
    const letters = lettersOf(word);
    const whole = model.ignore_merges ? ids.get(letters.join('')) : undefined;
    return whole === undefined ? merged(letters, ranks).map(idOf) : [whole];
  });
  const around = parting([...special.keys()]);
  const start = startOf(post_processor).map((word) => special.get(word) ?? refuse(source, `lacks "${word}"`));
  return {
    tokens(prompt) {
      const parts = special.size > 0 ? prompt.split(around) : [prompt];
      return [...start, ...parts.flatMap((part) => special.get(part) ?? (part.match(pattern) ?? []).flatMap(piece))];
    },
  };
}

function fileOf(text: string, source: string): File {
  try {
    return (JSON.parse(text) as File | null) ?? {};
  } catch (cause) {
    throw new InputError('tokenizer.vocabulary', `${source}: is no JSON; expected a tokenizer.json`, { cause });
  }
}

function refuse(source: string, what: string): never {
  throw new InputError('tokenizer.vocabulary', `${source}: ${what}; expected the tokenizer.json of Llama 3`);
}

/** Every object within a value, itself first. */
function* objectsIn(value: unknown): Generator<Readonly<Record<string, unknown>>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

/** The pattern by which a text is cut. */
function patternOf(preTokenizer: unknown): string | undefined {
  for (const { Regex } of objectsIn(preTokenizer)) if (typeof Regex === 'string') return Regex;
  return undefined;
}

/** The words that stand before a text. */
function startOf(postProcessor: unknown): string[] {
  for (const { single } of objectsIn(postProcessor)) {
    if (!Array.isArray(single)) continue;
    const text = single.findIndex((one) => typeof one === 'object' && one !== null && 'Sequence' in one);
    return single.slice(0, text).map((one: { SpecialToken: { id: string } }) => one.SpecialToken.id);
  }
  return [];
}
