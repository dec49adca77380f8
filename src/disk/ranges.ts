// A file on disk, read piece by piece.
import { open } from 'node:fs/promises';
import type { Ranges } from '../tensor/ranges.ts';
import { InputError } from '../util/errors.ts';
import { reason, STRIDE } from './files.ts';

/** Opens a file to read parts of it; it stays what it was, also if another takes its place. Throws InputError `file.read`. */
export async function fileRanges(path: string): Promise<Ranges & { close(): Promise<void> }> {
  const failed = (error: unknown) => new InputError('file.read', `cannot read ${path}: ${reason(error)}`, { cause: error });
  const file = await open(path, 'r').catch((error: unknown) => {
    throw failed(error);
  });
  try {
    const { size } = await file.stat();
    const bytesAt = async (begin: number, end: number) => {
      const bytes = new Uint8Array(end - begin);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, Math.min(STRIDE, bytes.length - at), begin + at);
        if (!bytesRead) throw new Error('it became shorter while it was read');
        at += bytesRead;
      }
      return bytes;
    };
    const read = (begin: number, end: number) =>
      bytesAt(begin, end).catch((error: unknown) => {
        throw failed(error);
      });
    return { name: path, size, read, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw failed(error);
  }
}
