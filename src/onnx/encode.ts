// A graph as an ONNX file: since the operators are ONNX's own, this is printing. Opset 21 (from 22 on WebGPU loses
// kernels), IR version 10. What ONNX wants as inputs (axes, bounds, shapes) becomes shared int64 constants; a size that
// is only known at run time is computed from an input that carries its symbol, once for the whole graph.
import type { Outline } from '../tensor/safetensors.ts';
import { byteLength, float32, sizeOf, toBytes, type DType, type Tensor } from '../tensor/tensor.ts';
import { InputError, ShapeError } from '../util/errors.ts';
import { symbolsOf, termsOf, type Dim, type Shape } from '../graph/dim.ts';
import { END, tensorAttribute, type Op } from '../graph/rules.ts';
import { topological, type Attribute, type Graph, type Value } from '../graph/value.ts';
import * as proto from './proto.ts';

/** A weight that lies in a file beside the model already. */
export interface PlacedWeight extends Outline {
  readonly place: { readonly path: string; readonly offset: number };
}

export interface EncodeOptions {
  /** Parameters named here are written as initializers; the others are inputs. */
  weights?: Readonly<Record<string, Tensor | PlacedWeight>>;
  /**
   * Where large initializers go: 'none' inside the model (up to 2 GB), 'one' in one file beside it, 'each' in a file of
   * its own for every tensor (nothing is copied).
   */
  external?: 'none' | 'one' | 'each';
  /** Name of the external file, or its prefix. */
  externalName?: string;
}

export interface EncodedModel {
  model: Uint8Array;
  /** Files of external data: their name in the model and their content, as parts to write one after the other. */
  external: { path: string; parts: Uint8Array[] }[];
}

/** ONNX's numbers of the element types. */
export const TYPES = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  uint4: 21,
  int4: 22,
} as const satisfies Record<DType, number>;
export const OPSET = 21;
const IR_VERSION = 10;
/** Marks for the reader: an input that is a parameter, a constant's name, a node that only names an output. */
export const WEIGHT = 'weight';
export const CONSTANT = '%c';
export const ALIAS = 'alias ';

const INT64_MAX = 2n ** 63n - 1n;
export const MICROSOFT = 'com.microsoft';
/** A number that the file holds as a float; every other is whole. */
interface Real {
  readonly real: number;
}
const real = (x: Attribute): Real => ({ real: x as number });
type Written = Readonly<Record<string, Attribute | Real>>;
/** The Resize that repeats each element. */
export const NEAREST = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' } as const;
/** External data starts at multiples of this many bytes, so that it can be mapped. */
export const ALIGNMENT = 64;
/** Smaller tensors stay in the model: ONNX Runtime folds them. */
export const EXTERNAL_MIN = 1024;

/** What an operator looks like in the file: its constant inputs and attributes, where they differ from the graph's. */
type Writer = (v: Value, w: Writing) => { inputs?: string[]; attributes?: Written; domain?: string };

const plain: Writer = () => ({});
const microsoft: Writer = () => ({ domain: MICROSOFT });
const reduce: Writer = ({ attributes: { axes, keepdims } }, w) => ({
  inputs: [w.integers(axes as number[])],
  attributes: { keepdims: keepdims as boolean },
});

