// Peels baked into a copy of a model.
import { merged } from '../../adapters/merge.ts';
import type { PeelStack } from '../../adapters/stack.ts';
import { adaptable } from './adaptable.ts';
import type { LayersModel } from './file.ts';

/** A copy of a model with a stack baked into its weights, under another name; what is changed has 8 bits where it had fewer. */
export const mergePeels = ({ blocks: _, ...model }: LayersModel, stack: PeelStack, name: string): LayersModel => ({
  ...model,
  ...merged(model, adaptable(model.config), stack, name),
});
