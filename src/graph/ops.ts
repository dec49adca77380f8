// The primitive operators as functions: thin, one for each ONNX operator, plus the few spellings that make model code
// read well. A bare number stands for a float32 scalar.
import { float32, scalar, type DType } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { mulDims, type Dim, type Shape } from './dim.ts';
import { axisOf, END } from './rules.ts';
import { apply, constant, type Value } from './value.ts';

export type Operand = Value | number;

/** A number as a scalar constant; a value as it is. */
export const value = (x: Operand): Value => (typeof x === 'number' ? constant(scalar(x)) : x);

export const neg = (x: Value) => apply('Neg', [x]);
export const exp = (x: Value) => apply('Exp', [x]);
export const log = (x: Value) => apply('Log', [x]);
export const sqrt = (x: Value) => apply('Sqrt', [x]);
export const reciprocal = (x: Value) => apply('Reciprocal', [x]);
export const sigmoid = (x: Value) => apply('Sigmoid', [x]);
export const tanh = (x: Value) => apply('Tanh', [x]);
export const relu = (x: Value) => apply('Relu', [x]);
export const abs = (x: Value) => apply('Abs', [x]);
export const sign = (x: Value) => apply('Sign', [x]);
export const sin = (x: Value) => apply('Sin', [x]);
export const cos = (x: Value) => apply('Cos', [x]);
/** To the nearest whole number, halves to even. */
export const round = (x: Value) => apply('Round', [x]);
export const floor = (x: Value) => apply('Floor', [x]);
export const erf = (x: Value) => apply('Erf', [x]);
/** x times the chance that a normal number is below x; 'tanh' is the older stand-in for it (Hendrycks & Gimpel 2016). */
export const gelu = (x: Value, approximate: 'none' | 'tanh' = 'none') => apply('Gelu', [x], { approximate });
/** `x` itself, but no gradient flows through it: Identity is the one operator whose gradient is cut. */
export const stopGradient = (x: Value) => apply('Identity', [x]);

export const add = (a: Operand, b: Operand) => apply('Add', [value(a), value(b)]);
export const sub = (a: Operand, b: Operand) => apply('Sub', [value(a), value(b)]);
export const mul = (a: Operand, b: Operand) => apply('Mul', [value(a), value(b)]);
export const div = (a: Operand, b: Operand) => apply('Div', [value(a), value(b)]);
export const min = (a: Operand, b: Operand) => apply('Min', [value(a), value(b)]);
export const max = (a: Operand, b: Operand) => apply('Max', [value(a), value(b)]);
export const equal = (a: Operand, b: Operand) => apply('Equal', [value(a), value(b)]);
export const greater = (a: Operand, b: Operand) => apply('Greater', [value(a), value(b)]);
export const less = (a: Operand, b: Operand) => apply('Less', [value(a), value(b)]);
/** `condition ? a : b`, elementwise. */
export const where = (condition: Value, a: Operand, b: Operand) => apply('Where', [condition, value(a), value(b)]);
export const cast = (x: Value, to: DType) => (x.dtype === to ? x : apply('Cast', [x], { to }));

/** Matrix product over the last two axes, batch axes broadcast. */
export const matmul = (a: Value, b: Value) => apply('MatMul', [a, b]);
export const softmax = (x: Value, axis = -1) => apply('Softmax', [x], { axis: axisOf(axis, x.shape.length) });
export const argmax = (x: Value, axis = -1) => apply('ArgMax', [x], { axis: axisOf(axis, x.shape.length) });

