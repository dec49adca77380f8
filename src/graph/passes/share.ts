// Common subexpressions: the same operator on the same operands with the same attributes is computed once, and equal
// constants are one. Gradients repeat much of the forward pass's arithmetic, so training graphs shrink most.
import { toBytes, type Tensor } from '../../tensor/tensor.ts';
import type { Graph, Value } from '../value.ts';
import { rewrite } from './rewrite.ts';

/** Larger constants are compared by identity of their data only. */
const COMPARED_BYTES = 1024;

/** The graph with equal values made one. */
export function share(g: Graph): Graph {
  const numbers = new Map<unknown, number>();
  const numberOf = (x: unknown): number => {
    if (!numbers.has(x)) numbers.set(x, numbers.size);
    return numbers.get(x)!;
  };
  const seen = new Map<string, Value>();
  return rewrite(g, (v) => {
    const content =
      v.op === 'Constant'
        ? contentKey(v.attributes.value as Tensor, numberOf)
        : `${v.inputs.map(numberOf)} ${JSON.stringify(v.attributes)}`;
    const key = `${v.op} ${v.dtype}[${v.shape}] ${content}`;
    const same = seen.get(key);
    if (!same) seen.set(key, v);
    return same ?? v;
  });
}

function contentKey(t: Tensor, numberOf: (x: unknown) => number): string {
  const bytes = toBytes(t);
  return bytes.length > COMPARED_BYTES ? `#${numberOf(t.data)}` : String.fromCharCode(...bytes);
}
