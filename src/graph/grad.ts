// Reverse-mode differentiation, source to source: graph in, graph out (Griewank & Walther 2008, ch. 3). Each operator has
// one rule, output gradient -> input gradients, written in the same primitives; the compiler asks for every row. null
// marks an operand through which nothing flows (whole numbers, steps). Gradients of gradients work where rules allow.
import { int64 } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import { addDims, fixed, mulDims, type Dim, type Shape } from './dim.ts';
import * as o from './ops.ts';
import { END, sliceRange, type Primitive } from './rules.ts';
import { constant, topological, type Value } from './value.ts';

/** For each operand, its gradient, or null. `g` has the shape of `y`; results may be broadcast and are summed back. */
type GradRule = (g: Value, y: Value) => (Value | null)[];

const none: GradRule = (_, y) => y.inputs.map(() => null);
const half = (mask: Value, g: Value) => o.mul(g, o.cast(mask, 'float32'));

/** The inverse of a reduction: the kept-dims shape of the reduced value. */
function kept(x: Value, axes: readonly number[]): Shape {
  return x.shape.map((d, i) => (axes.includes(i) ? 1 : d));
}

type Four<T> = readonly [T, T, T, T];

/** Rows and columns of x (B, C, h, w) with `strides - 1` zeros between them: (B, C, (h-1) s + 1, (w-1) s' + 1). */
function spread(x: Value, strides: readonly number[]): Value {
  const [B, C, h, w] = x.shape as Four<Dim>;
  const [s, t] = strides as [number, number];
  const apart = o.pad(o.reshape(x, [B, C, h, 1, w, 1]), [0, 0, 0, 0, 0, 0, 0, 0, 0, s - 1, 0, t - 1]); // (B, C, h, s, w, t)
  const long = o.reshape(apart, [B, C, mulDims(h, s), mulDims(w, t)]);
  return [s, t].reduce((y, step, i) => (step === 1 ? y : o.slice(y, 2 + i, 0, 1 - step)), long);
}

/** A kernel turned by half a circle, its input and output channels exchanged within each group. */
function turned(w: Value, group: number): Value {
  const [O, inner, kh, kw] = w.shape as Four<number>;
  const reversed = constant(
    int64(
      [kh * kw],
      Array.from({ length: kh * kw }, (_, i) => kh * kw - 1 - i),
    ),
  );
  const flat = o.gather(o.reshape(w, [group, O / group, inner, kh * kw]), reversed, 3);
  return o.reshape(o.transpose(flat, [0, 2, 1, 3]), [group * inner, O / group, kh, kw]);
}

/**
 * Of a normalization with the statistics of `axes`, with a gain and a bias for each position of the axis `channel`:
 * dx = (f - mean f - u mean(f u)) / deviation, with u the normalized x and f = g gain.
 */
function normalization(g: Value, y: Value, axes: readonly number[], channel: number): Value[] {
  const [x, gain, bias] = y.inputs as [Value, Value, Value?];
  const mean = (v: Value) => o.mean(v, { axes, keepdims: true });
  const centred = o.sub(x, mean(x));
  const rate = o.reciprocal(o.sqrt(o.add(mean(o.mul(centred, centred)), y.attributes.epsilon as number)));
  const unit = o.mul(centred, rate);
  const flow = o.mul(
    g,
    o.reshape(
      gain,
      x.shape.map((d, i) => (i === channel ? d : 1)),
    ),
  );
  const dx = o.mul(rate, o.sub(o.sub(flow, mean(flow)), o.mul(unit, mean(o.mul(flow, unit)))));
  const total = (v: Value) => o.sum(v, { axes: x.shape.map((_, i) => i).filter((i) => i !== channel) });
  return [dx, total(o.mul(g, unit)), ...(bias ? [total(g)] : [])];
}

/** Of the largest or smallest element: among equal ones the gradient is shared out evenly. */
const extreme: GradRule = (g, y) => {
  const [x] = y.inputs as [Value];
  const axes = y.attributes.axes as number[];
  const mask = o.cast(o.equal(x, o.reshape(y, kept(x, axes))), 'float32');
  return [o.mul(o.div(mask, o.sum(mask, { axes, keepdims: true })), o.reshape(g, kept(x, axes)))];
};

