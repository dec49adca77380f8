// Fusion into ONNX Runtime's fast operators, for inference graphs only (they have no gradient). Only what measures faster
// is here (onnxruntime-node 1.30, two cores, milliseconds a call, primitives -> fused):
//   x/rms(x)*gain, width 768       64 rows 0.050 -> 0.015   256 rows 0.08 -> 0.036   1024 rows 0.25 -> 0.10
//   grouped attention, 12x64 heads   64x128 0.20 -> 0.19     256x320 1.8 -> 1.4       1024x1088 28 -> 19
//   the same with a bias on the keys, least and most of four runs on a busy machine:
//                                  256x320 3.1-5.9 -> 2.1-5.7     1024x1088 53-93 -> 34-61
//   six 3x3 mixes of 48 channels in a row, 78x78, one thread: as three lines of three views 38, as convolutions 14
// Group and batch fold into attention's batch axis, so heads are not repeated; 12 separate heads were slower (21 at 1024).
// Left out: rotary positions (RotaryEmbedding is 3 times faster but would gain 1 % of a step), SiLU (ONNX Runtime fuses
// Sigmoid and Mul itself), attention with a bias for each query, quantized products (see quant/).
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { mulDims, type Dim } from '../dim.ts';
import { concat, conv2d, expand, pad, reshape, transpose, transposeLast } from '../ops.ts';
import { END } from '../rules.ts';
import { apply, constant, type Graph, type Value, type ValueOp } from '../value.ts';
import { rewrite } from './rewrite.ts';

/** The graph with fused operators where their pattern occurs. */
export function fuse(g: Graph): Graph {
  return rewrite(g, (v) => FUSIONS[v.op]?.(v) ?? v);
}

/** A row for each operator at which a pattern ends. */
const FUSIONS: { readonly [P in ValueOp]?: (v: Value) => Value | undefined } = {
  Div: rmsNormalization,
  Mul: gainOfNormalization,
  MatMul: (v) => attention(v) ?? mix(v),
};

/** The number of a scalar constant. */
function numberOf(v: Value): number | undefined {
  return v.op === 'Constant' && v.shape.length === 0 && v.dtype === 'float32'
    ? ((v.attributes.value as Tensor).data[0] as number)
    : undefined;
}

/** A commutative operator's operands with the scalar constant taken out. */
function withNumber(v: Value | undefined, op: ValueOp): [Value, number] | undefined {
  if (v?.op !== op) return undefined;
  const [a, b] = v.inputs as [Value, Value];
  const [x, y] = [numberOf(a), numberOf(b)];
  return y !== undefined ? [a, y] : x !== undefined ? [b, x] : undefined;
}

/** x / sqrt(mean(x*x over the last axis) + epsilon): a normalisation with a gain of ones. */
function rmsNormalization(v: Value): Value | undefined {
  const [x, root] = v.inputs as [Value, Value];
  const inside = root.op === 'Sqrt' ? withNumber(root.inputs[0], 'Add') : undefined;
  if (!inside) return undefined;
  const [mean, epsilon] = inside;
  const last = x.shape.length - 1;
  const width = x.shape[last];
  if (mean.op !== 'ReduceMean' || !mean.attributes.keepdims || (mean.attributes.axes as number[]).join() !== `${last}`) return undefined;
  const square = mean.inputs[0]!;
  if (square.op !== 'Mul' || square.inputs.some((y) => y !== x) || typeof width !== 'number' || x.dtype !== 'float32') return undefined;
  const ones = constant(float32([width], new Float32Array(width).fill(1)));
  return apply('SimplifiedLayerNormalization', [x, ones], { epsilon: Number(epsilon.toPrecision(7)) });
}

/** A normalisation whose gain is still ones, times a gain. */
function gainOfNormalization(v: Value): Value | undefined {
  for (const [norm, gain] of [v.inputs, [...v.inputs].reverse()] as [Value, Value][]) {
    if (norm.op !== 'SimplifiedLayerNormalization' || gain.shape.join() !== norm.inputs[1]!.shape.join()) continue;
    const [x, ones] = norm.inputs as [Value, Value];
    if (ones.op === 'Constant' && ((ones.attributes.value as Tensor).data as Float32Array).every((n) => n === 1))
      return apply(norm.op, [x, gain], norm.attributes);
  }
  return undefined;
}

/**
 * softmax(q k' + bias) v with q (B, G, S, d), k (B, G, M, d), v (B, G, M, e): every batch and group is a batch of one head.
 * A bias on the keys is one more feature: (q, 1) . (k, bias) = q . k + bias.
 */
