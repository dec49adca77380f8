// The operators and their shape rules: one row each, and the compiler asks for every row. PRIMITIVES are what models
// and gradients are written in; FAST ones appear only through the fusion pass, in inference graphs.
// To add an operator: a name here, then follow the compiler (rule, gradient, reference value, cases) and tools/cuda's table.
import type { DType, Tensor } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { addDims, broadcastShapes, divideDim, fixed, mulDims, sizeOfShape, termsOf, type Dim, type Shape } from './dim.ts';

export const UNARY = [
  'Neg',
  'Exp',
  'Log',
  'Sqrt',
  'Reciprocal',
  'Sigmoid',
  'Tanh',
  'Relu',
  'Abs',
  'Sign',
  'Sin',
  'Cos',
  'Round',
  'Floor',
  'Erf',
  'Identity',
] as const;
export const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Min', 'Max'] as const;
export const COMPARE = ['Equal', 'Greater', 'Less'] as const;
export const REDUCE = ['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceMin'] as const;
export const OTHER = [
  'Where',
  'Cast',
  'MatMul',
  'Softmax',
  'ArgMax',
  'Reshape',
  'Transpose',
  'Expand',
  'Slice',
  'Concat',
  'Pad',
  'Gather',
  'ScatterND',
] as const;
/** What networks for pictures are made of, each one kernel in every runtime. */
export const LAYERS = ['Conv', 'Resize', 'Gelu', 'LayerNormalization', 'InstanceNormalization'] as const;
export const FAST = [
  'SimplifiedLayerNormalization',
  'MultiHeadAttention',
  'MatMulNBits',
  'DynamicQuantizeMatMul',
  'QuantizeLinear',
  'MatMulIntegerToFloat',
  'DequantizeLinear',
] as const;

export type Primitive = (typeof UNARY | typeof BINARY | typeof COMPARE | typeof REDUCE | typeof OTHER | typeof LAYERS)[number];
export type Op = Primitive | (typeof FAST)[number];

export type Attribute = number | string | boolean | readonly number[] | readonly Dim[] | Tensor | DType;
export type Attributes = Readonly<Record<string, Attribute>>;

