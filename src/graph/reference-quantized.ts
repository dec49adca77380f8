// The rows of the reference interpreter that compute with few bits: com.microsoft's kernels and the quantizing operators.
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { broadcastStrides, numbersOf, positions, roundHalfEven, written, type Reference } from './elements.ts';
import type { Op } from './rules.ts';

/** a (..., M, K) times b (..., K, N); the batch axes broadcast to those of `shape`. */
export function matmul(a: Tensor, b: Tensor, shape: readonly number[]): Tensor {
  const [M, N, K] = [shape.at(-2)!, shape.at(-1)!, a.shape.at(-1)!];
  const [x, y] = [numbersOf(a), numbersOf(b)];
  const batch = shape.slice(0, -2);
  const rowsA = positions(batch, broadcastStrides(a.shape.slice(0, -2), batch)); // numbers of matrices
  const rowsB = positions(batch, broadcastStrides(b.shape.slice(0, -2), batch));
  const out = new Float32Array(sizeOf(shape));
  const row = new Float64Array(N);
  for (let n = 0; n < rowsA.length; n++)
    for (let i = 0; i < M; i++) {
      row.fill(0);
      for (let k = 0; k < K; k++) {
        const xik = x[(rowsA[n]! * M + i) * K + k]!;
        const start = (rowsB[n]! * K + k) * N;
        for (let j = 0; j < N; j++) row[j]! += xik * y[start + j]!;
      }
      out.set(row, (n * M + i) * N);
    }
  return written(a.dtype, shape, out);
}

