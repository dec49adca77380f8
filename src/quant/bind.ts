// Quantized parameters from float weights: a graph that was built with a quantized product asks for PATH.q4 or PATH.s8 instead of
// PATH; this makes what it asks for. So a model is float32 once loaded, and each session takes from it what its kernels want.
import type { Graph } from '../graph/value.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import { blockNames, blockTensors, KERNEL_BITS } from './int4.ts';
import { columnNames, columnTensors } from './int8.ts';

interface Kind {
  /** How the name of the parameter ends. */
  readonly suffix: string;
  readonly make: (path: string, weight: Tensor<'float32'>) => Tensors;
}

const KINDS: readonly Kind[] = [
  ...KERNEL_BITS.map((bits): Kind => ({ suffix: blockNames('', bits).values, make: (path, weight) => blockTensors(path, weight, bits) })),
  { suffix: columnNames('').values, make: columnTensors },
];

/** The quantized parameters that a graph has and `weights` does not, made from the float32 weights that they are named after. */
export function quantizedWeights(g: Graph, weights: Tensors): Tensors {
  const made: Tensors = {};
  for (const { op, name } of g.inputs) {
    if (op !== 'Parameter' || weights[name!]) continue;
    const kind = KINDS.find(({ suffix }) => name!.endsWith(suffix));
    const path = kind && name!.slice(0, -kind.suffix.length);
    if (path !== undefined && weights[path]) Object.assign(made, kind!.make(path, weights[path] as Tensor<'float32'>));
  }
  return made;
}
