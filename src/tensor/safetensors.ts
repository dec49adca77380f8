// The .safetensors file: 8 bytes of header length, a JSON header, then the raw tensors. Reading is strict and makes
// views, not copies; writing returns chunks, so that no second copy of the weights ever exists in memory.
// Tensors are laid out by element size, widest first, and the header is padded to 8 bytes: every view is aligned.
// 4-bit types are not part of the format: they are stored as flat U8, with the real type and shape in the metadata
// under `banana.dtypes`. Floats that tensors cannot hold (BF16, F64, F8) are read as float32.
// Not here: files on disk (disk/), checkpoints in shards and single tensors on demand (weights.ts).
// https://github.com/huggingface/safetensors#format
import type { InputCode } from '../util/codes.ts';
import { InputError } from '../util/errors.ts';
import { FLOATS } from './floats.ts';
import { byteLength, float32, fromBytes, sizeOf, toBytes } from './tensor.ts';
import type { DType, Tensor, Tensors } from './tensor.ts';

/** What a file holds: tensors by name, and free strings. */
export interface Safetensors {
  tensors: Tensors;
  metadata: Record<string, string>;
}

const MAX_HEADER = 100_000_000; // bytes; the limit of the reference implementation
const DTYPES_KEY = 'banana.dtypes';

/** Our types as the file names them, and the alignment of their elements. */
const STORED: Record<DType, { name: string; width: number }> = {
  float32: { name: 'F32', width: 4 },
  float16: { name: 'F16', width: 2 },
  int64: { name: 'I64', width: 8 },
  int32: { name: 'I32', width: 4 },
  int8: { name: 'I8', width: 1 },
  uint8: { name: 'U8', width: 1 },
  bool: { name: 'BOOL', width: 1 },
  int4: { name: 'U8', width: 1 },
  uint4: { name: 'U8', width: 1 },
};

/** The types of files, with what they are read as and the bytes of an element. */
const LOADED = new Map<unknown, { dtype: DType; width: number }>([
  ...Object.entries(FLOATS).map(([stored, { bytes }]) => [stored, { dtype: 'float32', width: bytes }] as const),
  ...(['float32', 'float16', 'int64', 'int32', 'int8', 'uint8', 'bool'] as const).map(
    (dtype) => [STORED[dtype].name, { dtype, width: STORED[dtype].width }] as const,
  ),
]);

/** The real type and shape of the tensors that the format cannot name. */
type Packed = Record<string, { dtype: 'int4' | 'uint4'; shape: number[] }>;

/** A tensor before it has numbers. */
export type Outline = Pick<Tensor, 'dtype' | 'shape'>;

/** A tensor to be written; `stored` is its type in the file where that is not the usual one of `dtype`: BF16 of float32. */
export type Written = Outline & { readonly stored?: string };

/**
 * The file as a list of chunks: the header, then a view of each tensor's bytes. The same tensors and metadata give the
 * same bytes, in whatever order they were put in. Throws InputError for a reserved name or a header over 100 MB.
 */
export function encodeSafetensors(tensors: Tensors, metadata: Record<string, string> = {}): Uint8Array[] {
  const { head, names } = encodeHead(tensors, metadata);
  return [head, ...names.map((name) => toBytes(tensors[name]!)).filter((bytes) => bytes.length)];
}

/**
 * The head of a file of some tensors, and the order in which their bytes follow it: for files that are written piece by piece.
 * `asGiven` keeps the order of the tensors, whose alignment is then the caller's business.
 */
