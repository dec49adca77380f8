// What every operator means, said slowly and obviously: the tests' oracle, against which runtimes, passes and tools/cuda
// are held. One row an operator, by its definition in the ONNX and com.microsoft documents; arithmetic in doubles,
// rounded to the result's type once an operator. Not here: running a whole graph (evaluate.ts), and speed.
// https://onnx.ai/onnx/operators - https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
import { sizeOf, tensor, type DType, type Tensor } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import {
  broadcastStrides,
  eachLine,
  erf,
  numbersOf,
  positions,
  roundHalfEven,
  stridesOf,
  taken,
  written,
  type Reference,
} from './elements.ts';
import { matmul, QUANTIZED } from './reference-quantized.ts';

import { type BINARY, type COMPARE, type REDUCE, sliceRange, type UNARY, type Op } from './rules.ts';
import type { Attributes } from './value.ts';

const UNARY_FUNCTIONS: { readonly [P in (typeof UNARY)[number]]: (x: number) => number } = {
  Neg: (x) => -x,
  Exp: Math.exp,
  Log: Math.log,
  Sqrt: Math.sqrt,
  Reciprocal: (x) => 1 / x,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Relu: (x) => Math.max(x, 0),
  Abs: Math.abs,
  Sign: Math.sign,
  Sin: Math.sin,
  Cos: Math.cos,
  Round: roundHalfEven,
  Floor: Math.floor,
  Erf: erf,
  Identity: (x) => x,
};

const BINARY_FUNCTIONS: { readonly [P in (typeof BINARY | typeof COMPARE)[number]]: (a: number, b: number) => number } = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b, // whole numbers are cut towards zero when written
  Min: Math.min,
  Max: Math.max,
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  Less: (a, b) => Number(a < b),
};

const REDUCTIONS: {
  readonly [P in (typeof REDUCE)[number]]: {
    start: number;
    step: (sum: number, x: number) => number;
    end: (sum: number, count: number) => number;
  };
} = {
  ReduceSum: { start: 0, step: (sum, x) => sum + x, end: (sum) => sum },
  ReduceMean: { start: 0, step: (sum, x) => sum + x, end: (sum, count) => sum / count },
  ReduceMax: { start: -Infinity, step: Math.max, end: (largest) => largest },
  ReduceMin: { start: Infinity, step: Math.min, end: (smallest) => smallest },
};

const SCATTER: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  min: Math.min,
  max: Math.max,
};

const unary =
  (f: (x: number) => number): Reference =>
  ([x], _, shape, { dtype }) =>
    written(dtype, shape, Float64Array.from(numbersOf(x!), f));

const binary =
  (f: (a: number, b: number) => number): Reference =>
  ([a, b], _, shape, { dtype }) => {
    const [x, y] = [numbersOf(a!), numbersOf(b!)];
    const [i, j] = [positions(shape, broadcastStrides(a!.shape, shape)), positions(shape, broadcastStrides(b!.shape, shape))];
    return written(
      dtype,
      shape,
      Float64Array.from(i, (_, n) => f(x[i[n]!]!, y[j[n]!]!)),
    );
  };

const reduce =
  ({ start, step, end }: (typeof REDUCTIONS)['ReduceSum']): Reference =>
  ([x], { axes }, shape, { dtype }) => {
    const kept = x!.shape.map((d, i) => ((axes as number[]).includes(i) ? 1 : d));
    const to = positions(x!.shape, broadcastStrides(kept, x!.shape));
    const from = numbersOf(x!);
    const sums = new Float64Array(sizeOf(kept)).fill(start);
    for (let i = 0; i < to.length; i++) sums[to[i]!] = step(sums[to[i]!]!, from[i]!);
    return written(
      dtype,
      shape,
      sums.map((sum) => end(sum, from.length / sums.length)),
    );
  };

/** A row index that may count from the end; throws InputError outside the axis. */
function rowOf(index: number, size: number, op: string): number {
  const row = index < 0 ? index + size : index;
  if (!(row >= 0 && row < size)) throw new InputError('evaluate.index', `${op}: index ${index} is outside an axis of ${size}`);
  return row;
}

