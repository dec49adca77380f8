// What the SDK gives, the same in Node and in the browser: an opened model that draws. Where the pipeline lives (this thread, a
// child process, a worker) and how pixels become a PNG is handed in.
import { image, type Image } from '../image/image.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import type { Drawn, GenerateEvent, ImageEvent, PictureLayer, StageSeconds } from '../draw/events.ts';
import { openLive, previewDetail, type Draw, type Live, type LiveOptions } from '../live/live.ts';
import { withRecipe } from '../draw/recipe.ts';
import { smallReferences } from '../draw/subjects.ts';
import { withinModel } from '../draw/able.ts';
import { checkOptions, type Checked } from '../draw/check.ts';
import { byName, type Sent } from '../draw/pictures.ts';
import { LIMITS, type GenerateOptions, type Limits } from '../draw/request.ts';
import type { ModelInfo } from '../models/family.ts';
import { randomSeed } from '../draw/text-to-image.ts';
import { turns, type Turns } from './turns.ts';

export type DrawOptions = GenerateOptions & { signal?: AbortSignal };

/** A picture and how it came to be. */
export interface Picture extends Drawn {
  readonly seconds: StageSeconds;
  /** Its layers, back to front, where they were asked for. */
  readonly layers?: readonly PictureLayer[];
  /** The bytes of a PNG with the recipe inside, unless it was asked for with `metadata: false`. */
  png(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface Banana extends AsyncDisposable {
  readonly model: ModelInfo;
  /**
   * Draws; yields what is known as it becomes known. Requests take turns, picture by picture, in the order asked. Leaving the loop or
   * aborting the signal cancels. Throws InputError for options that cannot be done, RuntimeError when the engine fails or was closed,
   * the signal's reason when aborted.
   */
  generate(options: DrawOptions): AsyncGenerator<GenerateEvent, void, void>;
  /** Draws one picture. Throws InputError `options.count` for a count other than 1. */
  picture(options: DrawOptions): Promise<Picture>;
  /** Draws `count` pictures and returns them all; the seconds of each are those of all together. For many, `generate` needs less memory. */
  pictures(options: DrawOptions): Promise<Picture[]>;
  /**
   * A live session: a preview for each change, the full picture when changes rest. Other requests beside it slow it down. Throws
   * RuntimeError `engine.closed` after `close`.
   */
  live(options?: LiveOptions): Live;
  /** Gives everything back. What is under way or waits, and everything that is asked later, throws RuntimeError `engine.closed`. */
  close(): Promise<void>;
}

/** The symbol that `await using` asks for; some browsers have none yet, and compilers then look for this one. */
export const DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as typeof Symbol.asyncDispose);

/** A pipeline, wherever it lives. */
export interface Backend {
  readonly model: ModelInfo;
  /** Draws; it is asked for one thing at a time. */
  start(request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void>;
  /** Ends it. `idle` settles when nothing is drawn any more, which one that cannot stop in the middle waits for. */
  close(idle: Promise<void>): Promise<void>;
}

/**
 * The same pictures, each as a request of its own, and the next one begun when one is ready: a slow reader of events holds up
 * the pipeline instead of filling the memory with pictures, and still never waits for it.
 */
export function oneByOne(start: Draw): Draw {
  return async function* (options, signal) {
    const { count = 1, seed = randomSeed() } = options;
    const stop = new AbortController();
    const abort = () => stop.abort(signal!.reason);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', abort);
    const begin = (index: number) => {
      const events = start({ ...options, count: 1, seed: seed + index }, stop.signal);
      const first = events.next();
      first.catch(() => {}); // told when it is its turn
      return { events, first };
    };
    const seconds = { text: 0, denoise: 0, render: 0 };
    let now = begin(0);
    let ahead = now;
    try {
      for (let index = 0; index < count; index++) {
        now = ahead;
        for (let result = await now.first; !result.done; result = await now.events.next()) {
          const event = result.value;
          if (event.type === 'done') for (const stage of ['text', 'denoise', 'render'] as const) seconds[stage] += event.seconds[stage];
          else if (event.type !== 'text') {
            if (event.type === 'image' && index + 1 < count) ahead = begin(index + 1);
            yield { ...event, index };
          } else if (index === 0) yield event;
        }
      }
    } finally {
      signal?.removeEventListener('abort', abort);
      stop.abort(new DOMException('nobody reads this any more', 'AbortError')); // also the one ahead that still waits
      await Promise.all([now.events.return(), ahead.events.return()]);
    }
    yield { type: 'done', count, seconds };
  };
}

/** For the engine's side: a picture whose rows were sent is not sent again. */
export async function* withoutPixels(events: AsyncGenerator<GenerateEvent, void, void>): AsyncGenerator<GenerateEvent, void, void> {
  let sent = false;
  for await (const event of events) {
    if (event.type === 'render') sent = event.rows !== undefined || (sent && event.tile > 1);
    yield event.type === 'image' && sent ? { ...event, image: { ...event.image, data: new Uint8ClampedArray(0) } } : event;
  }
}

/** The caller's side of that: the picture from its rows. */
export async function* assembled(events: AsyncGenerator<GenerateEvent, void, void>): AsyncGenerator<GenerateEvent, void, void> {
  let whole: Image | undefined;
  for await (const event of events) {
    if (event.type === 'render' && event.rows) {
      const { y, of, image: rows } = event.rows;
      if (y === 0) whole = image(rows.width, of);
      whole!.data.set(rows.data, y * rows.width * 4);
    }
    yield event.type === 'image' && event.image.data.length === 0 ? { ...event, image: whole! } : event;
  }
}

export type EncodePng = (image: Image) => Promise<Uint8Array>;

/** The bytes of a PNG of a drawn picture, with its recipe inside. */
export const pngWith = async (encode: EncodePng, drawn: Drawn): Promise<Uint8Array<ArrayBuffer>> =>
  withRecipe(await encode(drawn.image), drawn);

/** Little is sent to where the pipeline lives: references are made small, pictures to start from go there once. */
function withSmallInputs({ model, start }: Backend): Draw {
  const draw = byName(start);
  return async function* (options, signal) {
    const { references } = options;
    const small = references && model.referencePixels > 0 && { references: await smallReferences(references, model.referencePixels) };
    yield* draw({ ...options, ...small }, signal);
  };
}

export interface BananaOptions {
  /** How much a request may ask for. */
  readonly limits?: Limits;
  /** Given when something else takes turns with pictures. */
  readonly queue?: Turns;
}

/** The SDK's object for a pipeline. */
export function bananaOf(opened: Backend, encode: EncodePng, { limits: most = LIMITS, queue = turns() }: BananaOptions = {}): Banana {
  const { model } = opened;
  const limits = withinModel(most, model);
  const draw = withSmallInputs(opened);
  const start = oneByOne((options, signal) => queue.stream((stop) => draw(options, stop), signal));
  const generate = async function* (given: DrawOptions): AsyncGenerator<GenerateEvent, void, void> {
    queue.closing.throwIfAborted();
    const { signal, ...request } = checkOptions(given, limits);
    yield* start(request, signal);
  };
  const allOf = async ({ signal, ...request }: Checked): Promise<Picture[]> => {
    queue.closing.throwIfAborted();
    const drawn: ImageEvent[] = [];
    for await (const event of start({ preview: 0, ...request }, signal)) {
      if (event.type === 'image') drawn.push(event);
      if (event.type === 'done')
        return drawn.map((one) => ({
          image: one.image,
          recipe: one.recipe,
          text: one.text,
          seconds: event.seconds,
          ...(one.metadata === false && { metadata: one.metadata }),
          ...(one.layers && { layers: one.layers }),
          png: () => pngWith(encode, one),
        }));
    }
    throw new RuntimeError('engine.empty', 'the engine drew no picture');
  };
  const close = () => queue.close((idle) => opened.close(idle));
  return {
    model,
    generate,
    async picture(options) {
      const request = checkOptions(options, limits);
      if ((request.count ?? 1) !== 1)
        throw new InputError('options.count', `picture() draws one picture: ask pictures() for ${request.count}`, { path: 'count' });
      return (await allOf(request))[0]!;
    },
    async pictures(options) {
      return allOf(checkOptions(options, limits));
    },
    live(options) {
      queue.closing.throwIfAborted();
      return openLive(start, { detail: previewDetail(model.tokens), ...options }, { limits, closing: queue.closing });
    },
    close,
    [DISPOSE]: close,
  };
}