const WRITERS: { readonly [P in Op]: Writer } = {
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
  Softmax: plain,
  Transpose: plain,
  Concat: plain,
  Gather: plain,
  ScatterND: plain,
  ReduceSum: reduce,
  ReduceMean: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  Cast: ({ attributes: { to } }) => ({ attributes: { to: TYPES[to as DType] } }),
  ArgMax: ({ attributes: { axis } }) => ({ attributes: { axis: axis!, keepdims: 1 } }),
  Reshape: writeReshape,
  Expand: ({ inputs: [x], attributes: { shape } }, w) => {
    const to = shape as Shape;
    const own = (i: number) => x!.shape[i - to.length + x!.shape.length];
    return { inputs: [w.shape(to.map((d, i) => (d === own(i) ? 1 : d)))], attributes: {} };
  },
  Slice: ({ attributes: { starts, ends, axes } }, w) => ({
    inputs: [w.integers(starts as number[]), w.integers(ends as number[]), w.integers(axes as number[])],
    attributes: {},
  }),
  Pad: ({ attributes: { pads } }, w) => ({ inputs: [w.integers(pads as number[])], attributes: { mode: 'constant' } }),
  Conv: plain,
  Resize: ({ attributes: { scales } }, w) => ({ inputs: ['', w.reals(scales as number[])], attributes: NEAREST }),
  Gelu: plain,
  LayerNormalization: ({ attributes: { epsilon } }) => ({ attributes: { axis: -1, epsilon: real(epsilon!), stash_type: 1 } }),
  InstanceNormalization: ({ attributes: { epsilon } }) => ({ attributes: { epsilon: real(epsilon!) } }),
  SimplifiedLayerNormalization: ({ attributes: { epsilon } }) => ({ attributes: { axis: -1, epsilon: real(epsilon!), stash_type: 1 } }),
  MultiHeadAttention: ({ attributes: { scale, ...others } }) => ({
    attributes: scale === undefined ? others : { ...others, scale: real(scale) },
    domain: MICROSOFT,
  }),
  MatMulNBits: microsoft,
  DynamicQuantizeMatMul: microsoft,
  QuantizeLinear: plain,
  MatMulIntegerToFloat: microsoft,
  DequantizeLinear: plain,
};

/**
 * Sizes known: a constant. Otherwise 0 copies an axis of the operand, and one remaining unknown axis is -1; two or more
 * are computed. (-1 beside a copied axis that is empty at run time fails in ONNX Runtime, loudly.)
 */
function writeReshape({ inputs: [x], attributes: { shape } }: Value, w: Writing): ReturnType<Writer> {
  const to = shape as Shape;
  const symbolic = to.filter((d) => typeof d === 'string');
  if (symbolic.length === 0) return { inputs: [w.integers(to as number[])], attributes: to.includes(0) ? { allowzero: 1 } : {} };
  if (to.includes(0)) return { inputs: [w.shape(to)], attributes: { allowzero: 1 } };
  if (symbolic.length === 1) return { inputs: [w.integers(to.map((d) => (typeof d === 'string' ? -1 : d)))], attributes: {} };
  const copied = to.map((d, i) => (typeof d === 'number' ? d : d === x!.shape[i] ? 0 : -1));
  if (copied.filter((d) => d === -1).length < 2) return { inputs: [w.integers(copied)], attributes: {} };
  return { inputs: [w.shape(to)], attributes: { allowzero: 1 } };
}

/** The file under construction. */
interface Writing {
  /** Adds a node; returns the name of its result. */
  node(op: string, inputs: readonly string[], attributes: Written, domain?: string, output?: string): string;
  /** A shared int64 vector. */
  integers(values: readonly number[]): string;
  /** A shared float32 vector. */
  reals(values: readonly number[]): string;
  /** A shared int64 vector of sizes, computed at run time where they are symbolic. */
  shape(shape: Shape): string;
}

/**
 * Writes a graph as an ONNX model. Throws InputError when a weight does not fit its parameter, ShapeError when an output
 * has the name of an input or a symbol cannot be found in any input's shape.
 */
