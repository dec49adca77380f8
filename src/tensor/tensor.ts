// A Tensor is numbers on the host: a type, a shape, and a typed array in row-major order. Nothing lazy, no device.
// Two elements of a 4-bit type share a byte, the low nibble first (ONNX's layout). bfloat16 does not exist here.
import { InputError } from '../util/errors.ts';

const ARRAYS = {
  float32: Float32Array,
  float16: Uint16Array, // raw bits: see float16.ts
  int64: BigInt64Array,
  int32: Int32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int4: Uint8Array,
  uint4: Uint8Array,
} as const;

export type DType = keyof typeof ARRAYS;
export type TensorData = InstanceType<(typeof ARRAYS)[DType]>;

export interface Tensor<T extends DType = DType> {
  readonly dtype: T;
  /** Rows first; `[]` is a scalar. */
  readonly shape: readonly number[];
  readonly data: InstanceType<(typeof ARRAYS)[T]>;
}

/** Named tensors: weights, feeds, results. */
export type Tensors = Record<string, Tensor>;

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, d) => product * d, 1);
}

/** Bytes that `count` elements of a type take. */
export function byteLength(dtype: DType, count: number): number {
  return dtype === 'int4' || dtype === 'uint4' ? Math.ceil(count / 2) : count * ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** The number of typed-array entries for `count` elements of a type. */
function entries(dtype: DType, count: number): number {
  return byteLength(dtype, count) / ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A tensor over existing data, not copied. Throws InputError when the length does not fit the shape. */
export function tensor<T extends DType>(dtype: T, shape: readonly number[], data: Tensor<T>['data']): Tensor<T> {
  const expected = entries(dtype, sizeOf(shape));
  if (data.length !== expected)
    throw new InputError('tensor.length', `tensor ${dtype}[${shape}]: ${data.length} entries, expected ${expected}`);
  return { dtype, shape, data };
}

/** A tensor of zeros. */
export function zeros<T extends DType>(dtype: T, shape: readonly number[]): Tensor<T> {
  return { dtype, shape, data: new ARRAYS[dtype](entries(dtype, sizeOf(shape))) as Tensor<T>['data'] };
}

/** A float32 tensor from numbers. */
export function float32(shape: readonly number[], data: ArrayLike<number>): Tensor<'float32'> {
  return tensor('float32', shape, data instanceof Float32Array ? (data as Float32Array<ArrayBuffer>) : Float32Array.from(data));
}

/** An int64 tensor from whole numbers. */
export function int64(shape: readonly number[], data: readonly number[]): Tensor<'int64'> {
  return tensor('int64', shape, BigInt64Array.from(data, BigInt));
}

/** A scalar float32 tensor. */
export function scalar(value: number): Tensor<'float32'> {
  return float32([], [value]);
}

/** A view of raw little-endian bytes as a tensor; copies only when the bytes are not aligned. */
export function fromBytes<T extends DType>(dtype: T, shape: readonly number[], bytes: Uint8Array): Tensor<T> {
  const count = sizeOf(shape);
  if (bytes.byteLength !== byteLength(dtype, count))
    throw new InputError('tensor.bytes', `tensor ${dtype}[${shape}]: ${bytes.byteLength} bytes, expected ${byteLength(dtype, count)}`);
  const aligned = bytes.byteOffset % ARRAYS[dtype].BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes); // not Buffer's slice: no copy
  const view = new ARRAYS[dtype](aligned.buffer as ArrayBuffer, aligned.byteOffset, entries(dtype, count));
  return { dtype, shape, data: view as Tensor<T>['data'] };
}

/** The raw bytes of a tensor, as a view. */
export function toBytes(t: Tensor): Uint8Array {
  return new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}

/** Side of the squares in which a matrix is turned: what two of them take stays in the processor's first cache. */
const SQUARE = 32;

/** Rows `from` to before `to` of the first axis, as a view. */
export function cutRows(t: Tensor, [from, to]: readonly [number, number]): Tensor {
  const [count = 1, ...inner] = t.shape;
  const row = t.data.length / count;
  return { ...t, shape: [to - from, ...inner], data: t.data.subarray(from * row, to * row) };
}

/** A tensor times a number; itself where that is 1. */
export function scaled({ shape, data }: Tensor<'float32'>, factor: number): Tensor<'float32'> {
  if (factor === 1) return { dtype: 'float32', shape, data };
  const out = data.slice();
  for (let i = 0; i < out.length; i++) out[i]! *= factor; // not map: these may be millions
  return { dtype: 'float32', shape, data: out };
}

/** A matrix with its rows and columns exchanged. */
export function transposed({ shape, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [rows, columns] = shape as [number, number];
  const out = new Float32Array(data.length);
  for (let top = 0; top < rows; top += SQUARE)
    for (let left = 0; left < columns; left += SQUARE) {
      const [bottom, right] = [Math.min(rows, top + SQUARE), Math.min(columns, left + SQUARE)];
      for (let r = top; r < bottom; r++) for (let c = left; c < right; c++) out[c * rows + r] = data[r * columns + c]!;
    }
  return { dtype: 'float32', shape: [columns, rows], data: out };
}
