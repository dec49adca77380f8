// What draws and trains in a browser, on the thread that opens it: a model from bytes, its pipeline, Peels that were added, and
// training. web/worker.ts serves exactly this to a page; web/index.ts makes it into the SDK's objects.
import { sha256 } from '../adapters/hash.ts';
import type { GenerateEvent } from '../draw/events.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import { openModelBytes } from '../models/open.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import type { Sent } from '../draw/pictures.ts';
import { openPipeline } from '../draw/text-to-image.ts';
import { addedPeels, trainer, type PeelEngine } from '../sdk/peels.ts';
import type { TrainPeelOptions } from '../train/peel/train.ts';
import { openRuntime } from '../runtime/select.ts';
import { readLayout } from '../tensor/safetensors.ts';
import { memoryStore } from '../tensor/store.ts';
import type { OpenBananaOptions } from './options.ts';
import { browserStore } from './store.ts';

export interface WebTrainOptions extends TrainPeelOptions {
  /** Where a training that was left can go on from: 'memory', until the model is closed (default), or 'browser', in this site's private files. */
  readonly keep?: 'memory' | 'browser';
}

export interface WebEngine extends PeelEngine {
  readonly model: ModelInfo;
  start(request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
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
  const runtime = await openRuntime({ name, ...options });
  const painter = await opened.painter(runtime, { hash, ...(precision && { precision }) });
  const { source, ...peels } = addedPeels(painter);
  const pipeline = openPipeline(painter, { peels: source });
  return {
    model: pipeline.model,
    start: pipeline.serve,
    train: trainer({ opened, painter, runtime }, (keep, peel) =>
      keep === 'browser' ? browserStore(`banana-training-${peel}`) : memoryStore(),
    ),
    ...peels,
    async close() {
      await pipeline.release();
      await runtime.release?.();
    },
  };
}
