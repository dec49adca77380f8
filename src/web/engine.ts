// What draws and trains in a browser, on the thread that opens it: a model from bytes, its pipeline, Peels that were added, and
// training. web/worker.ts serves exactly this to a page; web/index.ts makes it into the SDK's objects.
import type { GenerateEvent } from '../draw/events.ts';
import type { Family, ModelInfo } from '../models/family.ts';
import { openModelFile } from '../models/open.ts';
import type { Sent } from '../draw/pictures.ts';
import { openPipeline } from '../draw/text-to-image.ts';
import { addedPeels, trainer, type PeelEngine } from '../sdk/peels.ts';
import type { TrainPeelOptions } from '../train/peel/train.ts';
import { openRuntime } from '../runtime/select.ts';
import { memoryStore } from '../tensor/store.ts';
import { openModel } from './model-file.ts';
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

/** Makes a model ready. Throws InputError when the bytes are not a model, RuntimeError when nothing can run it. */
export async function openEngineHere(
  { model, runtime: name = 'auto', precision, ...options }: Omit<OpenBananaOptions, 'limits' | 'signal'>,
  families?: readonly Family[],
): Promise<WebEngine> {
  const { file, hash: hashOf } = await openModel(model, 'model');
  const opened = openModelFile(file, 'model', families);
  const hash = (await hashOf()).slice(0, 16);
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
