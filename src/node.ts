// banana-sdk/node: the SDK for Node. A pipeline in a child process (a run of ONNX Runtime blocks its event loop), or in this
// one for scripts that ask for it; and PNG files with their recipe inside.
import { encodeImage } from './tensor/codec.ts';
import { writeFileWhole } from './tensor/files.ts';
import type { Image } from './tensor/image.ts';
import { RuntimeError } from './util/errors.ts';
import type { GenerateEvent, ImageEvent, StageSeconds } from './pipeline/events.ts';
import { loadPipeline, type LoadOptions } from './pipeline/load.ts';
import { modelPath } from './pipeline/model.ts';
import type { PipelineHandlers } from './pipeline/process.ts';
import { writeRecipe, type Recipe } from './pipeline/recipe.ts';
import { checkOptions, type GenerateOptions, type ModelInfo } from './pipeline/text-to-image.ts';
import { openEngine } from './runtime/engine-process.ts';

export * from './index.ts';
export { encodeImage, decodeImage, formatOf, type ImageFormat } from './tensor/codec.ts';
export { readSafetensors, writeSafetensors } from './tensor/files.ts';
export { loadModel, saveModel, randomModel, modelPath, DEFAULT_MODEL } from './pipeline/model.ts';
export { openRuntime, type OpenOptions, type RuntimeName } from './runtime/select.ts';
export type { LoadOptions } from './pipeline/load.ts';

export interface OpenBananaOptions extends LoadOptions {
  /** Run in this process: it stands still during each step. Default: in a child process. */
  inProcess?: boolean;
  /** Gives up loading. */
  signal?: AbortSignal;
}

export type DrawOptions = GenerateOptions & { signal?: AbortSignal };

/** A picture and how it came to be. */
export interface Picture {
  readonly image: Image;
  readonly recipe: Recipe;
  readonly seconds: StageSeconds;
  /** The bytes of a PNG with the recipe inside. */
  png(): Promise<Uint8Array>;
  /** Writes the PNG, whole or not at all. */
  save(path: string): Promise<void>;
}

export interface Banana {
  readonly model: ModelInfo;
  /**
   * Draws; yields what is known as it becomes known. Leaving the loop or aborting the signal cancels. Throws InputError
   * for options that cannot be done, RuntimeError when the engine fails, the signal's reason when aborted.
   */
  generate(options: DrawOptions): AsyncGenerator<GenerateEvent, void, void>;
  /** Draws and returns the last picture. */
  picture(options: DrawOptions): Promise<Picture>;
  /** Most memory used so far in bytes, this process and the engine's together. */
  peakRssBytes(): Promise<number>;
  close(): Promise<void>;
}

/** Loads a model and makes it ready. Throws InputError for a missing or damaged model, RuntimeError when nothing can run it. */
export async function openBanana({ inProcess = false, signal, ...options }: OpenBananaOptions = {}): Promise<Banana> {
  modelPath(options.model); // a missing file is told before a process is started
  const { model, start, peakRssBytes, close } = await (inProcess ? openHere(options, signal) : openElsewhere(options, signal));
  const generate = async function* ({ signal, ...rest }: DrawOptions): AsyncGenerator<GenerateEvent, void, void> {
    checkOptions(rest);
    yield* start(rest, signal);
  };
  return {
    model,
    generate,
    async picture(drawn) {
      let last: ImageEvent | undefined;
      for await (const event of generate({ preview: 0, ...drawn })) {
        if (event.type === 'image') last = event;
        else if (event.type === 'done' && last) return pictureOf(last, event.seconds);
      }
      throw new RuntimeError('engine.empty', 'the engine drew no picture');
    },
    peakRssBytes,
    close,
  };
}

type Start = (options: GenerateOptions, signal?: AbortSignal) => AsyncGenerator<GenerateEvent, void, void>;
type Opened = Pick<Banana, 'model' | 'peakRssBytes' | 'close'> & { start: Start };

const ownPeak = () => process.resourceUsage().maxRSS * 1024;

async function openHere(options: LoadOptions, signal?: AbortSignal): Promise<Opened> {
  signal?.throwIfAborted();
  const pipeline = await loadPipeline(options);
  return { model: pipeline.model, start: pipeline.generate, peakRssBytes: async () => ownPeak(), close: () => pipeline.release() };
}

const built = import.meta.url.endsWith('.js');
const ENTRY = new URL(built ? './pipeline/process.js' : './pipeline/process.ts', import.meta.url);

async function openElsewhere(options: LoadOptions, signal?: AbortSignal): Promise<Opened> {
  const engine = await openEngine<PipelineHandlers>(ENTRY);
  try {
    const model = await engine.call('load', options, { ...(signal && { signal }) });
    const start: Start = (given, stop) => engine.stream('generate', given, { ...(stop && { signal: stop }) });
    return { model, start, peakRssBytes: async () => ownPeak() + (await engine.call('peak', undefined)), close: () => engine.close() };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The bytes of a PNG of an image event, with its recipe inside. */
export async function pngOf({ image, recipe, text }: Pick<ImageEvent, 'image' | 'recipe' | 'text'>): Promise<Uint8Array<ArrayBuffer>> {
  return writeRecipe(await encodeImage(image, 'png'), recipe, text);
}

function pictureOf(event: ImageEvent, seconds: StageSeconds): Picture {
  const png = () => pngOf(event);
  return { image: event.image, recipe: event.recipe, seconds, png, save: async (path) => writeFileWhole(path, await png()) };
}
