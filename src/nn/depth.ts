// Neighbours to channels and back: how networks over pictures change the size of their grid without a convolution.
// Legend: B batch, n x m cells, C channels.
import { divideDim, fixed, mulDims, type Dim } from '../graph/dim.ts';
import { reshape, transpose } from '../graph/ops.ts';
import type { Value } from '../graph/value.ts';

/** Groups side x side neighbours into channels: (B, n*side, m*side, C) to (B, n, m, side*side*C). */
export function spaceToDepth(x: Value, side: number): Value {
  const [B, H, W, C] = x.shape as [Dim, Dim, Dim, number];
  const [n, m] = [divideDim(H, side), divideDim(W, side)];
  const split = transpose(reshape(x, [B, n, side, m, side, C]), [0, 1, 3, 2, 4, 5]);
  return reshape(split, [B, n, m, side * side * C]);
}

/** The inverse of spaceToDepth. */
export function depthToSpace(x: Value, side: number): Value {
  const [B, n, m, K] = x.shape as [Dim, Dim, Dim, number];
  const C = fixed(divideDim(K, side * side), 'depthToSpace');
  const split = transpose(reshape(x, [B, n, m, side, side, C]), [0, 1, 3, 2, 4, 5]);
  return reshape(split, [B, mulDims(n, side), mulDims(m, side), C]);
}
