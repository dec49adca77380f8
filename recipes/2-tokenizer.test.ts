import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { preset } from '../src/models/banana/config.ts';
import { tokenizerFromJSON } from '../src/tokenizer/tokenizer.ts';
import { InputError } from '../src/util/errors.ts';
import { makeTokenizer } from './2-tokenizer.ts';

it('learns a tokenizer from captions, the same for the same seed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'banana-tokenizer-'));
  try {
    const [a, b] = [join(folder, 'a.json'), join(folder, 'b.json')];
    const tokenizer = await makeTokenizer({ preset: 'tiny', count: 500, out: a });
    await makeTokenizer({ preset: 'tiny', count: 500, out: b });
    expect(await readFile(a, 'utf8')).toBe(await readFile(b, 'utf8'));
    const read = tokenizerFromJSON(await readFile(a, 'utf8'), a);
    expect(read.vocabularySize).toBe(tokenizer.vocabularySize);
    expect(read.vocabularySize).toBeLessThanOrEqual(preset('tiny').text.vocabulary);
    expect(read.encode('white background').count).toBeLessThan(10); // far fewer tokens than letters
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('refuses options that cannot work', async () => {
  for (const wrong of [
    { preset: 'none' },
    { preset: 'tiny', count: 0 },
    { preset: 'tiny', seed: 0.5 },
    { preset: 'tiny', count: 5, vocabulary: 10 },
  ])
    await expect(makeTokenizer(wrong)).rejects.toThrow(InputError);
});
