// The elements of tensors as numbers, and where they lie: what the reference interpreter's rows are written with. Arithmetic is in
// doubles; writing rounds to the tensor's type. Every movement of data is a list of positions. Slow and obvious on purpose.
import { sizeOf, zeros, type DType, type Tensor } from '../tensor/tensor.ts';
import { fromHalves, toHalf } from '../util/float16.ts';
import type { Attributes, Value } from './value.ts';

/** The nearest whole number, halves to the even one. */
export function roundHalfEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}

/** 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x, by a series of terms of one sign (Abramowitz & Stegun 7.1.6). */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x); // 1 - erf(6) is 2e-17
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** The elements of a tensor as numbers (int64 exact up to 2^53). */
export function numbersOf(t: Tensor): ArrayLike<number> {
  if (t.dtype === 'float16') return fromHalves(t.data as Uint16Array);
  if (t.dtype === 'int64') return Float64Array.from(t.data as BigInt64Array, Number);
  if (t.dtype !== 'int4' && t.dtype !== 'uint4') return t.data as Exclude<typeof t.data, BigInt64Array>;
  const bytes = t.data as Uint8Array;
  const nibble = (i: number) => (bytes[i >> 1]! >> (4 * (i & 1))) & 15;
  return Float32Array.from({ length: sizeOf(t.shape) }, (_, i) => (t.dtype === 'int4' && nibble(i) > 7 ? nibble(i) - 16 : nibble(i)));
}

/** A tensor from numbers: floats are rounded, whole-number types cut towards zero, bool is "not zero". */
export function written(dtype: DType, shape: readonly number[], numbers: ArrayLike<number>): Tensor {
  const out = zeros(dtype, shape);
  const data = out.data as Exclude<typeof out.data, BigInt64Array>;
  const write = WRITERS[dtype];
  if (!write) data.set(numbers);
  else for (let i = 0; i < numbers.length; i++) write(out.data as never, i, numbers[i]!);
  return out;
}

/** How a number is stored, where a typed array would not do it by itself. */
const WRITERS: { readonly [T in DType]?: (data: Tensor<T>['data'], i: number, x: number) => void } = {
  int64: (data, i, x) => (data[i] = BigInt(Math.trunc(x))),
  float16: (data, i, x) => (data[i] = toHalf(x)),
  bool: (data, i, x) => (data[i] = Number(x !== 0)),
  int4: (data, i, x) => (data[i >> 1]! |= (x & 15) << (4 * (i & 1))),
  uint4: (data, i, x) => (data[i >> 1]! |= (x & 15) << (4 * (i & 1))),
};

/** How far one step along each axis moves in row-major data. */
export function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, i) => sizeOf(shape.slice(i + 1)));
}

/** Strides that read `shape` as if it were broadcast to `to`. */
export function broadcastStrides(shape: readonly number[], to: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const extra = to.length - shape.length;
  return to.map((_, i) => (i < extra || shape[i - extra] === 1 ? 0 : strides[i - extra]!));
}

/** For each element of `shape` in row-major order, offset + index . strides: every movement of data is a case of this. */
export function positions(shape: readonly number[], strides: readonly number[], offset = 0): Int32Array {
  let list = Int32Array.of(offset);
  shape.forEach((size, axis) => {
    const next = new Int32Array(list.length * size);
    for (let i = 0; i < list.length; i++) for (let j = 0; j < size; j++) next[i * size + j] = list[i]! + j * strides[axis]!;
    list = next;
  });
  return list;
}

/** The elements of `x` at the given positions, in another shape. */
export function taken(x: Tensor, shape: readonly number[], at: ArrayLike<number>): Tensor {
  const from = numbersOf(x);
  return written(
    x.dtype,
    shape,
    Float64Array.from({ length: at.length }, (_, i) => from[at[i]!]!),
  );
}

/** Calls `body` with the positions of each line of `shape` along `axis`, in row-major order of the other axes. */
export function eachLine(shape: readonly number[], axis: number, body: (line: number[], index: number) => void): void {
  const stride = stridesOf(shape)[axis]!;
  const starts = positions(
    shape.map((d, i) => (i === axis ? 1 : d)),
    stridesOf(shape),
  );
  starts.forEach((start, index) =>
    body(
      Array.from({ length: shape[axis]! }, (_, i) => start + i * stride),
      index,
    ),
  );
}

/** The result of one operator: `shape` is the result's shape in numbers. */
export type Reference = (inputs: readonly Tensor[], attributes: Attributes, shape: readonly number[], value: Value) => Tensor;