type Sizes = [number, number, number, number];

export const REFERENCE: { readonly [P in Op]: Reference } = {
  ...mapRows(UNARY_FUNCTIONS, unary),
  ...mapRows(BINARY_FUNCTIONS, binary),
  ...mapRows(REDUCTIONS, reduce),
  Where: ([condition, a, b], _, shape) => {
    const [c, x, y] = [numbersOf(condition!), numbersOf(a!), numbersOf(b!)];
    const [h, i, j] = [condition!, a!, b!].map((t) => positions(shape, broadcastStrides(t.shape, shape))) as [
      Int32Array,
      Int32Array,
      Int32Array,
    ];
    return written(
      a!.dtype,
      shape,
      Float64Array.from(h, (_, n) => (c[h[n]!] ? x[i[n]!]! : y[j[n]!]!)),
    );
  },
  Cast: ([x], { to }, shape) => written(to as DType, shape, numbersOf(x!)),
  MatMul: ([a, b], _, shape) => matmul(a!, b!, shape),
  Softmax: ([x], { axis }, shape) => {
    const from = numbersOf(x!);
    const out = new Float64Array(from.length);
    eachLine(shape, axis as number, (line) => {
      const largest = line.reduce((m, i) => Math.max(m, from[i]!), -Infinity);
      const sum = line.reduce((s, i) => s + (out[i] = Math.exp(from[i]! - largest)), 0);
      for (const i of line) out[i]! /= sum;
    });
    return written(x!.dtype, shape, out);
  },
  ArgMax: ([x], { axis }, shape) => {
    const from = numbersOf(x!);
    const out = new Float64Array(sizeOf(shape));
    eachLine(x!.shape, axis as number, (line, n) => {
      out[n] = line.reduce((best, i, at) => (from[i]! > from[line[best]!]! ? at : best), 0); // the first of equals
    });
    return written('int64', shape, out);
  },
  Reshape: ([x], _, shape) => tensor(x!.dtype, shape, x!.data),
  Transpose: ([x], { perm }, shape) => {
    const strides = stridesOf(x!.shape);
    return taken(
      x!,
      shape,
      positions(
        shape,
        (perm as number[]).map((p) => strides[p]!),
      ),
    );
  },
  Expand: ([x], _, shape) => taken(x!, shape, positions(shape, broadcastStrides(x!.shape, shape))),
  Slice: ([x], attributes, shape) => {
    const { starts, ends, axes } = attributes as Record<string, number[]>;
    const strides = stridesOf(x!.shape);
    const offset = axes!.reduce((sum, axis, i) => sum + sliceRange(x!.shape[axis]!, starts![i]!, ends![i]!)[0] * strides[axis]!, 0);
    return taken(x!, shape, positions(shape, strides, offset));
  },
  Concat: (inputs, { axis }, shape) => {
    const strides = stridesOf(shape);
    const out = new Float64Array(sizeOf(shape));
    let at = 0;
    for (const x of inputs) {
      const from = numbersOf(x);
      positions(x.shape, strides, at * strides[axis as number]!).forEach((to, i) => (out[to] = from[i]!));
      at += x.shape[axis as number]!;
    }
    return written(inputs[0]!.dtype, shape, out);
  },
  Pad: ([x], { pads }, shape) => {
    const strides = stridesOf(shape);
    const offset = x!.shape.reduce((sum, _, i) => sum + (pads as number[])[i]! * strides[i]!, 0);
    const from = numbersOf(x!);
    const out = new Float64Array(sizeOf(shape));
    positions(x!.shape, strides, offset).forEach((to, i) => (out[to] = from[i]!));
    return written(x!.dtype, shape, out);
  },
  Gather: ([x, index], { axis }, shape) => {
    const at = axis as number;
    const inner = sizeOf(x!.shape.slice(at + 1));
    const size = x!.shape[at]!;
    const rows = Array.from(numbersOf(index!), (i) => rowOf(i, size, 'Gather') * inner);
    const starts = Array.from({ length: sizeOf(x!.shape.slice(0, at)) }, (_, i) => i * size * inner);
    const offsets = Array.from({ length: inner }, (_, i) => i);
    return taken(
      x!,
      shape,
      starts.flatMap((s) => rows.flatMap((r) => offsets.map((o) => s + r + o))),
    );
  },
  ScatterND: ([x, indices, updates], { reduction = 'none' }, shape) => {
    const depth = indices!.shape.at(-1)!; // leading axes of x that an index names
    const strides = stridesOf(shape);
    const inner = sizeOf(shape.slice(depth));
    const [index, update] = [numbersOf(indices!), numbersOf(updates!)];
    const out = Float64Array.from(numbersOf(x!));
    for (let i = 0; i < update.length / inner; i++) {
      let start = 0;
      for (let k = 0; k < depth; k++) start += rowOf(index[i * depth + k]!, shape[k]!, 'ScatterND') * strides[k]!;
      for (let j = 0; j < inner; j++) out[start + j] = SCATTER[reduction as string]!(out[start + j]!, update[i * inner + j]!);
    }
    return written(x!.dtype, shape, out);
  },
  // x/2 (1 + erf(x/sqrt(2))), or its older stand-in with tanh (Hendrycks & Gimpel 2016).
  Gelu: ([x], { approximate }, shape, { dtype }) => {
    const exact = (v: number) => erf(v / Math.SQRT2);
    const gate = approximate === 'tanh' ? (v: number) => Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)) : exact;
    return written(
      dtype,
      shape,
      Float64Array.from(numbersOf(x!), (v) => (v / 2) * (1 + gate(v))),
    );
  },
  // y[b, o, i, j] = bias[o] + the sum over c, u, v of w[o, c, u, v] x[b, c + group's first, i s + u - top, j t + v - left].
  Conv: ([x, w, bias], attributes, shape, { dtype }) => {
    const [[s, t], [top, left], group] = [attributes.strides, attributes.pads, attributes.group] as [Sizes, Sizes, number];
    const [from, weight, b] = [numbersOf(x!), numbersOf(w!), bias ? numbersOf(bias) : undefined];
    const [[, C, H, W], [O, inner, kh, kw], [, , h, width]] = [x!.shape, w!.shape, shape] as [Sizes, Sizes, Sizes];
    const inside = (row: number, column: number) => row >= 0 && row < H && column >= 0 && column < W; // zeros outside
    const out = new Float64Array(sizeOf(shape));
    out.forEach((_, n) => {
      const [j, i, o, batch] = [n % width, Math.floor(n / width) % h, Math.floor(n / (width * h)) % O, Math.floor(n / (width * h * O))];
      const first = batch * C + Math.floor(o / (O / group)) * inner;
      let sum = b?.[o] ?? 0;
      for (let c = 0; c < inner; c++)
        for (let u = 0; u < kh; u++)
          for (let v = 0; v < kw; v++) {
            const [row, column] = [i * s + u - top, j * t + v - left];
            if (inside(row, column)) sum += weight[((o * inner + c) * kh + u) * kw + v]! * from[((first + c) * H + row) * W + column]!;
          }
      out[n] = sum;
    });
    return written(dtype, shape, out);
  },
  // Each element again, `scales` times along each axis.
  Resize: ([x], { scales }, shape) => {
    const steps = stridesOf(x!.shape);
    const index = shape.map((_, axis) =>
      positions(
        shape,
        shape.map((__, i) => Number(i === axis)),
      ),
    );
    const at = (n: number) => steps.reduce((sum, step, axis) => sum + step * Math.floor(index[axis]![n]! / (scales as number[])[axis]!), 0);
    return taken(
      x!,
      shape,
      Float64Array.from({ length: sizeOf(shape) }, (_, n) => at(n)),
    );
  },
  LayerNormalization: (inputs, attributes) => normalized(inputs, attributes, inputs[0]!.shape.length - 1, inputs[0]!.shape.length - 1),
  InstanceNormalization: (inputs, attributes) => normalized(inputs, attributes, 2, 1),
  // x / rms(x) * gain over the axes from `axis` on.
  SimplifiedLayerNormalization: ([x, gain], { axis = -1, epsilon = 1e-5 }, shape) => {
    const [from, scale] = [numbersOf(x!), numbersOf(gain!)];
    const width = sizeOf(shape.slice(axis as number));
    const out = new Float64Array(from.length);
    for (let start = 0; start < from.length; start += width) {
      let squares = 0;
      for (let i = start; i < start + width; i++) squares += from[i]! ** 2;
      const rms = Math.sqrt(squares / width + (epsilon as number));
      for (let i = start; i < start + width; i++) out[i] = (from[i]! / rms) * scale[i - start]!;
    }
    return written(x!.dtype, shape, out);
  },
  // q (B, L, H*d), k (B, M, H*d), v (B, M, H*e); then, where given, a bias of the three projections (H*d + H*d + H*e).
  MultiHeadAttention: ([q, k, v, bias], { num_heads, scale = 0 }, shape, { dtype }) => {
    const H = num_heads as number;
    const [[B, L, D], M, E] = [q!.shape as [number, number, number], k!.shape[1]!, v!.shape[2]!];
    const [d, e] = [D / H, E / H];
    const b = bias ? numbersOf(bias) : undefined;
    const biased = (t: Tensor, at: number) => Float64Array.from(numbersOf(t), (x, i) => x + (b ? b[at + (i % t.shape[2]!)]! : 0));
    const [Q, K, V] = [biased(q!, 0), biased(k!, D), biased(v!, 2 * D)];
    const s = (scale as number) || 1 / Math.sqrt(d);
    const out = new Float64Array(B * L * E);
    for (let n = 0; n < B; n++)
      for (let h = 0; h < H; h++)
        for (let i = 0; i < L; i++) {
          const scores = Array.from({ length: M }, (_, j) => {
            let dot = 0;
            for (let c = 0; c < d; c++) dot += Q[(n * L + i) * D + h * d + c]! * K[(n * M + j) * D + h * d + c]!;
            return dot * s;
          });
          const largest = Math.max(...scores);
          const weights = scores.map((x) => Math.exp(x - largest));
          const sum = weights.reduce((x, y) => x + y, 0);
          for (let c = 0; c < e; c++)
            out[(n * L + i) * E + h * e + c] = weights.reduce((total, w, j) => total + (w / sum) * V[(n * M + j) * E + h * e + c]!, 0);
        }
    return written(dtype, shape, out);
  },
  ...QUANTIZED,
};

