// The loop around a training step, as a generator: it feeds the state back, logs, saves, and stops when told. It knows
// nothing of networks, nor of where files lie. A run is resumed from its checkpoint, whose `step` says where the seeded
// batches go on.
import { breathe } from '../runtime/engine.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { decodeSafetensors, encodeSafetensors } from '../tensor/safetensors.ts';
import type { Store } from '../tensor/store.ts';
import { scalar, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { NEXT, openStep, type Program } from './step.ts';

export interface RunOptions {
  readonly runtime: Runtime;
  readonly program: Program;
  /** Weights to begin with, where there is no checkpoint. */
  readonly weights: Tensors;
  /** Weights that are read but not trained: bound when the program is compiled. */
  readonly frozen?: Tensors;
  /** Makes the step ready to run; default: the program on the runtime, with the frozen weights bound. */
  readonly open?: () => Promise<Session>;
  /** Inputs of step i besides state and rate. */
  readonly batch: (step: number) => Promise<Tensors> | Tensors;
  /** Learning rate by the share of the run that is done, 0 to 1. */
  readonly rate: (done: number) => number;
  /** The run ends after this many steps in all, or after this many seconds in all, whichever is first. */
  readonly steps?: number;
  readonly seconds?: number;
  /** Where the files are kept. */
  readonly store: Store;
  /** Name of the file with the state; a run that finds it goes on. */
  readonly checkpoint: string;
  /** Seconds between checkpoints. */
  readonly every?: number;
  /** Name of a file that gets one JSON line for each `logEvery` steps. */
  readonly log?: string;
  readonly logEvery?: number;
  /** Stops before the next step: the state is saved, and its reason thrown. */
  readonly signal?: AbortSignal;
}

export interface Progress {
  readonly step: number;
  /** Share of the run that is done, 0 to 1. */
  readonly done: number;
  /** Seconds of training, earlier runs included. */
  readonly seconds: number;
  /** Loss and metrics, averaged since the last report. */
  readonly metrics: Readonly<Record<string, number>>;
  /** The state now: weights, moments, average. */
  readonly state: Tensors;
}

/** Learning rate: linear warm-up over the first `warm` of the run, then a cosine down to `floor` of the peak. */
export function cosineRate(peak: number, { warm = 0.02, floor = 0.02 } = {}): (done: number) => number {
  return (done) =>
    done < warm
      ? (peak * (done + 1e-3)) / (warm + 1e-3)
      : peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos((Math.PI * (done - warm)) / (1 - warm))));
}

/** Trains; yields progress each `logEvery` steps and at the end. Returning early (break) saves a checkpoint first. */
export async function* runSteps(options: RunOptions): AsyncGenerator<Progress> {
  const {
    program,
    batch,
    rate,
    store,
    checkpoint,
    log,
    every = 120,
    logEvery = 20,
    signal,
    steps = Infinity,
    seconds: limit = Infinity,
  } = options;
  const { open = () => openStep(options.runtime, program, options.frozen, signal) } = options;
  let state = program.begin(options.weights);
  let spent = 0;
  const before = await store.read(checkpoint);
  if (before) {
    const { tensors, metadata } = decodeSafetensors(before, checkpoint);
    state = tensors;
    spent = Number(metadata.seconds ?? 0);
  }
  let step = Math.round((state.step!.data as Float32Array)[0]!);
  const started = performance.now() / 1000 - spent;
  const elapsed = () => performance.now() / 1000 - started;
  const done = () => Math.min(1, Math.max(step / steps, elapsed() / limit));
  const save = () => store.write(checkpoint, encodeSafetensors(state, { seconds: String(elapsed()) }));
  if (done() >= 1) return;

  const session = await open();
  const inputs = new Set(session.inputs.map(({ name }) => name));
  let sums: Record<string, number> = {};
  let counted = 0;
  let saved = elapsed();
  const report = (): Progress => {
    const metrics = Object.fromEntries(Object.entries(sums).map(([key, total]) => [key, total / counted]));
    [sums, counted] = [{}, 0];
    return { step, done: done(), seconds: elapsed(), metrics, state };
  };
  try {
    while (done() < 1) {
      if (signal) await breathe(); // lets the message in that aborts it
      signal?.throwIfAborted();
      const feeds: Tensors = { ...state, ...(await batch(step)), rate: scalar(rate(done())) };
      const results = await session.run(only(feeds, inputs));
      const next: Tensors = { ...state };
      for (const [key, tensor] of Object.entries(results))
        if (key.startsWith(NEXT)) next[key.slice(NEXT.length)] = tensor;
        else sums[key] = (sums[key] ?? 0) + number(tensor);
      if (!Number.isFinite(number(results.loss!)))
        throw new Error(`training diverged at step ${step}: loss is ${number(results.loss!)}; lower the rate`);
      state = next;
      step++;
      counted++;
      if (step % logEvery === 0 || done() >= 1) {
        const progress = report();
        if (log)
          await store.append(
            log,
            `${JSON.stringify({ step, seconds: Math.round(progress.seconds), rate: rate(progress.done), ...progress.metrics })}\n`,
          );
        yield progress;
      }
      if (elapsed() - saved > every) {
        await save();
        saved = elapsed();
      }
    }
  } finally {
    await save();
    await session.release();
  }
}

function only(feeds: Tensors, names: ReadonlySet<string>): Tensors {
  return Object.fromEntries(Object.entries(feeds).filter(([key]) => names.has(key)));
}

function number(t: Tensor): number {
  return Number(t.data[0]);
}
