// What the judges' networks are made of: shifted 3x3 mixes on ever coarser grids, and cross-entropy with doubt. A judge's heads
// are linear layers on top; which heads, its own file says.
// Legend: B batch, S side of the picture, D width, n classes.
import { silu } from '../../graph/functions.ts';
import { add, argmax, cast, div, equal, exp, log, maximum, mean, mul, sub, sum } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import { spaceToDepth } from '../../nn/depth.ts';
import { linear, mix3x3, rmsNorm } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { int64 } from '../../tensor/tensor.ts';

/** Width and number of blocks of a grid; each next grid has half the side. */
export type Level = readonly [width: number, blocks: number];

/** Share of the target that is spread over all classes: judges should doubt. */
const SMOOTHING = 0.05;

/** Bytes (uint8) as numbers from -1 to 1. */
export const pixels = (x: Value): Value => sub(div(cast(x, 'float32'), 127.5), 1);

/** x + W silu(mix(norm(x))): a residual block over (B, h, w, D). */
export function block(s: Scope, x: Value, width: number): Value {
  const mixed = mix3x3(s.in('mix'), rmsNorm(s.in('norm'), x), width, { bias: true });
  return add(x, linear(s.in('out'), silu(mixed), width, { deviation: 0.5 / Math.sqrt(width) }));
}

/** Picture (B, S, S, C) through grids of S/patch, S/2patch, ... a side: the features of each, (B, h, w, D), finest first. */
export function pyramid(s: Scope, picture: Value, levels: readonly Level[], patch: number): Value[] {
  const grids: Value[] = [];
  let x = spaceToDepth(picture, patch);
  levels.forEach(([width, depth], i) => {
    const level = s.in('levels').in(i);
    if (i > 0) x = spaceToDepth(x, 2);
    x = linear(level.in('in'), x, width, { bias: true });
    for (let k = 0; k < depth; k++) x = block(level.in('blocks').in(k).declare({ inner: true }), x, width);
    grids.push(x);
  });
  return grids;
}

/** Logits (B, n) of a feature vector (B, D). */
export function head(s: Scope, features: Value, n: number): Value {
  return linear(s, rmsNorm(s.in('norm'), features), n, { bias: true });
}

/** Class numbers (B, 1) as rows of zeros and a one, (B, n). */
export function oneHot(labels: Value, n: number): Value {
  return cast(equal(labels, constant(int64([1, n], [...Array(n).keys()]))), 'float32');
}

/** Cross-entropy of each row of logits (B, n) with targets (B, n) that sum to 1, averaged. */
export function crossEntropy(logits: Value, targets: Value): Value {
  const shifted = sub(logits, maximum(logits, { axes: [-1], keepdims: true }));
  const logs = sub(shifted, log(sum(exp(shifted), { axes: [-1], keepdims: true })));
  return mul(mean(sum(mul(targets, logs), { axes: [-1] })), -1);
}

/** Loss and accuracy of logits (B, n) against class numbers (B, 1). */
export function judged(logits: Value, labels: Value): { loss: Value; right: Value } {
  const n = logits.shape[1] as number;
  const target = oneHot(labels, n);
  return { loss: crossEntropy(logits, add(mul(target, 1 - SMOOTHING), SMOOTHING / n)), right: right(logits, target) };
}

/** Share of rows of logits (B, n) whose greatest is where the target (B, n) has its one. */
export function right(logits: Value, target: Value): Value {
  const first = cast(equal(argmax(logits), argmax(target)), 'float32');
  return mean(first);
}
