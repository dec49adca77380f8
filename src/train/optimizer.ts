// Optimizers as graphs: a weight, its gradient and its moments in, the next ones out. AdamW (Loshchilov & Hutter 2019)
// for tables, gains and biases; Muon (Jordan et al. 2024) for the matrices: momentum whose update is orthogonalised by five
// Newton-Schulz steps, which are products and so cheap here, scaled to AdamW's usual size (Liu et al. 2025, section 2.2).
import { add, div, exp, matmul, min, mul, sqrt, sub, sum, transposeLast, value } from '../graph/ops.ts';
import { square } from '../graph/functions.ts';
import type { Value } from '../graph/value.ts';

/** One weight's update: new weight and new moments, from the gradient and the moments (all of the weight's shape). */
export interface Optimizer {
  /** Names of the moments that it keeps for each weight. */
  readonly moments: readonly string[];
  update(weight: Value, gradient: Value, moments: readonly Value[], rate: Value, step: Value): { weight: Value; moments: Value[] };
}

/** 1 - beta^step: how much of a zero-started average is filled. */
const filled = (beta: number, step: Value) => sub(1, exp(mul(step, Math.log(beta))));

/** AdamW with decoupled weight decay. */
export function adamw({ beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0 } = {}): Optimizer {
  return {
    moments: ['m', 'v'],
    update: (weight, g, [m, v], rate, step) => {
      const nextM = add(mul(m!, beta1), mul(g, 1 - beta1));
      const nextV = add(mul(v!, beta2), mul(square(g), 1 - beta2));
      const size = add(sqrt(div(nextV, filled(beta2, step))), epsilon);
      const move = div(div(nextM, filled(beta1, step)), size);
      return { weight: sub(shrink(weight, rate, decay), mul(move, rate)), moments: [nextM, nextV] };
    },
  };
}

/** Muon with Nesterov momentum; for two-dimensional weights. */
export function muon({ momentum = 0.95, decay = 0, size = 0.2 } = {}): Optimizer {
  return {
    moments: ['m'],
    update: (weight, g, [m], rate) => {
      const nextM = add(mul(m!, momentum), mul(g, 1 - momentum));
      const ahead = add(mul(nextM, momentum), mul(g, 1 - momentum));
      const [rows, columns] = weight.shape as [number, number];
      const move = mul(orthogonalize(ahead, rows > columns), size * Math.sqrt(Math.max(rows, columns)));
      return { weight: sub(shrink(weight, rate, decay), mul(move, rate)), moments: [nextM] };
    },
  };
}

const shrink = (weight: Value, rate: Value, decay: number): Value => (decay === 0 ? weight : mul(weight, sub(1, mul(rate, decay))));

/** The nearest matrix with orthonormal rows, roughly: five quintic Newton-Schulz steps with Jordan's coefficients. */
function orthogonalize(x: Value, tall: boolean): Value {
  let y = tall ? transposeLast(x) : x;
  y = div(y, add(sqrt(sum(square(y))), 1e-7));
  for (let i = 0; i < 5; i++) {
    const a = matmul(y, transposeLast(y));
    const b = add(mul(a, -4.775), mul(matmul(a, a), 2.0315));
    y = add(mul(y, 3.4445), matmul(b, y));
  }
  return tall ? transposeLast(y) : y;
}

/** Gradients scaled so that their joint norm is at most `limit`; also returns the norm before. */
export function clipGradients(gradients: readonly Value[], limit: number): { gradients: Value[]; norm: Value } {
  const norm = sqrt(gradients.map((g) => sum(square(g))).reduce((a, b) => add(a, b), value(1e-12)));
  const factor = min(div(limit, add(norm, 1e-6)), 1);
  return { gradients: gradients.map((g) => mul(g, factor)), norm };
}
