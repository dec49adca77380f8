// The words that the text encoder sees: the caller's prompt with the style and the background said as the training captions
// say them, and cut where it can read no more: what options and Peels add is kept, the caller's end is not.
// Not here: tokens (tokenizer/), and Peels in a prompt.
import { InputError } from '../util/errors.ts';
import { PROMPT_MAX, type PromptOptions } from './request.ts';

/** Throws InputError, with the `path`, for a prompt that is empty, or too long, without its Peels. */
export function checkPrompt(prompt: string, path = 'prompt'): void {
  if (prompt.trim() === '') throw new InputError('prompt.empty', `the ${path} is empty: say what to draw`, { path });
  const length = prompt.length > 2 * PROMPT_MAX ? prompt.length : [...prompt].length; // a letter is at most two units: no list of millions
  if (length > PROMPT_MAX)
    throw new InputError('prompt.long', `the ${path} has ${length} characters: expected at most ${PROMPT_MAX}`, { path });
}

/** The style as the model writes it. Throws InputError listing the styles when it has no such one. */
export function resolveStyle(style: string, styles: readonly string[]): string {
  const wanted = style
    .trim()
    .toLowerCase()
    .replace(/ style$/, '');
  const found = styles.find((word) => word.toLowerCase() === wanted);
  if (found === undefined)
    throw new InputError('prompt.style', `unknown style "${style}": this model knows ${styles.join(', ')}`, { path: 'style' });
  return found;
}

/** "a red fox" with style "flat" on a transparent background: "a red fox, flat style, transparent background". What is said already is not said twice. */
export function composePrompt({ prompt, style, background }: PromptOptions): string {
  const parts = [prompt.trim()];
  const said = prompt.split(',').map((part) => part.trim().toLowerCase());
  const add = (words: string) => {
    if (!said.includes(words.toLowerCase())) parts.push(words);
  };
  if (style) add(`${style} style`);
  if (background) add(`${background} background`);
  return parts.join(', ');
}

/** What a model reads of a prompt. */
export interface ReadPrompt {
  /** What is told to the model. */
  readonly text: string;
  /** The end of the caller's prompt that is not; '' when all is. */
  readonly cut: string;
  /** Tokens that were too many. */
  readonly truncated: number;
}

/**
 * Cuts a prompt at a word until what `compose` makes of it (with style, background, trigger words) fits into `length` tokens. Where
 * what is added leaves no room for a word, all of it is one text that is cut at its end.
 */
export function fitPrompt(
  prompt: string,
  compose: (prompt: string) => string,
  tokensIn: (text: string) => number,
  length: number,
): ReadPrompt {
  const whole = compose(prompt);
  const truncated = Math.max(0, tokensIn(whole) - length);
  if (truncated === 0) return { text: whole, cut: '', truncated };
  for (const granularity of ['word', 'grapheme'] as const)
    for (const end of endsOf(prompt, granularity, length)) {
      const text = compose(prompt.slice(0, end).replace(/[\s,;:]+$/, ''));
      if (tokensIn(text) <= length) return { text, cut: prompt.slice(end).trim(), truncated };
    }
  return whole === prompt ? { text: '', cut: prompt, truncated } : { ...fitPrompt(whole, (text) => text, tokensIn, length), truncated };
}

/** Where the first `most` words, or letters, of a text end; the last first. A word has a token at least, so more are never read. */
function endsOf(text: string, granularity: 'word' | 'grapheme', most: number): number[] {
  const ends: number[] = [];
  for (const { index, segment, isWordLike = true } of new Intl.Segmenter(undefined, { granularity }).segment(text)) {
    if (isWordLike) ends.push(index + segment.length);
    if (ends.length > most) break;
  }
  return ends.reverse();
}
