// An ONNX file back to a graph: the exact reverse of encode.ts, for our own files and for others that keep to the same
// operators, opset 18 to 23. Constant inputs become attributes again; shapes that the file computes at run time
// (Shape, Concat, Mul, ...) are followed symbolically, so that they become symbolic sizes. Anything else is an InputError.
import { addDims, divideDim, mulDims, sizeOfShape, type Dim, type Shape } from '../graph/dim.ts';
import { axisOf, END, RULES, type Op } from '../graph/rules.ts';
import { apply, constant, graph, input, parameter, type Attributes, type Graph, type Value } from '../graph/value.ts';
import { fromBytes, sizeOf, tensor, toBytes, type DType, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { BananaError, InputError } from '../util/errors.ts';
import { ALIAS, CONSTANT, MICROSOFT, NEAREST, TYPES, WEIGHT } from './encode.ts';
import * as proto from './proto.ts';

/** What a file holds: a graph whose initializers are parameters, and their numbers. */
export interface DecodedModel {
  graph: Graph;
  weights: Tensors;
}

interface Node {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Record<string, number | string | number[] | Tensor>;
}

const INT64_MAX = 2n ** 63n - 1n;
const DTYPES = new Map<number, DType>(Object.entries(TYPES).map(([name, number]) => [number, name as DType]));

/** Attributes that may be left unread: they do not change what our operators mean. */
const HARMLESS: ReadonlySet<string> = new Set([
  'stash_type',
  'saturate',
  'select_last_index',
  'mode',
  'allowzero',
  'noop_with_empty_axes',
  'keepdims',
  'axis',
  'kernel_shape',
  'dilations',
  'auto_pad',
  ...Object.keys(NEAREST),
]);

/** From a node to the operands that are values and the graph's attributes. */
type Reader = (node: Node, r: Reading, x: () => Value) => { operands?: number; attributes?: Attributes };

const plain: Reader = ({ attributes }) => ({ attributes: attributes as Attributes });
const reduce: Reader = ({ inputs, attributes: { keepdims = 1 } }, r, x) => {
  const axes = inputs[1] ? r.numbers(inputs[1]).map((a) => axisOf(a, x().shape.length)) : x().shape.map((_, i) => i);
  return { operands: 1, attributes: { axes, keepdims: keepdims === 1 } };
};
const alongAxis =
  (otherwise: number): Reader =>
  ({ attributes: { axis = otherwise } }, _, x) => ({ attributes: { axis: axisOf(axis as number, x().shape.length) } });

const outside = (op: string, what: string) => new InputError('onnx.subset', `${op} is among our operators only with ${what}`);

const READERS: { readonly [P in Op]: Reader } = {
  Neg: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Reciprocal: plain,
  Sigmoid: plain,
  Tanh: plain,
  Relu: plain,
  Abs: plain,
  Sign: plain,
  Sin: plain,
  Cos: plain,
  Round: plain,
  Floor: plain,
  Erf: plain,
  Identity: plain,
  Add: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Min: plain,
  Max: plain,
  Equal: plain,
  Greater: plain,
  Less: plain,
  Where: plain,
  MatMul: plain,
  ScatterND: plain,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  Softmax: alongAxis(-1),
  Gather: alongAxis(0),
  Concat: alongAxis(0),
  Cast: ({ attributes: { to } }) => ({ attributes: { to: dtypeOf(to as number, 'Cast') } }),
  ArgMax: ({ attributes: { axis = 0, keepdims = 1 } }, _, x) => {
    if (keepdims !== 1) throw new InputError('onnx.subset', 'ArgMax without keepdims is not among our operators');
    return { attributes: { axis: axisOf(axis as number, x().shape.length) } };
  },
  Transpose: ({ attributes: { perm } }, _, x) => ({
    attributes: {
      perm:
        (perm as number[] | undefined) ??
        x()
          .shape.map((_, i) => i)
          .reverse(),
    },
  }),
  Reshape: ({ inputs, attributes: { allowzero = 0 } }, r, x) => {
    const from = x().shape;
    const to = r.sizes(inputs[1]!).map((d, i) => (d === 0 && !allowzero ? from[i]! : d));
    const rest = to.filter((d) => d !== -1);
    return { operands: 1, attributes: { shape: to.map((d) => (d === -1 ? divideDim(sizeOfShape(from), mulDims(...rest)) : d)) } };
  },
  Expand: ({ inputs }, r, x) => ({ operands: 1, attributes: { shape: RULES.Expand([x()], { shape: r.sizes(inputs[1]!) }).shape } }),
  Slice: ({ inputs }, r, x) => {
    const starts = r.numbers(inputs[1]!);
    const axes = inputs[3] ? r.numbers(inputs[3]).map((a) => axisOf(a, x().shape.length)) : starts.map((_, i) => i);
    if (inputs[4] && r.numbers(inputs[4]).some((step) => step !== 1))
      throw new InputError('onnx.subset', 'Slice with steps is not among our operators');
    return { operands: 1, attributes: { starts, ends: r.numbers(inputs[2]!), axes } };
  },
  Pad: ({ inputs, attributes: { mode = 'constant' } }, r) => {
    if (mode !== 'constant' || inputs.length > 2)
      throw new InputError('onnx.subset', 'only Pad with zeros on every axis is among our operators');
    return { operands: 1, attributes: { pads: r.numbers(inputs[1]!) } };
  },
  Conv: ({ attributes: { strides = [1, 1], pads = [0, 0, 0, 0], group = 1, dilations = [1, 1], auto_pad = 'NOTSET' } }) => {
    if (`${dilations}` !== '1,1' || auto_pad !== 'NOTSET') throw outside('Conv', 'dilation 1 and pads that are written out');
    return { attributes: { strides: strides as number[], pads: pads as number[], group: group as number } };
  },
  Resize: ({ inputs, attributes }, r) => {
    const wanted = Object.entries(NEAREST);
    if (inputs.length !== 3 || wanted.some(([key, value]) => attributes[key] !== value))
      throw outside('Resize', `scales and ${wanted.map((entry) => entry.join(' ')).join(', ')}`);
    return { operands: 1, attributes: { scales: r.reals(inputs[2]!) } };
  },
  Gelu: ({ attributes: { approximate = 'none' } }) => ({ attributes: { approximate: approximate as string } }),
  LayerNormalization: ({ attributes: { axis = -1, epsilon = 1e-5 } }, _, x) => {
    const rank = x().shape.length;
    if (axisOf(axis as number, rank) !== rank - 1) throw outside('LayerNormalization', 'the last axis alone');
    return { attributes: { epsilon: epsilon as number } };
  },
  InstanceNormalization: ({ attributes: { epsilon = 1e-5 } }) => ({ attributes: { epsilon: epsilon as number } }),
  SimplifiedLayerNormalization: ({ attributes: { axis = -1, epsilon = 1e-5 } }) => {
    if (axis !== -1)
      throw new InputError('onnx.subset', 'SimplifiedLayerNormalization over another axis than the last is not among our operators');
    return { attributes: { epsilon: epsilon as number } };
  },
  MultiHeadAttention: plain,
  MatMulNBits: plain,
  DynamicQuantizeMatMul: plain,
  QuantizeLinear: plain,
  MatMulIntegerToFloat: plain,
  DequantizeLinear: plain,
};

/** Arithmetic on sizes, element by element. */
const SIZE_MATH: Readonly<Record<string, (a: Dim, b: Dim) => Dim>> = {
  Add: addDims,
  Sub: (a, b) => addDims(a, mulDims(-1, b)),
  Mul: (a, b) => mulDims(a, b),
  Div: divideDim,
};

/** What a reader may ask about names in the file. */
interface Reading {
  /** A known int64 vector. */
  numbers(name: string): number[];
  /** A known float32 vector. */
  reals(name: string): number[];
  /** A vector of sizes, known or symbolic. */
  sizes(name: string): Dim[];
}

/** Reads an ONNX model. `external` gives the bytes of a file of external data. Throws InputError naming what does not fit. */
export function decodeModel(model: Uint8Array, external?: (path: string) => Uint8Array): DecodedModel {
  const top = proto.fieldsOf(model);
  const body = top.get(7)?.[0];
  if (!(body instanceof Uint8Array)) throw new InputError('onnx.file', 'not an ONNX model: it holds no graph');
  checkOpset(top.get(8) ?? []);
  const fields = proto.fieldsOf(body);
  const initializers = new Map(messages(fields, 5).map((f) => decodeTensor(f, external)));
  const leaves = messages(fields, 11)
    .filter((f) => !initializers.has(proto.asText(f.get(1)?.[0])))
    .map(decodeInput);
  const values = new Map<string, Value>(leaves.map((v) => [v.name!, v]));
  const weights: Tensors = {};
  const order = [...leaves];
  const sizes = new Map<string, Dim[]>();

  const known = (name: string): Dim[] | undefined => {
    const t = initializers.get(name);
    return t?.dtype === 'int64' && t.shape.length < 2
      ? Array.from(t.data as BigInt64Array, (n) => (n === INT64_MAX ? END : Number(n)))
      : sizes.get(name);
  };
  const valueOf = (name: string): Value => {
    const found = values.get(name);
    if (found) return found;
    const t = initializers.get(name);
    if (!t)
      throw new InputError(
        'onnx.name',
        `"${name}" is used before it is computed${sizes.has(name) ? ' as numbers: sizes cannot be data here' : ''}`,
      );
    const v = name.startsWith(CONSTANT) ? constant(t) : parameter(name, t.shape, t.dtype);
    values.set(name, v);
    if (v.op === 'Parameter') {
      weights[name] = t;
      order.push(v);
    }
    return v;
  };
  const r: Reading = {
    sizes(name) {
      const found = known(name);
      if (!found) throw new InputError('onnx.sizes', `"${name}" must be constant, or computed from shapes`);
      return found;
    },
    reals(name) {
      const t = initializers.get(name);
      if (t?.dtype !== 'float32') throw new InputError('onnx.constant', `"${name}" must be constant`);
      return Array.from(t.data as Float32Array);
    },
    numbers(name) {
      const found = r.sizes(name);
      if (found.some((d) => typeof d === 'string')) throw new InputError('onnx.sizes', `"${name}" must be constant`);
      return found as number[];
    },
  };

  for (const node of messages(fields, 1).map(decodeNode)) {
    try {
      const computed = followSizes(node, values, sizes, known);
      if (computed) sizes.set(node.output, computed);
      else if (node.op === 'Constant') initializers.set(node.output, node.attributes.value as Tensor);
      else if (node.op === 'Identity' && node.name.startsWith(ALIAS)) values.set(node.output, valueOf(node.inputs[0]!));
      else values.set(node.output, applyNode(node, r, valueOf));
    } catch (error) {
      if (!(error instanceof BananaError)) throw error;
      throw new InputError('onnx.node', `ONNX node "${node.name}" (${node.op}): ${error.message}`, { cause: error });
    }
  }
  const names = messages(fields, 12).map((f) => proto.asText(f.get(1)?.[0]));
  const outputs = Object.fromEntries(names.map((name) => [name, valueOf(name)]));
  return { graph: graph(proto.asText(fields.get(2)?.[0]), outputs, order), weights };
}

function applyNode(node: Node, r: Reading, valueOf: (name: string) => Value): Value {
  const reader = Object.hasOwn(READERS, node.op) ? READERS[node.op as Op] : undefined;
  if (!reader || !['', 'ai.onnx', MICROSOFT].includes(node.domain)) throw new InputError('onnx.operator', `the operator is not among ours`);
  const { operands = node.inputs.length, attributes = {} } = reader(node, r, () => valueOf(node.inputs[0]!));
  const unread = Object.keys(node.attributes).find((key) => !(key in attributes) && !HARMLESS.has(key));
  if (unread) throw new InputError('onnx.attribute', `attribute "${unread}" is not known here`);
  if (node.inputs.slice(0, operands).includes('')) throw new InputError('onnx.optional', 'left-out operands are not supported');
  return apply(node.op as Op, node.inputs.slice(0, operands).map(valueOf), attributes);
}

/** The sizes that a node computes, when it is shape arithmetic; undefined when it is an ordinary node. */
function followSizes(
  node: Node,
  values: ReadonlyMap<string, Value>,
  sizes: ReadonlyMap<string, Dim[]>,
  known: (name: string) => Dim[] | undefined,
): Dim[] | undefined {
  if (node.op === 'Shape') {
    const shape: Shape | undefined = values.get(node.inputs[0]!)?.shape;
    if (!shape) throw new InputError('onnx.sizes', `the shape of "${node.inputs[0]}" is not known`);
    return shape.slice(node.attributes.start as number | undefined, node.attributes.end as number | undefined);
  }
  if (!node.inputs.some((name) => sizes.has(name))) return undefined;
  const operands = node.inputs.map(known);
  if (node.op === 'Concat' && operands.every((d) => d !== undefined)) return operands.flat();
  const math = SIZE_MATH[node.op];
  const [a, b] = operands;
  if (!math || !a || !b) return undefined;
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i) => math(a[i % a.length]!, b[i % b.length]!));
}

