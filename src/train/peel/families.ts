// The models that Peels can be trained for, and what the family of each gives to the training.
import type { OpenedModel } from '../../models/family.ts';
import type { LayersModel } from '../../models/layers/file.ts';
import { InputError } from '../../util/errors.ts';
import type { PeelFamily } from './family.ts';
import { layeredPeels } from './layered.ts';

/** A model that a Peel can be trained for. */
export type Trainable = LayersModel;

/** The model of an opened file. Throws InputError for one that Peels cannot be trained for. */
export function trainableOf({ id, layers }: OpenedModel & { readonly layers?: LayersModel }): Trainable {
  if (layers) return layers;
  throw new InputError('model.ability', `model "${id.name}" cannot be trained on: choose another model`);
}

/** The family of a model. */
export const familyOf = (model: Trainable): PeelFamily => layeredPeels(model);
