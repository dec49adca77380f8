// banana-sdk/web: the SDK for browsers. The model comes as bytes: where from is the page's business, and nothing here opens a
// connection but ONNX Runtime for its own .wasm file, from `assets`. Runs on the calling thread: a page keeps it in a worker.
import { bananaOf, pngWith, type Banana } from './pipeline/banana.ts';
import type { ImageEvent } from './pipeline/events.ts';
import { unpackModel } from './pipeline/model-file.ts';
import { openPipeline } from './pipeline/text-to-image.ts';
import { openRuntime, type OpenOptions } from './runtime/select.ts';
import { encodePng } from './tensor/png-encode.ts';

export * from './index.ts';
export { encodePng } from './tensor/png-encode.ts';
export { openRuntime, type OpenOptions, type RuntimeName } from './runtime/select.ts';

export interface OpenBananaOptions extends Pick<OpenOptions, 'threads' | 'assets'> {
  /** The bytes of a model's .safetensors file. */
  model: Uint8Array;
  /** 'auto': WebGPU where there is an adapter, else WebAssembly. */
  runtime?: OpenOptions['name'];
}

/** Makes a model ready. Throws InputError when the bytes are not a model, RuntimeError when nothing can run it. */
export async function openBanana({ model: bytes, runtime: name = 'auto', ...options }: OpenBananaOptions): Promise<Banana> {
  const model = unpackModel(bytes, 'model');
  const runtime = await openRuntime({ name, ...options });
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  const hash = Array.from(digest.subarray(0, 8), (x) => x.toString(16).padStart(2, '0')).join('');
  const pipeline = await openPipeline(model, runtime, hash);
  const close = async () => {
    await pipeline.release();
    await runtime.release?.();
  };
  return bananaOf({ model: pipeline.model, start: pipeline.generate, close }, encodePng);
}

/** The bytes of a PNG of an image event, with its recipe inside. */
export function pngOf(event: Pick<ImageEvent, 'image' | 'recipe' | 'text'>): Promise<Uint8Array<ArrayBuffer>> {
  return pngWith(encodePng, event);
}
