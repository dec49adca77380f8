// Constant folding, by the reference interpreter, and the identities that gradients leave behind: x*1, x+0, a reshape of a
// reshape, a transpose of a transpose, and an Expand that the next operator's broadcasting would do anyway (the gradient
// of every sum and mean is one; dropping it saves writing the whole array). ONNX Runtime does part of this itself; the
// CUDA executor does none. Nothing here changes a result by more than a rounding of zero's sign.
import { byteLength, sizeOf, type Tensor } from '../../tensor/tensor.ts';
import { broadcastShapes, type Shape } from '../dim.ts';
import { evaluate } from '../evaluate.ts';
import { reshape, transpose } from '../ops.ts';
import { BINARY, COMPARE } from '../rules.ts';
import { constant, type Graph, type Value, type ValueOp } from '../value.ts';
import { rewrite } from './rewrite.ts';

/** A folded result may take this many bytes, or as many as what it was computed from. */
const SMALL_BYTES = 64 * 1024;

/** The graph with constant parts computed and idle operators removed. */
export function fold(g: Graph): Graph {
  return rewrite(g, (v) => (foldable(v) ? computed(v) : (IDENTITIES[v.op]?.(v) ?? v)));
}

function bytesOf(v: Value): number {
  return v.shape.every((d) => typeof d === 'number') ? byteLength(v.dtype, sizeOf(v.shape as number[])) : Infinity;
}

function foldable(v: Value): boolean {
  if (v.inputs.length === 0 || v.inputs.some((x) => x.op !== 'Constant')) return false;
  return bytesOf(v) <= Math.max(SMALL_BYTES, ...v.inputs.map(bytesOf));
}

function computed(v: Value): Value {
  return constant(evaluate({ name: 'fold', inputs: [], outputs: { y: v } }, {}).y!);
}

/** Whether every element is `number`; only small constants are looked at. */
function isAll(v: Value, number: number): boolean {
  if (v.op !== 'Constant' || v.dtype !== 'float32' || bytesOf(v) > SMALL_BYTES) return false;
  return ((v.attributes.value as Tensor).data as Float32Array).every((x) => x === number);
}

const sameShape = (a: Shape, b: Shape) => a.join() === b.join();

/** The operand that an operator leaves as it is because the other one is neutral. */
function neutral(number: number, sides: readonly (0 | 1)[]): (v: Value) => Value | undefined {
  return (v) => {
    const side = sides.find((i) => isAll(v.inputs[i]!, number) && sameShape(v.inputs[1 - i]!.shape, v.shape));
    return side === undefined ? withoutExpand(v) : v.inputs[1 - side]!;
  };
}

/** An elementwise operator on what an Expand was given, where its own broadcasting gives the same shape. */
function withoutExpand(v: Value): Value | undefined {
  const inputs = [...v.inputs];
  inputs.forEach((x, i) => {
    if (x.op !== 'Expand') return;
    const others = inputs.filter((_, j) => j !== i).map((y) => y.shape);
    if (
      sameShape(
        [x.inputs[0]!.shape, ...others].reduce((a, b) => broadcastShapes(a, b, v.op)),
        v.shape,
      )
    )
      inputs[i] = x.inputs[0]!;
  });
  return inputs.some((x, i) => x !== v.inputs[i]) ? { ...v, inputs } : undefined;
}

const IDENTITIES: { readonly [P in ValueOp]?: (v: Value) => Value | undefined } = {
  ...Object.fromEntries([...BINARY, ...COMPARE, 'Where'].map((op) => [op, withoutExpand])),
  Mul: neutral(1, [0, 1]),
  Div: neutral(1, [1]),
  Add: neutral(0, [0, 1]),
  Sub: neutral(0, [1]),
  Reshape: (v) => {
    const [x] = v.inputs as [Value];
    return x.op === 'Reshape' ? reshape(x.inputs[0]!, v.shape) : sameShape(x.shape, v.shape) ? x : undefined;
  },
  Transpose: (v) => {
    const [x] = v.inputs as [Value];
    if (x.op !== 'Transpose') return undefined;
    const inner = x.attributes.perm as number[];
    return transpose(
      x.inputs[0]!,
      (v.attributes.perm as number[]).map((p) => inner[p]!),
    );
  },
};
