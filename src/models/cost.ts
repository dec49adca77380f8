// What a graph costs: the floating-point operations of its products. Everything else a network does is small beside them, and
// bound by memory.
import { evaluateDim } from '../graph/dim.ts';
import { nodesOf, type Graph } from '../graph/value.ts';
import { sizeOf } from '../tensor/tensor.ts';

/** Operations (a multiplication and an addition are two) of the MatMuls of a graph written in primitives; `sizes` are its symbols' values. */
export function flopsOf(g: Graph, sizes: Readonly<Record<string, number>>): number {
  let flops = 0;
  for (const v of nodesOf(g)) {
    if (v.op !== 'MatMul') continue;
    const inner = evaluateDim(v.inputs[0]!.shape.at(-1)!, sizes);
    flops += 2 * inner * sizeOf(v.shape.map((d) => evaluateDim(d, sizes)));
  }
  return flops;
}
