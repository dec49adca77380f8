// One engine behind the page: a model that is chosen, a live session that follows the wish, and what was drawn last, as signals. What is
// drawn for a moment (variations, one layer) takes its turn beside the live session; training ends it for a while.
import { batch, computed, effect, signal } from '@preact/signals';
import type { DrawOptions, ImageEvent, Live, LiveFrame, ModelInfo } from 'banana-sdk/web';
import { seen } from '../camera.ts';
import type { History } from '../state/history.ts';
import { remembered } from '../state/remembered.ts';
import { requestOf, type Wish } from '../state/wish.ts';
import { findHost, isLocked, type Choice, type Host, type Opened } from './open.ts';

export type Phase =
  | { readonly at: 'loading'; readonly done: number; readonly total: number }
  | { readonly at: 'starting' | 'ready' | 'failed' | 'locked' };

export interface Session {
  readonly phase: { readonly value: Phase };
  readonly model: { readonly value: ModelInfo | undefined };
  /** Models to choose from. */
  readonly choices: { readonly value: readonly Choice[] };
  /** The last frame: a preview, or the full picture. */
  readonly frame: { readonly value: LiveFrame | undefined };
  /** The last full picture. */
  readonly settled: { readonly value: LiveFrame | undefined };
  /** What is wrong with the wish, or with the engine; '' when nothing is. */
  readonly fault: { value: string };
  readonly opened: { readonly value: Opened | undefined };
  /** Draws with another model from here on. */
  use(choice: Choice): Promise<void>;
  /** Tries a key of the server. */
  unlock(key: string): Promise<void>;
  /** What a wish is to the model that is open. */
  request(wish: Wish): ReturnType<typeof requestOf>;
  /** Draws pictures of a request, one after the other. */
  draw(request: DrawOptions, each: (event: ImageEvent) => void): Promise<void>;
  /** Resolves with the next frame. */
  shown(): Promise<void>;
  /** Does something that needs the engine for itself. */
  alone<T>(work: (opened: Opened) => Promise<T>): Promise<T>;
  /** Draws what is wished for again, though nothing of it changed. */
  again(): void;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The model that was chosen the last time. */
const chosen = remembered<string>('model', '', () => true);

/** Opens the engine and follows the wish until the page is left. */
export function openSession(history: History<Wish>): Session {
  const phase = signal<Phase>({ at: 'loading', done: 0, total: 0 });
  const [frame, settled] = [signal<LiveFrame>(), signal<LiveFrame>()];
  const opened = signal<Opened>();
  const model = computed(() => opened.value?.banana.model);
  const fault = signal('');
  const choices = signal<readonly Choice[]>([]);
  let host: Host | undefined;
  let live: Live | undefined;

  const request = computed(() => {
    if (!model.value || !opened.value) return undefined;
    const image = model.value.abilities.includes('image') ? seen.value : undefined;
    return {
      ...requestOf(history.now.value, model.value, opened.value.peels.value),
      ...(image && { image, mask: undefined, objects: undefined }),
    };
  });
  const key = computed(() => JSON.stringify(request.value, (_, value: unknown) => (isPixels(value) ? numberOf(value) : value)));
  const update = () => {
    void key.value; // followed; the rest of the wish may change without a new picture
    try {
      fault.value = '';
      if (request.peek()) live?.update(request.peek()!);
    } catch (error) {
      fault.value = textOf(error);
    }
  };
  const follow = async ({ banana }: Opened) => {
    try {
      const mine = banana.live({ ...request.peek()!, refused: (error) => (fault.value = error.message) });
      live = mine;
      for await (const next of mine.frames)
        batch(() => {
          frame.value = next;
          if (next.kind === 'settled') settled.value = next;
        });
    } catch (error) {
      fault.value = textOf(error);
    }
  };
  const told = (done: number, total: number) => (phase.value = total + done > 0 ? { at: 'loading', done, total } : { at: 'starting' });
  const failed = (error: unknown) => {
    fault.value = isLocked(error) ? '' : textOf(error);
    phase.value = { at: isLocked(error) ? 'locked' : 'failed' };
  };
  const use = async (choice: Choice) => {
    try {
      live?.close();
      await opened.value?.tab?.close();
      batch(() => ([opened.value, frame.value, settled.value, fault.value] = [undefined, undefined, undefined, '']));
      phase.value = { at: 'starting' };
      const found = await host!.open(choice, told);
      const known = { ...choice, abilities: found.banana.model.abilities };
      choices.value = choices.value.map((one) => (one.id === choice.id ? known : one));
      batch(() => ([opened.value, chosen.value, phase.value] = [found, choice.id, { at: 'ready' }]));
      void follow(found);
    } catch (error) {
      failed(error);
    }
  };
  const begin = async (key?: string) => {
    try {
      host = await findHost(key);
      choices.value = host.choices;
      await use(host.choices.find(({ id }) => id === chosen.value) ?? host.choices[0]!);
    } catch (error) {
      failed(error);
    }
  };
  effect(update);
  void begin();
  return {
    phase,
    model,
    choices,
    frame,
    settled,
    fault,
    opened,
    use,
    unlock: begin,
    request: (wish) => requestOf(wish, model.value!, opened.value!.peels.value),
    async draw(wanted, each) {
      for await (const event of opened.value!.banana.generate({ preview: 0, ...wanted })) if (event.type === 'image') each(event);
    },
    shown: () =>
      new Promise((resolve) => {
        const now = frame.peek();
        const stop = effect(() => {
          if (frame.value === now) return;
          queueMicrotask(() => stop());
          resolve();
        });
      }),
    async alone(work) {
      live?.close();
      try {
        return await work(opened.value!);
      } finally {
        void follow(opened.value!);
      }
    },
    again: update,
  };
}

const isPixels = (value: unknown): value is ArrayBufferView => ArrayBuffer.isView(value);
const numbers = new WeakMap<ArrayBufferView, number>();
let last = 0;

/** A number for the pixels of a picture, which never change. */
function numberOf(pixels: ArrayBufferView): number {
  if (!numbers.has(pixels)) numbers.set(pixels, ++last);
  return numbers.get(pixels)!;
}
