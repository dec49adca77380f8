// Fake quantization: float arithmetic that gives what the quantized kernels will give, in primitives, so that a network can be
// trained with it. Rounding has no gradient; here it is passed by, as if it were not there (straight through, Bengio et al.
// 2013). Weights as blocks.ts rounds them; activations as the kernels do: one scale and zero point for a whole tensor
// (DynamicQuantizeMatMul, int8.ts) or a scale for each block of 128 (MatMulNBits at accuracy 4, int4.ts).
// The number of levels may be a value that is fed: bits are then lowered during a run without compiling anything anew.
import type { Shape } from '../graph/dim.ts';
import {
  abs,
  add,
  cast,
  div,
  equal,
  greater,
  matmul,
  max,
  maximum,
  min,
  mul,
  neg,
  pad,
  reshape,
  round,
  slice,
  stopGradient,
  sub,
  where,
  type Operand,
} from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';
import type { Product } from '../nn/scope.ts';
import { BLOCK } from './blocks.ts';
import type { Plan } from './plan.ts';

/** `rounded` with the gradient of `x`: x - x is exactly zero. */
export function straightThrough(x: Value, rounded: Value): Value {
  return add(stopGradient(rounded), sub(x, stopGradient(x)));
}

/** A divisor without zeros: where it was 0, what is divided is 0 too. */
const nonZero = (x: Value) => add(x, cast(equal(x, 0), 'float32'));
const clamp = (x: Value, low: Operand, high: Operand) => max(min(x, high), low);

/** Levels on either side of zero at some bits: 8 at 4 bits. */
export const levelsOf = (bits: number) => 2 ** (bits - 1);

/** An axis of `size` cut into blocks of 128, zeros after its end: (..., size, ...) to (..., n, 128, ...); a short axis is one block. */
function split(x: Value, axis: number, size: number): Value {
  const blocks = Math.ceil(size / BLOCK);
  const each = Math.min(size, BLOCK);
  const missing = blocks * each - size;
  const whole = pad(x, [...x.shape.map(() => 0), ...x.shape.map((_, i) => (i === axis ? missing : 0))]);
  return reshape(whole, [...x.shape.slice(0, axis), blocks, each, ...x.shape.slice(axis + 1)]);
}

/** The inverse of split: back to `shape`. */
function join(x: Value, axis: number, shape: Shape): Value {
  const [blocks, each] = x.shape.slice(axis) as [number, number];
  const whole = reshape(x, [...shape.slice(0, axis), blocks * each, ...shape.slice(axis + 1)]);
  return blocks * each === shape[axis] ? whole : slice(whole, axis, 0, shape[axis] as number);
}

/**
 * A matrix (in, out) as quantizeBlocks rounds it, with 2 * levels numbers: 8 levels are 4 bits. `levels` may be fed, and need
 * not be a power of two. The gradient passes straight through.
 */
export function fakeBlocks(weight: Value, levels: Operand): Value {
  const blocks = split(weight, 0, weight.shape[0] as number); //            (n, 128, out)
  const high = maximum(blocks, { axes: [1], keepdims: true }); //           (n, 1, out)
  const low = neg(maximum(neg(blocks), { axes: [1], keepdims: true }));
  const extreme = where(greater(neg(low), high), low, high);
  const scale = cast(cast(div(extreme, mul(levels, -1)), 'float16'), 'float32');
  const whole = clamp(round(div(blocks, nonZero(scale))), mul(levels, -1), sub(levels, 1));
  return straightThrough(weight, join(mul(whole, scale), 0, weight.shape));
}

/**
 * Activations as DynamicQuantizeMatMul sees them: 256 steps from the smallest to the largest number, zero among them. Each
 * picture of a batch (first axis) by itself, since a picture runs alone. The gradient passes straight through.
 */
export function fakeTensor(x: Value): Value {
  const axes = x.shape.map((_, i) => i).slice(1);
  const high = max(maximum(x, { axes, keepdims: true }), 0);
  const low = min(neg(maximum(neg(x), { axes, keepdims: true })), 0);
  const step = nonZero(div(sub(high, low), 255));
  const zero = round(clamp(div(neg(low), step), 0, 255));
  const whole = sub(clamp(add(round(div(x, step)), zero), 0, 255), zero);
  return straightThrough(x, mul(whole, step));
}

/** Activations as MatMulNBits at accuracy 4 sees them: -127 to 127 in each block of 128 along the last axis. */
export function fakeActivationBlocks(x: Value): Value {
  const axis = x.shape.length - 1;
  const blocks = split(x, axis, x.shape[axis] as number); // (..., n, 128)
  const scale = div(maximum(abs(blocks), { axes: [-1], keepdims: true }), 127);
  return straightThrough(x, join(mul(round(div(blocks, nonZero(scale))), scale), axis, x.shape));
}

/** How activations are rounded, by name: as the 8-bit kernel does, as the block kernel does, not at all. */
const ACTIVATIONS = { tensor: fakeTensor, block: fakeActivationBlocks, none: (x: Value) => x } as const;
export type Activations = keyof typeof ACTIVATIONS;

export interface FakeOptions {
  /** Weights that it does not name are multiplied as floats. */
  readonly plan: Plan;
  readonly activations?: Activations;
  /** No weight has fewer levels than this, whatever the plan says: a number, or a value to feed (128, then 32, then 8). */
  readonly least?: Operand;
}

/** Products with the arithmetic of the quantized kernels, which gradients pass through. */
export function fakeProduct({ plan, activations = 'tensor', least }: FakeOptions): Product {
  const weights = new Map<Value, Value>();
  const inputs = new Map<Value, Value>(); // query, key and value read the same activations
  const once = (made: Map<Value, Value>, from: Value, make: () => Value) => {
    let found = made.get(from);
    if (!found) made.set(from, (found = make()));
    return found;
  };
  return (x, weight, path) => {
    const bits = plan[path];
    if (bits === undefined) return matmul(x, weight);
    const levels = least === undefined ? levelsOf(bits) : max(levelsOf(bits), least);
    return matmul(
      once(inputs, x, () => ACTIVATIONS[activations](x)),
      once(weights, weight, () => fakeBlocks(weight, levels)),
    );
  };
}
