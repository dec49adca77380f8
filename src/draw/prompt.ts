// The words that the text encoder sees: the caller's prompt with the style and the background said as the training captions
// say them. Not here: tokens (tokenizer/), and Peels in a prompt.
import { InputError } from '../util/errors.ts';

/** Longest prompt, in characters: some thirty times what a model reads. */
export const PROMPT_MAX = 2000;

export const BACKGROUNDS = ['transparent'] as const;
export type Background = (typeof BACKGROUNDS)[number];

export interface PromptOptions {
  prompt: string;
  /** A style word of the model, such as "flat". */
  style?: string;
  background?: string;
}

/** Throws InputError for a prompt that is no text, empty or too long, or an unknown background. */
export function checkPrompt({ prompt, background }: PromptOptions): void {
  if (typeof prompt !== 'string' || prompt.trim() === '') throw new InputError('prompt.empty', 'the prompt is empty: say what to draw');
  const length = [...prompt].length;
  if (length > PROMPT_MAX) throw new InputError('prompt.long', `the prompt has ${length} characters: expected at most ${PROMPT_MAX}`);
  if (background !== undefined && !(BACKGROUNDS as readonly string[]).includes(background))
    throw new InputError('prompt.background', `unknown background "${background}": leave it out for white, or choose ${BACKGROUNDS.join(', ')}`);
}

/** The style as the model writes it. Throws InputError listing the styles when it has no such one. */
export function resolveStyle(style: string, styles: readonly string[]): string {
  const wanted = style.trim().toLowerCase().replace(/ style$/, '');
  const found = styles.find((word) => word.toLowerCase() === wanted);
  if (found === undefined) throw new InputError('prompt.style', `unknown style "${style}": this model knows ${styles.join(', ')}`);
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
