// A banana that is drawn by a server (`banana serve`) and used like any other: the request goes as JSON, what is known of the picture comes
// back a line at a time (server/draw-routes.ts). For pages; the queue, the check and live sessions are the SDK's own, on this side.
import type { GenerateEvent, PictureLayer } from '../draw/events.ts';
import { pictureStore, type Sent } from '../draw/pictures.ts';
import type { KnownObject } from '../draw/object-options.ts';
import type { Limits } from '../draw/request.ts';
import { encodePng } from '../image/png-encode.ts';
import type { Image } from '../image/image.ts';
import type { ModelInfo } from '../models/family.ts';
import { bananaOf, type Banana } from '../sdk/banana.ts';
import type { InputCode, RuntimeCode } from '../util/codes.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import { imageFrom } from './pictures.ts';

export interface BananaServerOptions {
  /** Where the server is; default: where the page came from. */
  readonly url?: string;
  /** Its key, where it has one. */
  readonly key?: string;
  /** Which of its models, by name; default: the first. */
  readonly model?: string;
}

export interface ServedBanana extends Banana {
  /** All models of the server; `openBananaServer` with its name makes a banana of another one. */
  readonly models: readonly ModelInfo[];
  /** Names of the Peels that requests may name. */
  readonly peels: readonly string[];
}

/** What a server says of itself; there are no models where there are files alone. */
interface Host {
  readonly models: readonly { readonly model: ModelInfo; readonly peels: readonly string[] }[];
  readonly limits: Limits;
}

type Line = GenerateEvent | { readonly type: 'error'; readonly code: string; readonly message: string; readonly status: number };
type Packed<E> = E extends { image: Image }
  ? Omit<E, 'image' | 'layers'> & { image: string; layers?: (Omit<PictureLayer, 'image'> & { image: string })[] }
  : E;

/**
 * Makes a server ready to be asked; undefined where there are files alone. Throws RuntimeError `server.answer` for what is no such server,
 * InputError `model.unknown` for a model that it does not have, and what the server throws (`server.key`).
 */
export async function openBananaServer({
  url = document.baseURI,
  key,
  model: name,
}: BananaServerOptions = {}): Promise<ServedBanana | undefined> {
  const headers = { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) };
  const { models, limits } = await asked<Host>(await fetch(new URL('host.json', url), { headers, cache: 'no-store' }));
  if (models.length === 0) return undefined;
  const all = models.map((one) => one.model);
  const found = models.find(({ model }) => name === undefined || model.name === name);
  if (!found) throw new InputError('model.unknown', `the server has no model "${name}": it has ${all.map((one) => one.name).join(', ')}`);
  const { model, peels } = found;
  const pictures = pictureStore();
  const start = async function* (request: Sent, signal?: AbortSignal): AsyncGenerator<GenerateEvent, void, void> {
    const body = JSON.stringify({ ...(await wireOf(request, pictures)), model: model.name });
    const response = await fetch(new URL('api/draw', url), { method: 'POST', headers, body, ...(signal && { signal }) });
    if (!response.ok) await asked(response);
    for await (const line of linesOf(response.body!)) yield unpacked(JSON.parse(line) as Packed<Line>);
  };
  return { ...bananaOf({ model, start, close: async () => {} }, encodePng, { limits }), models: all, peels };
}

/** The JSON of an answer, or what the server refuses with. */
async function asked<T>(response: Response): Promise<T> {
  const found = (await response.json().catch(() => undefined)) as (T & { error?: { code?: string; message?: string } }) | undefined;
  if (response.ok && found !== undefined) return found;
  const { message = `${response.url}: ${response.status}, and no answer of a banana server`, ...error } = found?.error ?? {};
  const code = response.status === 401 ? 'server.key' : (error.code ?? 'server.answer');
  throw refused({ status: response.status, code, message });
}

/** What a server refuses with: its codes are the library's. */
const refused = ({ status, code, message }: { status: number; code: string; message: string }) =>
  status < 500 ? new InputError(code as InputCode, message) : new RuntimeError(code as RuntimeCode, message);

async function wireOf(request: Sent, pictures: ReturnType<typeof pictureStore>): Promise<object> {
  const { size, pictures: _, image: _image, mask: _mask, objects: _objects, references, ...rest } = request;
  const { image, mask, objects } = pictures(request);
  return {
    ...rest,
    ...size,
    ...(image && { image: await packed(image) }),
    ...(mask && { mask: await packed(mask) }),
    ...(objects && { objects: await Promise.all(objects.map(objectOf)) }),
    ...(references && { references: await Promise.all(references.map(async (one) => ({ ...one, image: await packed(one.image) }))) }),
  };
}

const objectOf = async ({ keep, reference, ...said }: KnownObject): Promise<object> => ({
  ...said,
  ...(keep && { keep: await packed(keep) }),
  ...(reference && { reference: await packed(reference) }),
});

const files = new WeakMap<Image, Promise<string>>();

/** A picture's file in base64. Each Image is packed once. */
function packed(one: Image): Promise<string> {
  const found = files.get(one) ?? encodePng(one).then(base64);
  files.set(one, found);
  return found;
}

const PART = 0x8000;

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += PART) text += String.fromCharCode(...bytes.subarray(i, i + PART));
  return btoa(text);
}

const pixels = (text: string): Promise<Image> =>
  imageFrom(new Blob([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], { type: 'image/png' }));

async function unpacked(line: Packed<Line>): Promise<GenerateEvent> {
  if (line.type === 'error') throw refused(line);
  if (!('image' in line)) return line as GenerateEvent;
  const { layers, ...rest } = line;
  const image = await pixels(line.image);
  const all = layers && (await Promise.all(layers.map(async (layer) => ({ ...layer, image: await pixels(layer.image) }))));
  return { ...rest, image, ...(all && { layers: all }) } as GenerateEvent;
}

async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, void, void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split('\n');
      rest = lines.pop()!;
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