/** The nested messages of a field. */
function messages(fields: Map<number, proto.Field[]>, number: number): Map<number, proto.Field[]>[] {
  return (fields.get(number) ?? []).map((f) => {
    if (!(f instanceof Uint8Array)) throw new InputError('onnx.file', `not an ONNX model: field ${number} is no message`);
    return proto.fieldsOf(f);
  });
}

function checkOpset(imports: readonly proto.Field[]): void {
  for (const f of imports) {
    const fields = proto.fieldsOf(f as Uint8Array);
    const domain = proto.asText(fields.get(1)?.[0]);
    const version = Number(proto.asInteger(fields.get(2)?.[0]));
    if (domain === '' && (version < 18 || version > 23))
      throw new InputError('onnx.opset', `ONNX opset ${version} cannot be read: 18 to 23 can`);
  }
}

function dtypeOf(number: number, what: string): DType {
  const dtype = DTYPES.get(number);
  if (!dtype) throw new InputError('onnx.type', `${what}: ONNX element type ${number} is not supported`);
  return dtype;
}

function decodeInput(f: Map<number, proto.Field[]>): Value {
  const name = proto.asText(f.get(1)?.[0]);
  const [type] = messages(f, 2).flatMap((t) => messages(t, 1));
  if (!type) throw new InputError('onnx.input', `input "${name}" is no tensor`);
  const dims = messages(type, 2).flatMap((shape) => messages(shape, 1));
  const shape = dims.map((d, axis): Dim => {
    const size = d.get(1)?.[0];
    if (size !== undefined) return Number(proto.asInteger(size));
    const symbol = proto.asText(d.get(2)?.[0]);
    return /^[\w*+-]+$/.test(symbol) ? addDims(symbol, 0) : `${name}_${axis}`.replace(/\W/g, '_');
  });
  const dtype = dtypeOf(Number(proto.asInteger(type.get(1)?.[0])), `input "${name}"`);
  const weight = proto.asText(f.get(3)?.[0]) === WEIGHT;
  return weight ? parameter(name, shape as number[], dtype) : input(name, shape, dtype);
}

