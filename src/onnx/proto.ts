// Protocol buffers, the small part that ONNX files need: varints, 32-bit floats, length-delimited fields. A message
// under construction is a list of byte parts with their total size, so that large weights are copied once, at the end
// (or never, when they travel as external data). No schema: encode.ts and decode.ts know ONNX's field numbers.
import { InputError } from '../util/errors.ts';

/** Bytes in parts. */
export interface Bytes {
  readonly size: number;
  readonly parts: readonly Uint8Array[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function whole(part: Uint8Array): Bytes {
  return { size: part.length, parts: [part] };
}

/** Several pieces one after the other. */
export function join(pieces: readonly Bytes[]): Bytes {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const piece of pieces) {
    for (const part of piece.parts) parts.push(part);
    size += piece.size;
  }
  return { size, parts };
}

/** One array with all the bytes. */
export function flatten(bytes: Bytes): Uint8Array {
  const all = new Uint8Array(bytes.size);
  let at = 0;
  for (const part of bytes.parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function varintBytes(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 127n) {
    bytes.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

const tag = (field: number, wire: number) => varintBytes(field * 8 + wire);

/** A whole number (int32, int64, enum, bool); negative ones in 64-bit two's complement. */
export function integer(field: number, value: number | bigint): Bytes {
  return whole(Uint8Array.from([...tag(field, WIRE.varint), ...varintBytes(value)]));
}

/** A list of whole numbers, packed. */
export function integers(field: number, values: readonly (number | bigint)[]): Bytes {
  return raw(field, Uint8Array.from(values.flatMap(varintBytes)));
}

/** A float32. */
export function float(field: number, value: number): Bytes {
  return whole(Uint8Array.from([...tag(field, WIRE.fixed32), ...new Uint8Array(Float32Array.of(value).buffer)]));
}

/** Bytes as they are, not copied. */
export function raw(field: number, value: Uint8Array): Bytes {
  return join([whole(Uint8Array.from([...tag(field, WIRE.bytes), ...varintBytes(value.length)])), whole(value)]);
}

export function text(field: number, value: string): Bytes {
  return raw(field, encoder.encode(value));
}

/** A nested message. */
export function message(field: number, ...fields: readonly Bytes[]): Bytes {
  const body = join(fields);
  return join([whole(Uint8Array.from([...tag(field, WIRE.bytes), ...varintBytes(body.size)])), body]);
}

/** One field as read: a whole number, or bytes (a string, a message, packed numbers, a fixed-size number). */
export type Field = bigint | Uint8Array;

/** The fields of a message by number, in file order. Throws InputError when the bytes are no message. */
export function fieldsOf(bytes: Uint8Array): Map<number, Field[]> {
  const fields = new Map<number, Field[]>();
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const key = Number(readVarint(bytes, cursor));
    const value = readValue(bytes, cursor, key % 8);
    const number = Math.floor(key / 8);
    const list = fields.get(number);
    if (list) list.push(value);
    else fields.set(number, [value]);
  }
  return fields;
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) break;
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return BigInt.asUintN(64, value);
  }
  throw new InputError('proto.varint', 'not a protocol buffer: a number is cut off');
}

function readValue(bytes: Uint8Array, cursor: { at: number }, wire: number): Field {
  if (wire === WIRE.varint) return readVarint(bytes, cursor);
  const size = wire === WIRE.bytes ? Number(readVarint(bytes, cursor)) : wire === WIRE.fixed32 ? 4 : wire === WIRE.fixed64 ? 8 : -1;
  if (size < 0) throw new InputError('proto.wire', `not a protocol buffer: unknown wire type ${wire}`);
  if (cursor.at + size > bytes.length)
    throw new InputError('proto.length', `truncated: ${size} bytes expected, ${bytes.length - cursor.at} left`);
  const value = bytes.subarray(cursor.at, cursor.at + size);
  cursor.at += size;
  return value;
}

/** A field's bytes as text. */
export const asText = (field: Field | undefined): string => (field instanceof Uint8Array ? decoder.decode(field) : '');
/** A field as a signed whole number. */
export const asInteger = (field: Field | undefined): bigint => (typeof field === 'bigint' ? BigInt.asIntN(64, field) : 0n);

/** A field's float32. */
export function asFloat(field: Field | undefined): number {
  return field instanceof Uint8Array && field.length === 4 ? new DataView(field.buffer, field.byteOffset).getFloat32(0, true) : 0;
}

/** A repeated whole number: packed, or one field each. */
export function asIntegers(fields: readonly Field[] = []): bigint[] {
  return fields.flatMap((field) => {
    if (typeof field === 'bigint') return [asInteger(field)];
    const cursor = { at: 0 };
    const values: bigint[] = [];
    while (cursor.at < field.length) values.push(BigInt.asIntN(64, readVarint(field, cursor)));
    return values;
  });
}
