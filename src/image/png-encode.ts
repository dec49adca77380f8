// Pixels to a PNG without a native library, by the platform's own deflate: for browsers, where sharp cannot be. Lossless, unlike
// a canvas, which rounds colours of low alpha. 8-bit RGBA, or RGB when every pixel is opaque; no filters.
import type { Image } from './image.ts';
import { crc32 } from './png-text.ts';

/** The bytes of a PNG. */
export async function encodePng({ width, height, data }: Image): Promise<Uint8Array<ArrayBuffer>> {
  const opaque = !data.some((x, i) => i % 4 === 3 && x !== 255);
  const channels = opaque ? 3 : 4;
  const lines = new Uint8Array(height * (1 + width * channels)); // each line begins with its filter: 0, none
  let at = 0;
  for (let y = 0; y < height; y++) {
    at++;
    for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) lines[at++] = data[(y * width + x) * 4 + c]!;
  }
  const packed = new Response(new Blob([lines]).stream().pipeThrough(new CompressionStream('deflate')));
  const parts = [
    SIGNATURE,
    headerOf({ width, height }, opaque),
    chunk('IDAT', new Uint8Array(await packed.arrayBuffer())),
    chunk('IEND', new Uint8Array(0)),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What every PNG begins with. */
export const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);

/** The first chunk: 8 bits a channel, RGB or RGBA, not interlaced. */
export function headerOf({ width, height }: { width: number; height: number }, opaque: boolean): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, opaque ? 2 : 6, 0, 0, 0], 8);
  return chunk('IHDR', header);
}

/** One chunk of a PNG: its length, type, data and checksum. */
export function chunk(type: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const raw = new Uint8Array(12 + data.length);
  const view = new DataView(raw.buffer);
  view.setUint32(0, data.length);
  raw.set(
    [...type].map((c) => c.charCodeAt(0)),
    4,
  );
  raw.set(data, 8);
  view.setUint32(8 + data.length, crc32(raw.subarray(4, 8 + data.length)));
  return raw;
}
