import { expect, test } from 'vitest';
import { checkPrompt, composePrompt, resolveStyle } from './prompt.ts';

test('style and background are said as the captions say them, and once', () => {
  expect(composePrompt({ prompt: ' a red fox ' })).toBe('a red fox');
  expect(composePrompt({ prompt: 'a red fox', style: 'flat', background: 'transparent' })).toBe('a red fox, flat style, transparent background');
  expect(composePrompt({ prompt: 'a red fox, Flat Style', style: 'flat' })).toBe('a red fox, Flat Style');
  expect(composePrompt({ prompt: 'a red fox, bold flat style', style: 'flat' })).toBe('a red fox, bold flat style, flat style');
});

test('a style is found by its word', () => {
  expect(resolveStyle('Bold Flat style', ['flat', 'bold flat'])).toBe('bold flat');
  expect(() => resolveStyle('oil', ['flat', 'bold flat'])).toThrow('unknown style "oil": this model knows flat, bold flat');
});

test('prompts that are none', () => {
  expect(() => checkPrompt({ prompt: ' \n' })).toThrow('the prompt is empty');
  expect(() => checkPrompt({ prompt: 'x'.repeat(2001) })).toThrow('the prompt has 2001 characters: expected at most 2000');
  expect(() => checkPrompt({ prompt: '🦊'.repeat(2000) })).not.toThrow();
  expect(() => checkPrompt({ prompt: 7 as never })).toThrow('the prompt is empty');
  expect(() => checkPrompt({ prompt: 'x', background: 'blue' })).toThrow('unknown background "blue"');
});