/** One row an operator. */
export const QUANTIZED = {
  // a (..., K) times the transpose of b (N, blocks, block*bits/8): each block of a row has a scale and a zero point.
  MatMulNBits: ([a, b, scales, zeroPoints], attributes, shape) => {
    const { K, N, bits, block_size: block, accuracy_level } = attributes as Record<string, number>;
    const blocks = Math.ceil(K! / block!);
    const unpack = (bytes: Uint8Array, row: number, rowBytes: number, i: number) =>
      (bytes[row * rowBytes + Math.floor((i * bits!) / 8)]! >> ((i * bits!) % 8)) & (2 ** bits! - 1);
    const scale = numbersOf(scales!);
    const weight = new Float32Array(K! * N!); // (K, N)
    for (let n = 0; n < N!; n++)
      for (let k = 0; k < K!; k++) {
        const at = Math.floor(k / block!);
        const zero = zeroPoints ? unpack(zeroPoints.data as Uint8Array, n, Math.ceil((blocks * bits!) / 8), at) : 2 ** (bits! - 1);
        weight[k * N! + n] = (unpack(b!.data as Uint8Array, n, (blocks * block! * bits!) / 8, k) - zero) * scale[n * blocks + at]!;
      }
    const x = accuracy_level === 4 ? quantizedBlocks(a!, block!) : a!;
    return matmul(x, { dtype: 'float32', shape: [K!, N!], data: weight }, shape);
  },
  // a (..., K) is quantized to 8 bits as a whole, b (K, N) has one scale and zero point, or one a column.
  DynamicQuantizeMatMul: ([a, b, scale, zeroPoint, bias], _, shape) => {
    const x = numbersOf(a!);
    let [low, high] = [0, 0];
    for (let i = 0; i < x.length; i++) [low, high] = [Math.min(low, x[i]!), Math.max(high, x[i]!)];
    const step = high === low ? 1 : Math.fround(Math.fround(high - low) / 255);
    const zero = roundHalfEven(Math.min(255, Math.max(0, Math.fround(-low / step))));
    const whole = Float32Array.from(x, (v) => Math.min(255, Math.max(0, roundHalfEven(Math.fround(v / step)) + zero)) - zero);
    const [N, s, z] = [b!.shape[1]!, numbersOf(scale!), zeroPoint ? numbersOf(zeroPoint) : [0]];
    const weight = Float32Array.from(numbersOf(b!), (v, i) => v - z[z.length === 1 ? 0 : i % N]!);
    const product = matmul({ dtype: 'float32', shape: a!.shape, data: whole }, { dtype: 'float32', shape: b!.shape, data: weight }, shape);
    const c = bias ? numbersOf(bias) : undefined;
    return written(
      'float32',
      shape,
      (product.data as Float32Array).map((v, i) => v * Math.fround(step * s[s.length === 1 ? 0 : i % N]!) + (c ? c[i % N]! : 0)),
    );
  },
  // x / scale + zero point in 8 bits, one scale for all.
  QuantizeLinear: ([x, scale, zero], _, shape, { dtype }) => {
    const [s, z, low] = [numbersOf(scale!)[0]!, numbersOf(zero!)[0]!, dtype === 'int8' ? -128 : 0];
    const whole = (v: number) => Math.min(low + 255, Math.max(low, roundHalfEven(Math.fround(v / s)) + z));
    return written(dtype, shape, Float64Array.from(numbersOf(x!), whole));
  },
  // (a - its zero point) (b - its zero point) times both scales, plus a bias: of b, one scale a column.
  MatMulIntegerToFloat: ([a, b, aScale, bScale, aZero, bZero, bias], _, shape) => {
    const centred = (t: Tensor, zero: number) =>
      float32(
        t.shape,
        Float32Array.from(numbersOf(t), (v) => v - zero),
      );
    const product = matmul(centred(a!, numbersOf(aZero!)[0]!), centred(b!, numbersOf(bZero!)[0]!), shape);
    const [s, columns, c] = [numbersOf(aScale!)[0]!, numbersOf(bScale!), bias ? numbersOf(bias) : undefined];
    const N = columns.length;
    return float32(
      shape,
      (product.data as Float32Array).map((v, i) => v * Math.fround(s * columns[i % N]!) + (c ? c[i % N]! : 0)),
    );
  },
  // (x - zero point) * scale: one scale, one a position of `axis`, or one a block of positions along `axis`.
  DequantizeLinear: ([x, scale, zeroPoint], { axis = 1, block_size: block = 0 }, shape, { dtype }) => {
    const at = (axis as number) < 0 ? (axis as number) + shape.length : (axis as number);
    const like = block ? scale!.shape : shape.map((_, i) => (i === at ? (scale!.shape[0] ?? 1) : 1));
    const steps = broadcastStrides(like, shape);
    const others = positions(
      shape,
      steps.map((s, i) => (i === at ? 0 : s)),
    );
    const along = positions(
      shape,
      shape.map((_, i) => Number(i === at)),
    );
    const [s, z] = [numbersOf(scale!), zeroPoint ? numbersOf(zeroPoint) : undefined];
    return written(
      dtype,
      shape,
      Float64Array.from(numbersOf(x!), (v, i) => {
        const j = others[i]! + Math.floor(along[i]! / ((block as number) || 1)) * (steps[at] ?? 0);
        return (v - (z ? z[j]! : 0)) * s[j]!;
      }),
    );
  },
} satisfies { readonly [P in Op]?: Reference };

/** The activations as `accuracy_level=4` sees them: 8-bit whole numbers times a scale, block by block along the last axis. */
function quantizedBlocks(a: Tensor, block: number): Tensor {
  const from = numbersOf(a);
  const K = a.shape.at(-1)!;
  const out = new Float32Array(from.length);
  for (let row = 0; row < from.length; row += K)
    for (let start = row; start < row + K; start += block) {
      const end = Math.min(start + block, row + K);
      let largest = 0;
      for (let i = start; i < end; i++) largest = Math.max(largest, Math.abs(from[i]!));
      const scale = Math.fround(largest / 127);
      for (let i = start; i < end; i++) out[i] = scale && roundHalfEven(from[i]! / scale) * scale;
    }
  return { dtype: 'float32', shape: a.shape, data: out };
}