/** (x - mean) / sqrt(variance + epsilon) * gain + bias: statistics of all axes from `axis` on, gain and bias along `channel`. */
function normalized([x, gain, bias]: readonly Tensor[], { epsilon }: Attributes, axis: number, channel: number): Tensor {
  const [from, scale, shift] = [numbersOf(x!), numbersOf(gain!), bias ? numbersOf(bias) : undefined];
  const at = positions(
    x!.shape,
    x!.shape.map((_, i) => Number(i === channel)),
  );
  const width = sizeOf(x!.shape.slice(axis));
  const out = new Float64Array(from.length);
  for (let start = 0; start < from.length; start += width) {
    const row = Array.from({ length: width }, (_, i) => from[start + i]!);
    const mean = row.reduce((sum, v) => sum + v, 0) / width;
    const deviation = Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width + (epsilon as number));
    row.forEach((v, i) => (out[start + i] = ((v - mean) / deviation) * scale[at[start + i]!]! + (shift?.[at[start + i]!] ?? 0)));
  }
  return written(x!.dtype, x!.shape, out);
}

function mapRows<K extends string, T>(rows: { readonly [P in K]: T }, make: (row: T) => Reference): { [P in K]: Reference } {
  return Object.fromEntries(Object.entries<T>(rows).map(([op, row]) => [op, make(row)])) as { [P in K]: Reference };
}
