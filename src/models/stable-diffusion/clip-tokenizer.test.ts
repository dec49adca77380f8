// CLIP's tokenizer against transformers' on 206 texts with the real vocabulary, of which the fixture has what they come by
// (tools/reference/clip_tokens.py).
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { textOf } from '../../../test/open-weights.ts';
import { clipTokenizer } from './clip-tokenizer.ts';

/** `padded`: the tokens where "!" is the padding, of texts that have one. */
type Row = readonly [text: string, ids: number[], padded?: number[]];
interface Fixture {
  readonly merges: readonly string[];
  readonly vocabulary: Readonly<Record<string, number>>;
  readonly rows: readonly Row[];
}

const LENGTH = 77;
const file = new URL('../../../test/fixtures/open-weights/clip-tokens.json.gz', import.meta.url);
const real = JSON.parse(gunzipSync(readFileSync(file)).toString()) as Fixture;

test('texts have the tokens that transformers gives them by the real vocabulary', () => {
  const [vocabulary, merges] = [JSON.stringify(real.vocabulary), real.merges.join('\n')];
  const [clip, open] = [clipTokenizer(vocabulary, merges, 'L'), clipTokenizer(vocabulary, merges, 'H', '!')];
  const filled = (ids: readonly number[], padding: number) => [...ids, ...new Array<number>(LENGTH - ids.length).fill(padding)];
  expect(real.rows.length).toBeGreaterThan(200);
  for (const [text, ids, padded = ids] of real.rows) {
    expect(clip.encode(text, LENGTH), text).toEqual(filled(ids, 49407));
    expect(open.encode(text, LENGTH), text).toEqual(filled(padded, 0));
  }
});

test('a text that is too long is cut before its end', () => {
  const clip = clipTokenizer(JSON.stringify(real.vocabulary), real.merges.join('\n'), 'L');
  const text = real.rows.find(([, ids]) => ids.length === LENGTH)![0];
  expect(clip.tokens(text).length).toBeGreaterThan(LENGTH - 2);
  expect(clip.encode(text, LENGTH).at(-1)).toBe(49407);
});

test('files that are no tokenizer are refused', () => {
  const merges = textOf('sd1/tokenizer/merges.txt');
  expect(() => clipTokenizer('<html>', merges, 'sd1/tokenizer')).toThrow(/^sd1\/tokenizer: vocab.json is no JSON/);
  expect(() => clipTokenizer('{"a":1}', merges, 'sd1/tokenizer')).toThrow('the vocabulary lacks "<|startoftext|>"');
});