/** What a rule looks at of a value. */
export interface Operand {
  readonly op: string;
  readonly name?: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Result type and shape from the operands; throws ShapeError. */
export type Rule = (inputs: readonly Operand[], attributes: Attributes) => { dtype: DType; shape: Shape };

/** End of an axis, for Slice. */
export const END = Number.MAX_SAFE_INTEGER;

const unary: Rule = ([x]) => ({ dtype: x!.dtype, shape: x!.shape });
const binary: Rule = ([a, b]) => {
  if (a!.dtype !== b!.dtype) throw new ShapeError('shape.type', `operands differ in type: ${describe(a!)} and ${describe(b!)}`);
  return { dtype: a!.dtype, shape: broadcastShapes(a!.shape, b!.shape, 'elementwise') };
};
const compare: Rule = (inputs, attributes) => ({ ...binary(inputs, attributes), dtype: 'bool' });
const reduce: Rule = ([x], { axes, keepdims }) => {
  const list = (axes as number[]).map((a) => axisOf(a, x!.shape.length));
  const shape = x!.shape.map((d, i) => (list.includes(i) ? 1 : d));
  return { dtype: x!.dtype, shape: keepdims ? shape : shape.filter((_, i) => !list.includes(i)) };
};

/** A negative axis counted from the end; throws when out of range. */
export function axisOf(axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  if (!(a >= 0 && a < rank)) throw new ShapeError('shape.axis', `axis ${axis} is outside rank ${rank}`);
  return a;
}

function describe(v: Operand): string {
  return `${v.name ?? v.op} ${v.dtype}[${v.shape}]`;
}

function fail(op: string, inputs: readonly Operand[], why: string): never {
  throw new ShapeError('shape.operands', `${op}(${inputs.map(describe).join(', ')}): ${why}`);
}

export const RULES: { readonly [P in Op]: Rule } = {
  ...(Object.fromEntries(UNARY.map((op) => [op, unary])) as Record<(typeof UNARY)[number], Rule>),
  ...(Object.fromEntries(BINARY.map((op) => [op, binary])) as Record<(typeof BINARY)[number], Rule>),
  ...(Object.fromEntries(COMPARE.map((op) => [op, compare])) as Record<(typeof COMPARE)[number], Rule>),
  ...(Object.fromEntries(REDUCE.map((op) => [op, reduce])) as Record<(typeof REDUCE)[number], Rule>),
  Where: ([c, a, b]) => ({ dtype: a!.dtype, shape: broadcastShapes(c!.shape, broadcastShapes(a!.shape, b!.shape, 'Where'), 'Where') }),
  Cast: ([x], { to }) => ({ dtype: to as DType, shape: x!.shape }),
  MatMul: (inputs) => {
    const [a, b] = inputs as [Operand, Operand];
    if (a.shape.length < 2 || b.shape.length < 2) fail('MatMul', inputs, 'both need rank 2 or more');
    if (a.shape.at(-1) !== b.shape.at(-2)) fail('MatMul', inputs, `inner sizes ${a.shape.at(-1)} and ${b.shape.at(-2)} differ`);
    const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2), 'MatMul batch');
    return { dtype: a.dtype, shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] };
  },
  Softmax: unary,
  ArgMax: ([x], { axis }) => ({ dtype: 'int64', shape: x!.shape.map((d, i) => (i === axisOf(axis as number, x!.shape.length) ? 1 : d)) }),
  Reshape: (inputs, { shape }) => {
    const [x] = inputs as [Operand];
    const to = shape as Shape;
    if (sizeOfShape(x.shape) !== sizeOfShape(to)) fail('Reshape', inputs, `${sizeOfShape(x.shape)} elements do not fit [${to}]`);
    return { dtype: x.dtype, shape: to };
  },
  Transpose: (inputs, { perm }) => {
    const [x] = inputs as [Operand];
    const order = perm as number[];
    if ([...order].sort((a, b) => a - b).join() !== x.shape.map((_, i) => i).join())
      fail('Transpose', inputs, `[${order}] is no permutation`);
    return { dtype: x.dtype, shape: order.map((i) => x.shape[i]!) };
  },
  Expand: (inputs, { shape }) => {
    const [x] = inputs as [Operand];
    return { dtype: x.dtype, shape: broadcastShapes(x.shape, shape as Shape, 'Expand') };
  },
  Slice: ([x], { starts, ends, axes }) => {
    const shape = [...x!.shape];
    (axes as number[]).forEach((axis, i) => {
      shape[axis] = sliceSize(shape[axis]!, (starts as number[])[i]!, (ends as number[])[i]!);
    });
    return { dtype: x!.dtype, shape };
  },
  Concat: (inputs, { axis }) => {
    const at = axis as number;
    const [first] = inputs as [Operand];
    for (const v of inputs)
      if (v.dtype !== first.dtype || v.shape.length !== first.shape.length || v.shape.some((d, i) => i !== at && d !== first.shape[i]))
        fail('Concat', inputs, `all must agree outside axis ${at}`);
    const shape = first.shape.map((d, i) => (i === at ? inputs.map((v) => v.shape[at]!).reduce(addDims) : d));
    return { dtype: first.dtype, shape };
  },
  Pad: ([x], { pads }) => {
    const list = pads as number[]; // begins, then ends
    return { dtype: x!.dtype, shape: x!.shape.map((d, i) => addDims(d, list[i]! + list[i + x!.shape.length]!)) };
  },
  Gather: (inputs, { axis }) => {
    const [x, index] = inputs as [Operand, Operand];
    if (index.dtype !== 'int64' && index.dtype !== 'int32') fail('Gather', inputs, 'the indices must be whole numbers');
    return { dtype: x.dtype, shape: x.shape.flatMap((d, i): Dim[] => (i === axis ? [...index.shape] : [d])) };
  },
  ScatterND: (inputs) => {
    const [x, indices, updates] = inputs as [Operand, Operand, Operand];
    const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(fixed(indices.shape.at(-1), 'ScatterND indices'))];
    if (updates.shape.join() !== expected.join()) fail('ScatterND', inputs, `updates must be [${expected}]`);
    return { dtype: x.dtype, shape: x.shape };
  },
  Conv: (inputs, attributes) => {
    const [x, w, bias] = inputs as [Operand, Operand, Operand?];
    const { strides, pads, group } = attributes as { strides: number[]; pads: number[]; group: number };
    if (x.shape.length !== 4 || w.shape.length !== 4) fail('Conv', inputs, 'needs (batch, channels, h, w) and (out, in, h, w)');
    const [out, inner, ...kernel] = w.shape as [number, number, number, number];
    if (mulDims(inner, group) !== x.shape[1] || out % group) fail('Conv', inputs, `the channels do not fit ${group} groups`);
    if (bias && bias.shape.join() !== `${out}`) fail('Conv', inputs, `the bias must be [${out}]`);
    if (pads.some((n) => n < 0) || strides.some((n) => n < 1)) fail('Conv', inputs, `pads [${pads}] or strides [${strides}] are too small`);
    const size = (i: 0 | 1) => stepsIn(addDims(x.shape[2 + i]!, pads[i]! + pads[2 + i]! - fixed(kernel[i], 'Conv: kernel')), strides[i]!);
    return { dtype: x.dtype, shape: [x.shape[0]!, out, size(0), size(1)] };
  },
  Resize: (inputs, { scales }) => {
    const [x] = inputs as [Operand];
    const factors = scales as number[];
    if (factors.length !== x.shape.length || factors.some((f) => !(Number.isInteger(f) && f > 0)))
      fail('Resize', inputs, `scales [${factors}] must be a whole number for each axis`);
    return { dtype: x.dtype, shape: x.shape.map((d, i) => mulDims(d, factors[i]!)) };
  },
  Gelu: unary,
  LayerNormalization: (inputs) => normalization('LayerNormalization', inputs, inputs[0]!.shape.at(-1)),
  InstanceNormalization: (inputs) => normalization('InstanceNormalization', inputs, inputs[0]!.shape[1]),
  SimplifiedLayerNormalization: unary,
  MultiHeadAttention: ([q, , v]) => ({ dtype: q!.dtype, shape: [...q!.shape.slice(0, -1), v!.shape.at(-1)!] }),
  MatMulNBits: (inputs, { K, N }) => {
    const [a] = inputs as [Operand];
    if (a.shape.at(-1) !== K) fail('MatMulNBits', inputs, `inner size ${a.shape.at(-1)} is not K = ${K}`);
    return { dtype: a.dtype, shape: [...a.shape.slice(0, -1), N as number] };
  },
  DynamicQuantizeMatMul: (inputs) => {
    const [a, b] = inputs as [Operand, Operand];
    if (a.shape.at(-1) !== b.shape[0]) fail('DynamicQuantizeMatMul', inputs, 'inner sizes differ');
    return { dtype: a.dtype, shape: [...a.shape.slice(0, -1), b.shape[1]!] };
  },
  QuantizeLinear: ([x, , zero]) => ({ dtype: zero!.dtype, shape: x!.shape }),
  MatMulIntegerToFloat: (inputs) => {
    const [a, b] = inputs as [Operand, Operand];
    if (b.shape.length !== 2 || a.shape.at(-1) !== b.shape[0]) fail('MatMulIntegerToFloat', inputs, 'inner sizes differ');
    return { dtype: 'float32', shape: [...a.shape.slice(0, -1), b.shape[1]!] };
  },
  DequantizeLinear: ([x, scale]) => ({ dtype: scale!.dtype, shape: x!.shape }),
};

