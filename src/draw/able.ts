// Whether a model can do what a request asks for: what check.ts cannot know, since it sees no model.
import type { Ability, ModelInfo } from '../models/family.ts';
import { InputError } from '../util/errors.ts';
import type { Sent } from './pictures.ts';

/** What needs an ability: the option, and what the model cannot do. `allowed`: values that ask for nothing. */
const NEEDS: readonly { readonly option: keyof Sent; readonly ability: Ability; readonly cannot: string; asks?(value: unknown): boolean }[] = [
  { option: 'image', ability: 'image', cannot: 'cannot start from a picture: leave image out' },
  { option: 'guidance', ability: 'guidance', cannot: 'has no guidance: leave guidance out' },
  { option: 'peels', ability: 'peels', cannot: 'takes no Peels: leave them out', asks: (peels) => (peels as readonly unknown[]).length > 0 },
  { option: 'background', ability: 'transparent', cannot: 'draws no transparent background: leave background out', asks: (kind) => kind === 'transparent' },
];

/** Throws InputError, with the option's `path`, for what a model cannot do. */
export function checkAble(request: Sent, { name, abilities, steps: known }: ModelInfo): void {
  if (request.references?.length && !abilities.includes('references'))
    throw new InputError(
      'model.references',
      `model "${name}" was not trained with reference subjects: leave the pictures and <1> to <5> out, or choose another model`,
      { path: 'references' },
    );
  for (const { option, ability, cannot, asks = () => true } of NEEDS)
    if (request[option] !== undefined && asks(request[option]) && !abilities.includes(ability))
      throw new InputError('model.ability', `model "${name}" ${cannot}, or choose another model`, { path: option });
  const { steps } = request;
  if (steps !== undefined && !known.includes(steps))
    throw new InputError('options.steps', `steps ${steps}: model "${name}" draws in ${rangeOf(known)}`, { path: 'steps' });
}

/** Numbers, few first, in words: "1, 2, 4", or "1 to 50" where none between is missing. */
function rangeOf(numbers: readonly number[]): string {
  const [least, most] = [numbers[0]!, numbers.at(-1)!];
  return numbers.length > 2 && most - least + 1 === numbers.length ? `${least} to ${most}` : numbers.join(', ');
}
