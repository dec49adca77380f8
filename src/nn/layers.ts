// The layers that every network here is made of: linear, RMSNorm, embedding, SwiGLU, shifted 3x3 mix.
// Each is one product or a line of math; anything larger lives in its own file.
import { fixed } from '../graph/dim.ts';
import { rmsNormalize, silu } from '../graph/functions.ts';
import { add, concat, gather, mul, pad, slice } from '../graph/ops.ts';
import { END } from '../graph/rules.ts';
import type { Value } from '../graph/value.ts';
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

/** RMS normalisation over the last axis with a learned gain (Zhang & Sennrich 2019). */
export function rmsNorm(s: Scope, x: Value): Value {
  return mul(rmsNormalize(x), s.parameter('gain', [fixed(x.shape.at(-1), `rmsNorm ${s.path}`)], { constant: 1 }));
}

/** Rows of a table by index: ids (...) to (..., width). */
export function embedding(s: Scope, ids: Value, count: number, width: number, init: Init = { deviation: 0.02 }): Value {
  return gather(s.parameter('table', [count, width], init), ids);
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
