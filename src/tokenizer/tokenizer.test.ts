import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { bpeEncoder, trainBpe } from './bpe.ts';
import { PROMPT_LENGTH, tokenizerFromJSON, trainTokenizer } from './tokenizer.ts';
import { normalise, slotOf, split } from './words.ts';

// Any code points, lone surrogates too, and often the characters that the tokenizer treats apart.
const anyCharacter = fc.oneof(
  fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)),
  fc.constantFrom(...'<1> \n\u0301É'),
);
const anyText = fc.array(anyCharacter).map((characters) => characters.join(''));

const captions = [
  'a red fox in the snow, flat style',
  'two red apples next to a green fox',
  'een rode vos in de sneeuw',
  'flat style, three foxes on the beach at night',
  '<1> rides a bicycle, <2> watches',
];
const tokenizer = trainTokenizer(captions, 320);

describe('words', () => {
  it('have one spelling', () => {
    expect(normalise('  A  Red\tFOX\n')).toBe('a red fox');
    expect(normalise('cafe\u0301')).toBe('caf\u00e9');
    expect(normalise('a<1>,<2>')).toBe('a <1>, <2>');
    fc.assert(
      fc.property(anyText, (s) => {
        expect(normalise(normalise(s))).toBe(normalise(s));
      }),
    );
  });

  it('are letters with their space, single digits, single signs, slots', () => {
    expect(split('12 Foxes, <1>! <6> naïve 🦊')).toEqual([' 1', '2', ' foxes', ',', ' <1>', '!', ' <', '6', '>', ' naïve', ' 🦊']);
    expect(split(' \n ')).toEqual([]);
    expect(split('x'.repeat(100)).map((p) => p.length)).toEqual([49, 48, 4]);
    fc.assert(
      fc.property(anyText, (s) => {
        expect(split(s).join('').trim()).toBe(normalise(s));
      }),
    );
    expect([' <5>', '<1>', ' <', '6'].map(slotOf)).toEqual([4, 0, undefined, undefined]);
  });
});

/** Training without any bookkeeping: count all pairs anew for every merge. */
function trainSlowly(texts: string[], size: number): [number, number][] {
  const words = texts
    .flatMap(split)
    .filter((w) => slotOf(w) === undefined)
    .map((w) => [...new TextEncoder().encode(w)] as number[]);
  const merges: [number, number][] = [];
  while (256 + merges.length < size) {
    const counts = new Map<string, number>();
    for (const w of words)
      for (let i = 1; i < w.length; i++) counts.set(`${w[i - 1]} ${w[i]}`, (counts.get(`${w[i - 1]} ${w[i]}`) ?? 0) + 1);
    const ranked = [...counts].map(([k, n]) => ({ n, pair: k.split(' ').map(Number) as [number, number] }));
    ranked.sort((a, b) => b.n - a.n || a.pair[0] - b.pair[0] || a.pair[1] - b.pair[1]);
    const best = ranked[0];
    if (!best || best.n < 2) break;
    merges.push(best.pair);
    for (const w of words)
      for (let i = 1; i < w.length; i++) if (w[i - 1] === best.pair[0] && w[i] === best.pair[1]) w.splice(i - 1, 2, 255 + merges.length);
  }
  return merges;
}

describe('bpe', () => {
  it('learns the merges that counting anew would learn', () => {
    expect(trainBpe(captions, 330).merges).toEqual(trainSlowly(captions, 330));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 40 });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), (texts) => {
        expect(trainBpe(texts, 300).merges).toEqual(trainSlowly(texts, 300));
      }),
    );
  });

  it('does not depend on the order of the texts', () => {
    expect(trainBpe([...captions].reverse(), 330)).toEqual(trainBpe(captions, 330));
  });

  it('applies the merges in their order', () => {
    const symbols = bpeEncoder({
      merges: [
        [98, 99],
        [97, 98],
        [97, 256],
      ],
    }); // bc, ab, a+bc
    expect(symbols('abc')).toEqual([258]);
    expect(symbols('abab')).toEqual([257, 257]);
    expect(symbols('')).toEqual([]);
  });
});

describe('tokenizer', () => {
  it('encodes with start, end and padding', () => {
    const { ids, count, truncated } = tokenizer.encode('<1>, <5>', 8);
    expect([...ids]).toEqual([1, 3, 8 + 44, 7, 2, 0, 0, 0]);
    expect({ count, truncated }).toEqual({ count: 5, truncated: 0 });
    expect([...tokenizer.encode('', 4).ids]).toEqual([1, 2, 0, 0]);
    expect(tokenizer.encode('fox').ids).toHaveLength(PROMPT_LENGTH);
  });

  it('cuts a long text and says so', () => {
    const long = tokenizer.encode(',,,,,', 5);
    expect(long).toMatchObject({ count: 5, truncated: 3 });
    expect(long.ids[4]).toBe(tokenizer.special.end);
    expect(tokenizer.decode(long.ids)).toBe(',,');
    expect(() => tokenizer.encode('a', 1)).toThrow(InputError);
  });

  it('gives any text back', () => {
    for (const text of [...captions, 'größe 42 狐狸 🦊👩‍🚀 \0 <3>x', '\ud800'])
      expect(tokenizer.decode(tokenizer.encode(text, 400).ids)).toBe(normalise(text));
    fc.assert(
      fc.property(anyText, (s) => {
        expect(tokenizer.decode(tokenizer.encode(s, 400).ids)).toBe(normalise(s));
      }),
    );
  });

  it('learns whole words', () => {
    const many = trainTokenizer(captions, 4096); // stops when nothing occurs twice
    expect(many.vocabularySize).toBeLessThan(400);
    expect(many.encode('fox').count).toBe(3);
    expect(many.encode('FOX ').ids).toEqual(many.encode('fox').ids);
  });

  it('survives its file', () => {
    const again = tokenizerFromJSON(JSON.stringify(tokenizer));
    expect(again.vocabularySize).toBe(tokenizer.vocabularySize);
    for (const text of captions) expect(again.encode(text)).toEqual(tokenizer.encode(text));
  });

  it.each([
    ['text', 'not json'],
    ['null', 'null'],
    ['another format', { format: 'x', merges: [] }],
    ['odd merges', { format: 'banana-tokenizer-1', merges: [1] }],
    ['a symbol from later', { format: 'banana-tokenizer-1', merges: [97, 256] }],
    ['a merge twice', { format: 'banana-tokenizer-1', merges: [97, 98, 97, 98] }],
    ['tokens without end', { format: 'banana-tokenizer-1', merges: Array.from({ length: 40 }, (_, i) => [255 + i, 255 + i]).flat() }],
  ])('refuses %s', (_, file) => {
    expect(() => tokenizerFromJSON(file, 'models/x.json')).toThrow(/^models\/x\.json: /);
    expect(() => tokenizerFromJSON(file)).toThrow(InputError);
  });

  it('refuses ids that it does not have', () => {
    expect(() => tokenizer.decode([tokenizer.vocabularySize])).toThrow(InputError);
    expect(() => tokenizer.decode([-1])).toThrow(InputError);
  });
});
