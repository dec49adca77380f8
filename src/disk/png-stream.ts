// A PNG written while its picture is still being drawn: rows come from the top down, and deflate works on them in a thread of its
// own (Node's zlib), so that little is left to do when the last rows come. Each row is stored as its difference from the one above
// ("Up"): of our flat and softly shaded pictures, at level 4, that was half of sharp's file at two thirds of its time.
// 8-bit RGB, or RGBA for pictures that may be transparent. Node only; the browser has png-encode.ts.
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

/** Begins the PNG of a picture of so many pixels; `opaque` leaves the alpha channel out. */
export function pngStream({ width, height }: { width: number; height: number }, opaque: boolean): PngStream {
  const channels = opaque ? 3 : 4;
  const line = 1 + width * channels;
  const deflate = createDeflate({ level: LEVEL, memLevel: 9 });
  const parts: Uint8Array[] = [];
  const done = new Promise<void>((resolve, reject) => deflate.on('data', (part: Uint8Array) => parts.push(part)).on('end', resolve).on('error', reject));
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
      const file = [SIGNATURE, headerOf({ width, height }, opaque), ...parts.map((part) => chunk('IDAT', part)), chunk('IEND', new Uint8Array(0))];
      return new Uint8Array(await new Blob(file as Uint8Array<ArrayBuffer>[]).arrayBuffer());
    },
    close: () => void deflate.destroy(),
  };
}