type Reduction = { axes?: readonly number[]; keepdims?: boolean };
const reduction =
  (op: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin') =>
  (x: Value, { axes = x.shape.map((_, i) => i), keepdims = false }: Reduction = {}) =>
    axes.length === 0 ? x : apply(op, [x], { axes: axes.map((a) => axisOf(a, x.shape.length)), keepdims });
/** Sum over `axes` (default: all). */
export const sum = reduction('ReduceSum');
/** Mean over `axes` (default: all). */
export const mean = reduction('ReduceMean');
/** Largest over `axes` (default: all). */
export const maximum = reduction('ReduceMax');
/** Smallest over `axes` (default: all). */
export const minimum = reduction('ReduceMin');

/** The same elements in another shape. */
export function reshape(x: Value, shape: Shape): Value {
  return x.shape.join() === shape.join() ? x : apply('Reshape', [x], { shape });
}

/** Axes in another order. */
export function transpose(x: Value, perm: readonly number[]): Value {
  return perm.every((p, i) => p === i) ? x : apply('Transpose', [x], { perm });
}

/** The last two axes exchanged. */
export function transposeLast(x: Value): Value {
  const r = x.shape.length;
  if (r < 2) throw new ShapeError('shape.axis', `transposeLast: needs two axes, found [${x.shape}]`);
  return transpose(x, [...Array(r - 2).keys(), r - 1, r - 2]);
}

/** Broadcast to a shape. */
export function expand(x: Value, shape: Shape): Value {
  return x.shape.join() === shape.join() ? x : apply('Expand', [x], { shape });
}

/** Elements `start:end` of one axis; negative positions count from the end. */
export function slice(x: Value, axis: number, start: number, end: number = END): Value {
  return apply('Slice', [x], { starts: [start], ends: [end], axes: [axisOf(axis, x.shape.length)] });
}

export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (!first) throw new ShapeError('shape.operands', 'Concat: needs at least one value');
  return values.length === 1 ? first : apply('Concat', values, { axis: axisOf(axis, first.shape.length) });
}

/** One axis cut into parts of the given sizes. */
export function split(x: Value, axis: number, sizes: readonly number[]): Value[] {
  let at = 0;
  return sizes.map((size) => slice(x, axis, at, (at += size)));
}

/** Zeros around: `pads` is every axis' count before, then every axis' count after. */
export const pad = (x: Value, pads: readonly number[]) => (pads.every((p) => p === 0) ? x : apply('Pad', [x], { pads }));

/** Rows of `x` along `axis` by index. */
export const gather = (x: Value, indices: Value, axis = 0) => apply('Gather', [x, indices], { axis: axisOf(axis, x.shape.length) });

/** `x` with `updates` added at `indices` (int64, last axis is a position in x). */
export const scatterAdd = (x: Value, indices: Value, updates: Value) => apply('ScatterND', [x, indices, updates], { reduction: 'add' });

/** One number in every place: a constant, or an expanded scalar where the shape is symbolic. */
export function full(shape: Shape, number: number): Value {
  if (shape.some((d) => typeof d === 'string')) return expand(value(number), shape);
  const sizes = shape as readonly number[];
  return constant(float32(sizes, new Float32Array(mulDims(...sizes) as number).fill(number)));
}

/** A new axis of size 1. */
export function unsqueeze(x: Value, axis: number): Value {
  const at = axis < 0 ? axis + x.shape.length + 1 : axis;
  return reshape(x, [...x.shape.slice(0, at), 1 as Dim, ...x.shape.slice(at)]);
}

export interface ConvOptions {
  bias?: Value | undefined;
  stride?: number;
  /** Zeros before the first row and column, then after the last: [top, left, bottom, right]. */
  pads?: readonly [number, number, number, number];
  groups?: number;
}

/**
 * Convolution of x (B, in, h, w) with `weight` (out, in / groups, rows, columns): (B, out, h', w') with
 * h' = floor((h + pads - rows) / stride) + 1.
 */
export function conv2d(x: Value, weight: Value, { bias, stride = 1, pads = [0, 0, 0, 0], groups = 1 }: ConvOptions = {}): Value {
  return apply('Conv', bias ? [x, weight, bias] : [x, weight], { strides: [stride, stride], pads, group: groups });
}

/** x (B, C, h, w) with each pixel as `factor` x `factor` equal ones. */
export const upsample = (x: Value, factor = 2) => apply('Resize', [x], { scales: x.shape.map((_, i) => (i < 2 ? 1 : factor)) });

/** (x - mean) / sqrt(variance + epsilon) of the last axis, times gain plus bias (each as long as that axis). */
export function layerNormalize(x: Value, gain: Value, bias?: Value, epsilon = 1e-5): Value {
  return apply('LayerNormalization', bias ? [x, gain, bias] : [x, gain], { epsilon });
}
/** The same of x (B, C, ...) over all axes from the third on, with gain and bias (C). */
export function instanceNormalize(x: Value, gain: Value, bias: Value, epsilon = 1e-5): Value {
  return apply('InstanceNormalization', [x, gain, bias], { epsilon });
}
