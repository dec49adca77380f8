// A training of a Peel: what it starts from, what it says while it goes, and what its parts share once it is open.
// Not here: options (options.ts), what it makes (train.ts).
import type { BaseId } from '../../adapters/info.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import { adaptable } from '../../models/banana/adaptable.ts';
import type { Config } from '../../models/banana/config.ts';
import type { Model, StoredModel } from '../../models/banana/file.ts';
import { openNetworks, type Networks } from '../../models/banana/networks.ts';
import { countParameters } from '../../nn/scope.ts';
import type { Plan } from '../../quant/plan.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { memoryStore, type Store } from '../../tensor/store.ts';
import { InputError } from '../../util/errors.ts';
import { random, type Random } from '../../util/random.ts';
import type { Settings } from './options.ts';
import type { Bucket } from './pictures.ts';
import type { Sample } from './samples.ts';

const MEMORY = 600e6;

/** What a training starts from. */
export interface TrainPeelInput {
  readonly model: Model | StoredModel;
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
  | { readonly type: 'heldOut'; readonly step: number; readonly loss: number; readonly base: number; readonly best: boolean }
  | { readonly type: 'samples'; readonly samples: readonly Sample[] };

/** What the parts of one training share. */
export interface Training extends TrainPeelInput {
  readonly settings: Settings;
  readonly store: Store;
  readonly memory: number;
  /** Bits of the frozen weights that stay in the blocks of their file; none when all are float32. */
  readonly frozen: Plan;
  /** The base. */
  readonly networks: Networks;
  readonly rng: Random;
  /** What is said of a picture: its caption, then the trigger. */
  readonly say: (caption: string) => string;
}

/** Opens a training; its networks are to be released. Throws InputError when there is nothing to learn from. */
export function openTraining(input: TrainPeelInput, settings: Settings): Training {
  const { model, runtime, pictures, store = memoryStore(), memory = MEMORY } = input;
  const { config, weights, plan, blocks } = model;
  if (pictures.length === 0) throw new InputError('peel.pictures', 'no pictures to train on');
  const packed = plan && blocks && floatBytes(config) > memory / 4;
  const networks = openNetworks(runtime, config, weights, packed ? { precision: 'int4', accuracy: 0, plan, blocks } : {});
  const say = (caption: string) => [caption, settings.trigger].filter(Boolean).join(', ');
  return { ...input, settings, store, memory, frozen: packed ? plan : {}, networks, rng: random(settings.seed).split('peel'), say };
}

/** Bytes of the frozen weights of a training as float32. */
const floatBytes = (config: Config): number => 4 * countParameters(adaptable(config));
