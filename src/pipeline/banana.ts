// What the SDK gives, the same in Node and in the browser: an opened model that draws. Where the pipeline lives (this thread, a
// child process, a worker) and how pixels become a PNG is handed in.
import type { Image } from '../tensor/image.ts';
import { RuntimeError } from '../util/errors.ts';
import type { GenerateEvent, ImageEvent, StageSeconds } from './events.ts';
import { writeRecipe, type Recipe } from './recipe.ts';
import { checkOptions, type GenerateOptions, type ModelInfo } from './text-to-image.ts';

export type DrawOptions = GenerateOptions & { signal?: AbortSignal };

/** A picture and how it came to be. */
export interface Picture {
  readonly image: Image;
  readonly recipe: Recipe;
  readonly seconds: StageSeconds;
  /** The bytes of a PNG with the recipe inside. */
  png(): Promise<Uint8Array<ArrayBuffer>>;
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
  close(): Promise<void>;
}

/** A pipeline, wherever it lives. */
export interface Opened {
  readonly model: ModelInfo;
  start(options: GenerateOptions, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  close(): Promise<void>;
}

export type EncodePng = (image: Image) => Promise<Uint8Array>;

/** The bytes of a PNG of an image event, with its recipe inside. */
export async function pngWith(encode: EncodePng, { image, recipe, text }: Pick<ImageEvent, 'image' | 'recipe' | 'text'>): Promise<Uint8Array<ArrayBuffer>> {
  return writeRecipe(await encode(image), recipe, text);
}

export function bananaOf({ model, start, close }: Opened, encode: EncodePng): Banana {
  const generate = async function* ({ signal, ...options }: DrawOptions): AsyncGenerator<GenerateEvent, void, void> {
    checkOptions(options);
    yield* start(options, signal);
  };
  return {
    model,
    generate,
    async picture(options) {
      let last: ImageEvent | undefined;
      for await (const event of generate({ preview: 0, ...options })) {
        if (event.type === 'image') last = event;
        if (event.type !== 'done' || !last) continue;
        const drawn = last;
        return { image: drawn.image, recipe: drawn.recipe, seconds: event.seconds, png: () => pngWith(encode, drawn) };
      }
      throw new RuntimeError('engine.empty', 'the engine drew no picture');
    },
    close,
  };
}
