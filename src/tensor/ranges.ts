// A file of any size that is read piece by piece, so that no whole file is ever in one buffer: bytes in memory, a browser's Blob or
// File (also of its private file system), or a file on disk (disk/ranges.ts).
import { InputError } from '../util/errors.ts';

export interface Ranges {
  /** What messages call it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The bytes from `begin` to before `end`, for the caller to keep. Throws InputError `file.read` when they cannot be had. */
  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close?(): Promise<void>;
}

/** Bytes in memory. */
export function bytesRanges(bytes: Uint8Array, name: string): Ranges {
  const read = async (begin: number, end: number) => new Uint8Array(bytes.subarray(begin, end)); // a Buffer's slice would be no copy
  return { name, size: bytes.length, read };
}

/** A browser's Blob or File. */
export function blobRanges(blob: Blob, name: string): Ranges {
  const read = async (begin: number, end: number) => {
    try {
      return new Uint8Array(await blob.slice(begin, end).arrayBuffer());
    } catch (cause) {
      throw new InputError('file.read', `cannot read ${name}: it changed or is gone since it was chosen; choose it again`, { cause });
    }
  };
  return { name, size: blob.size, read };
}
