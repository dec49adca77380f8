// What a graph costs: the floating-point operations of its products and the bytes of its weights. Products are counted, other
// operators are not: they are a few in a thousand of the arithmetic and bound by memory. A product is a row of a table, so
// that the fused operators of an inference graph count the same as the primitives that they stand for.
import { byteLength, sizeOf } from '../tensor/tensor.ts';
import { evaluateDim, type Shape } from './dim.ts';
import { nodesOf, type Graph, type Value, type ValueOp } from './value.ts';

/** `batch` products of (rows, inner) by (inner, columns). */
export interface MatrixProduct {
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** Whether the right side is a weight of the graph, which an engine may pack beforehand. */
  readonly weight: boolean;
}

type Sizes = (shape: Shape) => number[];

const isWeight = (v: Value) => v.op === 'Parameter' || v.op === 'Constant';

/** a (..., M, K) by b (..., K, N). One b for every batch is one tall product. */
function matmul([a, b]: readonly Value[], out: Value, sizes: Sizes): MatrixProduct[] {
  const [left, result] = [sizes(a!.shape), sizes(out.shape)];
  const tall = b!.shape.length === 2;
  const batch = sizeOf(result.slice(0, -2));
  const rows = result.at(-2)!;
  const [inner, columns, weight] = [left.at(-1)!, result.at(-1)!, isWeight(b!)];
  return [tall ? { batch: 1, rows: batch * rows, inner, columns, weight } : { batch, rows, inner, columns, weight }];
}

const PRODUCTS: { readonly [P in ValueOp]?: (inputs: readonly Value[], out: Value, sizes: Sizes) => MatrixProduct[] } = {
  MatMul: matmul,
  MatMulNBits: ([a], out, sizes) => [
    {
      batch: 1,
      rows: sizeOf(sizes(a!.shape).slice(0, -1)),
      inner: sizes(a!.shape).at(-1)!,
      columns: sizes(out.shape).at(-1)!,
      weight: true,
    },
  ],
  DynamicQuantizeMatMul: matmul,
  MatMulIntegerToFloat: matmul,
  /** A product a group: the pixels, by the numbers under the kernel. */
  Conv: ([, w], out, sizes) => {
    const [B, O, h, width] = sizes(out.shape) as [number, number, number, number];
    const groups = out.attributes.group as number;
    return [{ batch: groups, rows: B * h * width, inner: sizeOf(sizes(w!.shape).slice(1)), columns: O / groups, weight: isWeight(w!) }];
  },
  /** q (B, S, d), k (B, M, d), v (B, M, e), split over heads: the scores, and their sums of values. */
  MultiHeadAttention: ([q, k, v], out, sizes) => {
    const heads = out.attributes.num_heads as number;
    const [[B, S, d], M, e] = [sizes(q!.shape) as [number, number, number], sizes(k!.shape)[1]!, sizes(v!.shape)[2]!];
    const each = { batch: B * heads, rows: S, weight: false };
    return [
      { ...each, inner: d / heads, columns: M },
      { ...each, inner: M, columns: e / heads },
    ];
  },
};

/** Every product of a graph, in the order of the computation; `symbols` are the values of its symbolic sizes. Throws ShapeError when one is missing. */
export function productsOf(g: Graph, symbols: Readonly<Record<string, number>>): MatrixProduct[] {
  const sizes: Sizes = (shape) => shape.map((dim) => evaluateDim(dim, symbols));
  return nodesOf(g).flatMap((v) => PRODUCTS[v.op]?.(v.inputs, v, sizes) ?? []);
}

/** Floating-point operations of a graph's products: a multiplication and an addition are two. */
export function flopsOf(g: Graph, symbols: Readonly<Record<string, number>>): number {
  return productsOf(g, symbols).reduce((sum, p) => sum + 2 * p.batch * p.rows * p.inner * p.columns, 0);
}

/** Bytes of a graph's weights as they are in memory. */
export function bytesOf(g: Graph): number {
  return g.inputs.reduce((sum, v) => sum + (v.op === 'Parameter' ? byteLength(v.dtype, sizeOf(v.shape as readonly number[])) : 0), 0);
}
