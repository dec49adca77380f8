// Pictures of requests and answers: files in base64, data: URLs or parts of a form, never fetched from anywhere; PNG, JPEG, WebP and GIF,
// never a drawing that a renderer would have to run. What is answered is a file in base64, or a name under which this server keeps it.
import { randomUUID } from 'node:crypto';
import { decodeImage, type ImageFormat } from '../disk/codec.ts';
import type { Limits } from '../draw/request.ts';
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

/** The pixels of a picture's file. Throws InputError `codec.decode`, with the path, when it is none, damaged or larger than the limits. */
export async function pictureOf(bytes: Uint8Array, path: string, { pictureBytes }: Pick<Limits, 'pictureBytes'>): Promise<Image> {
  return decodeImage(bytes, { maxPixels: Math.floor(pictureBytes / 4) }).catch((cause: Error) => {
    throw cause instanceof InputError ? new InputError(cause.code, `${path}: ${cause.message}`, { cause, path }) : cause;
  });
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