function decodeNode(f: Map<number, proto.Field[]>): Node {
  const texts = (number: number) => (f.get(number) ?? []).map(proto.asText);
  const outputs = texts(2).filter(Boolean);
  const [op = '', name = ''] = [texts(4)[0], texts(3)[0]];
  if (outputs.length !== 1)
    throw new InputError('onnx.node', `ONNX node "${name}" (${op}) has ${outputs.length} results, our operators have one`);
  const attributes = Object.fromEntries(messages(f, 5).map((a) => [proto.asText(a.get(1)?.[0]), decodeAttribute(a, op)]));
  return { op, domain: texts(7)[0] ?? '', name, inputs: texts(1), output: outputs[0]!, attributes };
}

function decodeAttribute(a: Map<number, proto.Field[]>, op: string): number | string | number[] | Tensor {
  const rows: Record<number, () => number | string | number[] | Tensor> = {
    1: () => shortest(proto.asFloat(a.get(2)?.[0])),
    2: () => Number(proto.asInteger(a.get(3)?.[0])),
    3: () => proto.asText(a.get(4)?.[0]),
    4: () => decodeTensor(messages(a, 5)[0]!)[1],
    7: () => proto.asIntegers(a.get(8)).map(Number),
  };
  const read = rows[Number(proto.asInteger(a.get(20)?.[0]))];
  if (!read)
    throw new InputError('onnx.attribute', `ONNX ${op}: attribute "${proto.asText(a.get(1)?.[0])}" is of a kind that is not supported`);
  return read();
}

