// Which weights get how many bits: a record by path, made from what layers declare (nn/scope.ts). It is plain
// data, so that training, the file and the kernels agree. Weights that a plan does not name stay float.
// Not here: how they are rounded (blocks.ts), what computes with them (int4.ts, int8.ts, fake-quant.ts).
import type { Spec } from '../nn/scope.ts';
import { heldBits } from './blocks.ts';

/** Bits of each quantized matrix by path, 2 to 8. */
export type Plan = Readonly<Record<string, number>>;

/** Matrices with fewer weights stay float: they are sensitive and small. */
const SMALL = 4096;

/** The plan that the layers declared for their weights; with `bits`, all that may be rounded at these. */
export function planOf(specs: Iterable<readonly [path: string, spec: Spec]>, bits?: number): Plan {
  const plan: Record<string, number> = {};
  for (const [path, spec] of specs) {
    const large = spec.shape.length === 2 && spec.shape[0]! * spec.shape[1]! >= SMALL;
    if (large && spec.bits !== undefined) plan[path] = bits ?? spec.bits;
  }
  return plan;
}

/** The plan that a file and the kernels follow once the weights are rounded: each number is held in 4 or 8 bits. */
export const heldPlan = (plan: Plan): Plan => Object.fromEntries(Object.entries(plan).map(([path, bits]) => [path, heldBits(bits)]));

/** |a - exact|^2 / |exact|^2 */
export function relativeError(a: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [error, power] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    error += (a[i]! - exact[i]!) ** 2;
    power += exact[i]! ** 2;
  }
  return error / power;
}
