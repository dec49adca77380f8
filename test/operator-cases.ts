// Cases for every operator, one list a row, and the compiler asks for every row. The same cases hold the gradient rules
// against finite differences, the runtimes and tools/cuda against the reference. Numbers are drawn from a seed; where an
// operator jumps or kinks they keep a distance from there, except in cases marked `smooth: false`.
import * as o from '../src/graph/ops.ts';
import type { Op } from '../src/graph/rules.ts';
import { apply, constant, graph, input, type Attributes, type Graph, type Value } from '../src/graph/value.ts';
import { float32, int64, sizeOf, tensor, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { random, type Random } from '../src/util/random.ts';

export interface OperatorCase {
  readonly title: string;
  readonly feeds: Tensors;
  /** Symbolic shapes of inputs, where they are not as fed. */
  readonly symbolic?: Readonly<Record<string, readonly (number | string)[]>>;
  /** The operator under test, of the fed inputs in order. */
  readonly build: (...inputs: Value[]) => Value;
  /** Can the gradient be taken by differences at these numbers (true), or not? */
  readonly smooth?: boolean;
}

/** A case as a graph with one output `y`. */
export function graphOf({ title, feeds, symbolic = {}, build }: OperatorCase): Graph {
  const inputs = Object.entries(feeds).map(([name, t]) => input(name, symbolic[name] ?? t.shape, t.dtype));
  return graph(title.replaceAll(/[^\w]+/g, '_'), { y: build(...inputs) }, inputs);
}

type Draw = (r: Random) => number;
const drawn = (shape: readonly number[], draw: Draw, seed = 1) => {
  const r = random(seed).split(shape.join());
  return float32(
    shape,
    Array.from({ length: sizeOf(shape) }, () => draw(r)),
  );
};
const sign: Draw = (r) => (r.uniform() < 0.5 ? -1 : 1);
const normal = (shape: readonly number[], seed?: number) => drawn(shape, (r) => r.normal(), seed);
/** In 0.5 .. 2. */
const positive = (shape: readonly number[], seed?: number) => drawn(shape, (r) => 0.5 + 1.5 * r.uniform(), seed);
/** Not near a whole or half number, nor zero: k + 0.1 .. 0.4. */
const steady = (shape: readonly number[], seed?: number) => drawn(shape, (r) => sign(r) * (r.integer(3) + 0.1 + 0.3 * r.uniform()), seed);
/** All different by 0.1 or more, in a random order: no ties, no near ties. */
const distinct = (shape: readonly number[], seed = 1): Tensor<'float32'> => {
  const r = random(seed);
  const order = Array.from({ length: sizeOf(shape) }, (_, i) => ({ x: 0.1 * (i - sizeOf(shape) / 2) + 0.03, key: r.uniform() }));
  return float32(
    shape,
    order.sort((a, b) => a.key - b.key).map(({ x }) => x),
  );
};
const bits = (shape: readonly number[]) =>
  tensor(
    'bool',
    shape,
    Uint8Array.from({ length: sizeOf(shape) }, (_, i) => ((i * 7 + 3) % 5) & 1),
  );
const noise = (count: number) => {
  const r = random(5);
  return Uint8Array.from({ length: count }, () => r.integer(256));
};
const bytes = (dtype: 'uint8' | 'int8', shape: readonly number[]): Tensor =>
  tensor(dtype, shape, (dtype === 'int8' ? new Int8Array(noise(sizeOf(shape))) : noise(sizeOf(shape))) as never);
const middle = tensor('uint8', [], Uint8Array.of(117));
const signed = (zero: number) => tensor('int8', [], Int8Array.of(zero));
const nibbles = (dtype: 'uint4' | 'int4', shape: readonly number[]) => constant(tensor(dtype, shape, noise(Math.ceil(sizeOf(shape) / 2))));

const one = (op: Op, draw: (shape: readonly number[], seed?: number) => Tensor = normal): OperatorCase[] => [
  { title: `${op}`, feeds: { x: draw([2, 3]) }, build: (x) => apply(op, [x!]) },
  { title: `${op} of a scalar`, feeds: { x: draw([]) }, build: (x) => apply(op, [x!]) },
  { title: `${op} of a symbolic shape`, feeds: { x: draw([2, 1, 4]) }, symbolic: { x: ['B', 1, '2*n'] }, build: (x) => apply(op, [x!]) },
];

/** Numbers at which rounding and signs are decided. */
const edges = float32([8], [-2.5, -1.5, -0.5, 0, 0.5, 1.5, 2.5, -3]);
const at = (op: Op, x: Tensor, title: string): OperatorCase => ({
  title: `${op} of ${title}`,
  feeds: { x },
  smooth: false,
  build: (v) => apply(op, [v!]),
});

const two = (op: Op, draw: (shape: readonly number[], seed?: number) => Tensor = normal): OperatorCase[] =>
  (
    [
      ['equal shapes', [2, 3], [2, 3]],
      ['a row on the right', [2, 3], [3]],
      ['a column on the left', [2, 1], [2, 3]],
      ['both broadcast', [2, 1, 3], [4, 1]],
      ['a scalar on the right', [2, 3], []],
    ] as const
  ).map(([title, a, b]) => ({ title: `${op}: ${title}`, feeds: { a: draw(a, 1), b: draw(b, 2) }, build: (x, y) => apply(op, [x!, y!]) }));

const whole = (op: Op): OperatorCase => ({
  title: `${op} of whole numbers`,
  feeds: { a: int64([5], [7, -7, 3, 0, 5]), b: int64([5], [2, 2, 3, 4, -5]) },
  build: (a, b) => apply(op, [a!, b!]),
});

const reduce = (op: Op, draw: (shape: readonly number[], seed?: number) => Tensor = normal): OperatorCase[] =>
  (
    [
      ['all', [0, 1, 2], false],
      ['the last axis, kept', [2], true],
      ['the first axis', [0], false],
      ['two outer axes, kept', [0, 2], true],
      ['the middle axis', [1], false],
    ] as const
  ).map(([title, axes, keepdims]) => ({
    title: `${op}: ${title}`,
    feeds: { x: draw([2, 3, 4]) },
    build: (x) => apply(op, [x!], { axes, keepdims }),
  }));

const withAttributes = (op: Op, title: string, feeds: Tensors, attributes: Attributes, more: Partial<OperatorCase> = {}): OperatorCase => ({
  title: `${op}: ${title}`,
  feeds,
  build: (...inputs) => apply(op, inputs, attributes),
  ...more,
});

const product = (title: string, a: readonly number[], b: readonly number[], symbolic: OperatorCase['symbolic'] = {}) =>
  withAttributes('MatMul', title, { a: normal(a, 1), b: normal(b, 2) }, {}, { symbolic });

const convolution = (title: string, x: readonly number[], w: readonly number[], more: Attributes = {}, bias?: Tensor): OperatorCase => {
  const feeds = { x: normal(x, 1), w: normal(w, 2), ...(bias && { bias }) };
  return withAttributes('Conv', title, feeds, { strides: [1, 1], pads: [0, 0, 0, 0], group: 1, ...more });
};
/** x with a gain and a bias for each of its channels. */
const affine = (x: readonly number[], channels: number) => ({ x: normal(x), gain: normal([channels], 2), bias: normal([channels], 3) });

const move = (op: Op, title: string, shape: readonly number[], attributes: Attributes) =>
  withAttributes(op, title, { x: normal(shape) }, attributes);

const quantized = (bits: number, block: number, more: { zero?: boolean; accuracy?: number; K?: number } = {}): OperatorCase => {
  const [K, N] = [more.K ?? 64, 5];
  const blocks = Math.ceil(K / block);
  const weights = constant(bytes('uint8', [N, blocks, (block * bits) / 8]));
  const scales = constant(positive([N * blocks]));
  const zero = more.zero ? [constant(bytes('uint8', [N * Math.ceil((blocks * bits) / 8)]))] : [];
  const attributes = { K, N, bits, block_size: block, accuracy_level: more.accuracy ?? 0 };
  return {
    title: `MatMulNBits: ${bits} bits in blocks of ${block}${more.zero ? ', zero points' : ''}, accuracy level ${attributes.accuracy_level}`,
    feeds: { a: normal([2, 3, K]) },
    build: (a) => apply('MatMulNBits', [a!, weights, scales, ...zero], attributes),
  };
};

export const CASES: { readonly [P in Op]: readonly OperatorCase[] } = {
  Neg: [...one('Neg'), at('Neg', int64([3], [1, 0, -2]), 'whole numbers')],
  Exp: one('Exp'),
  Log: one('Log', positive),
  Sqrt: one('Sqrt', positive),
  Reciprocal: one('Reciprocal', steady),
  Sigmoid: [...one('Sigmoid'), at('Sigmoid', float32([4], [-90, -20, 20, 90]), 'large numbers')],
  Tanh: [...one('Tanh'), at('Tanh', float32([4], [-90, -9, 9, 90]), 'large numbers')],
  Relu: [...one('Relu', steady), at('Relu', edges, 'edges')],
  Abs: [...one('Abs', steady), at('Abs', edges, 'edges')],
  Sign: [...one('Sign', steady), at('Sign', edges, 'edges')],
  Sin: one('Sin'),
  Cos: one('Cos'),
  Round: [...one('Round', steady), at('Round', edges, 'halves')],
  Floor: [...one('Floor', steady), at('Floor', edges, 'edges')],
  Erf: [...one('Erf'), at('Erf', float32([6], [-7, -3, -1e-6, 0, 2, 90]), 'small and large numbers')],
  Gelu: (['none', 'tanh'] as const).flatMap((approximate) => [
    withAttributes('Gelu', approximate, { x: normal([2, 3]) }, { approximate }),
    { ...withAttributes('Gelu', `${approximate}, large numbers`, { x: float32([4], [-30, -5, 5, 30]) }, { approximate }), smooth: false },
  ]),
  Identity: one('Identity'), // a stop: its gradient is cut on purpose
  Add: [...two('Add'), whole('Add')],
  Sub: [...two('Sub'), whole('Sub')],
  Mul: [...two('Mul'), whole('Mul')],
  Div: [...two('Div', steady), { ...whole('Div'), feeds: { a: int64([4], [7, -7, 9, 0]), b: int64([4], [2, 2, -4, 3]) } }],
  Min: [...two('Min', steady), whole('Min')],
  Max: [...two('Max', steady), whole('Max')],
  Equal: [...two('Equal', steady), whole('Equal')],
  Greater: [...two('Greater', steady), whole('Greater')],
  Less: [...two('Less', steady), whole('Less')],
  ReduceSum: reduce('ReduceSum'),
  ReduceMean: reduce('ReduceMean'),
  ReduceMax: reduce('ReduceMax', distinct),
  ReduceMin: reduce('ReduceMin', distinct),
  Where: [
    withAttributes('Where', 'equal shapes', { c: bits([2, 3]), a: normal([2, 3], 1), b: normal([2, 3], 2) }, {}),
    withAttributes('Where', 'the condition broadcast', { c: bits([3]), a: normal([2, 3], 1), b: normal([2, 1], 2) }, {}),
    withAttributes('Where', 'a column against a row', { c: bits([2, 1]), a: normal([3], 1), b: normal([], 2) }, {}),
    withAttributes('Where', 'whole numbers', { c: bits([3]), a: int64([3], [1, 2, 3]), b: int64([3], [4, 5, 6]) }, {}),
  ],
  Cast: [
    withAttributes('Cast', 'to whole numbers', { x: steady([2, 3]) }, { to: 'int64' }),
    withAttributes('Cast', 'to bool', { x: float32([4], [0, -1, 0.25, 3]) }, { to: 'bool' }, { smooth: false }),
    withAttributes('Cast', 'from whole numbers', { x: int64([3], [-2, 0, 9]) }, { to: 'float32' }),
    withAttributes('Cast', 'from bytes', { x: bytes('uint8', [7]) }, { to: 'float32' }),
    withAttributes('Cast', 'from bool', { x: bits([6]) }, { to: 'float32' }),
    withAttributes('Cast', 'to half', { x: normal([9]) }, { to: 'float16' }, { smooth: false }),
    withAttributes('Cast', 'of float to float', { x: normal([3]) }, { to: 'float32' }),
  ],
  MatMul: [
    product('two matrices', [2, 3], [3, 4]),
    product('a batch of both', [2, 3, 4], [2, 4, 2]),
    product('2-D weights, 3-D rows', [2, 3, 4], [4, 2]),
    product('2-D weights, 4-D rows, symbolic', [2, 3, 2, 4], [4, 2], { a: ['B', 'h', 2, 4] }),
    product('2-D on the left, a batch on the right', [3, 4], [2, 4, 2]),
    product('batch axes that broadcast', [2, 1, 2, 3], [3, 3, 2]),
    product('one row', [1, 3], [3, 1]),
  ],
  Softmax: [
    move('Softmax', 'the last axis', [2, 3], { axis: 1 }),
    move('Softmax', 'a middle axis', [2, 3, 2], { axis: 1 }),
    move('Softmax', 'the first axis', [3, 2], { axis: 0 }),
    withAttributes(
      'Softmax',
      'large numbers',
      { x: float32([2, 3], [1000, 999, -1000, -1000, -1000, -1001]) },
      { axis: 1 },
      { smooth: false },
    ),
  ],
  ArgMax: [
    withAttributes('ArgMax', 'the last axis', { x: distinct([3, 4]) }, { axis: 1 }),
    withAttributes('ArgMax', 'the first axis', { x: distinct([3, 2, 2]) }, { axis: 0 }),
    withAttributes('ArgMax', 'the first of equals', { x: float32([2, 3], [1, 1, 0, 0, 2, 2]) }, { axis: 1 }, { smooth: false }),
  ],
  Reshape: [
    move('Reshape', 'split', [2, 6], { shape: [2, 2, 3] }),
    move('Reshape', 'to a scalar', [1, 1], { shape: [] }),
    withAttributes('Reshape', 'symbolic', { x: normal([2, 3, 4]) }, { shape: ['B*L', 2, 2] }, { symbolic: { x: ['B', 'L', 4] } }),
    withAttributes('Reshape', 'two unknown axes', { x: normal([2, 3, 4]) }, { shape: ['2*B', 'L', 2] }, { symbolic: { x: ['B', 'L', 4] } }),
  ],
  Transpose: [
    move('Transpose', 'a matrix', [2, 3], { perm: [1, 0] }),
    move('Transpose', 'rotated axes', [2, 3, 4], { perm: [2, 0, 1] }),
    move('Transpose', 'heads', [2, 3, 2, 2], { perm: [0, 2, 1, 3] }),
  ],
  Expand: [
    move('Expand', 'a row', [3], { shape: [2, 3] }),
    move('Expand', 'inner axes', [2, 1, 1], { shape: [2, 3, 2] }),
    move('Expand', 'a smaller shape', [2, 3], { shape: [1, 1] }),
    withAttributes(
      'Expand',
      'symbolic',
      { x: normal([1, 3]), like: normal([4, 3], 2) },
      {},
      {
        symbolic: { like: ['B', 3] },
        build: (x, like) => o.mul(apply('Expand', [x!], { shape: ['B', 3] }), like!),
      },
    ),
  ],
  Slice: [
    move('Slice', 'inside', [5, 2], { starts: [1], ends: [4], axes: [0] }),
    move('Slice', 'from the end', [2, 5], { starts: [-3], ends: [-1], axes: [1] }),
    move('Slice', 'to the end', [2, 5], { starts: [2], ends: [Number.MAX_SAFE_INTEGER], axes: [1] }),
    move('Slice', 'past the end', [2, 5], { starts: [-9], ends: [99], axes: [1] }),
    move('Slice', 'two axes', [3, 2, 4], { starts: [1, -2], ends: [3, 4], axes: [0, 2] }),
  ],
  Concat: [
    withAttributes('Concat', 'rows', { a: normal([2, 3], 1), b: normal([1, 3], 2) }, { axis: 0 }),
    withAttributes('Concat', 'three, the last axis', { a: normal([2, 2], 1), b: normal([2, 1], 2), c: normal([2, 3], 3) }, { axis: 1 }),
    withAttributes('Concat', 'whole numbers', { a: int64([2], [1, 2]), b: int64([1], [3]) }, { axis: 0 }),
    { title: 'Concat: a value with itself', feeds: { x: normal([2, 2]) }, build: (x) => o.concat([x!, o.neg(x!), x!], 1) },
  ],
  Pad: [
    move('Pad', 'before and after', [2, 3], { pads: [1, 0, 0, 2] }),
    move('Pad', 'a middle axis', [2, 2, 2], { pads: [0, 1, 0, 0, 1, 0] }),
  ],
  Gather: [
    withAttributes('Gather', 'repeated rows', { x: normal([4, 2]), i: int64([5], [1, 1, 3, 0, 1]) }, { axis: 0 }),
    withAttributes('Gather', 'a matrix of positions', { x: normal([3, 2]), i: int64([2, 2], [2, 0, 0, 2]) }, { axis: 0 }),
    withAttributes('Gather', 'one position', { x: normal([3, 2]), i: int64([], [2]) }, { axis: 0 }),
    withAttributes('Gather', 'from the end', { x: normal([3, 2]), i: int64([2], [-1, -3]) }, { axis: 0 }),
    withAttributes('Gather', 'a vector', { x: normal([5]), i: int64([3], [4, 4, 0]) }, { axis: 0 }),
    withAttributes('Gather', 'another axis', { x: normal([2, 3, 2]), i: int64([2], [2, 0]) }, { axis: 1 }, { smooth: false }),
  ],
  ScatterND: [
    withAttributes(
      'ScatterND',
      'rows added, some twice',
      { x: normal([3, 2]), i: int64([3, 1], [2, 0, 2]), u: normal([3, 2], 2) },
      { reduction: 'add' },
    ),
    withAttributes(
      'ScatterND',
      'a matrix of rows',
      { x: normal([3, 2]), i: int64([2, 2, 1], [2, 0, 2, 1]), u: normal([2, 2, 2], 2) },
      { reduction: 'add' },
    ),
    withAttributes(
      'ScatterND',
      'elements added',
      { x: normal([3, 2]), i: int64([2, 2], [2, 0, 1, 1]), u: normal([2], 2) },
      { reduction: 'add' },
      { smooth: false },
    ),
    withAttributes(
      'ScatterND',
      'rows replaced',
      { x: normal([3, 2]), i: int64([2, 1], [2, 0]), u: normal([2, 2], 2) },
      { reduction: 'none' },
      { smooth: false },
    ),
  ],
  Conv: [
    convolution('3x3 with a bias', [2, 3, 4, 5], [2, 3, 3, 3], { pads: [1, 1, 1, 1] }, normal([2], 3)),
    convolution('one point', [1, 4, 2, 3], [5, 4, 1, 1]),
    convolution('stride 2, rows left over', [1, 2, 6, 7], [3, 2, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
    convolution('stride 2 of one point', [1, 2, 4, 5], [3, 2, 1, 1], { strides: [2, 2] }),
    convolution('zeros at the right and bottom only', [1, 2, 4, 4], [2, 2, 3, 3], { pads: [0, 0, 1, 1], strides: [2, 2] }),
    convolution('two groups', [2, 4, 3, 3], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }, normal([6], 3)),
    convolution('each channel by itself', [1, 3, 4, 4], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
    convolution('an oblong kernel and other strides', [1, 2, 5, 6], [2, 2, 2, 3], { strides: [1, 2], pads: [1, 0, 0, 1] }),
    convolution('a patch', [1, 3, 4, 4], [5, 3, 2, 2], { strides: [2, 2] }),
    {
      ...convolution('a symbolic size', [1, 2, 4, 6], [3, 2, 3, 3], { pads: [1, 1, 1, 1], strides: [2, 2] }),
      symbolic: { x: ['B', 2, '2*h', '2*w'] },
      smooth: false, // the gradient wants to know the size
    },
  ],
  Resize: [
    move('Resize', 'twice', [1, 2, 2, 3], { scales: [1, 1, 2, 2] }),
    move('Resize', 'other factors', [2, 1, 3, 2], { scales: [1, 1, 3, 1] }),
    withAttributes('Resize', 'symbolic', { x: normal([1, 2, 2, 3]) }, { scales: [1, 1, 2, 2] }, { symbolic: { x: ['B', 2, 'h', '3*w'] } }),
  ],
  LayerNormalization: [
    withAttributes('LayerNormalization', 'gain and bias', affine([2, 3, 5], 5), { epsilon: 1e-5 }),
    withAttributes(
      'LayerNormalization',
      'gain alone, symbolic rows',
      { x: normal([2, 3, 4]), gain: normal([4], 2) },
      { epsilon: 1e-2 },
      {
        symbolic: { x: ['B', 'L', 4] },
      },
    ),
    withAttributes('LayerNormalization', 'as many rows as columns', affine([4, 4], 4), { epsilon: 1e-5 }),
  ],
  InstanceNormalization: [
    withAttributes('InstanceNormalization', 'pictures', affine([2, 3, 2, 4], 3), { epsilon: 1e-5 }),
    withAttributes('InstanceNormalization', 'rows', affine([2, 3, 5], 3), { epsilon: 1e-2 }),
    withAttributes('InstanceNormalization', 'one channel', affine([2, 1, 4], 1), { epsilon: 1e-5 }),
    withAttributes(
      'InstanceNormalization',
      'equal sizes, symbolic',
      affine([3, 3, 4], 3),
      { epsilon: 1e-5 },
      {
        symbolic: { x: ['B', 3, '2*n'] },
      },
    ),
  ],
  SimplifiedLayerNormalization: [
    withAttributes(
      'SimplifiedLayerNormalization',
      'the last axis',
      { x: normal([2, 3, 8]), gain: positive([8]) },
      { axis: -1, epsilon: 1e-6 },
    ),
    withAttributes(
      'SimplifiedLayerNormalization',
      'near zero',
      { x: float32([1, 4], [1e-4, -1e-4, 0, 2e-4]), gain: positive([4]) },
      { axis: -1, epsilon: 1e-5 },
    ),
  ],
  MultiHeadAttention: [
    withAttributes(
      'MultiHeadAttention',
      'two heads',
      { q: normal([2, 3, 8], 1), k: normal([2, 5, 8], 2), v: normal([2, 5, 8], 3) },
      { num_heads: 2 },
    ),
    withAttributes(
      'MultiHeadAttention',
      'a given scale',
      { q: normal([1, 3, 8], 1), k: normal([1, 4, 8], 2), v: normal([1, 4, 8], 3) },
      { num_heads: 4, scale: 0.3 },
    ),
    withAttributes(
      'MultiHeadAttention',
      'another value size',
      { q: normal([1, 3, 8], 1), k: normal([1, 4, 8], 2), v: normal([1, 4, 4], 3) },
      { num_heads: 2 },
    ),
    withAttributes(
      'MultiHeadAttention',
      'a bias',
      { q: normal([1, 3, 8], 1), k: normal([1, 4, 8], 2), v: normal([1, 4, 8], 3), bias: normal([24], 4) },
      { num_heads: 2 },
    ),
  ],
  MatMulNBits: [
    quantized(4, 32),
    quantized(4, 16, { zero: true }),
    quantized(4, 64),
    quantized(4, 128, { K: 256, zero: true }),
    quantized(8, 32),
    quantized(2, 32),
    quantized(4, 32, { accuracy: 4 }),
    quantized(4, 128, { accuracy: 4, K: 256 }),
    quantized(8, 32, { accuracy: 4 }),
  ],
  DynamicQuantizeMatMul: [
    {
      title: 'DynamicQuantizeMatMul: a scale a column',
      feeds: { a: normal([2, 3, 16]) },
      build: (a) => apply('DynamicQuantizeMatMul', [a!, constant(bytes('int8', [16, 4])), constant(positive([4]))]),
    },
    {
      title: 'DynamicQuantizeMatMul: one scale, zero point and bias',
      feeds: { a: positive([3, 16]) },
      build: (a) =>
        apply('DynamicQuantizeMatMul', [
          a!,
          constant(bytes('uint8', [16, 4])),
          constant(positive([])),
          constant(tensor('uint8', [], Uint8Array.of(128))),
          constant(normal([4])),
        ]),
    },
    {
      title: 'DynamicQuantizeMatMul: all zero',
      feeds: { a: float32([2, 16], new Float32Array(32)) },
      build: (a) => apply('DynamicQuantizeMatMul', [a!, constant(bytes('int8', [16, 4])), constant(positive([4]))]),
    },
  ],
  QuantizeLinear: [
    withAttributes('QuantizeLinear', 'bytes', { x: normal([2, 9]), scale: float32([], [0.0171]), zero: middle }, {}),
    withAttributes('QuantizeLinear', 'signed, cut off', { x: normal([9]), scale: float32([], [0.003]), zero: signed(-5) }, {}),
  ],
  MatMulIntegerToFloat: [false, true].map((bias) => ({
    title: `MatMulIntegerToFloat${bias ? ' with a bias' : ''}`,
    feeds: { a: bytes('uint8', [2, 3, 16]), scale: positive([]), zero: middle },
    build: (a, scale, zero) => {
      const weight = [constant(bytes('int8', [16, 4])), scale!, constant(positive([4])), zero!, constant(signed(0))];
      return apply('MatMulIntegerToFloat', [a!, ...weight, ...(bias ? [constant(normal([4]))] : [])]);
    },
  })),
  DequantizeLinear: [
    {
      title: 'DequantizeLinear: int4 in blocks along the first axis',
      feeds: { one: float32([], [1]) },
      build: (x) => o.mul(apply('DequantizeLinear', [nibbles('int4', [8, 3]), constant(positive([2, 3]))], { axis: 0, block_size: 4 }), x!),
    },
    {
      title: 'DequantizeLinear: uint4 in blocks along the last axis, zero points',
      feeds: { one: float32([], [1]) },
      build: (x) =>
        o.mul(
          apply('DequantizeLinear', [nibbles('uint4', [3, 8]), constant(positive([3, 2])), nibbles('uint4', [3, 2])], {
            axis: 1,
            block_size: 4,
          }),
          x!,
        ),
    },
    withAttributes('DequantizeLinear', 'a scale a column', { x: bytes('int8', [3, 4]), scale: positive([4]) }, { axis: 1 }),
    withAttributes(
      'DequantizeLinear',
      'a scale a row, zero points',
      { x: bytes('uint8', [3, 4]), scale: positive([3]), zero: bytes('uint8', [3]) },
      { axis: 0 },
    ),
    withAttributes('DequantizeLinear', 'one scale', { x: bytes('int8', [3, 4]), scale: positive([]) }, {}),
  ],
};
