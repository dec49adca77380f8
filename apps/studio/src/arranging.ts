// What is done to the layers of the picture that is shown: the same acts for the panel, the handles on the canvas and the keys.
import { computed, signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { artOf, duplicated, fitted, moved, othersOf, owned, pictureOf, placed, scaled, type Drawn, type Placed } from './state/layers.ts';
import { keepPicture } from './state/pictures.ts';
import { anySeed, askedOf, heldBy } from './state/wish.ts';
import { change, dragged, session, tell, wish } from './studio.ts';
import { t } from './words/words.ts';

/** The layer that is selected, by its id. */
export const selected = signal<number>();
/** The layer that is being drawn anew. */
export const redrawn = signal<number>();

/** The layers now, with the picture that they are of; undefined where there are none. */
export const layers = computed(() => {
  const event = session.settled.value?.event;
  if (!event?.layers || session.frame.value?.kind !== 'settled') return undefined;
  return { event, list: dragged.value ?? placed(event, wish.value.arranged, heldBy(wish.value)) };
});

/** Has the layers another way; changes with one `key`, soon after one another, are one step of the history. */
export function arrange(list: readonly Placed[], event: Drawn, key?: string): void {
  const { width, height } = event.image;
  const asked = askedOf(wish.value);
  change({ arranged: { picture: pictureOf(event), asked, held: heldBy(wish.value), size: { width, height }, layers: list } }, key);
}

/** Does something to one layer, where it is still there. */
function withLayer(id: number, act: (one: Placed, at: number, list: readonly Placed[], event: Drawn) => readonly Placed[], key?: string) {
  const now = layers.value;
  const at = now?.list.findIndex((one) => one.id === id) ?? -1;
  if (now && at >= 0) arrange(act(now.list[at]!, at, now.list, now.event), now.event, key && `${key} ${id}`);
}

const patched = (id: number, patch: (one: Placed, event: Drawn) => Placed, key?: string): void =>
  withLayer(id, (one, at, list, event) => list.with(at, patch(one, event)), key);

/** Moves by shares of the picture. */
export const move = (id: number, dx: number, dy: number): void =>
  patched(id, (one, { image }) => ({ ...one, x: one.x + dx * image.width, y: one.y + dy * image.height }), 'move');
export const scale = (id: number, by: number): void => patched(id, (one, event) => scaled(one, by, event), 'scale');
export const hide = (id: number): void => patched(id, (one) => ({ ...one, hidden: !one.hidden }));
export const keepLayer = (id: number): void =>
  patched(id, (one, event) => (one.kept ? { ...one, kept: false } : { ...owned(one, event), kept: true }));
export const raise = (id: number, by: 1 | -1): void => withLayer(id, (_, at, list) => moved(list, at, by));
export const remove = (id: number): void => withLayer(id, (_, at, list) => list.toSpliced(at, 1));
export const replaceWith = (id: number, pixels: Image): void =>
  patched(id, (one, event) => ({ ...one, pixels: { picture: keepPicture(pixels) }, ...fitted(pixels, artOf(one, event)) }));

/** How far aside a copy lies, in pictures. */
const ASIDE = 0.04;

export function duplicate(id: number): void {
  withLayer(id, (_, at, list, { image }) => duplicated(list, at, ASIDE * image.width));
  const list = layers.value?.list;
  selected.value = list?.[list.findIndex((one) => one.id === id) + 1]?.id;
}

/** Keeps every layer, so that the next picture, or a larger one, is made of them. */
export function keepAll(): void {
  const now = layers.value;
  if (now)
    arrange(
      now.list.map((one) => ({ ...owned(one, now.event), kept: true })),
      now.event,
    );
}

/** As they were drawn. */
export const unarrange = (): void => change({ arranged: undefined });

/** Draws one layer anew, by words of its own or those of the picture; the others are kept while it is drawn. What goes wrong is told. */
export async function drawAnew(id: number, words: string): Promise<void> {
  const now = layers.value;
  const one = now?.list.find((layer) => layer.id === id);
  if (!now || !one) return;
  redrawn.value = id;
  try {
    await session.draw(requestFor(one, words.trim(), now.list, now.event), ({ layers: found = [] }) => {
      const layer = found.find(({ slot }) => slot === one.slot);
      const { x = 0, y = 0 } = layer ?? {};
      if (!layer) return tell(t('layerGone'));
      patched(id, (old) => ({ ...old, words: words.trim(), pixels: { picture: keepPicture(layer.image) }, x, y, scale: 1 }));
    });
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
  redrawn.value = undefined;
}

function requestFor(one: Placed, words: string, list: readonly Placed[], event: Drawn) {
  const request = session.request(wish.value);
  const { width, height } = event.image;
  const art = artOf(one, event);
  const box = [art.x / width, art.y / height, art.width / width, art.height / height] as const;
  const own = one.slot === 0 ? [] : [{ slot: one.slot, box, ...(words && { prompt: words }) }];
  const objects = [...othersOf(list, one, event), ...own];
  const prompt = one.slot === 0 && words ? words : request.prompt;
  return { ...request, prompt, seed: anySeed(), ...(objects.length > 0 && { objects }) };
}

type Key = (id: number, event: KeyboardEvent) => void;
const STEP = 0.01;
const step = ({ shiftKey }: KeyboardEvent) => (shiftKey ? 10 * STEP : STEP);
const larger: Key = (id) => scale(id, 1.1);
const smaller: Key = (id) => scale(id, 1 / 1.1);
const gone: Key = (id) => remove(id);

/** Keys of a layer that has the focus. */
export const LAYER_KEYS: Readonly<Record<string, Key>> = {
  ArrowLeft: (id, event) => move(id, -step(event), 0),
  ArrowRight: (id, event) => move(id, step(event), 0),
  ArrowUp: (id, event) => move(id, 0, -step(event)),
  ArrowDown: (id, event) => move(id, 0, step(event)),
  '+': larger,
  '=': larger,
  '-': smaller,
  PageUp: (id) => raise(id, 1),
  PageDown: (id) => raise(id, -1),
  Delete: gone,
  Backspace: gone,
  d: duplicate,
  h: hide,
  k: keepLayer,
  Escape: () => (selected.value = undefined),
};

/** Does what a key says to a layer. */
export function layerKey(id: number, event: KeyboardEvent): void {
  const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : LAYER_KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act(id, event);
}