export function encodeModel(g: Graph, { weights = {}, external = 'none', externalName = 'weights.bin' }: EncodeOptions = {}): EncodedModel {
  const nodes: proto.Bytes[] = [];
  const initializers: proto.Bytes[] = [];
  const store = externalStore(external, externalName);
  const shared = new Map<string, string>(); // what was written already, by a key of its content
  const buckets = new Map<string, { bytes: Uint8Array; name: string }[]>();
  const names = new Map<Value, string>(g.inputs.map((v) => [v, v.name!]));

  const once = (key: string, make: () => string): string => {
    let name = shared.get(key);
    if (name === undefined) shared.set(key, (name = make()));
    return name;
  };
  const constant = (t: Tensor): string => {
    const bytes = toBytes(t);
    const key = `${t.dtype}[${t.shape}]${hash(bytes)}`;
    const bucket = buckets.get(key) ?? [];
    buckets.set(key, bucket);
    const same = bucket.find((c) => equalBytes(c.bytes, bytes));
    if (same) return same.name;
    const name = `${CONSTANT}${initializers.length}`;
    bucket.push({ bytes, name });
    initializers.push(proto.message(5, encodeTensor(name, t, store.put)));
    return name;
  };
  const w: Writing = {
    node(op, inputs, attributes, domain, output = `%${nodes.length}`) {
      nodes.push(encodeNode(op, `${op}_${nodes.length}`, inputs, output, attributes, domain));
      return output;
    },
    integers: (values) =>
      constant({ dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, (n) => (n === END ? INT64_MAX : BigInt(n))) }),
    reals: (values) => constant(float32([values.length], values)),
    shape: (shape) =>
      once(`shape ${shape}`, () => {
        if (shape.every((d) => typeof d === 'number')) return w.integers(shape);
        const parts = shape.map((d) => sizeAtRunTime(d, g, w, once));
        return parts.length === 1 ? parts[0]! : w.node('Concat', parts, { axis: 0 });
      }),
  };

  const outputs = Object.entries(g.outputs);
  const outputName = new Map<Value, string>(); // a value may be several outputs: the first name is its own
  for (const [name, v] of outputs) {
    if (g.inputs.some((x) => x.name === name))
      throw new ShapeError('onnx.output', `graph ${g.name}: output "${name}" has the name of an input; rename it`);
    if (v.inputs.length > 0 && !outputName.has(v)) outputName.set(v, name);
  }
  for (const v of g.inputs) {
    const weight = v.op === 'Parameter' ? weights[v.name!] : undefined;
    if (weight) initializers.push(proto.message(5, encodeTensor(v.name!, fits(v, weight), store.put)));
  }
  for (const v of topological(Object.values(g.outputs))) {
    if (v.op === 'Constant') names.set(v, constant(tensorAttribute(v.attributes)));
    else if (v.op !== 'Input' && v.op !== 'Parameter') {
      const { inputs = [], attributes = v.attributes, domain } = WRITERS[v.op](v, w);
      names.set(v, w.node(v.op, [...v.inputs.map((x) => names.get(x)!), ...inputs], attributes, domain, outputName.get(v)));
    }
  }
  // An output that is a leaf, or a second name of a value.
  for (const [name, v] of outputs)
    if (outputName.get(v) !== name) nodes.push(encodeNode('Identity', ALIAS + name, [names.get(v)!], name, {}));

  const fed = g.inputs.filter((v) => !(v.op === 'Parameter' && weights[v.name!]));
  const model = proto.join([
    proto.integer(1, IR_VERSION),
    proto.text(2, 'banana-sdk'),
    proto.message(
      7,
      ...nodes,
      proto.text(2, g.name),
      ...initializers,
      ...fed.map((v) => proto.message(11, encodeType(v.name!, v))),
      ...outputs.map(([name, v]) => proto.message(12, encodeType(name, v))),
    ),
    proto.message(8, proto.text(1, ''), proto.integer(2, OPSET)),
    proto.message(8, proto.text(1, MICROSOFT), proto.integer(2, 1)),
  ]);
  return { model: proto.flatten(model), external: store.files };
}

/** The name of an int64[1] that holds a size at run time. */
function sizeAtRunTime(dim: Dim, g: Graph, w: Writing, once: (key: string, make: () => string) => string): string {
  if (typeof dim === 'number') return w.integers([dim]);
  return once(`size ${dim}`, () =>
    termsOf(dim)
      .map(([coefficient, symbols]) => {
        const factors = [
          ...(coefficient === 1 && symbols.length > 0 ? [] : [w.integers([coefficient])]),
          ...symbols.map((s) => symbolAtRunTime(s, g, w, once)),
        ];
        return factors.reduce((a, b) => w.node('Mul', [a, b], {}));
      })
      .reduce((a, b) => w.node('Add', [a, b], {})),
  );
}

/** The value of a symbol from a fed shape: best an axis that is the symbol itself, else one of the form c*s+k. */
function symbolAtRunTime(symbol: string, g: Graph, w: Writing, once: (key: string, make: () => string) => string): string {
  return once(`symbol ${symbol}`, () => {
    const axes = g.inputs.flatMap((v) => v.shape.map((d, axis) => ({ v, d, axis })));
    const found =
      axes.find(({ d }) => d === symbol) ??
      axes.find(({ d }) => symbolsOf(d).join() === symbol && termsOf(d).every(([, s]) => s.length < 2));
    if (!found)
      throw new ShapeError('onnx.symbol', `graph ${g.name}: no input has an axis of size "${symbol}" from which to read it at run time`);
    const size = w.node('Shape', [found.v.name!], { start: found.axis, end: found.axis + 1 });
    if (found.d === symbol) return size;
    const terms = termsOf(found.d);
    const offset = terms.find(([, s]) => s.length === 0)?.[0] ?? 0;
    const coefficient = terms.find(([, s]) => s.length === 1)![0];
    return w.node('Div', [w.node('Sub', [size, w.integers([offset])], {}), w.integers([coefficient])], {});
  });
}

