// The SDK for browsers. The model comes as bytes: where from is the page's business, and nothing here opens a connection but ONNX
// Runtime for its own .wasm file, from `assets`. openBananaWorker keeps all work in a worker, which a page wants; openBanana does it
// on the calling thread, for a page's own workers and for tests.
import { assembled, bananaOf, pngWith, type Banana, type Backend } from '../sdk/banana.ts';
import { peelMethods, remotePeels, type PeelEngine, type PeelMethods } from '../sdk/peels.ts';
import { turns } from '../sdk/turns.ts';
import type { Drawn } from '../draw/events.ts';
import { recipeMetadata } from '../draw/recipe.ts';
import { narrowed, type Limits } from '../draw/request.ts';
import { openWorker } from '../runtime/engine-worker.ts';
import { flatten } from '../image/image.ts';
import { encodePng } from '../image/png-encode.ts';
import { withXmp } from '../image/xmp.ts';
import { InputError } from '../util/errors.ts';
import { openEngineHere, type WebTrainOptions } from './engine.ts';
import { checkedOpening, type OpenBananaOptions } from './options.ts';
import { imageFrom, type WebImage } from './pictures.ts';
import type { WebHandlers } from './serve.ts';

/** A picture to learn from. What is said of it: what is to be seen, without the style. */
export interface WebPicture {
  readonly image: WebImage;
  readonly caption?: string;
}

export interface WebBanana extends Banana, PeelMethods<WebPicture, WebTrainOptions, Uint8Array | readonly Uint8Array[]> {}

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
        ...remotePeels(engine),
        close: () => engine.close(),
      },
      most,
    );
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function webBanana(engine: PeelEngine & Backend, limits: Limits): WebBanana {
  const queue = turns();
  const decode = async ({ image, caption = '' }: WebPicture) => ({ image: await imageFrom(image), caption });
  return { ...bananaOf(engine, encodePng, { limits, queue }), ...peelMethods(queue, engine, decode) };
}

/** The bytes of a PNG of an image event, with its recipe inside. */
export function pngOf(event: Drawn): Promise<Uint8Array<ArrayBuffer>> {
  return pngWith(encodePng, event);
}

/**
 * The bytes of a picture's file with its recipe inside, unless it was asked for without: as the browser encodes it, a PNG as everywhere.
 * `quality`, 1-100 (90), is of JPEG and WebP. Throws InputError `codec.format` for a format that this browser does not write.
 */
export async function pictureFile(
  drawn: Drawn,
  format: 'png' | 'jpeg' | 'webp',
  { quality = 90 }: { quality?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (format === 'png') return pngOf(drawn);
  const { width, height, data } = format === 'jpeg' ? flatten(drawn.image) : drawn.image;
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  const blob = await canvas.convertToBlob({ type: `image/${format}`, quality: quality / 100 });
  if (blob.type !== `image/${format}`) throw new InputError('codec.format', `this browser writes no ${format}: take png`);
  const file = new Uint8Array(await blob.arrayBuffer());
  const { xmp } = recipeMetadata(drawn);
  return xmp === undefined ? file : withXmp(file, xmp, { width, height });
}