export const GRADIENTS: { readonly [P in Primitive]: GradRule } = {
  Neg: (g) => [o.neg(g)],
  Exp: (g, y) => [o.mul(g, y)],
  Log: (g, y) => [o.div(g, y.inputs[0]!)],
  Sqrt: (g, y) => [o.div(o.mul(g, 0.5), y)],
  Reciprocal: (g, y) => [o.neg(o.mul(g, o.mul(y, y)))],
  Sigmoid: (g, y) => [o.mul(g, o.mul(y, o.sub(1, y)))],
  Tanh: (g, y) => [o.mul(g, o.sub(1, o.mul(y, y)))],
  Relu: (g, y) => [half(o.greater(y, 0), g)],
  Abs: (g, y) => [o.mul(g, o.sign(y.inputs[0]!))],
  Sin: (g, y) => [o.mul(g, o.cos(y.inputs[0]!))],
  Cos: (g, y) => [o.neg(o.mul(g, o.sin(y.inputs[0]!)))],
  Erf: (g, y) => [o.mul(g, o.mul(2 / Math.sqrt(Math.PI), o.exp(o.neg(o.mul(y.inputs[0]!, y.inputs[0]!)))))],
  Gelu: (g, y) => [o.mul(g, y.attributes.approximate === 'tanh' ? slopeOfTanhGelu(y.inputs[0]!) : slopeOfGelu(y.inputs[0]!))],
  Conv: (g, y) => {
    const [x, w, bias] = y.inputs as [Value, Value, Value?];
    const { strides, pads, group } = y.attributes as { strides: number[]; pads: Four<number>; group: number };
    const [[B, , H, W], [, inner, kh, kw]] = [x.shape as Four<Dim>, w.shape as Four<number>];
    const apart = spread(g, strides);
    // The gradient of x: each output's share goes back where it came from, a convolution with the turned kernel.
    const after = (i: 0 | 1) => fixed(addDims([H, W][i]!, mulDims(-1, apart.shape[2 + i]!)), 'gradient of Conv') + pads[i]!;
    const dx = o.conv2d(apart, turned(w, group), { pads: [kh - 1 - pads[0], kw - 1 - pads[1], after(0), after(1)], groups: group });
    // That of the weight: x under g instead of a kernel, the batch in the place of the channels.
    const under = o.reshape(o.transpose(o.reshape(x, [B, group, inner, H, W]), [2, 1, 0, 3, 4]), [inner, mulDims(group, B), H, W]);
    const all = o.conv2d(under, o.transpose(apart, [1, 0, 2, 3]), { pads, groups: group }); // (inner, O, kh.., kw..)
    const dw = o.transpose(o.slice(o.slice(all, 2, 0, kh), 3, 0, kw), [1, 0, 2, 3]);
    return [dx, dw, ...(bias ? [o.sum(g, { axes: [0, 2, 3] })] : [])];
  },
  Resize: (g, y) => {
    const scales = y.attributes.scales as number[];
    const parts = y.inputs[0]!.shape.flatMap((d, i): Dim[] => [d, scales[i]!]);
    return [o.sum(o.reshape(g, parts), { axes: scales.map((_, i) => 2 * i + 1) })];
  },
  LayerNormalization: (g, y) => normalization(g, y, [y.shape.length - 1], y.shape.length - 1),
  InstanceNormalization: (g, y) => normalization(g, y, y.shape.map((_, i) => i).slice(2), 1),
  Identity: none, // a stop: see stopGradient in ops.ts
  Sign: none,
  Round: none,
  Floor: none,
  Add: (g) => [g, g],
  Sub: (g) => [g, o.neg(g)],
  Mul: (g, y) => [o.mul(g, y.inputs[1]!), o.mul(g, y.inputs[0]!)],
  Div: (g, y) => {
    const q = o.div(g, y.inputs[1]!);
    return [q, o.neg(o.mul(q, y))];
  },
  // At ties the gradient goes to the second operand.
  Min: (g, y) => {
    const first = o.cast(o.less(y.inputs[0]!, y.inputs[1]!), 'float32');
    return [o.mul(g, first), o.mul(g, o.sub(1, first))];
  },
  Max: (g, y) => {
    const first = o.cast(o.greater(y.inputs[0]!, y.inputs[1]!), 'float32');
    return [o.mul(g, first), o.mul(g, o.sub(1, first))];
  },
  Equal: none,
  Greater: none,
  Less: none,
  Where: (g, y) => [null, o.where(y.inputs[0]!, g, 0), o.where(y.inputs[0]!, 0, g)],
  Cast: (g, y) => [y.dtype === 'float32' && y.inputs[0]!.dtype === 'float32' ? g : null],
  MatMul: (g, y) => {
    const [a, b] = y.inputs as [Value, Value];
    if (b.shape.length === 2) {
      // One large product for the weight: rows of every batch together.
      const rows = mulDims(...a.shape.slice(0, -1));
      const flat = o.reshape(a, [rows, a.shape.at(-1)!]);
      const flatG = o.reshape(g, [rows, g.shape.at(-1)!]);
      return [o.matmul(g, o.transposeLast(b)), o.matmul(o.transposeLast(flat), flatG)];
    }
    return [o.matmul(g, o.transposeLast(b)), o.matmul(o.transposeLast(a), g)];
  },
  Softmax: (g, y) => {
    const axis = y.attributes.axis as number;
    const gy = o.mul(g, y);
    return [o.sub(gy, o.mul(y, o.sum(gy, { axes: [axis], keepdims: true })))];
  },
  ArgMax: none,
  ReduceSum: (g, y) => {
    const [x] = y.inputs as [Value];
    return [o.expand(o.reshape(g, kept(x, y.attributes.axes as number[])), x.shape)];
  },
  ReduceMean: (g, y) => {
    const [x] = y.inputs as [Value];
    const axes = y.attributes.axes as number[];
    const count = fixed(mulDims(...axes.map((a) => x.shape[a]!)), 'gradient of ReduceMean');
    return [o.expand(o.reshape(o.mul(g, 1 / count), kept(x, axes)), x.shape)];
  },
  ReduceMax: extreme,
  ReduceMin: extreme,
  Reshape: (g, y) => [o.reshape(g, y.inputs[0]!.shape)],
  Transpose: (g, y) => {
    const perm = y.attributes.perm as number[];
    return [
      o.transpose(
        g,
        perm.map((_, i) => perm.indexOf(i)),
      ),
    ];
  },
  Expand: (g) => [g],
  Slice: (g, y) => {
    const [x] = y.inputs as [Value];
    const { starts, ends, axes } = y.attributes as Record<string, number[]>;
    const before = x.shape.map(() => 0);
    const after = x.shape.map(() => 0);
    axes!.forEach((axis, i) => {
      const size = fixed(x.shape[axis], 'gradient of Slice');
      const [start, end] = sliceRange(size, starts![i]!, ends![i]!);
      before[axis] = start;
      after[axis] = size - end;
    });
    return [o.pad(g, [...before, ...after])];
  },
  Concat: (g, y) => {
    const axis = y.attributes.axis as number;
    return o.split(
      g,
      axis,
      y.inputs.map((v) => fixed(v.shape[axis], 'gradient of Concat')),
    );
  },
  Pad: (g, y) => {
    const pads = y.attributes.pads as number[];
    const rank = y.shape.length;
    return [
      y.shape.reduce<Value>((part, _, i) => (pads[i] || pads[i + rank] ? o.slice(part, i, pads[i]!, -pads[i + rank]! || END) : part), g),
    ];
  },
  Gather: (g, y) => {
    const [x, index] = y.inputs as [Value, Value];
    if (y.attributes.axis !== 0) throw new ShapeError('grad.gather', 'the gradient of Gather is written for axis 0 only: transpose first');
    const positions = o.reshape(o.cast(index, 'int64'), [...index.shape, 1]);
    return [o.scatterAdd(o.full(x.shape, 0), positions, g), null];
  },
  ScatterND: (g, y) => {
    const indices = y.inputs[1]!;
    if (indices.shape.at(-1) !== 1 || y.attributes.reduction !== 'add')
      throw new ShapeError('grad.scatter', "the gradient of ScatterND is written for positions on axis 0 and reduction 'add' only");
    return [g, null, o.gather(g, o.reshape(indices, indices.shape.slice(0, -1)))];
  },
};

