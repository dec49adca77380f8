// One engine behind the page: opened once, a live session that follows the wish, and what was drawn last, as signals. What is drawn for a
// moment (variations) takes its turn beside the live session; training ends it for a while.
import { batch, computed, effect, signal } from '@preact/signals';
import type { ImageEvent, Live, LiveFrame, ModelInfo } from 'banana-sdk/web';
import type { History } from '../state/history.ts';
import { requestOf, type Wish } from '../state/wish.ts';
import { openHost, type Opened } from './open.ts';

export type Phase =
  | { readonly at: 'loading'; readonly done: number; readonly total: number }
  | { readonly at: 'starting' | 'ready' | 'failed' };

export interface Session {
  readonly phase: { readonly value: Phase };
  readonly model: { readonly value: ModelInfo | undefined };
  /** The last frame: a preview, or the full picture. */
  readonly frame: { readonly value: LiveFrame | undefined };
  /** The last full picture. */
  readonly settled: { readonly value: LiveFrame | undefined };
  /** What is wrong with the wish, or with the engine; '' when nothing is. */
  readonly fault: { value: string };
  readonly opened: { readonly value: Opened | undefined };
  /** Draws pictures of a wish, one after the other. */
  draw(wish: Wish, count: number, each: (event: ImageEvent) => void, signal?: AbortSignal): Promise<void>;
  /** Does something that needs the engine for itself. */
  alone<T>(work: (opened: Opened) => Promise<T>): Promise<T>;
  /** Draws what is wished for again, though nothing of it changed. */
  again(): void;
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Opens the engine and follows the wish until the page is left. */
export function openSession(history: History<Wish>): Session {
  const phase = signal<Phase>({ at: 'loading', done: 0, total: 0 });
  const model = signal<ModelInfo>();
  const [frame, settled] = [signal<LiveFrame>(), signal<LiveFrame>()];
  const opened = signal<Opened>();
  const fault = signal('');
  let live: Live | undefined;

  // what is followed: layers that are moved are not drawn anew
  const asked = computed(() =>
    JSON.stringify({ ...history.now.value, arranged: undefined, layers: model.value?.abilities.includes('layers') }),
  );
  const request = () => ({ ...requestOf(history.now.peek()), ...(model.peek()?.abilities.includes('layers') && { layers: true }) });
  const update = () => {
    void asked.value; // read also where there is no session yet: this is followed
    try {
      fault.value = '';
      live?.update(request());
    } catch (error) {
      fault.value = textOf(error);
    }
  };
  const follow = async ({ banana }: Opened) => {
    try {
      live = banana.live({ ...request(), refused: (error) => (fault.value = error.message) });
      for await (const next of live.frames)
        batch(() => {
          frame.value = next;
          if (next.kind === 'settled') settled.value = next;
        });
    } catch (error) {
      fault.value = textOf(error);
    }
  };
  const begin = async () => {
    const told = (done: number, total: number) => (phase.value = total + done > 0 ? { at: 'loading', done, total } : { at: 'starting' });
    try {
      const found = await openHost(told);
      batch(() => {
        opened.value = found;
        model.value = found.banana.model;
        phase.value = { at: 'ready' };
      });
      void follow(found);
    } catch (error) {
      fault.value = textOf(error);
      phase.value = { at: 'failed' };
    }
  };
  effect(update);
  void begin();
  return {
    phase,
    model,
    frame,
    settled,
    fault,
    opened,
    async draw(wish, count, each, stop) {
      const options = { ...requestOf(wish), count, preview: 0, ...(stop && { signal: stop }) };
      for await (const event of opened.value!.banana.generate(options)) if (event.type === 'image') each(event);
    },
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
