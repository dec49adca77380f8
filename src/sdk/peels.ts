// What an opened model does with Peels besides drawing with them, wherever its engine is: it takes one, forgets it, trains one. The engine's
// side, how that crosses to another process or thread, and the caller's side. What differs from place to place - how a picture is given,
// where the state of a training lies - is handed in.
import { sha256 } from '../adapters/hash.ts';
import type { PeelInfo } from '../adapters/peel.ts';
import type { TrainingPicture } from '../disk/pictures.ts';
import { noPeels, type PeelSource } from '../draw/peels.ts';
import type { OpenedModel, Painter } from '../models/family.ts';
import type { Engine } from '../runtime/engine.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { joined, type Store } from '../tensor/store.ts';
import { trainableOf, trainPeel, type TrainedPeel, type TrainPeelEvent, type TrainPeelOptions } from '../train/peel/train.ts';
import { InputError } from '../util/errors.ts';
import type { Turns } from './turns.ts';

/** How a training is asked for. `keep`: where its state lies, so that one that was left can go on. */
export interface KeptTraining extends TrainPeelOptions {
  readonly keep?: string | undefined;
}

export type PeelTraining = AsyncGenerator<TrainPeelEvent, TrainedPeel, void>;

/** The engine's side. */
export interface PeelEngine {
  train(pictures: readonly TrainingPicture[], options: KeptTraining, signal?: AbortSignal): PeelTraining;
  /** Throws InputError when it is damaged or was made for another model. */
  addPeel(file: Uint8Array): Promise<PeelInfo>;
  /** false when there was none. */
  removePeel(name: string): Promise<boolean>;
}

/** Peels that were added, by name; `source` finds them before those of a library. */
export function addedPeels(painter: Painter, library?: PeelSource) {
  const { fitPeel = noPeels(painter) } = painter;
  const added = new Map<string, { bytes: Uint8Array; stamp: string }>();
  const missing = (name: string) =>
    new InputError('peel.missing', `no Peel "${name}" was added here: there are ${[...added.keys()].join(', ') || 'none'}`);
  const source: PeelSource = async (choice) => {
    const name = choice.name ?? '';
    const found = added.get(name);
    if (found) return { source: name, stamp: found.stamp, read: async () => found.bytes };
    if (library) return library(choice);
    throw missing(choice.name ?? choice.path!);
  };
  return {
    source,
    async addPeel(file: Uint8Array): Promise<PeelInfo> {
      const { info } = await fitPeel(file, 'the given Peel');
      added.set(info.name, { bytes: file, stamp: await sha256([file]) });
      return info;
    },
    removePeel: async (name: string): Promise<boolean> => added.delete(name),
  };
}

/** Trains on a model that is open. `storeOf` gives the place of a training's state; the same place for the same words. */
export function trainer(
  { opened, painter: { info }, runtime }: { opened: OpenedModel; painter: Pick<Painter, 'info'>; runtime: Runtime },
  storeOf: (keep: string | undefined, name: string) => Store,
): PeelEngine['train'] {
  const stores = new Map<string, Store>();
  const { name, version, preset, hash } = info;
  return (pictures, { keep, ...options }, signal) => {
    const key = JSON.stringify([keep, options.name]);
    const store = stores.get(key) ?? storeOf(keep, options.name);
    stores.set(key, store);
    const base = { name, version, preset, hash };
    return trainPeel({ model: trainableOf(opened), base, runtime, pictures, store, ...(signal && { signal }) }, options);
  };
}

/** What an engine serves of this. */
export const peelHandlers = (engine: () => PeelEngine) => ({
  train: ({ pictures, options }: { pictures: readonly TrainingPicture[]; options: KeptTraining }, signal: AbortSignal) =>
    engine().train(pictures, options, signal),
  addPeel: async (file: Uint8Array): Promise<PeelInfo> => engine().addPeel(file),
  removePeel: async (name: string): Promise<boolean> => engine().removePeel(name),
  /** Answered when everything before it is done. */
  idle: async (): Promise<void> => {},
});

/** The same on this side of an engine. */
export const remotePeels = (engine: Pick<Engine<ReturnType<typeof peelHandlers>>, 'call' | 'stream'>): PeelEngine => ({
  async *train(pictures, options, signal) {
    try {
      return yield* engine.stream('train', { pictures, options }, { ...(signal && { signal }) });
    } finally {
      await engine.call('idle', undefined).catch(() => {}); // one that was left has saved its state when this ends
    }
  },
  addPeel: (file) => engine.call('addPeel', file),
  removePeel: (name) => engine.call('removePeel', name),
});

/** What the SDK's object has of this. `P`: a picture to learn from; `F`: how a Peel's file can be given. */
export interface PeelMethods<P, O extends TrainPeelOptions, F> {
  /**
   * Trains a Peel; yields what is known as it becomes known. Leaving the loop or aborting the signal stops it after the step
   * that it is at and saves; the same call then goes on from there. Pictures wait meanwhile. Throws InputError for options or pictures
   * that cannot be trained on, RuntimeError when the engine fails.
   */
  trainPeel(pictures: readonly P[], options: O & { signal?: AbortSignal }): PeelTraining;
  /** Takes a Peel's file, or its chunks, so that requests can name it. Throws InputError when it is damaged or was made for another model. */
  addPeel(file: F): Promise<PeelInfo>;
  /** Forgets a Peel that was added; false when there was none. */
  removePeel(name: string): Promise<boolean>;
}

/** These methods: they take turns with pictures. */
export function peelMethods<P, O extends KeptTraining>(
  queue: Turns,
  engine: PeelEngine,
  decode: (picture: P) => Promise<TrainingPicture>,
): PeelMethods<P, O, Uint8Array | readonly Uint8Array[]> {
  return {
    async *trainPeel(pictures, { signal, ...options }) {
      queue.closing.throwIfAborted();
      const decoded: TrainingPicture[] = [];
      for (const picture of pictures) decoded.push(await decode(picture));
      try {
        return yield* queue.stream((stop) => engine.train(decoded, options as KeptTraining, stop), signal);
      } finally {
        await queue.call(async () => {}).catch(() => {}); // one that was left has saved its state when its turn ends
      }
    },
    addPeel: (file) => queue.call(() => engine.addPeel(file instanceof Uint8Array ? file : joined(file))),
    removePeel: (name) => queue.call(() => engine.removePeel(name)),
  };
}