/** The chance of a normal number below x, plus x times the normal density. */
function slopeOfGelu(x: Value): Value {
  const density = o.mul(o.exp(o.mul(o.mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return o.add(o.mul(o.add(o.erf(o.mul(x, Math.SQRT1_2)), 1), 0.5), o.mul(x, density));
}

function slopeOfTanhGelu(x: Value): Value {
  const c = Math.sqrt(2 / Math.PI);
  const square = o.mul(x, x);
  const t = o.tanh(o.mul(x, o.add(o.mul(square, 0.044715 * c), c)));
  const rise = o.mul(o.sub(1, o.mul(t, t)), o.add(o.mul(square, 3 * 0.044715 * c), c));
  return o.mul(o.add(o.add(t, 1), o.mul(x, rise)), 0.5);
}

/** Sums a gradient back to the shape of the operand that was broadcast. */
function unbroadcast(g: Value, shape: Shape): Value {
  if (g.shape.join() === shape.join()) return g;
  const extra = g.shape.length - shape.length;
  const axes = g.shape.map((_, i) => i).filter((i) => i < extra || (shape[i - extra] === 1 && g.shape[i] !== 1));
  return o.reshape(o.sum(g, { axes, keepdims: true }), shape);
}

/**
 * Gradients of a scalar with respect to some values, as values of the same shapes.
 * A value that the loss does not depend on has a gradient of zeros. Throws ShapeError when `loss` is not a float scalar,
 * or when the path goes through a fast (inference-only) operator.
 */
export function gradients(loss: Value, wrt: readonly Value[]): Value[] {
  if (loss.shape.length > 0 || loss.dtype !== 'float32')
    throw new ShapeError(
      'grad.scalar',
      `gradients: the loss must be a float32 scalar, found ${loss.dtype}[${loss.shape}]: take a mean or sum`,
    );
  const order = topological([loss]);
  const needed = new Set<Value>(wrt);
  for (const v of order) if (v.inputs.some((x) => needed.has(x))) needed.add(v);
  const pending = new Map<Value, Value>([[loss, o.value(1)]]);
  for (const y of order.reverse()) {
    const g = pending.get(y);
    if (!g || y.inputs.length === 0 || !needed.has(y)) continue;
    const rule = GRADIENTS[y.op as Primitive];
    if (!rule) throw new ShapeError('grad.missing', `gradients: operator ${y.op} has no gradient (it is for inference only)`);
    rule(g, y).forEach((part, i) => {
      const x = y.inputs[i]!;
      if (!part || !needed.has(x)) return;
      const back = unbroadcast(part, x.shape);
      const before = pending.get(x);
      pending.set(x, before ? o.add(before, back) : back);
    });
  }
  return wrt.map((x) => pending.get(x) ?? o.full(x.shape, 0));
}
