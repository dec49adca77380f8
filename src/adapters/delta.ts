// What an adapter of any method adds to a weight: LoRA and LoCon, LoHa, LoKr, whole differences; and DoRA, which sets the length of
// each row anew. Weights as PyTorch has them: [out, in] or [out, in, height, width]. A delta whose effect is two small products can
// run beside a weight of few bits (sidesOf); any can be merged into a weight of floats (mergeDelta).
// LoRA: Hu et al. 2021; LoHa: Hyeon-Woo et al. 2022; LoKr: Yeh et al. 2024 (LyCORIS); DoRA: Liu et al. 2024.
// Legend: o out, i in times the kernel's area K, r rank.
import { float32, scaled, transposed, type Tensor } from '../tensor/tensor.ts';
import type { Part } from './keys.ts';

/** A part; without its numbers only shapes can be asked for. */
export interface PartTensor {
  readonly shape: readonly number[];
  readonly data?: ArrayLike<number>;
}
export type Parts = Readonly<Partial<Record<Part, PartTensor>>>;
export type MethodName = 'lora' | 'loha' | 'lokr' | 'diff';

/** The change of one weight. */
export interface Delta {
  readonly method: MethodName;
  readonly parts: Parts;
  /** What the product of the parts is multiplied by: alpha / rank, or 1. */
  readonly scale: number;
  /** Of the weight: [out, in, ...]. */
  readonly shape: readonly number[];
}

/** Rows after rows. How large it is is known before any number is. */
interface Matrix {
  readonly rows: number;
  readonly columns: number;
  numbers(): ArrayLike<number>;
}

interface Method {
  /** Sets of parts, any one of which is whole. */
  readonly sets: readonly (readonly Part[])[];
  /** What alpha is divided by; undefined: alpha does not count. */
  rank(parts: Parts): number | undefined;
  /** The change (o, i) before it is scaled; undefined when the parts do not fit each other or the shape. */
  dense(parts: Parts, shape: readonly number[]): Matrix | undefined;
}

const times = (numbers: readonly number[]): number => numbers.reduce((all, n) => all * n, 1);
const rowsOf = ({ shape }: PartTensor): number => shape[0] ?? 1;
const area = (shape: readonly number[]): number => times(shape.slice(2));
const flat = (t: PartTensor): Matrix => ({ rows: rowsOf(t), columns: times(t.shape.slice(1)), numbers: () => t.data! });

/** Every method that is read. */
export const METHODS: Readonly<Record<MethodName, Method>> = {
  lora: {
    sets: [['a', 'b']],
    rank: ({ mid, a }) => rowsOf(mid ?? a!),
    dense: ({ a, b, mid }) => (mid ? tucker(mid, flat(b!), turned(flat(a!))) : product(flat(b!), flat(a!))),
  },
  loha: {
    sets: [['hada_w1_a', 'hada_w1_b', 'hada_w2_a', 'hada_w2_b']],
    rank: ({ hada_w1_b }) => rowsOf(hada_w1_b!),
    dense(p) {
      const [one, other] = [factor(p.hada_t1, p.hada_w1_a!, p.hada_w1_b!), factor(p.hada_t2, p.hada_w2_a!, p.hada_w2_b!)];
      return one && other && elementwise(one, other);
    },
  },
  lokr: {
    sets: [
      ['lokr_w1', 'lokr_w2'],
      ['lokr_w1', 'lokr_w2_a', 'lokr_w2_b'],
      ['lokr_w1_a', 'lokr_w1_b', 'lokr_w2'],
      ['lokr_w1_a', 'lokr_w1_b', 'lokr_w2_a', 'lokr_w2_b'],
    ],
    rank: ({ lokr_w1_b, lokr_w2_b }) => (lokr_w1_b ?? lokr_w2_b)?.shape[0],
    dense(parts, shape) {
      const { first, second } = kroneckerFactors(parts);
      return first && second && kronecker(first, second, area(shape));
    },
  },
  diff: { sets: [['diff']], rank: () => undefined, dense: ({ diff }) => flat(diff!) },
};

/** The method that parts are of: undefined where none is whole. */
export function methodOf(parts: Parts): MethodName | undefined {
  const whole = ([, { sets }]: [string, Method]) => sets.some((set) => set.every((part) => parts[part]));
  return Object.entries(METHODS).find(whole)?.[0] as MethodName | undefined;
}

