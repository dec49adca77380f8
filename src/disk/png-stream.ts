// A PNG written while its picture is still being drawn: rows come from the top down, and deflate works on them in a thread of its
// own (Node's zlib), so that little is left to do when the last rows come. Each row is stored as its difference from the one above
// ("Up"): of our flat and softly shaded pictures, at level 4, that was half of sharp's file at two thirds of its time.
// 8-bit RGB, or RGBA for pictures that may be transparent. How zlib's stream hands over its bytes depends on timing, so they are
// cut anew at fixed places: the same pixels give the same file. Node only; the browser has png-encode.ts.
import { createDeflate } from 'node:zlib';
import type { Image } from '../image/image.ts';
import { chunk, headerOf, SIGNATURE } from '../image/png-encode.ts';

export interface PngStream {
  /** The next rows, as wide as the picture; they may change afterwards. */
  write(rows: Image): void;
  /** The file, once all rows were written. */
  finish(): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives up. */
  close(): void;
}

const UP = 2; // PNG's number of the filter
const LEVEL = 4;
const CUT = 2 ** 16; // bytes of an IDAT chunk; the last has the rest

/** Begins the PNG of a picture of so many pixels; `opaque` leaves the alpha channel out. */
export function pngStream({ width, height }: { width: number; height: number }, opaque: boolean): PngStream {
  const channels = opaque ? 3 : 4;
  const line = 1 + width * channels;
  const deflate = createDeflate({ level: LEVEL, memLevel: 9 });
  const packed = cutter();
  const done = new Promise<void>((resolve, reject) => deflate.on('data', packed.add).on('end', resolve).on('error', reject));
  done.catch(() => {}); // told by finish
  let above = new Uint8Array(width * 4);
  return {
    write({ data, height: rows }) {
      const lines = new Uint8Array(rows * line);
      for (let y = 0, at = 0; y < rows; y++) {
        const row = data.subarray(y * width * 4, (y + 1) * width * 4) as Uint8Array;
        lines[at++] = UP;
        for (let i = 0; i < row.length; i += 4) for (let c = i; c < i + channels; c++) lines[at++] = row[c]! - above[c]!;
        above = row as Uint8Array<ArrayBuffer>;
      }
      above = above.slice();
      deflate.write(lines);
    },
    async finish() {
      deflate.end();
      await done;
      const file = [SIGNATURE, headerOf({ width, height }, opaque), ...packed.chunks(), chunk('IEND', new Uint8Array(0))];
      return new Uint8Array(await new Blob(file).arrayBuffer());
    },
    close: () => void deflate.destroy(),
  };
}

/** Bytes in, however they come; IDAT chunks of `CUT` bytes out. Holds no byte twice but those of the chunk that is being filled. */
function cutter(): { add(part: Uint8Array): void; chunks(): Uint8Array<ArrayBuffer>[] } {
  const full: Uint8Array<ArrayBuffer>[] = [];
  const open = new Uint8Array(CUT);
  let held = 0;
  const add = (part: Uint8Array): void => {
    for (let at = 0; at < part.length; ) {
      const piece = part.subarray(at, at + CUT - held);
      open.set(piece, held);
      at += piece.length;
      held += piece.length;
      if (held === CUT) full.push(chunk('IDAT', open));
      held %= CUT;
    }
  };
  return { add, chunks: () => (held ? [...full, chunk('IDAT', open.subarray(0, held))] : full) };
}