function fits<T extends Outline>(v: Value, t: T): T {
  if (t.dtype !== v.dtype || t.shape.join() !== v.shape.join())
    throw new InputError('weights.shape', `weight "${v.name}" is ${t.dtype}[${t.shape}], expected ${v.dtype}[${v.shape}]`);
  return t;
}

function encodeNode(op: string, name: string, inputs: readonly string[], output: string, attributes: Written, domain = ''): proto.Bytes {
  return proto.message(
    1,
    ...inputs.map((x) => proto.text(1, x)),
    proto.text(2, output),
    proto.text(3, name),
    proto.text(4, op),
    ...Object.entries(attributes).map(([key, a]) => proto.message(5, proto.text(1, key), ...encodeAttribute(key, a))),
    ...(domain ? [proto.text(7, domain)] : []),
  );
}

function encodeAttribute(key: string, a: Attribute | Real): proto.Bytes[] {
  if (typeof a === 'object' && 'real' in a) return [proto.float(2, a.real), proto.integer(20, 1)];
  if (typeof a === 'number' || typeof a === 'boolean') return [proto.integer(3, Number(a)), proto.integer(20, 2)];
  if (typeof a === 'string') return [proto.text(4, a), proto.integer(20, 3)];
  if (Array.isArray(a)) return [...(a as number[]).map((n) => proto.integer(8, n)), proto.integer(20, 7)];
  throw new ShapeError('onnx.attribute', `attribute ${key} cannot be written`);
}

/** A value's name, type and shape. A symbolic size is its canonical text, as a name: equal names are equal sizes. */
function encodeType(name: string, v: Value): proto.Bytes {
  const dims = v.shape.map((d) => proto.message(1, typeof d === 'number' ? proto.integer(1, d) : proto.text(2, d)));
  const type = proto.message(2, proto.message(1, proto.integer(1, TYPES[v.dtype]), proto.message(2, ...dims)));
  return proto.join([proto.text(1, name), type, ...(v.op === 'Parameter' ? [proto.text(3, WEIGHT)] : [])]);
}

type Put = (name: string, bytes: Uint8Array) => { path: string; offset: number } | undefined;

function encodeTensor(name: string, t: Tensor | PlacedWeight, put: Put): proto.Bytes {
  const placed = 'place' in t;
  const bytes = placed ? undefined : toBytes(t);
  const place = placed ? t.place : put(name, bytes!);
  const length = byteLength(t.dtype, sizeOf(t.shape));
  const entry = (key: string, value: string | number) => proto.message(13, proto.text(1, key), proto.text(2, String(value)));
  return proto.join([
    proto.integers(1, t.shape),
    proto.integer(2, TYPES[t.dtype]),
    proto.text(8, name),
    ...(place
      ? [entry('location', place.path), entry('offset', place.offset), entry('length', length), proto.integer(14, 1)]
      : [proto.raw(9, bytes!)]),
  ]);
}

/** Where external tensors go. */
function externalStore(kind: 'none' | 'one' | 'each', fileName: string): { files: EncodedModel['external']; put: Put } {
  const files: EncodedModel['external'] = [];
  let end = 0;
  const put: Put = (_, bytes) => {
    if (kind === 'none' || bytes.length < EXTERNAL_MIN) return undefined;
    if (kind === 'each') {
      const path = `${fileName}.${files.length}`;
      files.push({ path, parts: [bytes] });
      return { path, offset: 0 };
    }
    const file = files[0] ?? { path: fileName, parts: [] };
    files[0] = file;
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    if (offset > end) file.parts.push(new Uint8Array(offset - end));
    file.parts.push(bytes);
    end = offset + bytes.length;
    return { path: fileName, offset };
  };
  return { files, put };
}

/** FNV-1a over the bytes: only finds candidates, equality is then checked. */
function hash(bytes: Uint8Array): number {
  let h = 0x811c9dc5;
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
  return h >>> 0;
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}
