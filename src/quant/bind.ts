// Quantized parameters from a model's weights: a graph that was built with a quantized product asks for PATH.q4 or PATH.s8 instead
// of PATH; this makes what it asks for, from the blocks of the model's file where it has them, else from float32 matrices. So one
// model serves every kind of product, and no float32 copy of a weight is ever made for a kernel that does not want it.
import type { Graph } from '../graph/value.ts';
import { lazily, type LazyTensors } from '../tensor/lazy.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import type { Blocks } from './blocks.ts';
import { blockNames, blockTensors, KERNEL_BITS } from './int4.ts';
import { columnNames, columnTensors, namedColumns } from './int8.ts';
import { kernelColumns } from './int8-conv.ts';

/** The blocks that a model's file holds for a weight, read when asked for; undefined for a weight that is no blocks. */
export type BlocksOf = (path: string) => (Blocks & { readonly bits: number }) | undefined;

export interface Kind {
  /** How the name of the parameter ends. */
  readonly suffix: string;
  readonly make: (path: string, weight: Tensor<'float32'> | Blocks) => Tensors;
  /** Bits that blocks must have; undefined: any will do. */
  readonly bits?: number;
}

const KINDS: readonly Kind[] = [
  ...KERNEL_BITS.map(
    (bits): Kind => ({ suffix: blockNames('', bits).values, make: (path, weight) => blockTensors(path, weight, bits), bits }),
  ),
  {
    suffix: columnNames('').values,
    make: (path, weight) => (isKernel(weight) ? namedColumns(path, kernelColumns(weight)) : columnTensors(path, weight)),
  },
];

const isKernel = (weight: Tensor<'float32'> | Blocks): weight is Tensor<'float32'> => 'shape' in weight && weight.shape.length === 4;

/** The path of the weight that a graph's parameter is made from, and its kind; undefined for a plain parameter. */
export function kindOf(name: string): { kind: Kind; path: string } | undefined {
  const kind = KINDS.find(({ suffix }) => name.endsWith(suffix));
  return kind && { kind, path: name.slice(0, -kind.suffix.length) };
}

/** The quantized parameters that a graph has and `weights` does not, made from the weights that they are named after. */
export function quantizedWeights(g: Graph, weights: Tensors | LazyTensors, blocksOf: BlocksOf = () => undefined): Tensors {
  const { outline, read } = lazily(weights);
  const made: Tensors = {};
  for (const { op, name } of g.inputs) {
    const found = op === 'Parameter' && !outline(name!) ? kindOf(name!) : undefined;
    if (!found || !outline(found.path)) continue;
    const { kind, path } = found;
    const blocks = blocksOf(path);
    const fits = blocks && (kind.bits === undefined || kind.bits === blocks.bits);
    Object.assign(made, kind.make(path, fits ? blocks : (read(path) as Tensor<'float32'>)));
  }
  return made;
}
