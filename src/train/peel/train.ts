// Training a Peel from pictures, as a generator: encode them once, let the base draw what it must not forget, then the loop.
// Some pictures are held out where there are enough; their loss is told.
// The state lies in a store (a folder, or memory), so that a run that was left can go on. Nothing is written elsewhere: the caller
// gets the Peel's bytes.
// Not here: what comes before the loop (prepare.ts), the step (program.ts), reading folders (disk/pictures.ts), the command
// (cli/peel-train.ts).
import type { PeelInfo } from '../../adapters/info.ts';
import { encodePeel, type Peel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../../adapters/stack.ts';
import { initialize } from '../../nn/scope.ts';
import { breathe } from '../../runtime/engine.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { InputError } from '../../util/errors.ts';
import { cosineRate, runSteps, type Progress } from '../run.ts';
import { averageOf } from '../step.ts';
import { batchesOf } from './batches.ts';
import { keep, NO_BEST, restore, type Best, type CurvePoint } from './best.ts';
import { FILES, readState } from './files.ts';
import { checkTrainOptions, type TrainPeelOptions } from './options.ts';
import { evaluate, prepare, type Prepared } from './prepare.ts';
import { programsFor, type Programs } from './programs.ts';
import { drawSamples, samplePrompts, thumbnail, type Sample } from './samples.ts';
import { openTraining, type TrainPeelEvent, type TrainPeelInput, type Training } from './training.ts';

export type { CurvePoint } from './best.ts';
export { clearTraining, stepsMade } from './files.ts';
export { checkTrainOptions, PEEL_DEFAULTS, type TrainPeelOptions } from './options.ts';
export type { Sample } from './samples.ts';
export { trainableOf, type Trainable } from './families.ts';
export type { TrainPeelEvent, TrainPeelInput } from './training.ts';

export interface TrainedPeel {
  readonly info: PeelInfo;
  readonly tensors: Tensors;
  /** The file. */
  readonly chunks: readonly Uint8Array[];
  readonly curve: readonly CurvePoint[];
  readonly samples: readonly Sample[];
  /** Step of the state that was kept, and steps that were made. */
  readonly keptStep: number;
  readonly steps: number;
  readonly stopped: 'steps' | 'seconds';
}

const EVALUATIONS = 16;
const THUMBNAILS = 2;

/** The loop of a training, and where it stands. */
interface Run {
  readonly training: Training;
  readonly prepared: Prepared;
  readonly programs: Programs;
  readonly curve: CurvePoint[];
  readonly samples: Sample[];
  best: Best;
  /** Step of the last report. */
  last: number;
}

/**
 * Trains. Leaving the loop keeps the state in the store: the same call goes on from there. Throws InputError for options or pictures
 * that cannot be trained on.
 */
export async function* trainPeel(input: TrainPeelInput, options: TrainPeelOptions): AsyncGenerator<TrainPeelEvent, TrainedPeel, void> {
  const training = await openTraining(input, checkTrainOptions(options));
  const { painter } = training;
  try {
    const run = await openRun(training, yield* prepare(training));
    yield await sample(run, NO_PEELS, 'before');
    await painter.release(); // the base alone is not needed any more; what is comes back when it is used
    yield* learn(run);
    return yield* finish(run);
  } finally {
    await painter.release();
  }
}

/** A run that begins, or goes on from what its store holds. */
async function openRun(training: Training, prepared: Prepared): Promise<Run> {
  const { heldOut, before, buckets } = prepared;
  const first: CurvePoint[] = heldOut.length > 0 ? [{ step: 0, heldOut: before }] : [];
  const { best, curve } = (await restore(training.store)) ?? { best: NO_BEST, curve: first };
  return { training, prepared, programs: programsFor(training, buckets), curve, samples: [], best, last: best.step };
}

async function* learn(run: Run): AsyncGenerator<TrainPeelEvent, void, void> {
  const {
    training: { store },
    programs: { specs },
  } = run;
  let [seen, halfway] = [0, false];
  try {
    for await (const progress of stepsOf(run)) {
      const { step, done, state } = progress;
      const due = done * EVALUATIONS >= seen + 1 || done >= 1;
      if (due) seen = Math.floor(done * EVALUATIONS);
      yield* await report(run, progress, due);
      await breathe();
      if (done < 0.5 || done >= 1 || halfway) continue;
      halfway = true;
      yield await sample(run, tuned(run, { step, tensors: averageOf(state, specs) }), 'during');
    }
  } finally {
    await keep(store, run.best, run.curve);
  }
}

/** The steps of a run, from where its store says. */
function stepsOf({ training, prepared, programs }: Run): AsyncGenerator<Progress> {
  const {
    runtime,
    store,
    signal,
    rng,
    settings: { steps, seconds, rate },
  } = training;
  const { program, specs, inParts, open } = programs;
  return runSteps({
    runtime,
    program,
    open,
    weights: initialize(specs, rng.split('weights')),
    batch: batchesOf(training, prepared),
    rate: cosineRate(rate, { warm: 0.05, floor: 0.1 }),
    store,
    ...(signal && { signal }),
    checkpoint: FILES.state,
    log: FILES.log,
    logEvery: inParts || steps < 100 ? 2 : 10,
    steps,
    ...(seconds !== undefined && { seconds }),
  });
}

/** Notes how far a run is; when it is due, looks at the state, keeps the best, and says whether to stop. */
async function report(run: Run, { step, done, seconds, metrics, state }: Progress, due: boolean): Promise<TrainPeelEvent[]> {
  const loss = metrics.loss!;
  run.last = step;
  run.curve.push({ step, loss });
  const told: TrainPeelEvent = { type: 'step', step, done, seconds, loss };
  if (!due) return [told];
  const looked = await look(run, step, state);
  await keep(run.training.store, run.best, run.curve);
  return [told, ...looked];
}

/** Looks at a state of the loop: how near it is to what is held out, and whether it is the best so far. */
async function look(run: Run, step: number, state: Tensors): Promise<TrainPeelEvent[]> {
  const {
    training,
    prepared: { heldOut, before },
  } = run;
  const found = { step, tensors: averageOf(state, run.programs.specs) };
  const loss = await evaluate(training, heldOut, tuned(run, found));
  run.best = { ...found, loss };
  if (heldOut.length === 0) return [];
  run.curve.push({ step, heldOut: loss });
  return [{ type: 'heldOut', step, loss, base: before }];
}

/** Draws what shows how far a run is, where samples are asked for. */
async function sample({ training, prepared, samples }: Run, peels: PeelStack, stage: Sample['stage']): Promise<TrainPeelEvent> {
  const { settings, painter, say } = training;
  const { learned, heldOut } = prepared;
  const drawn = settings.samples ? await drawSamples(painter, peels, samplePrompts(learned, heldOut, say), stage) : [];
  samples.push(...drawn);
  return { type: 'samples', samples: drawn };
}

/** The Peel from the best state. Throws InputError when no step was made. */
async function* finish(run: Run): AsyncGenerator<TrainPeelEvent, TrainedPeel, void> {
  const {
    training: { store, settings },
    curve,
    samples,
  } = run;
  const { state = {}, steps: made = 0 } = (await readState(store)) ?? {};
  if (made === 0) throw new InputError('options.seconds', `not one step was made in ${settings.seconds} seconds: give it more`);
  if (made > run.last) {
    // The clock may run out between two reports: what was made since then is in the checkpoint.
    run.last = made;
    yield* await look(run, made, state);
  }
  const { best, last } = run;
  yield await sample(run, tuned(run, best), 'after');
  const { info, tensors } = peelOf(run, best, await thumbnailsOf(samples));
  const chunks = await encodePeel({ info, tensors });
  const stopped = last >= settings.steps ? 'steps' : 'seconds';
  return { info, tensors, chunks, curve, samples, keptStep: best.step, steps: last, stopped };
}

async function thumbnailsOf(samples: readonly Sample[]): Promise<string[]> {
  const shown = samples.filter(({ stage }) => stage === 'after').slice(0, THUMBNAILS);
  return Promise.all(shown.map(({ image }) => thumbnail(image)));
}

type State = Pick<Best, 'step' | 'tensors'>;

/** What puts a state of the Peel on the base. */
const tuned = (run: Run, state: State): PeelStack => withPeel(NO_PEELS, peelOf(run, state));

/** A state as a Peel. */
function peelOf({ training, prepared }: Run, { step, tensors }: State, thumbnails: readonly string[] = []): Peel {
  return { info: describe(training, prepared.learned.length, step, thumbnails), hash: '', tensors };
}

function describe({ settings, base }: Training, pictures: number, steps: number, thumbnails: readonly string[]): PeelInfo {
  const { name, rank, layers, trigger, licence, description, author, batch, prior, rate, seed, flips } = settings;
  const { name: model, version, preset, hash } = base;
  return {
    name,
    ...(description && { description }),
    base: { name: model, version, preset, hash },
    rank,
    alpha: rank,
    layers,
    triggers: trigger ? [trigger] : [],
    licence,
    ...(author && { author }),
    thumbnails,
    training: { pictures, steps, batch, prior, rate, seed, flips },
  };
}
