// Files on disk, Node only: whole files written beside their place and then renamed, so that a crash, a full disk or a
// wrong path never leaves half a file; and .safetensors by path. The formats themselves are pure and live elsewhere.
import { existsSync, readSync } from 'node:fs';
import { appendFile, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from '../util/errors.ts';
import { partIn } from './parts.ts';
import { decodeSafetensors, encodeSafetensors, headLength, readLayout, tensorAt } from '../tensor/safetensors.ts';
import type { Layout, Safetensors } from '../tensor/safetensors.ts';
import { rowsOf } from '../tensor/weights.ts';
import type { Chunks, Store } from '../tensor/store.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';

const CHUNK = 2 ** 20;
/** Bytes in one call to the system: it moves at most 2 GiB - 4 KiB. */
export const STRIDE = 2 ** 30;

/** The bytes of a file of any size that fits in memory, or of a pipe to its end. Throws InputError `file.read` when it cannot be read. */
export async function readFileWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    await using file = await open(path, 'r');
    const found = await file.stat();
    if (!found.isFile() || found.size === 0) return new Uint8Array(await file.readFile()); // pipes and /proc do not know their size
    const bytes = new Uint8Array(found.size);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, Math.min(STRIDE, bytes.length - at), at);
      if (!bytesRead) throw new Error('it became shorter while it was read');
      at += bytesRead;
    }
    return bytes;
  } catch (error) {
    throw new InputError('file.read', `cannot read ${path}: ${reason(error)}`, { cause: error });
  }
}

/**
 * Writes a file as one whole: beside its place, flushed, then renamed; folders are made. Either the old file or the
 * complete new one is there at any time. Throws InputError `file.write` when the place cannot be written.
 */
export async function writeFileWhole(path: string, chunks: Chunks | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
  const beside = partIn(dirname(path));
  const list = typeof chunks === 'string' ? [new TextEncoder().encode(chunks)] : chunks instanceof Uint8Array ? [chunks] : chunks;
  try {
    await makeFolder(dirname(path));
    {
      await using file = await open(beside, 'wx');
      for await (const chunk of list)
        for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at, Math.min(STRIDE, chunk.length - at))).bytesWritten;
      await file.sync();
    }
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {}); // the first error is the one to tell
    if (error instanceof InputError) throw error; // of what made the chunks
    throw new InputError('file.write', `cannot write ${path}: ${reason(error)}`, { cause: error });
  }
}

/** Makes a folder and those above it. Not mkdir's own `recursive`: it never ends where no folder can be made (/proc/x). */
export async function makeFolder(path: string): Promise<void> {
  const exists = () =>
    stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (await exists()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch(async (error: unknown) => {
    if (!(await exists())) throw error; // another process may have made it
  });
}

/** Reads a .safetensors file. Throws InputError when it is missing or not exactly such a file. */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return decodeSafetensors(await readFileWhole(path), path);
}

/** A .safetensors file of which only the head is in memory. */
export interface OpenSafetensors extends Layout {
  /** Reads a tensor, or some rows of it, each time anew. Throws InputError `file.read` when the file cannot be read any more. */
  read(name: string, rows?: readonly [from: number, to: number]): Tensor;
  /** The bytes of the whole file, for a hash. */
  chunks(): AsyncIterable<Uint8Array>;
  close(): void;
}

/** Opens a .safetensors file; it stays what it was when opened, also if another takes its place. Throws InputError when it is missing or not exactly such a file. */
export async function openSafetensors(path: string): Promise<OpenSafetensors> {
  const failed = (error: unknown) =>
    error instanceof InputError ? error : new InputError('file.read', `cannot read ${path}: ${reason(error)}`, { cause: error });
  const file = await open(path, 'r').catch((error: unknown) => {
    throw failed(error);
  });
  const bytesAt = (begin: number, end: number): Uint8Array<ArrayBuffer> => {
    const bytes = new Uint8Array(end - begin);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(file.fd, bytes, at, Math.min(STRIDE, bytes.length - at), begin + at);
      if (!count) throw new Error('it became shorter while it was read');
      at += count;
    }
    return bytes;
  };
  try {
    const { size } = await file.stat();
    const head = bytesAt(0, headLength(bytesAt(0, Math.min(8, size)), size, path));
    const layout = readLayout(head, size, path);
    const places = new Map(layout.places.map((place) => [place.name, place]));
    const read: OpenSafetensors['read'] = (name, rows) => {
      const place = rows ? rowsOf(places.get(name)!, rows, path) : places.get(name)!;
      try {
        return tensorAt(place, bytesAt(place.begin, place.end));
      } catch (error) {
        throw failed(error);
      }
    };
    return {
      ...layout,
      read,
      chunks: () => file.createReadStream({ start: 0, autoClose: false, highWaterMark: CHUNK }),
      close: () => void file.close(),
    };
  } catch (error) {
    await file.close();
    throw failed(error);
  }
}

/**
 * Writes a .safetensors file as one whole. The tensors' memory is read while the promise is pending: do not change it
 * before that. Throws InputError when the place cannot be written.
 */
export async function writeSafetensors(path: string, tensors: Tensors, metadata: Record<string, string> = {}): Promise<void> {
  await writeFileWhole(path, encodeSafetensors(tensors, metadata));
}

/** A folder as a store; it is made at the first write. A name may be a path from there, or from the root. */
export function folderStore(folder: string): Store {
  const at = (name: string) => resolve(folder, name);
  return {
    read: async (name) => (existsSync(at(name)) ? readFileWhole(at(name)) : undefined),
    write: (name, chunks) => writeFileWhole(at(name), chunks),
    async append(name, text) {
      await makeFolder(dirname(at(name)));
      await appendFile(at(name), text);
    },
    async remove(names) {
      for (const name of names) await rm(at(name), { force: true });
      await rmdir(folder).catch(() => {}); // not empty, or never made
    },
  };
}

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long for the file system',
};

/** Why the system refused something, in words. */
export function reason(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  return REASONS[code ?? ''] ?? message ?? String(error);
}
