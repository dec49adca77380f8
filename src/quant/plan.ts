// Which weights get how many bits: a record by path, made from what layers declare (nn/scope.ts) or from a measured sensitivity. It is plain
// data, so that training, the file and the kernels agree. Weights that a plan does not name stay float.
// Not here: how they are rounded (blocks.ts), what computes with them (int4.ts, int8.ts, fake-quant.ts).
import type { Spec } from '../nn/scope.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import { heldBits, roundedTo } from './blocks.ts';

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

/** The weights as they are once a plan has rounded them. */
export function rounded(weights: Tensors, plan: Plan): Tensors {
  return Object.fromEntries(
    Object.entries(weights).map(([path, w]) => [path, plan[path] === undefined ? w : roundedTo(w as Tensor<'float32'>, plan[path])]),
  );
}

/** How much an output changes when one weight alone is rounded: |changed - exact|^2 / |exact|^2. */
export type Sensitivity = Readonly<Record<string, number>>;

/** Rounds one weight of the plan at a time to `bits` and measures. `run` gives the output for some weights. */
export async function sensitivity(
  run: (weights: Tensors) => Promise<ArrayLike<number>>,
  weights: Tensors,
  plan: Plan,
  bits = 4,
): Promise<Sensitivity> {
  const exact = await run(weights);
  const found: Record<string, number> = {};
  for (const path of Object.keys(plan))
    found[path] = relativeError(await run({ ...weights, [path]: roundedTo(weights[path] as Tensor<'float32'>, bits) }), exact);
  return found;
}

/** |a - exact|^2 / |exact|^2 */
export function relativeError(a: ArrayLike<number>, exact: ArrayLike<number>): number {
  let [error, power] = [0, 0];
  for (let i = 0; i < exact.length; i++) {
    error += (a[i]! - exact[i]!) ** 2;
    power += exact[i]! ** 2;
  }
  return error / power;
}

/** The plan with its most sensitive weights raised to `bits`, worst for their size first, until they are `share` of all of the plan's numbers. */
export function raise(plan: Plan, measured: Sensitivity, weights: Tensors, { share = 0.05, bits = 6 } = {}): Plan {
  const sizeOf = (path: string) => weights[path]!.data.length;
  let room = share * Object.keys(plan).reduce((sum, path) => sum + sizeOf(path), 0);
  const raised: Record<string, number> = { ...plan };
  const order = Object.keys(measured)
    .filter((path) => plan[path]! < bits)
    .sort((a, b) => measured[b]! / sizeOf(b) - measured[a]! / sizeOf(a));
  for (const path of order) {
    if (sizeOf(path) > room) continue;
    room -= sizeOf(path);
    raised[path] = bits;
  }
  return raised;
}
