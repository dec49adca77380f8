// The words of the browser's built-in AI (sdk/lifecycle.ts) on a page: a model by the address of its file, which is downloaded once, said
// how far, and kept in this site's private files; or its bytes. In a worker, which a page wants, or on the calling thread.
import { sha256 } from '../adapters/hash.ts';
import { generatorOf, type Download } from '../sdk/lifecycle.ts';
import { memoryStore, type Store } from '../tensor/store.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import { openBanana, openBananaWorker } from './banana.ts';
import { checkedOpening, type OpenBananaOptions } from './options.ts';
import { browserStore } from './store.ts';

export interface ImageGeneratorOptions extends Omit<OpenBananaOptions, 'model' | 'signal'> {
  /** A model's file, its bytes, or its address. */
  readonly model: Uint8Array | Blob | URL | string;
  /** Starts the worker that is to have it; without, the calling thread has it. */
  readonly worker?: () => Worker;
  /** Where what was downloaded is kept; default: this site's private files where the browser has them, else as long as the page lives. */
  readonly store?: Store;
}

const page = memoryStore();
const ownStore = (): Store => ('getDirectory' in (globalThis.navigator?.storage ?? {}) ? browserStore('banana-models') : page);

/** Where a model comes from and what it is called in a store; undefined for bytes. */
async function sourceOf({ model, store = ownStore() }: ImageGeneratorOptions) {
  if (model instanceof Uint8Array || model instanceof Blob) return undefined;
  const url = new URL(model, globalThis.location?.href);
  const name = `${(await sha256([new TextEncoder().encode(url.href)])).slice(0, 32)}.safetensors`;
  return { url, name, store };
}

/** `availability({ model })`, `create({ model, worker, monitor, signal })`, then `generate`, `generateStreaming` and `destroy`. */
export const ImageGenerator = /* @__PURE__ */ generatorOf({
  async missing(options: ImageGeneratorOptions): Promise<Download | undefined> {
    const { worker: _, store: __, model, ...rest } = options;
    checkedOpening({ ...rest, model: typeof model === 'string' || model instanceof URL ? new Uint8Array() : model });
    const source = await sourceOf(options);
    if (!source || (await source.store.read(source.name))) return undefined;
    return {
      key: source.url.href,
      download: async (tell, signal) => source.store.write(source.name, await downloaded(source.url, tell, signal)),
    };
  },
  async open(options: ImageGeneratorOptions, signal) {
    const { worker, store: _, ...rest } = options;
    const source = await sourceOf(options);
    const model = source ? (await source.store.read(source.name))! : (options.model as Uint8Array | Blob);
    const opening = { ...rest, model, ...(signal && { signal }) };
    try {
      return await (worker ? openBananaWorker(worker(), opening) : openBanana(opening));
    } catch (error) {
      if (error instanceof InputError) await source?.store.remove([source.name]); // no model, or a damaged one: it may be mended there
      throw error;
    }
  },
});

/** The bytes at an address, in chunks. Throws RuntimeError `model.download`. */
async function downloaded(url: URL, tell: (share: number) => void, signal?: AbortSignal): Promise<Uint8Array[]> {
  const failed = (why: string, cause?: unknown) => new RuntimeError('model.download', `cannot download ${url.href}: ${why}`, { cause });
  const chunks: Uint8Array[] = [];
  try {
    const response = await fetch(url, signal ? { signal } : {});
    if (!response.ok || !response.body) throw failed(`the server says ${response.status}`);
    const total = Number(response.headers.get('content-length')) || Infinity;
    const reader = response.body.getReader();
    for (let done = 0, next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
      tell((done += next.value.length) / total);
    }
    return chunks;
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause instanceof RuntimeError ? cause : failed((cause as Error).message, cause);
  }
}