export function encodeHead(
  tensors: Readonly<Record<string, Written>>,
  metadata: Record<string, string> = {},
  { asGiven = false } = {},
): { head: Uint8Array; names: string[] } {
  const fail = failing('safetensors');
  const named = Object.entries(tensors);
  if (!asGiven) named.sort(([a, s], [b, t]) => storedAs(t).width - storedAs(s).width || (a < b ? -1 : 1));
  const packed: [string, Packed[string]][] = [];
  const header: [string, unknown][] = [];
  let offset = 0;
  for (const [name, outline] of named) {
    const { dtype, shape } = outline;
    if (name === '__metadata__') fail('safetensors.name', 'a tensor cannot be called "__metadata__", the format reserves it');
    const isPacked = dtype === 'int4' || dtype === 'uint4';
    if (isPacked) packed.push([name, { dtype, shape: [...shape] }]);
    const length = isPacked ? byteLength(dtype, sizeOf(shape)) : storedAs(outline).width * sizeOf(shape);
    const end = offset + length;
    header.push([name, { dtype: storedAs(outline).name, shape: isPacked ? [length] : shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const strings = Object.entries(metadata).filter(([key]) => key !== DTYPES_KEY);
  for (const [key, value] of strings)
    if (typeof value !== 'string') fail('safetensors.metadata', `metadata "${key}" is a ${typeof value}, expected a string`);
  if (packed.length) strings.push([DTYPES_KEY, JSON.stringify(Object.fromEntries(packed))]);
  strings.sort(([a], [b]) => (a < b ? -1 : 1));
  if (strings.length) header.unshift(['__metadata__', Object.fromEntries(strings)]);

  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER) fail('safetensors.header', `the header takes ${length} bytes, more than the format's ${MAX_HEADER}`);
  const head = new Uint8Array(8 + length).fill(0x20); // padded with spaces
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return { head, names: named.map(([name]) => name) };
}

/** The name of a tensor's type in a file, and the bytes of an element. */
function storedAs({ dtype, stored }: Written): { name: string; width: number } {
  return stored && FLOATS[stored] ? { name: stored, width: FLOATS[stored].bytes } : STORED[dtype];
}

/** Where a tensor lies in a file. */
export interface TensorPlace {
  readonly name: string;
  /** What it is read as. */
  readonly dtype: DType;
  /** Its type in the file. */
  readonly stored: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the file. */
  readonly begin: number;
  readonly end: number;
}

/** What a head says but for one key of its metadata, always in the same words: for a hash of it that stands under that key. */
export function headWords(
  metadata: Readonly<Record<string, string>>,
  tensors: Iterable<readonly [name: string, tensor: Outline]>,
  without: string,
): Uint8Array {
  const strings = Object.entries(metadata)
    .filter(([key]) => key !== without)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const shapes = [...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape] as const).sort(([a], [b]) => (a < b ? -1 : 1));
  return new TextEncoder().encode(JSON.stringify([strings, shapes]));
}

/** What the head of a file says. */
export interface Layout {
  readonly places: readonly TensorPlace[];
  readonly metadata: Record<string, string>;
}

/**
 * The tensors of a file, as views of `bytes` (copied only where an element is not aligned), and its metadata.
 * `source` names the file in messages. Throws InputError for anything that is not exactly a safetensors file: a header
 * that does not fit, duplicate names, unknown types, gaps, overlaps, bytes left over.
 */
export function decodeSafetensors(bytes: Uint8Array, source: string): Safetensors {
  const { places, metadata } = readLayout(bytes, bytes.length, source);
  const tensors = places.map((place) => [place.name, tensorAt(place, bytes.subarray(place.begin, place.end))] as const);
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** The tensor of the bytes of a place: a view of them where its type is one of ours. */
export function tensorAt({ dtype, shape, stored }: TensorPlace, bytes: Uint8Array): Tensor {
  return dtype === 'float32' ? float32(shape, FLOATS[stored]!.widen(bytes)) : fromBytes(dtype, shape, bytes);
}

/** Bytes of a file's head, from its first 8; throws InputError when a file of `size` bytes cannot begin so. */
export function headLength(first: Uint8Array, size: number, source: string): number {
  const fail = failing(source);
  if (first.length < 8) fail('safetensors.header', `${first.length} bytes, too short for a safetensors file`);
  const length = Number(new DataView(first.buffer, first.byteOffset, first.byteLength).getBigUint64(0, true));
  if (length > MAX_HEADER) {
    const other = OTHERS.find(([begins]) => begins.test(String.fromCharCode(...first.subarray(0, 8))));
    fail(
      'safetensors.header',
      `${other ? `is ${other[1]}` : `says its header takes ${length} bytes (limit ${MAX_HEADER})`}: not a safetensors file`,
    );
  }
  if (8 + length > size) fail('safetensors.header', `${size} bytes, but the header alone takes ${8 + length}: truncated`);
  return 8 + length;
}

/** What files begin with that are often taken for a .safetensors. */
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^\s*<(!|\?|html|head)/i, 'an HTML page (a sign-in or error page was saved instead of the file: fetch it again)'],
  [/^\s*[{[]\s*"/, 'JSON (an error message was saved instead of the file: fetch it again)'],
  [/^version /, 'a Git LFS pointer (the file itself was not fetched: git lfs pull)'],
  [/^PK\x03\x04/, 'a zip or a PyTorch checkpoint'],
  [/^\x80[\x02-\x05]/, 'a Python pickle, which may run code: convert it to safetensors where you trust it'],
  [/^GGUF/, 'a GGUF file'],
];

/** What lies where in a file of `size` bytes, of which `bytes` hold at least the head. Throws as decodeSafetensors does. */
export function readLayout(bytes: Uint8Array, total: number, source: string): Layout {
  const fail = failing(source);
  const start = headLength(bytes, total, source);
  const header = readHeader(bytes.subarray(8, start), fail);
  const size = total - start;
  const { metadata, packed } = readMetadata(header['__metadata__'], fail);

  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => readEntry(name, value, size, fail));
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end)
      fail(
        'safetensors.range',
        `tensor "${entry.name}" begins at ${entry.begin}, expected ${end}: ${entry.begin < end ? 'overlap' : 'gap'}`,
      );
    end = entry.end;
  }
  if (end !== size)
    fail('safetensors.range', `${size - end} bytes left over after the last tensor: another file's end, or a damaged header`);

  for (const name of packed.keys())
    if (!entries.some((e) => e.name === name)) fail('safetensors.metadata', `${DTYPES_KEY} names "${name}", which is not in the file`);
  const places = entries.map((entry): TensorPlace => {
    const real = packed.get(entry.name);
    if (real && (entry.dtype !== 'uint8' || byteLength(real.dtype, sizeOf(real.shape)) !== entry.end - entry.begin))
      fail('safetensors.metadata', `tensor "${entry.name}": ${real.dtype}[${real.shape}] does not fit ${entry.dtype}[${entry.shape}]`);
    return { ...entry, ...real, begin: start + entry.begin, end: start + entry.end }; // packed: U8, but of the real type
  });
  return { places, metadata };
}

type Fail = (code: InputCode, message: string) => never;

function failing(source: string): Fail {
  return (code, message) => {
    const line = message.replace(/\p{Cc}/gu, '?'); // names come from the file
    throw new InputError(code, `${source}: ${line.length > 300 ? `${line.slice(0, 300)}...` : line}`);
  };
}

function readHeader(json: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
    header = JSON.parse(text);
  } catch {
    fail('safetensors.header', 'the header is not JSON: damaged, or not a safetensors file');
  }
  if (!isRecord(header) || !text.startsWith('{')) return fail('safetensors.header', 'the header is not a JSON object');
  const twice = duplicateKey(text);
  if (twice !== undefined) fail('safetensors.header', `the header has the key ${twice} twice`);
  return header;
}

