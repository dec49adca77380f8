// A zip of files that are stored as they are: PNGs do not get smaller. A library would weigh more than these lines.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3)
import { crc32 } from './png-text.ts';

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const VERSION = 20;
/** Names are UTF-8. */
const UTF8 = 0x0800;
/** The first of January 1980: the same files give the same bytes. */
const DATE = 0x21;

type Field = readonly [bytes: 2 | 4, value: number];

function record(fields: readonly Field[], ...more: readonly Uint8Array[]): Uint8Array {
  const size = fields.reduce((sum, [bytes]) => sum + bytes, 0);
  const out = new Uint8Array(size + more.reduce((sum, { length }) => sum + length, 0));
  const view = new DataView(out.buffer);
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  for (const part of more) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The bytes of a zip with these files, in this order. */
export function zipOf(files: readonly (readonly [name: string, bytes: Uint8Array])[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const [path, bytes] of files) {
    const name = new TextEncoder().encode(path);
    const common: Field[] = [
      [2, VERSION],
      [2, UTF8],
      [2, 0],
      [2, 0],
      [2, DATE],
      [4, crc32(bytes)],
      [4, bytes.length],
      [4, bytes.length],
      [2, name.length],
      [2, 0],
    ];
    directory.push(record([[4, CENTRAL], [2, VERSION], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, at]], name));
    const local = record([[4, LOCAL], ...common], name, bytes);
    parts.push(local);
    at += local.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = record([
    [4, END],
    [2, 0],
    [2, 0],
    [2, files.length],
    [2, files.length],
    [4, size],
    [4, at],
    [2, 0],
  ]);
  return record([], ...parts, ...directory, end) as Uint8Array<ArrayBuffer>;
}
