// An XMP packet put into the file of a JPEG or WebP whose encoder writes none, as that of a browser's canvas: pixels are never touched.
// JPEG: a segment APP1 right after the start (XMP specification part 3, 1.1.3). WebP: a chunk "XMP " at the end, which the chunk VP8X at the
// beginning tells of (https://developers.google.com/speed/webp/docs/riff_container). Not here: an XMP that is there already; PNG (png-text.ts).
import { joined } from '../tensor/store.ts';
import { InputError } from '../util/errors.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
/** A number in so many bytes, the smallest first. */
const little = (n: number, bytes: number): Uint8Array => Uint8Array.from({ length: bytes }, (_, i) => n >> (8 * i));
const is = (file: Uint8Array, at: number, text: string): boolean => utf8(text).every((byte, i) => file[at + i] === byte);

/** The file with the packet in it; `size`: of the picture. Throws InputError `codec.format` for what is neither JPEG nor WebP. */
export function withXmp(file: Uint8Array, xmp: string, size: { width: number; height: number }): Uint8Array<ArrayBuffer> {
  if (file[0] === 0xff && file[1] === 0xd8) return jpegWith(file, utf8(xmp));
  if (is(file, 0, 'RIFF') && is(file, 8, 'WEBP')) return webpWith(file, utf8(xmp), size);
  throw new InputError('codec.format', 'no JPEG or WebP: there is no place for an XMP packet');
}

const JPEG_HEAD = utf8('http://ns.adobe.com/xap/1.0/\0');
/** A segment's length is a number of 16 bits. */
const SEGMENT_MAX = 0xffff - 2;

function jpegWith(file: Uint8Array, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const body = joined([JPEG_HEAD, packet]);
  if (body.length > SEGMENT_MAX) return joined([file]); // a recipe of that length is better left out than cut
  const length = body.length + 2;
  return joined([file.subarray(0, 2), Uint8Array.of(0xff, 0xe1, length >> 8, length), body, file.subarray(2)]);
}

const chunk = (name: string, data: Uint8Array): Uint8Array =>
  joined([utf8(name), little(data.length, 4), data, new Uint8Array(data.length % 2)]);

/** Flags of VP8X; the one of transparency stands in the head of a VP8L, too. */
const [HAS_XMP, HAS_ALPHA] = [0x04, 0x10];

function webpWith(file: Uint8Array, packet: Uint8Array, { width, height }: { width: number; height: number }): Uint8Array<ArrayBuffer> {
  const chunks = file.slice(12);
  const extended = is(chunks, 0, 'VP8X');
  if (extended) chunks[8]! |= HAS_XMP;
  const alpha = is(chunks, 0, 'VP8L') ? chunks[12]! & HAS_ALPHA : 0;
  const extra = joined([Uint8Array.of(HAS_XMP | alpha, 0, 0, 0), little(width - 1, 3), little(height - 1, 3)]);
  const head = extended ? new Uint8Array() : chunk('VP8X', extra);
  const body = joined([utf8('WEBP'), head, chunks, chunk('XMP ', packet)]);
  return joined([utf8('RIFF'), little(body.length, 4), body]);
}
