// The one studio of the page: its history, its engine, and the few choices that are no part of a picture.
import { computed, signal } from '@preact/signals';
import type { Image, LiveFrame } from 'banana-sdk/web';
import { openSession } from './engine/session.ts';
import { composed, pictureOf, placed, type Placed } from './state/layers.ts';
import { openHistory } from './state/history.ts';
import { remembered } from './state/remembered.ts';
import { anySeed, FIRST, heldBy, type Wish } from './state/wish.ts';

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

/** Layers while they are dragged: no part of the history yet. */
export const dragged = signal<readonly Placed[]>();

/** The layers of a frame where they are not simply its picture: arranged ones, and those that stayed from another picture. */
function arranged({ event }: LiveFrame): readonly Placed[] | undefined {
  if (!event.layers) return undefined;
  const list = dragged.value ?? placed(event, wish.value.arranged, heldBy(wish.value));
  const touched = dragged.value !== undefined || wish.value.arranged?.picture === pictureOf(event);
  return touched || list.some(({ pixels }) => 'picture' in pixels) ? list : undefined;
}

/** What is on the canvas: the frame, or its layers as they were arranged. */
export const shown = computed(() => {
  const frame = session.frame.value;
  return frame && { frame, layers: arranged(frame) };
});

/** The last full picture as it is on the canvas, to be saved, with its layers. */
export const finished = computed(() => {
  const frame = session.settled.value;
  if (!frame) return undefined;
  const layers = arranged(frame);
  return { ...frame, layers, image: layers ? composed(layers, frame.event) : frame.image };
});

/** A sentence as it is typed; a new one has a seed of its own, unless the seed is locked. */
export function typed(prompt: string): void {
  const { prompt: before, locked } = wish.value;
  const fresh = before.trim() === '' && prompt.trim() !== '' && !locked && history.canUndo.value;
  change({ prompt, ...(fresh && { seed: anySeed() }) }, 'prompt');
}
