// banana-sdk/web: the SDK for browsers. The model comes as bytes: where from is the page's business, and nothing here opens a
// connection but ONNX Runtime for its own .wasm file, from `assets`. openBananaWorker keeps all work in a worker, which a page
// wants; openBanana does it on the calling thread, for a page's own workers and for tests.
import type { PeelInfo } from '../adapters/peel.ts';
import { assembled, bananaOf, pngWith, type Banana, type Backend } from '../sdk/banana.ts';
import { turns } from '../sdk/turns.ts';
import type { Drawn } from '../draw/events.ts';
import { narrowed, type Limits } from '../draw/request.ts';
import type { TrainedPeel, TrainPeelEvent } from '../train/peel/train.ts';
import { openWorker } from '../runtime/engine-worker.ts';
import type { TrainingPicture } from '../disk/pictures.ts';
import { encodePng } from '../image/png-encode.ts';
import { joined } from '../tensor/store.ts';
import { openEngineHere, type WebEngine, type WebTrainOptions } from './engine.ts';
import { checkedOpening, type OpenBananaOptions } from './options.ts';
import { imageFrom, type WebImage } from './pictures.ts';
import type { WebHandlers } from './serve.ts';

export * from '../sdk/index.ts';
export { encodePng } from '../image/png-encode.ts';
export { openRuntime, type OpenOptions, type RuntimeName } from '../runtime/select.ts';
export {
  checkTrainOptions,
  PEEL_DEFAULTS,
  trainPeel,
  type TrainedPeel,
  type TrainPeelEvent,
  type TrainPeelInput,
  type TrainPeelOptions,
} from '../train/peel/train.ts';
export type { WebTrainOptions } from './engine.ts';
export type { OpenBananaOptions } from './options.ts';
export { ImageGenerator, type ImageGeneratorOptions } from './generator.ts';
export { imageFrom, type WebImage } from './pictures.ts';
export { openBananaServer, type BananaServerOptions, type ServedBanana } from './server.ts';
export { browserStore } from './store.ts';

/** A picture to learn from. What is said of it: what is to be seen, without the style. */
export interface WebPicture {
  readonly image: WebImage;
  readonly caption?: string;
}

export interface WebBanana extends Banana {
  /**
   * Trains a Peel; yields what is known as it becomes known. Leaving the loop or aborting the signal stops it after the step
   * that it is at and saves; the same call then goes on from there. Pictures wait meanwhile. Throws InputError for options or pictures
   * that cannot be trained on, RuntimeError when the engine fails.
   */
  trainPeel(
    pictures: readonly WebPicture[],
    options: WebTrainOptions & { signal?: AbortSignal },
  ): AsyncGenerator<TrainPeelEvent, TrainedPeel, void>;
  /** Takes a Peel's file, or its chunks, so that requests can name it. Throws InputError when it is damaged or was made for another model. */
  addPeel(file: Uint8Array | readonly Uint8Array[]): Promise<PeelInfo>;
  /** Forgets a Peel; false when there was none. */
  removePeel(name: string): Promise<boolean>;
}

/** Makes a model ready on the calling thread. Throws InputError for wrong options and bytes that are no model, RuntimeError when nothing can run it. */
export async function openBanana(given: Omit<OpenBananaOptions, 'signal'>): Promise<WebBanana> {
  const { limits, signal: _, ...options } = checkedOpening(given);
  const most = narrowed(limits);
  const engine = await openEngineHere(options);
  return webBanana({ ...engine, close: (idle) => idle.then(() => engine.close()) }, most);
}

/**
 * Makes a model ready in a worker, `new Worker(new URL('banana-sdk/web-worker', ...), { type: 'module' })` or however a bundler
 * names it. The worker is this object's own: closing, or failing to open, ends it. Throws as openBanana does, and RuntimeError
 * `engine.start` when the worker's script cannot be loaded.
 */
export async function openBananaWorker(worker: Worker, given: OpenBananaOptions): Promise<WebBanana> {
  const { signal, limits, ...options } = checkedOpening(given);
  const most = narrowed(limits);
  const engine = await openWorker<WebHandlers>(worker, { ...(signal && { signal }) });
  try {
    const model = await engine.call('open', options, { ...(signal && { signal }) });
    return webBanana(
      {
        model,
        start: (given, stop) => assembled(engine.stream('draw', given, { ...(stop && { signal: stop }) })),
        async *train(pictures, given, stop) {
          try {
            return yield* engine.stream('train', { pictures, options: given }, { ...(stop && { signal: stop }) });
          } finally {
            await engine.call('idle', undefined).catch(() => {}); // one that was left has saved its state when this ends
          }
        },
        addPeel: (file) => engine.call('addPeel', file),
        removePeel: (name) => engine.call('removePeel', name),
        close: () => engine.close(),
      },
      most,
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function webBanana(engine: Omit<WebEngine, 'close'> & Backend, limits: Limits): WebBanana {
  const queue = turns();
  return {
    ...bananaOf(engine, encodePng, { limits, queue }),
    async *trainPeel(pictures, { signal, ...options }) {
      queue.closing.throwIfAborted();
      const decoded: TrainingPicture[] = [];
      for (const { image, caption = '' } of pictures) decoded.push({ image: await imageFrom(image), caption });
      try {
        return yield* queue.stream((stop) => engine.train(decoded, options, stop), signal);
      } finally {
        await queue.call(async () => {}).catch(() => {}); // one that was left has saved its state when its turn ends
      }
    },
    addPeel: (file) => queue.call(() => engine.addPeel(file instanceof Uint8Array ? file : joined(file))),
    removePeel: (name) => queue.call(() => engine.removePeel(name)),
  };
}

/** The bytes of a PNG of an image event, with its recipe inside. */
export function pngOf(event: Drawn): Promise<Uint8Array<ArrayBuffer>> {
  return pngWith(encodePng, event);
}
