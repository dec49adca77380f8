// The state of a training that is kept: the last that was looked at. What is held out does not decide, for its loss likes means of pictures
// (docs/log.md). It lies in the store together with the curve so far, and is read from there strictly: a run goes on from it.
import { encodeSafetensors } from '../../tensor/safetensors.ts';
import type { Store } from '../../tensor/store.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { InputError } from '../../util/errors.ts';
import { FILES, readTensors } from './files.ts';

export interface CurvePoint {
  readonly step: number;
  readonly loss?: number;
  readonly heldOut?: number;
}

export interface Best {
  /** On what is held out; NaN when nothing is. */
  readonly loss: number;
  readonly step: number;
  /** A and B by path. */
  readonly tensors: Tensors;
}

export const NO_BEST: Best = { loss: Infinity, step: 0, tensors: {} };

/** Writes the best state and the curve. */
export const keep = (store: Store, { tensors, ...best }: Best, curve: readonly CurvePoint[]): Promise<void> =>
  store.write(FILES.best, encodeSafetensors(tensors, { best: JSON.stringify(best), curve: JSON.stringify(curve) }));

/** What was kept by a run that can go on; undefined when there is none. Throws InputError for a damaged file. */
export async function restore(store: Store): Promise<{ best: Best; curve: CurvePoint[] } | undefined> {
  const found = (await store.read(FILES.state)) && (await readTensors(store, FILES.best));
  if (!found) return undefined;
  const { loss, step } = parsed(found.metadata.best, 'best state', isBest);
  const curve = parsed(found.metadata.curve, 'curve', isCurve);
  return { best: { loss: loss ?? Infinity, step, tensors: found.tensors }, curve: curve.map(pointOf) };
}

/** As JSON has them: a number that is not finite is null there. */
type Loss = number | null;
type WrittenBest = { readonly loss: Loss; readonly step: number };
type WrittenPoint = { readonly step: number; readonly loss?: Loss; readonly heldOut?: Loss };

const pointOf = ({ step, loss, heldOut }: WrittenPoint): CurvePoint => ({
  step,
  ...(loss !== undefined && { loss: loss ?? NaN }),
  ...(heldOut !== undefined && { heldOut: heldOut ?? NaN }),
});

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null;
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isLoss = (x: unknown): x is Loss => typeof x === 'number' || x === null;
const isBest = (x: unknown): x is WrittenBest => isRecord(x) && isLoss(x.loss) && isCount(x.step);
const isPoint = (x: unknown): x is WrittenPoint =>
  isRecord(x) && isCount(x.step) && [x.loss, x.heldOut].every((loss) => loss === undefined || isLoss(loss));
const isCurve = (x: unknown): x is WrittenPoint[] => Array.isArray(x) && x.every(isPoint);

/** The value in a JSON text. Throws InputError when it is not what was written. */
function parsed<T>(text: string | undefined, what: string, is: (value: unknown) => value is T): T {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    // told below
  }
  if (is(value)) return value;
  const why = `its ${what} is not what a training writes; the file is damaged: remove it to go on without it`;
  throw new InputError('peel.state', `${FILES.best}: ${why}`);
}
