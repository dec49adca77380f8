// Peels baked into a copy of a model that is in memory.
import { merged } from '../../adapters/merge.ts';
import type { PeelStack } from '../../adapters/stack.ts';
import { inMemory } from '../../tensor/lazy.ts';
import { adaptable } from './adaptable.ts';
import type { Model } from './file.ts';

/** A copy of a model with a stack baked into its weights, under another name; what is changed has 8 bits where it had fewer. */
export function mergePeels({ blocks: _, ...model }: Model, stack: PeelStack, name: string): Model {
  const { weights, plan, manifest } = merged(model, adaptable(model.config), stack, name);
  return { ...model, name, weights: inMemory(weights), ...(plan && { plan }), manifest };
}
