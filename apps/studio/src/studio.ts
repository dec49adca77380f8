// The one studio of the page: its history, its engine, and the few choices that are no part of a picture.
import { computed, signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { openSession } from './engine/session.ts';
import { composed } from './state/layers.ts';
import { openHistory } from './state/history.ts';
import { remembered } from './state/remembered.ts';
import { anySeed, FIRST, type Wish } from './state/wish.ts';

export const history = openHistory<Wish>({ ...FIRST, seed: anySeed() });
export const session = openSession(history);

/** The wish now. */
export const wish = history.now;
export const change = history.change;

export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export const theme = remembered<Theme>('theme', 'auto', (x) => (THEMES as readonly string[]).includes(x));

/** What was just done, in a few words: shown for a moment, and said by screen readers. */
export const told = signal('');
let quiet: ReturnType<typeof setTimeout> | undefined;
export function tell(words: string): void {
  told.value = words;
  clearTimeout(quiet);
  quiet = setTimeout(() => (told.value = ''), 4000);
}

/** A picture that the one on the canvas is compared with. */
export const before = signal<Image>();

/** The panel that is open. */
export const panel = signal('picture');

/** What is on the canvas: the frame, or its layers as they were arranged. */
export const shown = computed<Image | undefined>(() => {
  const frame = session.frame.value;
  return frame && composed(frame.event, wish.value.arranged);
});

/** The last full picture as it is on the canvas, to be saved. */
export const finished = computed(() => {
  const frame = session.settled.value;
  return frame && { ...frame, image: composed(frame.event, wish.value.arranged) };
});

/** A sentence as it is typed; a new one has a seed of its own, unless the seed is locked. */
export function typed(prompt: string): void {
  const { prompt: before, locked } = wish.value;
  const fresh = before.trim() === '' && prompt.trim() !== '' && !locked && history.canUndo.value;
  change({ prompt, ...(fresh && { seed: anySeed() }) }, 'prompt');
}
