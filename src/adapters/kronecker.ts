// Kronecker adapters (LoKr: Yeh et al. 2024) beside a product: with x as rows of b pieces of d numbers, first (a, b) times it times second
// (d, c) is the change of the result, as a pieces of c numbers. How a weight is cut into pieces differs from file to file, and a graph is
// made for it; another file that cuts the same way is fed to the same session.
import { mulDims } from '../graph/dim.ts';
import { add, matmul, reshape } from '../graph/ops.ts';
import { input, type Value } from '../graph/value.ts';
import type { Product } from '../nn/scope.ts';
import { scaled, transposed, type Tensor, type Tensors } from '../tensor/tensor.ts';
import type { Sides } from './delta.ts';

/** Of one adapter and weight. */
export type Kronecker = Extract<Sides, { readonly kind: 'kronecker' }> & { readonly strength: number };

/** Factors by the path of their weight, one for each adapter that has some. */
export type Kroneckers = ReadonlyMap<string, readonly Kronecker[]>;

/** How the weights are cut: what a session is made for. */
export const cutsOf = (all: Kroneckers): string =>
  JSON.stringify([...all].map(([path, each]) => [path, each.map(({ first, second }) => [first.shape, second.shape])]));

const names = (path: string, i: number) => {
  const module = path.replace(/\.weight$/, '');
  return { first: `${module}.lokr_w1.${i}`, second: `${module}.lokr_w2.${i}` };
};

/** Wraps a way to multiply so that the products that have factors get them as inputs. */
export function kroneckerProduct(inner: Product, all: Kroneckers): Product {
  const made = new Map<string, Value>();
  const asked = (name: string, shape: readonly number[]) => {
    if (!made.has(name)) made.set(name, input(name, shape)); // a weight may be used in two places
    return made.get(name)!;
  };
  const beside = (x: Value, path: string, i: number, { first, second }: Kronecker): Value => {
    const [[a, b], [c, d]] = [first.shape, second.shape] as [[number, number], [number, number]];
    const lead = x.shape.slice(0, -1);
    const at = names(path, i);
    const pieces = matmul(reshape(x, [mulDims(...lead), b, d]), asked(at.second, [d, c])); // (..., b, c)
    return reshape(matmul(asked(at.first, [a, b]), pieces), [...lead, a * c]);
  };
  return (x, weight, path, traits) =>
    (all.get(path) ?? []).reduce((sum, factors, i) => add(sum, beside(x, path, i, factors)), inner(x, weight, path, traits));
}

/** The inputs of such a graph. */
export const kroneckerFeeds = (all: Kroneckers): Tensors =>
  Object.fromEntries(
    [...all].flatMap(([path, each]) =>
      each.flatMap(({ first, second, strength }, i) => {
        const at = names(path, i);
        return [
          [at.first, first],
          [at.second, scaled(transposed(second), strength)],
        ] as [string, Tensor][];
      }),
    ),
  );
