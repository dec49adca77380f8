// The one check of a request, at the face that is asked (sdk/banana.ts, live/live.ts, a pipeline that is used by itself). What comes out
// has a type of its own: behind the face, in the engine's process too, nothing is checked again.
import { InputError } from '../util/errors.ts';
import type { KnownObject } from './object-options.ts';
import { checkObjects } from './objects.ts';
import { peelsOf } from './peels.ts';
import { checkPrompt } from './prompt.ts';
import { LIMITS, typed, type GenerateOptions, type Limits, type PeelChoice } from './request.ts';
import { sizeWithin, type Size } from './size.ts';
import { checkPicture, sizeOf } from './start.ts';
import { checkReferences } from './subjects.ts';

/** A request that can be drawn, and what follows from it: the prompt is without its Peels, the size is known. */
export interface Checked extends Omit<GenerateOptions, 'width' | 'height' | 'aspect' | 'peels' | 'objects'> {
  readonly size: Size;
  readonly peels: readonly PeelChoice[];
  /** Each with its slot. */
  readonly objects?: readonly KnownObject[];
  readonly signal?: AbortSignal | undefined;
}

const BOTH = 'a picture to start from is drawn in one piece, without objects: leave one of the two out, or keep the picture as slot 0';

/**
 * Checks a request. Throws InputError for what no model can do within these limits, with the option's `path`; what depends on the model
 * is said when it draws.
 */
export function checkOptions(given: unknown, limits: Limits = LIMITS): Checked {
  const { width, height, aspect, objects: asGiven, ...options } = typed(given, limits);
  const { prompt, peels } = peelsOf(options);
  checkPrompt(prompt);
  checkReferences(prompt, options.references);
  checkPicture(options);
  if (options.image && asGiven) throw new InputError('objects.image', BOTH, { path: 'objects' });
  checkSeeds(options);
  const objects = asGiven && { objects: checkObjects(asGiven) };
  const { image } = options;
  const asked = width !== undefined || height !== undefined || aspect !== undefined;
  const size = image && !asked ? sizeOf(image, limits) : sizeWithin({ width, height, aspect }, limits);
  return { ...options, ...objects, prompt, peels, size };
}

function checkSeeds({ seed = 0, count = 1 }: GenerateOptions): void {
  const most = Number.MAX_SAFE_INTEGER - count;
  if (seed > most) throw new InputError('options.seed', `seed ${seed}: expected a whole number from 0 to ${most}`, { path: 'seed' });
}