/** alpha / rank; 1 where there is no alpha, or the method has no rank. */
export function scaleOf(method: MethodName, parts: Parts): number {
  const rank = METHODS[method].rank(parts);
  const alpha = parts.alpha?.data?.[0];
  return alpha === undefined || rank === undefined ? 1 : alpha / rank;
}

/** The change (o, i), where the parts are of the shapes that the weight wants. */
function changeOf({ method, parts, shape }: Omit<Delta, 'scale'>): Matrix | undefined {
  const found = METHODS[method].dense(parts, shape);
  return found?.rows === shape[0] && found.columns === times(shape.slice(1)) ? found : undefined;
}

/** Whether the parts, of which no numbers are needed, are a change of a weight of this shape. */
export function fitsWeight(delta: Omit<Delta, 'scale'>): boolean {
  const { magnitude } = delta.parts;
  const lengths = magnitude && times(magnitude.shape);
  return changeOf(delta) !== undefined && (lengths === undefined || lengths === delta.shape[0] || lengths === delta.shape[1]);
}

/** The change as a tensor of the weight's shape; undefined when the parts are of other shapes than the weight wants. */
export function denseDelta(delta: Delta): Tensor<'float32'> | undefined {
  const change = changeOf(delta);
  return (
    change &&
    float32(
      [...delta.shape],
      Float32Array.from(change.numbers(), (x) => x * delta.scale),
    )
  );
}

/** Two small products in place of a change of the weight. */
export type Sides =
  /** x A B, with A (in, r) and B (r, out). */
  | { readonly kind: 'products'; readonly a: Tensor<'float32'>; readonly b: Tensor<'float32'> }
  /** A convolution with `a` (r, in, height, width), then one of 1x1 with `b` (out, r, 1, 1). */
  | { readonly kind: 'convolutions'; readonly a: Tensor<'float32'>; readonly b: Tensor<'float32'> }
  /** x as a matrix (b, d): first (a, b) times it times second (c, d) transposed is the result (a, c), row after row. */
  | { readonly kind: 'kronecker'; readonly first: Tensor<'float32'>; readonly second: Tensor<'float32'> };

/** A delta as two small products, where it is that: LoRA without Tucker's core; LoKr of a matrix [out, in]. Not with a magnitude (DoRA). */
export function sidesOf({ method, parts, scale, shape }: Delta): Sides | undefined {
  if (parts.magnitude) return undefined;
  if (method === 'lora' && !parts.mid) return loraSides(parts, scale, shape);
  if (method !== 'lokr' || shape.length > 2) return undefined;
  const { first, second } = kroneckerFactors(parts);
  return first && second && { kind: 'kronecker', first: tensorOf(first), second: tensorOf(second, scale) };
}

function loraSides({ a, b }: Parts, scale: number, shape: readonly number[]): Sides {
  const [down, up] = [tensorOf(flat(a!)), tensorOf(flat(b!), scale)];
  if (shape.length === 2) return { kind: 'products', a: transposed(down), b: transposed(up) };
  const [rank, out] = [down.shape[0]!, up.shape[0]!];
  return { kind: 'convolutions', a: float32([rank, ...shape.slice(1)], down.data), b: float32([out, rank, 1, 1], up.data) };
}

/**
 * The weight with a delta baked in at a strength: W + s D; for DoRA W + s (W' - W), where W' is W + D with the length of each row, or of
 * each input's column, as `magnitude` says. Undefined when it does not fit.
 */
export function mergeDelta(weight: Tensor<'float32'>, delta: Delta, strength = 1): Tensor<'float32'> | undefined {
  const change = denseDelta(delta);
  if (!change || change.data.length !== weight.data.length) return undefined;
  const { magnitude } = delta.parts;
  const sum = weight.data.map((w, at) => w + change.data[at]!);
  const full = magnitude ? rescaled(sum, magnitude, weight.shape) : sum;
  return (
    full &&
    float32(
      [...weight.shape],
      weight.data.map((w, at) => w + strength * (full[at]! - w)),
    )
  );
}

