// A training of a Peel: what it starts from, what it says while it goes, and what its parts share once it is open.
// Not here: options (options.ts), what it makes (train.ts).
import type { BaseId } from '../../adapters/info.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import type { Painter } from '../../models/family.ts';
import { countParameters } from '../../nn/scope.ts';
import type { Plan } from '../../quant/plan.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { memoryStore, type Store } from '../../tensor/store.ts';
import { InputError } from '../../util/errors.ts';
import { random, type Random } from '../../util/random.ts';
import { familyOf, type Trainable } from './families.ts';
import type { Bucket, PeelFamily } from './family.ts';
import type { Settings } from './options.ts';
import type { Sample } from './samples.ts';

const MEMORY = 600e6;

/** What a training starts from. */
export interface TrainPeelInput {
  readonly model: Trainable;
  /** The model as Peels name it. */
  readonly base: BaseId;
  readonly runtime: Runtime;
  readonly pictures: readonly TrainingPicture[];
  /** Where the state of the run is kept; default: in memory, so that it ends with the program. */
  readonly store?: Store;
  /** Stops between two steps, or between the parts of one; the state is kept, as when the loop is left. */
  readonly signal?: AbortSignal;
  /**
   * Bytes that the activations of a step may take, about; default 600 MB. A batch that needs more is trained in parts, and a base that
   * would take a quarter of it as float32 stays in the blocks of its file: the same training to rounding, but slower.
   */
  readonly memory?: number;
}

export type TrainPeelEvent =
  | { readonly type: 'pictures'; readonly pictures: number; readonly heldOut: number; readonly buckets: readonly Bucket[] }
  | { readonly type: 'prepare'; readonly done: number; readonly total: number }
  | { readonly type: 'step'; readonly step: number; readonly done: number; readonly seconds: number; readonly loss: number }
  | { readonly type: 'heldOut'; readonly step: number; readonly loss: number; readonly base: number }
  | { readonly type: 'samples'; readonly samples: readonly Sample[] };

/** What the parts of one training share. */
export interface Training extends TrainPeelInput {
  readonly settings: Settings;
  readonly store: Store;
  readonly memory: number;
  /** Bits of the frozen weights that stay in the blocks of their file; none when all are float32. */
  readonly frozen: Plan;
  readonly family: PeelFamily;
  /** The base. */
  readonly painter: Painter;
  readonly rng: Random;
  /** What is said of a picture: its caption, then the trigger. */
  readonly say: (caption: string) => string;
}

/** Opens a training; its painter is to be released. Throws InputError when there is nothing to learn from. */
export async function openTraining(input: TrainPeelInput, settings: Settings): Promise<Training> {
  const { model, base, runtime, pictures, store = memoryStore(), memory = MEMORY } = input;
  if (pictures.length === 0) throw new InputError('peel.pictures', 'no pictures to train on');
  const family = familyOf(model);
  const { plan, blocks } = family;
  const packed = plan && blocks && floatBytes(family) > memory / 4;
  const painter = await family.painter(runtime, { hash: base.hash, precision: packed ? 'int4' : 'float32', training: true });
  const say = (caption: string) => [caption, settings.trigger].filter(Boolean).join(', ');
  const rng = random(settings.seed).split('peel');
  return { ...input, settings, store, memory, frozen: packed ? plan : {}, family, painter, rng, say };
}

/** Bytes of the frozen weights of a training as float32. */
const floatBytes = (family: PeelFamily): number => 4 * countParameters(family.adaptable());
