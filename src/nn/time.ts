// The time of a diffusion network as features: waves, then two layers, under the names that diffusers gives them.
import { silu } from '../graph/functions.ts';
import { concat, cos, mul, sin, unsqueeze } from '../graph/ops.ts';
import { constant, type Value } from '../graph/value.ts';
import { float32 } from '../tensor/tensor.ts';
import { linear } from './layers.ts';
import type { Scope } from './scope.ts';

/** How numbers are written as waves: cosines before sines, and by how much the slowest wave is beyond a frequency of 1/10000. */
export interface Waves {
  readonly cosineFirst: boolean;
  readonly shift: number;
}

/** Numbers (N) as sines and cosines of falling frequency: (N, width) (Vaswani et al. 2017). */
export function waves(x: Value, width: number, { cosineFirst, shift }: Waves): Value {
  const half = width / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 10000 ** (-i / (half - shift)));
  const angles = mul(unsqueeze(x, 1), constant(float32([1, half], frequencies)));
  return concat(cosineFirst ? [cos(angles), sin(angles)] : [sin(angles), cos(angles)], 1);
}

/** `linear_1`, SiLU, `linear_2`: (N, in) to (N, out). */
export const twoLayers = (s: Scope, x: Value, out: number): Value =>
  linear(s.in('linear_2'), silu(linear(s.in('linear_1'), x, out, { bias: true })), out, { bias: true });
