// Several Peels at once, each with a weight, as a value: a list that is never changed, only made anew, so that two pictures
// with different Peels can be drawn at the same time on one session. Its feeds lie along the rank of the side inputs and are
// made once for each stage. No Peels: zeros of rank 1, which change no bit of the result (rank 0 does not either, but crashes
// ONNX Runtime's WebGPU in Node).
import type { Specs } from '../nn/scope.ts';
import type { Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { loraFeeds } from './lora.ts';
import type { Peel } from './peel.ts';

export interface StackedPeel {
  readonly peel: Peel;
  /** 1 is as trained; 0 is off; negative turns it around. -4 to 4. */
  readonly weight: number;
}
export type PeelStack = readonly StackedPeel[];

export const NO_PEELS: PeelStack = [];
export const WEIGHT_MAX = 4;
/** Joint rank of a stack: beyond this the side inputs cost more than the products beside them. */
const RANK_MAX = 512;

/** Throws InputError for a weight that is no number from -4 to 4. */
export function checkWeight(weight: number, name: string): number {
  if (typeof weight !== 'number' || !(Math.abs(weight) <= WEIGHT_MAX))
    throw new InputError('peel.weight', `weight ${weight} of Peel "${name}": expected a number from -${WEIGHT_MAX} to ${WEIGHT_MAX}`);
  return weight;
}

/** The stack with one more Peel on it. Throws InputError for a name that is there already, a bad weight, or too high a joint rank. */
export function withPeel(stack: PeelStack, peel: Peel, weight = 1): PeelStack {
  const { name, rank } = peel.info;
  if (stack.some((one) => one.peel.info.name === name))
    throw new InputError('peel.twice', `Peel "${name}" is used twice: give it once, with the sum of the weights`);
  const total = stack.reduce((sum, one) => sum + one.peel.info.rank, rank);
  if (total > RANK_MAX) throw new InputError('peel.rank', `these Peels have rank ${total} together, more than ${RANK_MAX}: use fewer`);
  return [...stack, { peel, weight: checkWeight(weight, name) }];
}

/** The stack with another weight for one Peel. Throws InputError when it is not there. */
export function withWeight(stack: PeelStack, name: string, weight: number): PeelStack {
  checkWeight(weight, name);
  return replaced(stack, name, (peel) => [{ peel, weight }]);
}

/** The stack without one Peel. Throws InputError when it is not there. */
export function withoutPeel(stack: PeelStack, name: string): PeelStack {
  return replaced(stack, name, () => []);
}

function replaced(stack: PeelStack, name: string, change: (peel: Peel) => PeelStack): PeelStack {
  const at = stack.findIndex(({ peel }) => peel.info.name === name);
  if (at < 0)
    throw new InputError(
      'peel.missing',
      `Peel "${name}" is not in use${stack.length > 0 ? `: in use are ${stack.map(({ peel }) => peel.info.name).join(', ')}` : ''}`,
    );
  return [...stack.slice(0, at), ...change(stack[at]!.peel), ...stack.slice(at + 1)];
}

/** Whether a stack does nothing. */
export const isIdle = (stack: PeelStack): boolean => stack.every(({ weight }) => weight === 0);

const made = new WeakMap<PeelStack, WeakMap<Specs, Tensors>>();

/** The side inputs of a stage with these weights. `prefix`: what stands before their paths in a Peel, where it is for several networks. */
export function stackFeeds(specs: Specs, stack: PeelStack, prefix = ''): Tensors {
  let bySpecs = made.get(stack);
  if (!bySpecs) made.set(stack, (bySpecs = new WeakMap()));
  let feeds = bySpecs.get(specs);
  if (!feeds) {
    const used = stack.filter(({ weight }) => weight !== 0).map(({ peel, weight }) => ({ tensors: peel.tensors, strength: weight }));
    bySpecs.set(specs, (feeds = loraFeeds(specs, used, { least: 1, prefix })));
  }
  return feeds;
}
