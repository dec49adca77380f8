// The words that call Peels up: added to a prompt that does not say them, and taken out where only the rest of it matters.
import type { PeelStack } from './stack.ts';

/** The prompt with the trigger words of its Peels that it does not say yet. A Peel that is turned around adds none. */
export function withTriggers(prompt: string, stack: PeelStack): string {
  const words = stack.filter(({ weight }) => weight > 0).flatMap(({ peel }) => peel.info.triggers);
  return words.reduce((text, word) => (text.toLowerCase().includes(word.toLowerCase()) ? text : `${text}, ${word}`), prompt);
}

/** A text without the trigger words of its Peels, nor the commas before them. */
export function withoutTriggers(text: string, stack: PeelStack): string {
  const words = stack.flatMap(({ peel }) => peel.info.triggers).filter(Boolean);
  const whole = (word: string) => new RegExp(`(\\s*,)?\\s*(?<!\\p{L})${word.replace(SYNTAX, '\\$&')}(?!\\p{L})`, 'giu');
  return words.reduce((rest, word) => rest.replace(whole(word), ''), text).trim();
}

/** What means something in a regular expression. */
const SYNTAX = /[\\^$.*+?()[\]{}|/]/g;
