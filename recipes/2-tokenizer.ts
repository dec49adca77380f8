// Recipe 2: the tokenizer, learned from the captions of the training data. Seconds, on one core; no pictures are drawn.
//   npx tsx recipes/2-tokenizer.ts --preset pico [--count 100000] [--seed 0] [--vocabulary N] [--out runs/pico/tokenizer.json]
// Writes one JSON file. The vocabulary is the preset's unless asked otherwise; fewer when the captions hold fewer words.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DATA, sample } from '../src/data/dataset.ts';
import type { DataPreset } from '../src/data/dataset.ts';
import { preset } from '../src/models/banana/config.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { trainTokenizer } from '../src/tokenizer/tokenizer.ts';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { BananaError, InputError } from '../src/util/errors.ts';

export interface TokenizerRecipe {
  preset: string;
  /** Captions to learn from. */
  count?: number;
  seed?: number;
  vocabulary?: number;
  /** The file to write. */
  out?: string;
  /** Called with lines for a person. */
  log?: (line: string) => void;
}

/** Learns the tokenizer of a preset and writes it. Throws InputError for unusable options or an unwritable file. */
export async function makeTokenizer(recipe: TokenizerRecipe): Promise<Tokenizer> {
  const config = preset(recipe.preset);
  const { count = 100_000, seed = 0, vocabulary = config.text.vocabulary, log = () => {} } = recipe;
  const { out = `runs/${config.name}/tokenizer.json` } = recipe;
  if (!Number.isSafeInteger(count) || count < 1) throw new InputError('recipe.count', `--count ${count}: expected a whole number from 1`);
  if (!Number.isSafeInteger(seed)) throw new InputError('recipe.seed', `--seed ${seed}: expected a whole number`);

  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  const captions: string[] = [];
  for (let index = 0; index < count; index++) {
    captions.push(sample(seed, index, DATA[config.name as DataPreset]).caption);
    if (captions.length % 20_000 === 0) log(`${captions.length} captions, ${seconds()} s`);
  }
  const tokenizer = trainTokenizer(captions, vocabulary);

  const encoded = captions.map((caption) => tokenizer.encode(caption, config.text.length));
  const tokens = encoded.reduce((sum, { count, truncated }) => sum + count + truncated, 0) / count;
  const cut = encoded.filter(({ truncated }) => truncated).length / count;
  await writeFileWhole(out, `${JSON.stringify(tokenizer)}\n`);
  log(
    `${out}: ${tokenizer.vocabularySize} tokens from ${count} captions, ${tokens.toFixed(1)} a caption, ` +
      `${(100 * cut).toFixed(2)} % longer than ${config.text.length}; ${seconds()} s`,
  );
  return tokenizer;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      preset: { type: 'string', default: 'pico' },
      count: { type: 'string' },
      seed: { type: 'string' },
      vocabulary: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const number = (text?: string) => (text === undefined ? undefined : text.trim() === '' ? NaN : Number(text));
  await makeTokenizer({
    preset: values.preset,
    count: number(values.count),
    seed: number(values.seed),
    vocabulary: number(values.vocabulary),
    out: values.out,
    log: (line) => console.error(line),
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  main().catch((error: unknown) => {
    const known = error instanceof BananaError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    console.error(known ? `error: ${(error as Error).message}` : error);
    process.exitCode = 1;
  });