/** x, gain and bias; the last two have one number a channel. */
function normalization(op: string, inputs: readonly Operand[], channels: Dim | undefined): ReturnType<Rule> {
  const [x, ...rest] = inputs as [Operand, ...Operand[]];
  for (const v of rest) if (v.shape.join() !== `${channels}`) fail(op, inputs, `gain and bias must be [${channels}]`);
  return { dtype: x.dtype, shape: x.shape };
}

/** Positions of a window that moves over `room` further elements by `stride`: floor(room / stride) + 1. */
function stepsIn(room: Dim, stride: number): Dim {
  const constant = termsOf(room).find(([, symbols]) => symbols.length === 0)?.[0] ?? 0;
  return addDims(divideDim(addDims(room, -constant), stride), Math.floor(constant / stride) + 1);
}

/** Elements that `start:end` keeps of an axis. Negative positions count from the end; END is the end. */
export function sliceSize(size: Dim, start: number, end: number): Dim {
  if (typeof size === 'number') return sliceRange(size, start, end)[1] - sliceRange(size, start, end)[0];
  const from: Dim = start < 0 ? addDims(size, start) : start;
  const to: Dim = end === END ? size : end < 0 ? addDims(size, end) : end;
  return typeof from === 'number' ? addDims(to, -from) : addDims(to, mulDims(-1, from));
}

/** First and past-the-last position that `start:end` keeps of an axis of known size, cut to the axis as ONNX does. */
export function sliceRange(size: number, start: number, end: number): [number, number] {
  const cut = (p: number) => Math.min(size, Math.max(0, p < 0 ? p + size : p));
  return [cut(start), cut(end)];
}

/** A tensor attribute. */
export function tensorAttribute(attributes: Attributes): Tensor {
  return attributes.value as Tensor;
}
