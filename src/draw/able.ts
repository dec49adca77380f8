// What a model can do of what a request may ask for: check.ts sees no model.
import type { Ability, ModelInfo } from '../models/family.ts';
import { InputError } from '../util/errors.ts';
import { inWords } from './option.ts';
import type { Sent } from './pictures.ts';
import type { Limits } from './request.ts';

/** What needs an ability: the option, and what the model cannot do. `allowed`: values that ask for nothing. */
const NEEDS: readonly {
  readonly option: keyof Sent;
  readonly ability: Ability;
  readonly cannot: string;
  asks?(value: unknown): boolean;
}[] = [
  { option: 'image', ability: 'image', cannot: 'cannot start from a picture: leave image out' },
  { option: 'negative', ability: 'negative', cannot: 'knows no negative prompts: leave negative out', asks: (words) => words !== '' },
  { option: 'guidance', ability: 'guidance', cannot: 'has no guidance: leave guidance out' },
  {
    option: 'peels',
    ability: 'peels',
    cannot: 'takes no Peels: leave them out',
    asks: (peels) => (peels as readonly unknown[]).length > 0,
  },
  { option: 'objects', ability: 'layers', cannot: 'does not draw in layers: leave objects out' },
  { option: 'layers', ability: 'layers', cannot: 'does not draw in layers: leave layers out', asks: (layers) => layers === true },
  {
    option: 'background',
    ability: 'transparent',
    cannot: 'draws no transparent background: leave background out',
    asks: (kind) => kind === 'transparent',
  },
];

/** Throws InputError, with the option's `path`, for what a model cannot do. */
export function checkAble(request: Sent, { name, abilities, guidance: usual }: ModelInfo): void {
  if (request.references?.length && !abilities.includes('references'))
    throw new InputError(
      'model.references',
      `model "${name}" was not trained with reference subjects: leave the pictures and <1> to <5> out, or choose another model`,
      { path: 'references' },
    );
  for (const { option, ability, cannot, asks = () => true } of NEEDS)
    if (request[option] !== undefined && asks(request[option]) && !abilities.includes(ability))
      throw new InputError('model.ability', `model "${name}" ${cannot}, or choose another model`, { path: option });
  const { negative, guidance = usual } = request;
  if (negative && guidance <= 1)
    throw new InputError('options.negative', `a negative prompt does nothing at guidance ${guidance}: ask for more than 1`, {
      path: 'negative',
    });
}

/** The limits of a request to a model. Throws InputError `options.limits` when none of its steps is within them. */
export function withinModel(limits: Limits, { name, steps }: ModelInfo): Limits {
  const within = steps.filter((n) => limits.steps.includes(n));
  if (within.length > 0) return { ...limits, steps: within };
  throw new InputError('options.limits', `limits.steps ${inWords(limits.steps)}: model "${name}" draws in ${inWords(steps)}`, {
    path: 'steps',
  });
}
