// Text in PNG files: the recipe of a picture travels inside it. Reads and writes tEXt (Latin-1) and iTXt (UTF-8)
// chunks on the file's bytes; pixels are never touched, so it needs no codec and runs in the browser.
// Not here: compressed text (zTXt, compressed iTXt: skipped when read), pixels (codec.ts).
// https://www.w3.org/TR/png-3/#11textinfo
import { joined } from '../tensor/store.ts';
import type { InputCode } from '../util/codes.ts';
import { InputError } from '../util/errors.ts';

/** The keyword of XMP, which is to be plain iTXt: https://www.w3.org/TR/png-3/#11textinfo */
export const XMP = 'XML:com.adobe.xmp';
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

interface Chunk {
  type: string;
  data: Uint8Array;
  /** The whole chunk: length, type, data, CRC. */
  raw: Uint8Array;
}

/** The texts of a PNG by keyword; of a keyword given twice, the first. Throws InputError when it is not a sound PNG. */
export function readPngText(bytes: Uint8Array): Record<string, string> {
  const texts = new Map<string, string>();
  for (const chunk of chunksOf(bytes)) {
    const entry = textOf(chunk);
    if (entry?.text !== undefined && !texts.has(entry.keyword)) texts.set(entry.keyword, entry.text);
  }
  return Object.fromEntries(texts);
}

/**
 * The PNG with these texts before its pixels, in their order; texts that it had under the same keywords are replaced,
 * others stay. tEXt for ASCII, else iTXt: so every reader agrees. Keywords: 1-79 Latin-1 characters, no outer or double spaces.
 */
export function writePngText(bytes: Uint8Array, texts: Record<string, string>): Uint8Array<ArrayBuffer> {
  const [header, ...rest] = chunksOf(removePngText(bytes, Object.keys(texts)));
  const added = Object.entries(texts).map(([keyword, text]) => encodeText(keyword, text));
  return join([header!.raw, ...added, ...rest.map((c) => c.raw)]);
}

/** The PNG without the texts of these keywords; without any text when no keywords are given. */
export function removePngText(bytes: Uint8Array, keywords?: readonly string[]): Uint8Array<ArrayBuffer> {
  const kept = chunksOf(bytes).filter((chunk) => {
    const entry = textOf(chunk);
    return !entry || (keywords && !keywords.includes(entry.keyword));
  });
  return join(kept.map((c) => c.raw));
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  const fail = (code: InputCode, message: string): never => {
    throw new InputError(code, message);
  };
  if (SIGNATURE.some((b, i) => bytes[i] !== b)) fail('png.signature', 'not a PNG file: its first 8 bytes are others');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: Chunk[] = [];
  for (let at = 8; chunks.at(-1)?.type !== 'IEND'; ) {
    if (at + 12 > bytes.length) fail('png.truncated', `PNG: the file ends at byte ${bytes.length}, before its end chunk`);
    const length = view.getUint32(at);
    const type = latin1(bytes.subarray(at + 4, at + 8));
    const end = at + 12 + length;
    if (end > bytes.length)
      fail('png.truncated', `PNG: the chunk at byte ${at} takes ${length} bytes, but the file ends at ${bytes.length}`);
    if (view.getUint32(end - 4) !== crc32(bytes.subarray(at + 4, end - 4)))
      fail('png.crc', `PNG: the chunk at byte ${at} is damaged (CRC)`);
    if ((type === 'IHDR') !== (at === 8)) fail('png.order', 'PNG: its header is missing, or there twice');
    chunks.push({ type, data: bytes.subarray(at + 8, end - 4), raw: bytes.subarray(at, end) });
    at = end;
  }
  return chunks;
}

/** The keyword and text of a text chunk; no text when it is compressed; undefined for other chunks. */
function textOf({ type, data }: Chunk): { keyword: string; text?: string } | undefined {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return undefined;
  const zero = data.indexOf(0);
  if (zero < 0) return undefined;
  const keyword = latin1(data.subarray(0, zero));
  if (type === 'tEXt') return { keyword, text: latin1(data.subarray(zero + 1)) };
  // iTXt: keyword 0 compressed? method language 0 translated keyword 0 text
  const language = data.indexOf(0, zero + 3);
  const translated = language < 0 ? -1 : data.indexOf(0, language + 1);
  if (type === 'zTXt' || data[zero + 1] !== 0 || translated < 0) return { keyword };
  return { keyword, text: new TextDecoder().decode(data.subarray(translated + 1)) };
}

function encodeText(keyword: string, text: string): Uint8Array {
  if (!/^(?! )[\x20-\x7e\xa1-\xff]{1,79}(?<! )$/.test(keyword) || keyword.includes('  '))
    throw new InputError(
      'png.keyword',
      `PNG keyword ${JSON.stringify(keyword)}: expected 1-79 Latin-1 characters, no outer or double spaces`,
    );
  const plain = /^[\x01-\x7f]*$/.test(text); // not all of Latin-1: libvips and others read tEXt as UTF-8
  const body = plain ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : new TextEncoder().encode(text);
  const head = [...keyword].map((c) => c.charCodeAt(0)).concat(plain ? [0] : [0, 0, 0, 0, 0]);
  const raw = new Uint8Array(12 + head.length + body.length);
  const view = new DataView(raw.buffer);
  view.setUint32(0, head.length + body.length);
  raw.set(
    [...(plain ? 'tEXt' : 'iTXt')].map((c) => c.charCodeAt(0)),
    4,
  );
  raw.set(head, 8);
  raw.set(body, 8 + head.length);
  view.setUint32(raw.length - 4, crc32(raw.subarray(4, -4)));
  return raw;
}

const join = (chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => joined([Uint8Array.from(SIGNATURE), ...chunks]);

/** Not TextDecoder('latin1'): that is windows-1252. */
function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return text;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});

/** CRC-32 of ISO 3309, as PNG and zip use it. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
