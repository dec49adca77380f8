// The frozen base of a training step as the model's file holds it: blocks of 4 or 8 bits that the graph unpacks where it uses them,
// forward and, turned, backward. A float32 weight would lie in memory as it is, packed for its kernel, and turned and packed again:
// for nano 1.1 GB, against 0.2. The numbers are the same; a step takes about a fifth longer. So it is for bases that are large.
// Not here: products for inference (quant/int4.ts, int8.ts), which have no gradient.
import { matmul } from '../../graph/ops.ts';
import { apply, parameter, type Graph, type Value } from '../../graph/value.ts';
import type { Product } from '../../nn/scope.ts';
import type { BlocksOf } from '../../quant/bind.ts';
import { BLOCK } from '../../quant/blocks.ts';
import type { Plan } from '../../quant/plan.ts';
import { lazily, type LazyTensors } from '../../tensor/lazy.ts';
import { float32, type DType, type Tensors } from '../../tensor/tensor.ts';
import { fromHalves } from '../../util/float16.ts';

const VALUES = '.frozen';
const SCALES = '.frozen.scale';
const TYPES: Readonly<Record<number, DType>> = { 4: 'int4', 8: 'int8' };

/** Products with frozen weights that lie as blocks; those that the plan does not name are multiplied as floats. */
export function frozenProduct(plan: Plan): Product {
  const made = new Map<Value, Value>();
  return (x, weight, path) => {
    const type = TYPES[plan[path]!];
    if (!type) return matmul(x, weight);
    let unpacked = made.get(weight);
    if (!unpacked) {
      const [rows, columns] = weight.shape as [number, number];
      const blocks = [parameter(path + VALUES, [rows, columns], type), parameter(path + SCALES, [Math.ceil(rows / BLOCK), columns])];
      made.set(weight, (unpacked = apply('DequantizeLinear', blocks, { axis: 0, block_size: BLOCK })));
    }
    return matmul(x, unpacked);
  };
}

/** What a graph's parameters are bound to: weights by their path, and blocks where the graph asks for them. */
export function frozenWeights({ inputs }: Graph, weights: Tensors | LazyTensors, blocks: BlocksOf = () => undefined): Tensors {
  const blocksOf = (name: string, ending: string) => (name.endsWith(ending) ? blocks(name.slice(0, -ending.length)) : undefined);
  const { outline, read } = lazily(weights);
  const bound: Tensors = {};
  for (const { op, name } of inputs) {
    if (op !== 'Parameter') continue;
    const scales = blocksOf(name!, SCALES)?.scales;
    const found = scales
      ? float32(scales.shape, fromHalves(scales.data))
      : (blocksOf(name!, VALUES)?.values ?? (outline(name!) && read(name!)));
    if (found) bound[name!] = found;
  }
  return bound;
}
