// What draws and trains in a browser, on the thread that opens it: a model from bytes, its pipeline, Peels that were added, and
// training. web/worker.ts serves exactly this to a page; web/index.ts makes it into the SDK's objects.
import { sha256 } from '../adapters/hash.ts';
import { fitPeel, readPeel, type BaseId, type PeelInfo } from '../adapters/peel.ts';
import type { GenerateEvent } from '../draw/events.ts';
import { modelOf } from '../models/banana/painter.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import { openModelBytes } from '../models/open.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import type { PeelSource } from '../draw/peels.ts';
import type { Sent } from '../draw/pictures.ts';
import { openPipeline } from '../draw/text-to-image.ts';
import { trainPeel, type TrainedPeel, type TrainPeelEvent, type TrainPeelOptions } from '../train/peel/train.ts';
import { openRuntime } from '../runtime/select.ts';
import { readLayout } from '../tensor/safetensors.ts';
import { memoryStore, type Store } from '../tensor/store.ts';
import type { TrainingPicture } from '../disk/pictures.ts';
import { InputError } from '../util/errors.ts';
import type { OpenBananaOptions } from './options.ts';
import { browserStore } from './store.ts';

export interface WebTrainOptions extends TrainPeelOptions {
  /** Where a training that was left can go on from: 'memory', until the model is closed (default), or 'browser', in this site's private files. */
  readonly keep?: 'memory' | 'browser';
}

export interface WebEngine {
  readonly model: ModelInfo;
  start(request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  train(
    pictures: readonly TrainingPicture[],
    options: WebTrainOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<TrainPeelEvent, TrainedPeel, void>;
  /** Throws InputError when it is damaged or was made for another model. */
  addPeel(file: Uint8Array): Promise<PeelInfo>;
  removePeel(name: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Throws InputError when a model's file says a hash of what is in it, and it is another. */
async function checkContent(bytes: Uint8Array): Promise<void> {
  const { places, metadata } = readLayout(bytes, bytes.length, 'model');
  if (metadata[SEAL] === undefined) return;
  const data = bytes.subarray(Math.min(...places.map(({ begin }) => begin)));
  checkHash(
    await sha256([
      sealedWords(
        metadata,
        places.map((place) => [place.name, place]),
      ),
      data,
    ]),
    metadata[SEAL],
    'model',
    'its own head',
  );
}

/** Makes a model ready. Throws InputError when the bytes are not a model, RuntimeError when nothing can run it. */
export async function openEngineHere(
  { model: bytes, runtime: name = 'auto', precision, ...options }: Omit<OpenBananaOptions, 'limits' | 'signal'>,
  families?: readonly Family[],
): Promise<WebEngine> {
  const opened = openModelBytes(bytes, 'model', families);
  await checkContent(bytes);
  const hash = (await sha256([bytes])).slice(0, 16);
  const base: BaseId = { ...opened.id, hash };
  const runtime = await openRuntime({ name, ...options });
  const peels = new Map<string, { bytes: Uint8Array; stamp: string }>();
  const source: PeelSource = async ({ name: wanted, path }) => {
    const found = peels.get(wanted ?? '');
    if (!found)
      throw new InputError(
        'peel.missing',
        `no Peel "${wanted ?? path}" was added here: there are ${[...peels.keys()].join(', ') || 'none'}`,
      );
    return { source: wanted!, stamp: found.stamp, read: async () => found.bytes };
  };
  const painter = await opened.painter(runtime, { hash, ...(precision && { precision }) });
  const pipeline = openPipeline(painter, { peels: source });
  const stores = new Map<string, Store>();
  const storeOf = (peel: string, keep: WebTrainOptions['keep']): Store => {
    const key = `${keep}:${peel}`;
    if (!stores.has(key)) stores.set(key, keep === 'browser' ? browserStore(`banana-training-${peel}`) : memoryStore());
    return stores.get(key)!;
  };
  return {
    model: pipeline.model,
    start: pipeline.serve,
    train: (pictures, { keep = 'memory', ...trained }, signal) =>
      trainPeel(
        { model: modelOf(opened), base, runtime, pictures, store: storeOf(trained.name, keep), ...(signal && { signal }) },
        trained,
      ),
    async addPeel(file) {
      if (!painter.adaptable) throw new InputError('model.ability', `model "${base.name}" takes no Peels`);
      const { info } = fitPeel(await readPeel(file, 'the given Peel'), painter.adaptable(), base, 'the given Peel');
      peels.set(info.name, { bytes: file, stamp: await sha256([file]) });
      return info;
    },
    removePeel: async (peel) => peels.delete(peel),
    async close() {
      await pipeline.release();
      await runtime.release?.();
    },
  };
}
