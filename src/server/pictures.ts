// Pictures of requests and answers: files in base64, data: URLs or parts of a form, never fetched from anywhere; PNG, JPEG, WebP and GIF,
// never a drawing that a renderer would have to run. What is answered is a file in base64, or a name under which this server keeps it.
import { randomUUID } from 'node:crypto';
import { decodeImage, type ImageFormat } from '../disk/codec.ts';
import type { GenerateOptions, Limits } from '../draw/request.ts';
import { fromWire, type WireRequest } from '../draw/wire.ts';
import type { Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';

/** The bytes of a picture's file from base64 or a data: URL. Throws InputError `picture.url` for another URL, `picture.base64`. */
export function bytesOf(text: string, path: string): Uint8Array {
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^data:/i.test(text))
    throw new InputError('picture.url', `${path} is a URL, and this server opens none: send the file in base64, or a data: URL`, { path });
  const base64 = /^data:/i.test(text) ? /^data:[^,]{0,100};base64,/i.exec(text) : { 0: '' };
  const body = base64 ? text.slice(base64[0].length) : '';
  if (body.trim() === '' || /[^A-Za-z0-9+/_=\s-]/.test(body))
    // one look at each letter, however many there are
    throw new InputError('picture.base64', `${path} is no file in base64`, { path });
  return Buffer.from(body, 'base64');
}

/** Pictures of the largest size that those of a request may take together: one to start from and its mask. */
const LARGEST = 2;

/**
 * Unpacks the pictures of one request, one after the other. Throws InputError `codec.decode`, with the path, when a file is none, damaged
 * or larger than the limits, or all are too large together.
 */
export function unpacker({ pictureBytes }: Pick<Limits, 'pictureBytes'>): (bytes: Uint8Array, path: string) => Promise<Image> {
  const most = Math.floor(pictureBytes / 4);
  let left = LARGEST * most;
  let tail: Promise<unknown> = Promise.resolve();
  const unpack = async (bytes: Uint8Array, path: string) => {
    try {
      const one = await decodeImage(bytes, { maxPixels: Math.min(most, left) });
      left -= one.width * one.height;
      return one;
    } catch (cause) {
      if (!(cause instanceof InputError)) throw cause;
      const all = left < most ? ' (beside the other pictures of the request)' : '';
      throw new InputError(cause.code, `${path}: ${cause.message}${all}`, { cause, path });
    }
  };
  return (bytes, path) => {
    const one = tail.then(() => unpack(bytes, path));
    tail = one.catch(() => {});
    return one;
  };
}

/** The request with its pictures unpacked. Throws InputError as `bytesOf` and `unpacker` do. */
export function unwired(request: WireRequest, limits: Limits): Promise<GenerateOptions> {
  const unpack = unpacker(limits);
  return fromWire(request, (text, path) => unpack(bytesOf(text, path), path));
}

export const MEDIA_TYPES: Readonly<Record<ImageFormat, string>> = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' };

export interface KeptFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly format: ImageFormat;
}

/** Files that are kept for a while under names nobody can guess. */
export interface Kept {
  /** Keeps a file; its name. */
  add(file: KeptFile): string;
  get(name: string): KeptFile | undefined;
}

const KEEP_BYTES = 64 * 2 ** 20;
const KEEP_MS = 3_600_000;

/** Keeps files for an hour, the newest as long as there is room for them. */
export function keptFiles(most = KEEP_BYTES): Kept {
  const files = new Map<string, KeptFile & { until: number }>();
  let held = 0;
  const drop = (name: string) => {
    held -= files.get(name)?.bytes.length ?? 0;
    files.delete(name);
  };
  const get = (name: string) => {
    if ((files.get(name)?.until ?? Infinity) < Date.now()) drop(name);
    return files.get(name);
  };
  return {
    get,
    add(file) {
      const name = `${randomUUID()}.${file.format}`;
      files.set(name, { ...file, until: Date.now() + KEEP_MS });
      held += file.bytes.length;
      for (const old of files.keys()) if ((held > most && old !== name) || !get(old)) drop(old);
      return name;
    },
  };
}