/** W + D with its lengths set: over all that one output reads, or, for a magnitude [1, in, ...], over all that one input feeds. */
function rescaled(weight: Float32Array, magnitude: PartTensor, [out, inputs, ...kernel]: readonly number[]): Float32Array | undefined {
  const { shape, data } = magnitude;
  const byInput = shape.length > 1 && shape[0] === 1 && out !== 1;
  const K = times(kernel);
  const groupOf = byInput ? (at: number) => Math.floor(at / K) % inputs! : (at: number) => Math.floor(at / (inputs! * K));
  const squares = new Float64Array(byInput ? inputs! : out!);
  if (data?.length !== squares.length) return undefined;
  weight.forEach((w, at) => (squares[groupOf(at)]! += w * w));
  return weight.map((w, at) => (w * data[groupOf(at)]!) / Math.sqrt(squares[groupOf(at)]! || 1));
}

/** A factor of LoHa: wa wb, or with Tucker's core, where both have the rank first. */
const factor = (core: PartTensor | undefined, wa: PartTensor, wb: PartTensor): Matrix | undefined =>
  core ? tucker(core, turned(flat(wa)), turned(flat(wb))) : product(flat(wa), flat(wb));

/** The two factors of LoKr. */
function kroneckerFactors(p: Parts): { first: Matrix | undefined; second: Matrix | undefined } {
  const first = p.lokr_w1 ? flat(p.lokr_w1) : product(flat(p.lokr_w1_a!), flat(p.lokr_w1_b!));
  return { first, second: p.lokr_w2 ? flat(p.lokr_w2) : factor(p.lokr_t2, p.lokr_w2_a!, p.lokr_w2_b!) };
}

/** (o, r) times (r, i). */
function product(left: Matrix, right: Matrix): Matrix | undefined {
  const [rows, inner, columns] = [left.rows, left.columns, right.columns];
  if (inner !== right.rows) return undefined;
  return { rows, columns, numbers: () => multiplied(left.numbers(), right.numbers(), rows, inner, columns) };
}

function multiplied(left: ArrayLike<number>, right: ArrayLike<number>, rows: number, inner: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let o = 0; o < rows; o++)
    for (let r = 0; r < inner; r++) {
      const scale = left[o * inner + r]!;
      for (let i = 0; i < columns; i++) result[o * columns + i]! += scale * right[r * columns + i]!;
    }
  return result;
}

function elementwise(one: Matrix, other: Matrix): Matrix | undefined {
  if (one.rows !== other.rows || one.columns !== other.columns) return undefined;
  const numbers = () => {
    const factors = other.numbers();
    return Float32Array.from(one.numbers(), (x, at) => x * factors[at]!);
  };
  return { ...one, numbers };
}

/** Rows and columns exchanged. */
const turned = (m: Matrix): Matrix => ({ rows: m.columns, columns: m.rows, numbers: () => transposed(tensorOf(m)).data });

/** Sum over p, q of left (o, p) core (p, q, K) right (i, q): (o, i K). */
function tucker(core: PartTensor, left: Matrix, right: Matrix): Matrix | undefined {
  const half = product(left, flat(core)); // (o, q K)
  const [, q] = core.shape;
  if (!half || right.columns !== q) return undefined;
  const [width, K] = [half.columns, half.columns / q];
  const numbers = () => {
    const [all, inner] = [half.numbers() as Float32Array, right.numbers()];
    const whole = new Float32Array(half.rows * right.rows * K);
    for (let o = 0; o < half.rows; o++)
      whole.set(multiplied(inner, all.subarray(o * width, (o + 1) * width), right.rows, q, K), o * right.rows * K); // (i, K)
    return whole;
  };
  return { rows: half.rows, columns: right.rows * K, numbers };
}

/** Kronecker's product of (a, b) and (c, d K): (a c, b d K). */
function kronecker(first: Matrix, second: Matrix, K: number): Matrix | undefined {
  const [c, width] = [second.rows, second.columns];
  if (width % K !== 0) return undefined;
  const [rows, columns] = [first.rows * c, first.columns * width];
  const numbers = () => {
    const [one, other] = [first.numbers(), second.numbers()];
    const cell = (row: number, column: number) =>
      one[Math.floor(row / c) * first.columns + Math.floor(column / width)]! * other[(row % c) * width + (column % width)]!;
    return Float32Array.from({ length: rows * columns }, (_, at) => cell(Math.floor(at / columns), at % columns));
  };
  return { rows, columns, numbers };
}

function tensorOf({ rows, columns, numbers }: Matrix, scale = 1): Tensor<'float32'> {
  const given = numbers();
  return scaled(float32([rows, columns], given instanceof Float32Array ? given.slice() : Float32Array.from(given)), scale);
}
