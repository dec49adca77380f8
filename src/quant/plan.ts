// Which weights get how many bits: a record by path, made from a table of patterns or from a measured sensitivity. It is plain
// data, so that training, the file and the kernels agree. Weights that a plan does not name stay float.
// Not here: how they are rounded (blocks.ts), what computes with them (int4.ts, int8.ts, fake-quant.ts).
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import { heldBits, roundedTo } from './blocks.ts';

/** Bits of each quantized matrix by path, 2 to 8. */
export type Plan = Readonly<Record<string, number>>;

/** Rows of pattern and bits; the first that fits decides. FLOAT leaves a weight as it is. */
export type PlanTable = readonly (readonly [pattern: RegExp, bits: number])[];
export const FLOAT = 32;

/** Matrices with fewer weights stay float: they are sensitive and small. */
const SMALL = 4096;

/** The renderer is a few hundred weights, and the last mix of features feeds it directly. */
const FLOATS: PlanTable = [[/^renderer\./, FLOAT], [/^decoder\.(mix|features)\./, FLOAT]];

/** Every large matrix at 8 bits. */
export const EIGHT: PlanTable = [...FLOATS, [/./, 8]];

/**
 * The blocks of the transformer, the text encoder and the autoencoder at 4 bits; tables and what reads time and guidance at 5; the
 * first and last layers, which are small, at 6. Measured on pico, 12 pictures against the same weights with all but the
 * transformer's blocks at 8: the autoencoder's blocks at 4 bits 42 dB, all of these together 36 to 39 dB, where 4 bits in the
 * transformer's blocks leave 31 dB.
 */
export const FOUR: PlanTable = [
  [/^(transformer\.(.*\.)?|encoder\.|decoder\.)blocks\..*\.weight$/, 4],
  [/\.table$|\.(last-)?modulation\.|\.(signal|pooled)\./, 5],
  ...FLOATS,
  [/./, 6],
];

/** The plan of a table for some weights (tensors or specs by path). */
export function planOf(weights: Iterable<readonly [path: string, weight: { readonly shape: readonly number[] }]>, table: PlanTable = FOUR): Plan {
  const plan: Record<string, number> = {};
  for (const [path, { shape }] of weights) {
    if (shape.length !== 2 || shape[0]! * shape[1]! < SMALL) continue;
    const bits = table.find(([pattern]) => pattern.test(path))?.[1] ?? FLOAT;
    if (bits < FLOAT) plan[path] = bits;
  }
  return plan;
}

/** The plan that a file and the kernels follow once the weights are rounded: each number is held in 4 or 8 bits. */
export const heldPlan = (plan: Plan): Plan => Object.fromEntries(Object.entries(plan).map(([path, bits]) => [path, heldBits(bits)]));

/** The weights as they are once a plan has rounded them. */
export function rounded(weights: Tensors, plan: Plan): Tensors {
  return Object.fromEntries(Object.entries(weights).map(([path, w]) => [path, plan[path] === undefined ? w : roundedTo(w as Tensor<'float32'>, plan[path])]));
}

/** How much an output changes when one weight alone is rounded: |changed - exact|^2 / |exact|^2. */
export type Sensitivity = Readonly<Record<string, number>>;

/** Rounds one weight of the plan at a time to `bits` and measures. `run` gives the output for some weights. */
export async function sensitivity(run: (weights: Tensors) => Promise<ArrayLike<number>>, weights: Tensors, plan: Plan, bits = 4): Promise<Sensitivity> {
  const exact = await run(weights);
  const found: Record<string, number> = {};
  for (const path of Object.keys(plan)) found[path] = relativeError(await run({ ...weights, [path]: roundedTo(weights[path] as Tensor<'float32'>, bits) }), exact);
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
  const order = Object.keys(measured).filter((path) => (plan[path] ?? FLOAT) < bits).sort((a, b) => measured[b]! / sizeOf(b) - measured[a]! / sizeOf(a));
  for (const path of order) {
    if (sizeOf(path) > room) continue;
    room -= sizeOf(path);
    raised[path] = bits;
  }
  return raised;
}
