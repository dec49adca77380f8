// Peels baked into a copy of their model, which then needs none.
import { loraNames, mergeLora } from '../../adapters/lora.ts';
import type { PeelStack } from '../../adapters/stack.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { adaptable } from './adaptable.ts';
import type { Model } from './file.ts';

/** Bits of the matrices that a stack changed: in 4 they are rounded anew, and half of what the Peels added is lost. */
const MERGED_BITS = 8;

/** A copy of a model with a stack baked into its weights, under another name; what is changed has 8 bits where it had fewer. */
export function mergePeels(model: Model, stack: PeelStack, name: string): Model {
  const changeable = adaptable(model.config);
  const changed = new Set([...changeable.keys()].filter((path) => stack.some(({ peel }) => peel.tensors[loraNames(path).a])));
  const plan =
    model.plan && Object.fromEntries(Object.entries(model.plan).map(([path, bits]) => [path, changed.has(path) ? MERGED_BITS : bits]));
  const weights = Object.fromEntries(
    Object.entries(model.weights).map(([path, weight]) => {
      const { a, b } = loraNames(path);
      const used = changed.has(path) ? stack.filter(({ peel }) => peel.tensors[a]) : [];
      return [
        path,
        used.reduce(
          (sum, { peel, weight: strength }) =>
            mergeLora(sum, peel.tensors[a] as Tensor<'float32'>, peel.tensors[b] as Tensor<'float32'>, strength),
          weight as Tensor<'float32'>,
        ),
      ];
    }),
  );
  const peels = stack.map(({ peel, weight }) => `${peel.info.name} ${weight} (${peel.info.licence || 'no licence'})`).join(', ');
  const { licence, training } = model.manifest;
  const { blocks: _, ...rest } = model; // those are of the weights as they were
  return {
    ...rest,
    name,
    weights,
    ...(plan && { plan }),
    manifest: { ...model.manifest, name, licence: `${licence}; with Peels: ${peels}`, training: `${training}; merged with ${peels}` },
  };
}
