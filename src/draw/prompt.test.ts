import { describe, expect, test } from 'vitest';
import { tokenizerFromJSON } from '../tokenizer/tokenizer.ts';
import { checkOptions } from './check.ts';
import { checkPrompt, composePrompt, fitPrompt, resolveStyle } from './prompt.ts';

test('style and background are said as the captions say them, and once', () => {
  expect(composePrompt({ prompt: ' a red fox ' })).toBe('a red fox');
  expect(composePrompt({ prompt: 'a red fox', style: 'flat', background: 'transparent' })).toBe(
    'a red fox, flat style, transparent background',
  );
  expect(composePrompt({ prompt: 'a heart', background: 'white' })).toBe('a heart, white background');
  expect(composePrompt({ prompt: 'a red fox, Flat Style', style: 'flat' })).toBe('a red fox, Flat Style');
  expect(composePrompt({ prompt: 'a red fox, bold flat style', style: 'flat' })).toBe('a red fox, bold flat style, flat style');
});

test('a style is found by its word', () => {
  expect(resolveStyle('Bold Flat style', ['flat', 'bold flat'])).toBe('bold flat');
  expect(() => resolveStyle('oil', ['flat', 'bold flat'])).toThrow('unknown style "oil": this model knows flat, bold flat');
});

test('prompts that are none', () => {
  expect(() => checkPrompt(' \n')).toThrow('the prompt is empty');
  expect(() => checkPrompt('x'.repeat(2001))).toThrow('the prompt has 2001 characters: expected at most 2000');
  expect(() => checkPrompt('🦊'.repeat(2000))).not.toThrow();
  expect(() => checkOptions({ prompt: 'x', background: 'blue' })).toThrow(
    'unknown background "blue": choose one of white, transparent; for another, say it in the prompt',
  );
  expect(() => checkOptions({ prompt: 'x', background: 'white' })).not.toThrow();
});

describe('a prompt that is too long', () => {
  const letters = tokenizerFromJSON({ format: 'banana-tokenizer-1', merges: [] }); // a token a byte, spaces too
  const tokensIn = (text: string) => letters.encode(text, 2 ** 16).count;
  const options = { style: 'flat', background: 'transparent' } as const;
  const fitted = (prompt: string, length: number, added = options) =>
    fitPrompt(prompt, (words) => composePrompt({ prompt: words, ...added }), tokensIn, length);

  test('loses its own end, at a word, and nothing of what is added', () => {
    const { text, cut, truncated } = fitted('a red fox, a hat and a scarf', 50);
    expect({ text, cut }).toEqual({ text: 'a red fox, flat style, transparent background', cut: ', a hat and a scarf' });
    expect(truncated).toBeGreaterThan(0);
  });

  test('that said the style at its end is told it again', () => {
    expect(fitted('a red fox in a hat, flat style', 28, { style: 'flat' } as never).text).toBe('a red fox in, flat style');
  });

  test('of one long word, or of a language without spaces, loses letters', () => {
    expect(fitted('x'.repeat(60), 52).text).toMatch(/^x+, flat style, transparent background$/);
    const { text, cut } = fitted('赤いきつねが雪の中にいる', 60);
    expect(text).toMatch(/^赤.*, flat style, transparent background$/);
    expect(text.replace(/, flat.*/, '') + cut).toBe('赤いきつねが雪の中にいる');
  });

  test('is left alone when it fits, and cut at the end of all when there is room for no word', () => {
    expect(fitted('a fox', 60)).toEqual({ text: 'a fox, flat style, transparent background', cut: '', truncated: 0 });
    expect(fitted('a fox', 12)).toMatchObject({ text: 'a fox', cut: ', flat style, transparent background' });
  });
});
