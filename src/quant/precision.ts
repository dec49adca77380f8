// How weights are multiplied: as float32, or in few bits as a kernel takes them, and which of these is fastest where.
import { matmul } from '../graph/ops.ts';
import type { Convolve, Product } from '../nn/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { nbitsProduct } from './int4.ts';
import { int8Convolve } from './int8-conv.ts';
import { int8IsExact, int8Product } from './int8.ts';
import type { Precision } from './names.ts';
import type { Plan } from './plan.ts';

export type { Precision };

/** The product of a precision. `accuracy`, of 'int4': 4 rounds activations to 8 bits too, which is faster; 0 leaves them. */
export const PRODUCTS: { readonly [P in Precision]: (plan: Plan, accuracy?: 0 | 4) => Product } = {
  float32: () => matmul,
  int8: (plan) => int8Product({ plan }),
  int4: (plan, accuracy = 4) => nbitsProduct({ plan, accuracy }),
};

/** The convolution of a precision; what is not named here stays Conv of float32. */
export const CONVOLUTIONS: { readonly [P in Precision]?: Convolve } = { int8: int8Convolve };

/** The fastest products of each runtime for weights that a file holds in few bits; what is not named here stays float32. */
const FASTEST: Readonly<Record<string, Precision>> = { cpu: 'int8', wasm: 'int8' };

/**
 * How to multiply when nothing is asked for: weights in few bits (a plan) as the runtime is fastest with, provided that its 8-bit
 * kernel adds up without overflow; a model that was never rounded stays float32.
 */
export async function fastestPrecision(runtime: Runtime, plan: Plan | undefined): Promise<Precision> {
  const fastest = plan && Object.keys(plan).length > 0 ? (FASTEST[runtime.name] ?? 'float32') : 'float32';
  return fastest === 'int8' && !(await int8IsExact(runtime)) ? 'float32' : fastest;
}