function attention(out: Value): Value | undefined {
  const [weights, v] = out.inputs as [Value, Value];
  if (weights.op !== 'Softmax' || weights.shape.length !== 4 || weights.attributes.axis !== 3) return undefined;
  const biased = weights.inputs[0]!;
  const scores = biased.op === 'Add' ? biased.inputs.find((x) => x.op === 'MatMul') : biased;
  const bias = scores === biased ? undefined : biased.inputs.find((x) => x !== scores);
  const turned = scores?.op === 'MatMul' ? scores.inputs[1]! : undefined;
  if (turned?.op !== 'Transpose' || turned.shape.length !== 4) return undefined;
  const [q, k] = [scores!.inputs[0]!, turnedBack(turned)];
  const [B, G, S, d] = q.shape as [Dim, Dim, Dim, Dim];
  const M = k.shape[2]!;
  if ([k, v].some((x) => x.shape.length !== 4 || x.shape[0] !== B || x.shape[1] !== G)) return undefined;
  if (typeof d !== 'number' || typeof v.shape[3] !== 'number' || q.dtype !== 'float32') return undefined;
  if (bias && (bias.shape.length !== 4 || bias.shape[2] !== 1 || bias.shape[3] !== M)) return undefined;
  const batch = (x: Value) => reshape(x, [mulDims(B, G), x.shape[2]!, x.shape[3]!]);
  const [rows, scale] = unscaled(q);
  const one = constant(float32([1, 1, 1, FEATURES], [1 / scale, ...Array(FEATURES - 1).fill(0)]));
  const queries = bias ? concat([rows, expand(one, [B, G, S, FEATURES])], 3) : rows;
  const keys = bias ? concat([k, pad(transposeLast(expand(bias, [B, G, 1, M])), [0, 0, 0, 0, 0, 0, 0, FEATURES - 1])], 3) : k;
  return reshape(apply('MultiHeadAttention', [batch(queries), batch(keys), batch(v)], { num_heads: 1, scale }), [B, G, S, v.shape[3]]);
}

/** What a transposition has with its last two axes the other way round: another one that came before is folded into it. */
function turnedBack({ inputs: [x], attributes }: Value): Value {
  const [a, b, c, d] = attributes.perm as [number, number, number, number];
  const perm = [a, b, d, c];
  return perm.every((axis, i) => axis === i) ? x! : transpose(x!, perm);
}

/** Features added for a bias: one would do, GPU kernels want a multiple of four. */
const FEATURES = 4;

/** Queries without the factor they were multiplied by, and the factor. */
function unscaled(q: Value): [Value, number] {
  const inner = q.op === 'Reshape' ? q.inputs[0]! : q;
  const [x, factor] = withNumber(inner, 'Mul') ?? [inner, 0];
  return factor > 0 ? [reshape(x, q.shape), factor] : [q, 1];
}

/**
 * Nine shifted views side by side times a matrix (nn/layers.ts: mix3x3) are a convolution. ONNX Runtime takes the transpositions of one
 * after another away itself.
 */
function mix(v: Value): Value | undefined {
  const [views, weight] = v.inputs as [Value, Value];
  if (views.op !== 'Concat' || views.inputs.length !== 9 || views.attributes.axis !== 3 || weight.shape.length !== 2) return undefined;
  const padded = views.inputs[0]!.inputs[0]?.inputs[0];
  const isView = (view: Value, i: number) =>
    view.inputs[0]?.inputs[0] === padded && isShifted(view.inputs[0], 1, Math.floor(i / 3)) && isShifted(view, 2, i % 3);
  if (!padded || !views.inputs.every(isView)) return undefined;
  const [rows, out] = weight.shape as [number, number];
  const kernel = transpose(reshape(weight, [3, 3, rows / 9, out]), [3, 2, 0, 1]);
  const edge = padded.op === 'Pad' && (padded.attributes.pads as number[]).join() === '0,1,1,0,0,1,1,0';
  const seen = transpose(edge ? padded.inputs[0]! : padded, [0, 3, 1, 2]);
  return transpose(conv2d(seen, kernel, { pads: edge ? [1, 1, 1, 1] : [0, 0, 0, 0] }), [0, 2, 3, 1]);
}

/** Whether a value is a Slice along an axis, `by` from its beginning and 2 shorter in all. */
function isShifted(v: Value | undefined, axis: number, by: number): boolean {
  const [from, to] = cutOf(v, axis) ?? [];
  return from === by && (to === by - 2 || (by === 2 && to! >= END));
}

/** Where a Slice along one axis begins and ends. */
function cutOf(v: Value | undefined, axis: number): [from: number, to: number] | undefined {
  if (v?.op !== 'Slice') return undefined;
  const { starts, ends, axes } = v.attributes as Record<string, number[]>;
  return axes!.join() === `${axis}` ? [starts![0]!, ends![0]!] : undefined;
}