function readMetadata(value: unknown, fail: Fail): Pick<Safetensors, 'metadata'> & { packed: Map<string, Packed[string]> } {
  if (value === undefined) return { metadata: {}, packed: new Map() };
  if (!isRecord(value)) return fail('safetensors.metadata', '__metadata__ is not an object');
  const strings = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return fail('safetensors.metadata', `__metadata__ "${key}" is not a string`);
    strings.set(key, text);
  }
  const packed = new Map<string, Packed[string]>();
  const text = strings.get(DTYPES_KEY);
  strings.delete(DTYPES_KEY);
  if (text !== undefined) {
    let real: unknown;
    try {
      real = JSON.parse(text);
    } catch {
      fail('safetensors.metadata', `${DTYPES_KEY} is not JSON`);
    }
    if (!isRecord(real)) return fail('safetensors.metadata', `${DTYPES_KEY} is not an object`);
    for (const [name, type] of Object.entries(real)) {
      if (!isRecord(type) || (type['dtype'] !== 'int4' && type['dtype'] !== 'uint4') || !isShape(type['shape']))
        return fail('safetensors.metadata', `${DTYPES_KEY} "${name}" is not { dtype: int4 or uint4, shape }`);
      packed.set(name, { dtype: type['dtype'], shape: type['shape'] });
    }
  }
  return { metadata: Object.fromEntries(strings), packed };
}

interface Entry {
  name: string;
  dtype: DType;
  stored: string;
  shape: number[];
  begin: number;
  end: number;
}

function readEntry(name: string, value: unknown, size: number, fail: Fail): Entry {
  if (!isRecord(value)) return fail('safetensors.entry', `tensor "${name}" has no description`);
  const { dtype: stored, shape, data_offsets: offsets } = value; // of the header
  const type = LOADED.get(stored);
  if (!type)
    return fail('safetensors.dtype', `tensor "${name}" has type ${JSON.stringify(stored)}, known are ${[...LOADED.keys()].join(', ')}`);
  if (!isShape(shape)) return fail('safetensors.entry', `tensor "${name}" has no usable shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every((n) => Number.isSafeInteger(n) && n >= 0))
    return fail('safetensors.entry', `tensor "${name}" has no usable data_offsets`);
  const [begin, end] = offsets as [number, number];
  if (begin > end || end > size)
    fail(
      'safetensors.range',
      `tensor "${name}" lies at bytes ${begin} to ${end}, but the file has ${size} bytes of data: truncated or damaged`,
    );
  const expected = type.width * sizeOf(shape);
  if (end - begin !== expected)
    fail('safetensors.range', `tensor "${name}" ${stored}[${shape}] takes ${expected} bytes, but ${end - begin} are given`);
  return { name, dtype: type.dtype, stored: stored as string, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whole numbers, not negative, whose product is exact. */
function isShape(value: unknown): value is number[] {
  const whole = (d: unknown) => Number.isSafeInteger(d) && (d as number) >= 0;
  return Array.isArray(value) && value.every(whole) && whole(sizeOf(value));
}

/** The first key that an object of a valid JSON text has twice: JSON.parse silently keeps the last. */
function duplicateKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '{' || c === '[') open.push(new Set());
    else if (c === '}' || c === ']') open.pop();
    else if (c === '"') {
      const from = i++;
      while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
      let next = i + 1;
      while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
      if (text[next] !== ':') continue; // a value
      const key = JSON.stringify(JSON.parse(text.slice(from, i + 1))); // one spelling for each key
      const keys = open[open.length - 1]!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
