// How near the picture is looked at, and what is seen of it drawn anew at that size: a model of layers draws any part at any scale, so a
// picture of 512 pixels is sharp at 4096 where one looks, and only there.
import { effect, signal } from '@preact/signals';
import { cutImage, sharpen, type Image, type Tile } from 'banana-sdk/web';
import { finished, session } from './studio.ts';

export interface Zoom {
  /** 1: the whole picture fits. */
  readonly scale: number;
  /** Where its corner lies, in pictures as they fit. */
  readonly x: number;
  readonly y: number;
}

const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
const SCALE_MAX = 16;

export const zoom = signal<Zoom>(WHOLE);

/** What is drawn anew: its pixels, and which part of the picture they are, in pixels of the picture. */
export const closeUp = signal<{ readonly image: Image; readonly part: Tile }>();

/** Looks nearer, or from farther, at a point (shares of the picture as it fits). */
export function zoomAt(by: number, x = 0.5, y = 0.5): void {
  const { scale, x: left, y: top } = zoom.value;
  const next = Math.min(SCALE_MAX, Math.max(1, scale * by));
  zoom.value = next === 1 ? WHOLE : bounded({ scale: next, x: x - ((x - left) * next) / scale, y: y - ((y - top) * next) / scale });
}

export function pan(dx: number, dy: number): void {
  const { scale, x, y } = zoom.value;
  zoom.value = bounded({ scale, x: x + dx, y: y + dy });
}

/** The picture stays in sight. */
const bounded = ({ scale, x, y }: Zoom): Zoom => ({
  scale,
  x: Math.min(0, Math.max(1 - scale, x)),
  y: Math.min(0, Math.max(1 - scale, y)),
});

/** Milliseconds of rest before a part is drawn anew. */
const REST = 350;
/** Pixels of the picture around what is seen, so that its edges are right. */
const AROUND = 8;
/** Longest side that is drawn anew, in pixels. */
const SIDE_MAX = 1024;

/** How far the frame reaches beyond the picture as it fits, on either side, in pictures. */
function margins(): { readonly x: number; readonly y: number } {
  const [frame, view] = ['.frame', '.view'].map((name) => document.querySelector<HTMLElement>(name));
  if (!frame || !view) return { x: 0, y: 0 };
  const beyond = (room: number, side: number) => Math.max(0, (room / side - 1) / 2);
  return { x: beyond(frame.clientWidth, view.offsetWidth), y: beyond(frame.clientHeight, view.offsetHeight) };
}

/** What is seen of a picture, in whole pixels. */
function seen({ scale, x, y }: Zoom, { width, height }: Image): Tile {
  const beyond = margins();
  const from = (at: number, more: number, side: number) => Math.max(0, Math.floor(((-more - at) / scale) * side) - AROUND);
  const to = (at: number, more: number, side: number) => Math.min(side, Math.ceil(((1 + more - at) / scale) * side) + AROUND);
  const [left, top] = [from(x, beyond.x, width), from(y, beyond.y, height)];
  return { x: left, y: top, width: to(x, beyond.x, width) - left, height: to(y, beyond.y, height) - top };
}

/** Draws what is seen anew, when it is looked at from near and nothing moves. */
export function drawCloseUps(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = new AbortController();
  effect(() => {
    clearTimeout(timer);
    stop.abort();
    stop = new AbortController();
    closeUp.value = undefined;
    const now = zoom.value;
    if (now.scale <= 1 || !session.model.value?.abilities.includes('layers')) return;
    const picture = finished.value; // laid together anew, so not before it is needed
    if (!picture) return;
    timer = setTimeout(() => void drawPart(now, picture.image, stop.signal), REST);
  });
}

async function drawPart(now: Zoom, image: Image, signal: AbortSignal): Promise<void> {
  const part = seen(now, image);
  const larger = Math.min(now.scale, SIDE_MAX / Math.max(part.width, part.height));
  if (larger <= 1) return;
  try {
    const small = cutImage(image, part);
    const width = Math.round(part.width * larger);
    const found = await sharpen(session.opened.value!.banana, small, {
      width,
      height: Math.round((width * part.height) / part.width),
      signal,
    });
    if (!signal.aborted) closeUp.value = { image: found, part };
  } catch (error) {
    if (!signal.aborted) session.fault.value = (error as Error).message;
  }
}
