// Functions of the field written in primitives: what a paper writes in one symbol. No weights here (see nn/).
import { mulDims } from './dim.ts';
import { float32 } from '../tensor/tensor.ts';
import { constant, type Value } from './value.ts';
import {
  abs,
  add,
  concat,
  div,
  exp,
  log,
  matmul,
  max,
  mean,
  min,
  mul,
  neg,
  relu,
  reshape,
  sigmoid,
  slice,
  softmax,
  sqrt,
  sub,
  sum,
  transposeLast,
  type Operand,
} from './ops.ts';

export const square = (x: Value) => mul(x, x);
export const silu = (x: Value) => mul(x, sigmoid(x));
/** The stand-in for GELU of the first CLIP: x sigmoid(1.702 x). */
export const quickGelu = (x: Value) => mul(x, sigmoid(mul(x, 1.702)));
export const clip = (x: Value, low: number, high: number) => max(min(x, high), low);
/** log(1 + e^x), stable for large |x|. */
export const softplus = (x: Value) => add(relu(x), log(add(exp(neg(abs(x))), 1)));

/** x / rms(x) over the last axis: Zhang & Sennrich 2019, without the gain. */
export function rmsNormalize(x: Value, epsilon = 1e-6): Value {
  return div(x, sqrt(add(mean(square(x), { axes: [-1], keepdims: true }), epsilon)));
}

/**
 * Scaled dot-product attention with grouped heads: softmax(q k' / sqrt(d)) v.
 * q (B, G, R, L, d), k and v (B, G, M, d): R query heads share each of the G key/value heads, and fold into rows so
 * that nothing is repeated in memory. `bias` (broadcastable to (B, G, R*L, M)) is added to the scores.
 * Returns (B, G, R, L, d).
 */
export function attention(q: Value, k: Value, v: Value, bias?: Value): Value {
  const [B, G, R, L, d] = q.shape as [number, number, number, number, number];
  const rows = reshape(mul(q, 1 / Math.sqrt(d)), [B, G, mulDims(R, L), d]); // (B, G, R*L, d)
  const scores = matmul(rows, transposeLast(k)); //                            (B, G, R*L, M)
  const weights = softmax(bias ? add(scores, bias) : scores);
  return reshape(matmul(weights, v), [B, G, R, L, d]);
}

/**
 * The bias with which position i attends to none after it: 0, and -1e9 above the diagonal. (1, 1, share * length, length): the rows of
 * `share` query heads follow each other, as attention() folds them.
 */
export function causalBias(length: number, share = 1): Value {
  const seen = (i: number) => i % length <= Math.floor(i / length) % length; // column <= position of the row
  return constant(
    float32(
      [1, 1, share * length, length],
      Array.from({ length: share * length ** 2 }, (_, i) => (seen(i) ? 0 : -1e9)),
    ),
  );
}

/** Rotates pairs of features (RoPE, Su et al. 2021): x (..., L, d), cos and sin (L, d/2); halves are the pairs. */
export function rotate(x: Value, cosine: Value, sine: Value): Value {
  const half = (x.shape.at(-1) as number) / 2;
  const a = slice(x, -1, 0, half);
  const b = slice(x, -1, half);
  return concat([sub(mul(a, cosine), mul(b, sine)), add(mul(a, sine), mul(b, cosine))], -1);
}

/** Mean squared error. */
export const mse = (a: Value, b: Value) => mean(square(sub(a, b)));
/** Mean absolute error. */
export const l1 = (a: Value, b: Value) => mean(abs(sub(a, b)));
/** Pseudo-Huber distance per sample, sqrt(|a-b|^2 + c^2) - c over all axes but the first (Song & Dhariwal 2023). Returns (B). */
export function pseudoHuber(a: Value, b: Value, c: number): Value {
  const axes = a.shape.map((_, i) => i).slice(1);
  return sub(sqrt(add(sum(square(sub(a, b)), { axes }), c * c)), c);
}

/** a + t (b - a) */
export const lerp = (a: Operand, b: Operand, t: Operand) => add(a, mul(t, sub(b, a)));
