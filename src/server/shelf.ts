// Several models of which only some are open at a time: each is a banana that opens its engine when it is asked for a picture, and the one
// that was asked least recently is closed to make room, when nothing is drawn with it any more. So a server can offer more models than fit
// into memory at once. What is known of a model before it is open, its file says (describeModel in node/load.ts).
import type { ModelInfo } from '../models/family.ts';
import type { Banana, DrawOptions } from '../sdk/banana.ts';
import { turns } from '../sdk/turns.ts';
import { unlessAborted } from './line.ts';
import type { Source } from './models.ts';

/** A model that can be opened. */
export interface Openable {
  readonly model: Omit<ModelInfo, 'runtime'>;
  open(): Promise<Source & Pick<Banana, 'close'>>;
}

export interface Shelf {
  /** As they were given; each opens when it is asked. */
  readonly bananas: readonly Source[];
  /** Closes what is open. What is asked later throws RuntimeError `engine.closed`. */
  close(): Promise<void>;
}

interface Slot {
  readonly one: Openable;
  readonly banana: ReturnType<Openable['open']>;
  users: number;
}

/** Opens the first of some models; `most`: how many are open at a time. Throws what opening the first one throws. */
export async function openShelf(models: readonly Openable[], most = 1): Promise<Shelf> {
  const slots: Slot[] = []; // the least recently used first
  const known = new Map<Openable, ModelInfo>();
  const queue = turns(); // so that who waits for room is not overtaken
  let freed = (): void => {};

  const forget = (slot: Slot) => void (slots.includes(slot) && slots.splice(slots.indexOf(slot), 1));
  const opened = (one: Openable): Slot => {
    queue.closing.throwIfAborted();
    const slot: Slot = { one, banana: one.open(), users: 0 };
    slot.banana.then(
      ({ model }) => known.set(one, model),
      () => forget(slot),
    );
    return slot;
  };
  const makeRoom = async (): Promise<void> => {
    while (slots.length >= most) {
      const idle = slots.find(({ users }) => users === 0);
      if (idle) await closed(idle).then(() => forget(idle));
      else await new Promise<void>((resolve) => (freed = resolve));
    }
  };
  const take = (one: Openable): Promise<Slot> =>
    queue.call(async () => {
      const found = slots.find((slot) => slot.one === one);
      if (!found) await makeRoom();
      const slot = found ?? opened(one);
      forget(slot);
      slots.push(slot);
      slot.users++;
      return slot;
    });
  /** Does something with an open one, which is not closed meanwhile. */
  async function* using<E>(one: Openable, signal: AbortSignal | undefined, work: (banana: Source) => AsyncGenerator<E, void, void>) {
    const taken = take(one);
    try {
      yield* work(
        await unlessAborted(
          taken.then(({ banana }) => banana),
          signal,
        ),
      );
    } finally {
      void taken.then(
        (slot) => (slot.users--, freed()),
        () => {},
      );
    }
  }

  const shelf: Shelf = {
    bananas: models.map((one) => ({
      get model() {
        return known.get(one) ?? { runtime: known.get(models[0]!)!.runtime, ...one.model };
      },
      generate: (options: DrawOptions) => using(one, options.signal, (banana) => banana.generate(options)),
    })),
    close: () =>
      queue.close(async (idle) => {
        await Promise.all(slots.splice(0).map(closed));
        freed();
        await idle;
        await Promise.all(slots.splice(0).map(closed)); // what was being opened
      }),
  };
  for await (const _ of using(models[0]!, undefined, async function* () {}));
  return shelf;
}

/** Closes one; one that did not open is closed. */
const closed = ({ banana }: Slot): Promise<void> => banana.then((one) => one.close()).catch(() => {});
