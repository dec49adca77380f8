// The layers that every network here is made of: linear, RMSNorm, embedding, SwiGLU, shifted 3x3 mix; and those of networks with
// weights from elsewhere: convolution, layer and group norm, whose weights are called and laid out as PyTorch's files have them.
// Each is one product or a line of math; anything larger lives in its own file. What has no weights is a function (graph/).
import { fixed, mulDims, type Dim } from '../graph/dim.ts';
import { rmsNormalize, silu } from '../graph/functions.ts';
import type { ConvOptions } from '../graph/ops.ts';
import { add, concat, gather, instanceNormalize, layerNormalize, mul, pad, reshape, slice } from '../graph/ops.ts';
import { END } from '../graph/rules.ts';
import { constant, type Value } from '../graph/value.ts';
import { float32 } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import type { Init, Scope } from './scope.ts';

export interface LinearOptions {
  bias?: boolean;
  /** Standard deviation of the starting weights; default 1/sqrt(in). 0 starts as zeros. */
  deviation?: number;
}

/** x (..., in) W + b: (..., out). The weight is `weight` (in, out). */
export function linear(s: Scope, x: Value, out: number, { bias = false, deviation }: LinearOptions = {}): Value {
  const width = fixed(x.shape.at(-1), `linear ${s.path}`);
  const y = s.product(x, 'weight', [width, out], { deviation: deviation ?? 1 / Math.sqrt(width) });
  return bias ? add(y, s.parameter('bias', [out], { constant: 0 })) : y;
}

/** RMS normalisation over the last axis with a learned gain (Zhang & Sennrich 2019), called `name`. */
export function rmsNorm(s: Scope, x: Value, { epsilon = 1e-6, name = 'gain' } = {}): Value {
  return mul(rmsNormalize(x, epsilon), s.parameter(name, [fixed(x.shape.at(-1), `rmsNorm ${s.path}`)], { constant: 1 }));
}

/** Layer normalisation over the last axis (Ba et al. 2016). `weight` and `bias` are as long as it; not `affine`: there are none. */
export function layerNorm(s: Scope, x: Value, { epsilon = 1e-5, affine = true } = {}): Value {
  const width = fixed(x.shape.at(-1), `layerNorm ${s.path}`);
  if (!affine) return layerNormalize(x, all(width, 1), undefined, epsilon);
  return layerNormalize(x, s.parameter('weight', [width], { constant: 1 }), s.parameter('bias', [width], { constant: 0 }), epsilon);
}

/** Group normalisation of x (B, C, ...) (Wu & He 2018): each group of channels by its own mean and variance. `weight`, `bias` (C). */
export function groupNorm(s: Scope, x: Value, groups: number, { epsilon = 1e-5 } = {}): Value {
  const [B, channels, ...inner] = x.shape as [Dim, Dim, ...Dim[]];
  const C = fixed(channels, `groupNorm ${s.path}`);
  if (C % groups) throw new ShapeError('shape.groups', `groupNorm ${s.path}: ${C} channels cannot be cut into ${groups} groups`);
  const rows = reshape(x, [B, groups, mulDims(C / groups, ...inner)]); // (B, groups, C/groups * ...)
  const unit = reshape(instanceNormalize(rows, all(groups, 1), all(groups, 0), epsilon), x.shape);
  const channel = (name: string, start: number) => reshape(s.parameter(name, [C], { constant: start }), [C, ...inner.map(() => 1)]);
  return add(mul(unit, channel('weight', 1)), channel('bias', 0));
}

const all = (count: number, number: number) => constant(float32([count], new Float32Array(count).fill(number)));

export interface ConvLayerOptions extends Omit<ConvOptions, 'bias'> {
  /** Rows and columns of the kernel. */
  kernel?: number;
  bias?: boolean;
}

/**
 * Convolution of x (B, in, h, w) to (B, out, h', w'). `weight` (out, in / groups, kernel, kernel), `bias` (out). Left to itself, an odd
 * kernel is padded to keep the size, an even one is not padded.
 */
export function conv(s: Scope, x: Value, out: number, { kernel = 3, bias = true, groups = 1, ...options }: ConvLayerOptions = {}): Value {
  const inner = fixed(x.shape[1], `conv ${s.path}`) / groups;
  const edge = kernel % 2 ? (kernel - 1) / 2 : 0;
  const shift = bias ? s.parameter('bias', [out], { constant: 0 }) : undefined;
  const init = { deviation: 1 / Math.sqrt(inner * kernel * kernel) };
  return s.convolve(x, 'weight', [out, inner, kernel, kernel], init, { pads: [edge, edge, edge, edge], groups, ...options, bias: shift });
}

/** Rows of a table, called `name`, by index: ids (...) to (..., width). */
export function embedding(s: Scope, ids: Value, count: number, width: number, init: Init = { deviation: 0.02 }, name = 'table'): Value {
  return gather(s.parameter(name, [count, width], init), ids);
}

/**
 * SwiGLU feed-forward (Shazeer 2020): (silu(x W1) * x W3) W2. Adapters reach it through its `down` alone: side inputs on the wide
 * `gate` and `up` cost more than they bring (docs/log.md).
 */
export function swiglu(s: Scope, x: Value, hidden: number): Value {
  const width = fixed(x.shape.at(-1), `swiglu ${s.path}`);
  const wide = (name: string) => linear(s.in(name).declare({ adapt: undefined }), x, hidden);
  return linear(s.in('down'), mul(silu(wide('gate')), wide('up')), width, { deviation: 0.5 / Math.sqrt(hidden) });
}

/** A 3x3 convolution as one product: nine shifted views side by side. x (B, h, w, C) to (B, h, w, out), zeros outside. */
export function mix3x3(s: Scope, x: Value, out: number, options: LinearOptions = {}): Value {
  const padded = pad(x, [0, 1, 1, 0, 0, 1, 1, 0]); // (B, h+2, w+2, C)
  const ends = [-2, -1, END];
  const views = ends.flatMap((bottom, dy) => ends.map((right, dx) => slice(slice(padded, 1, dy, bottom), 2, dx, right)));
  return linear(s, concat(views, -1), out, options);
}
