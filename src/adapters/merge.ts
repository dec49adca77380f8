// Peels baked into a copy of their model, which then needs none: its weights, in how many bits they are held, and what it says of itself.
import type { Specs } from '../nn/scope.ts';
import type { Plan } from '../quant/plan.ts';
import { lazily, type LazyTensors } from '../tensor/lazy.ts';
import type { Tensor, Tensors } from '../tensor/tensor.ts';
import { loraNames, mergeLora } from './lora.ts';
import type { PeelStack } from './stack.ts';

/** Bits of the matrices that a stack changed: in 4 they are rounded anew, and half of what the Peels added is lost. */
const MERGED_BITS = 8;

interface Mergeable<M> {
  readonly weights: Tensors | LazyTensors;
  /** Bits of the weights, where its file says. */
  readonly plan?: Plan;
  readonly manifest: M;
}

/** What a model is called, its licence and training: what a merged one says otherwise. */
interface Said {
  readonly name: string;
  readonly licence: string;
  readonly training: string;
}

/** What differs in a copy of a model with a stack baked in, under another name. Weights are merged when they are read. */
export function merged<M extends Said>(
  { weights, plan, manifest }: Mergeable<M>,
  changeable: Specs,
  stack: PeelStack,
  name: string,
): { weights: LazyTensors; plan?: Plan; manifest: M } {
  const { read, ...whole } = lazily(weights);
  const changed = new Set([...changeable.keys()].filter((path) => stack.some(({ peel }) => peel.tensors[loraNames(path).a])));
  const peels = stack.map(({ peel, weight }) => `${peel.info.name} ${weight} (${peel.info.licence || 'no licence'})`).join(', ');
  const { licence, training } = manifest;
  return {
    weights: { ...whole, read: (path) => (changed.has(path) ? withStack(path, read(path) as Tensor<'float32'>, stack) : read(path)) },
    ...(plan && {
      plan: Object.fromEntries(Object.entries(plan).map(([path, bits]) => [path, changed.has(path) ? MERGED_BITS : bits])),
    }),
    manifest: { ...manifest, name, licence: `${licence}; with Peels: ${peels}`, training: `${training}; merged with ${peels}` },
  };
}

function withStack(path: string, weight: Tensor<'float32'>, stack: PeelStack): Tensor<'float32'> {
  const { a, b } = loraNames(path);
  return stack
    .filter(({ peel }) => peel.tensors[a])
    .reduce(
      (sum, { peel: { tensors }, weight: strength }) => mergeLora(sum, tensors[a] as typeof weight, tensors[b] as typeof weight, strength),
      weight,
    );
}