/** The number with the fewest digits that is this float32. */
function shortest(x: number): number {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8].find((n) => Math.fround(Number(x.toPrecision(n))) === x);
  return Number(x.toPrecision(digits ?? 9));
}

/** A tensor with its name; from raw bytes, an external file, or the typed lists that other writers use. */
function decodeTensor(f: Map<number, proto.Field[]>, external?: (path: string) => Uint8Array): [string, Tensor] {
  const name = proto.asText(f.get(8)?.[0]);
  const shape = proto.asIntegers(f.get(1)).map(Number);
  const dtype = dtypeOf(Number(proto.asInteger(f.get(2)?.[0])), `tensor "${name}"`);
  if (proto.asInteger(f.get(14)?.[0]) === 1n) return [name, fromBytes(dtype, shape, externalBytes(f, name, external))];
  const raw = f.get(9)?.[0];
  if (raw instanceof Uint8Array) return [name, fromBytes(dtype, shape, raw)];
  const floats = f.get(4);
  if (floats && dtype === 'float32') {
    const all = proto.flatten({ size: floats.reduce((n, b) => n + (b as Uint8Array).length, 0), parts: floats as Uint8Array[] });
    return [name, fromBytes(dtype, shape, all)];
  }
  const whole = proto.asIntegers(f.get(dtype === 'int64' ? 7 : 5));
  if (dtype === 'int64') return [name, tensor('int64', shape, BigInt64Array.from(whole))];
  if (dtype === 'float32' || dtype === 'int4' || dtype === 'uint4' || whole.length !== sizeOf(shape))
    throw new InputError('onnx.tensor', `tensor "${name}" ${dtype}[${shape}] holds no numbers that can be read`);
  const zeros = { float16: Uint16Array, int32: Int32Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array }[dtype].from(
    whole.map(Number),
  );
  return [name, fromBytes(dtype, shape, toBytes({ dtype, shape, data: zeros }))];
}

function externalBytes(f: Map<number, proto.Field[]>, name: string, external?: (path: string) => Uint8Array): Uint8Array {
  const entries = Object.fromEntries(messages(f, 13).map((e) => [proto.asText(e.get(1)?.[0]), proto.asText(e.get(2)?.[0])]));
  if (!external) throw new InputError('onnx.external', `tensor "${name}" is in the file ${entries.location}, which was not given`);
  const bytes = external(entries.location ?? '');
  const offset = Number(entries.offset ?? 0);
  return bytes.subarray(offset, offset + Number(entries.length ?? bytes.length - offset));
}
