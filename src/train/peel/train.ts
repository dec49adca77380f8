// Training a Peel from pictures, as a generator: encode them once, let the base draw what it must not forget, then the loop.
// Some pictures are held out where there are enough; where the objective lets it, their loss says when to stop and which state is kept.
// The state lies in a store (a folder, or memory), so that a run that was left can go on. Nothing is written elsewhere: the caller
// gets the Peel's bytes.
// Not here: the step (train/peel/program.ts), reading folders (disk/pictures.ts), the command (cli/peel.ts).
import { sha256 } from '../../adapters/hash.ts';
import { checkPeelName, type BaseId, type PeelInfo } from '../../adapters/info.ts';
import { adaptable } from '../../models/banana/adaptable.ts';
import { encodePeel, type Peel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel } from '../../adapters/stack.ts';
import { breathe } from '../../runtime/engine.ts';
import type { Config } from '../../models/banana/config.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { countParameters, initialize } from '../../nn/scope.ts';
import { decodeSafetensors, encodeSafetensors } from '../../tensor/safetensors.ts';
import { memoryStore, type Store } from '../../tensor/store.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { between, HELD_OUT_DECIDES, LAYERS, OBJECTIVES, peelBatch, peelProgram, rowsThatFit, trainingTime, type LayerGroup, type Objective, type PeelRow } from './program.ts';
import { frozenWeights } from './frozen.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import { priorCaptions } from './prior.ts';
import { cosineRate, runSteps } from '../run.ts';
import { averageOf, openStep } from '../step.ts';
import { InputError } from '../../util/errors.ts';
import { random, type Random } from '../../util/random.ts';
import type { Model } from '../../models/banana/file.ts';
import { openNetworks, type Networks } from '../../models/banana/networks.ts';
import { encodePictures, type Bucket, type EncodedPicture } from './pictures.ts';
import { drawSamples, heldOutLoss, priorRows, samplePrompts, thumbnail, type PriorRow, type Sample } from './samples.ts';

export type { Sample } from './samples.ts';

export interface TrainPeelOptions {
  /** What a prompt calls it. */
  readonly name: string;
  /** Words that call it up, said after each caption; '' for none. Default "NAME style". */
  readonly trigger?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly author?: string;
  readonly rank?: number;
  readonly layers?: readonly LayerGroup[];
  readonly objective?: Objective;
  /** The run ends after this many steps or seconds in all, whichever is first. */
  readonly steps?: number;
  readonly seconds?: number;
  /** Pictures in a step, of which `prior` are the base's own. */
  readonly batch?: number;
  readonly prior?: number;
  readonly rate?: number;
  readonly seed?: number;
  /** Shows pictures mirrored too. */
  readonly flips?: boolean;
  /** Draws samples before, during and after. */
  readonly samples?: boolean;
  /** Holds some pictures out, where there are enough, to stop in time and keep the best state; else it learns from all of them to the end. */
  readonly heldOut?: boolean;
}

/** What a training starts from. */
export interface TrainPeelInput {
  readonly model: Model;
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

export interface CurvePoint {
  readonly step: number;
  readonly loss?: number;
  readonly heldOut?: number;
}

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
  readonly stopped: 'steps' | 'seconds' | 'early';
}

/** Measured on `pico`: see docs/log.md. */
export const PEEL_DEFAULTS = {
  rank: 8, layers: ['attention', 'mlp', 'text'], objective: 'consistency', steps: 600, batch: 6, prior: 3, rate: 0.002, seed: 0, flips: false, samples: true, heldOut: true, licence: 'unknown',
} as const satisfies Partial<TrainPeelOptions>;

/** Pictures that are needed to hold one out; one more for every so many, up to a few. */
const ENOUGH = 5;
const HELD_OUT_EACH = 10;
const HELD_OUT_MAX = 4;
const EVALUATIONS = 16;
const PATIENCE = 5;
const PRIOR_BANK = 64;
const CAPTION_DROPPED = 0.1;
const HOP = 1 / 8;
const MEMORY = 600e6;
const FILES = { settings: 'settings', state: 'state.safetensors', best: 'best.safetensors', log: 'log.jsonl' } as const;

/** Options with every default; steps may be Infinity. */
type Settings = Required<Omit<TrainPeelOptions, 'description' | 'author' | 'seconds'>> & Pick<TrainPeelOptions, 'description' | 'author' | 'seconds'>;

/** Throws InputError for options that cannot be trained with. */
export function checkTrainOptions(options: TrainPeelOptions): Settings {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as unknown as TrainPeelOptions;
  const all: Settings = { ...PEEL_DEFAULTS, trigger: `${options.name} style`, ...(given.seconds !== undefined && { steps: Infinity }), ...given };
  const fail = (what: string, found: unknown, expected: string): never => {
    throw new InputError(`options.${what}`, `${what} ${String(found)}: expected ${expected}`);
  };
  const whole = (what: 'rank' | 'batch' | 'prior' | 'seed', low: number, high: number) => {
    if (!Number.isInteger(all[what]) || all[what] < low || all[what] > high) fail(what, all[what], `a whole number from ${low} to ${high}`);
  };
  checkPeelName(all.name);
  whole('rank', 1, 128);
  whole('batch', 1, 256);
  whole('prior', 0, all.batch - 1);
  whole('seed', 0, Number.MAX_SAFE_INTEGER);
  if (all.steps !== Infinity && !(Number.isInteger(all.steps) && all.steps >= 1 && all.steps <= 1_000_000)) fail('steps', all.steps, 'a whole number from 1 to 1000000');
  if (all.seconds !== undefined && !(all.seconds > 0 && all.seconds <= 1e7)) fail('seconds', all.seconds, 'a number above 0');
  if (!(all.rate > 0 && all.rate < 1)) fail('rate', all.rate, 'a number between 0 and 1');
  if (!OBJECTIVES.includes(all.objective)) fail('objective', all.objective, `one of ${OBJECTIVES.join(', ')}`);
  if (all.layers.length === 0 || all.layers.some((l) => !LAYERS.includes(l))) fail('layers', all.layers, `some of ${LAYERS.join(', ')}`);
  for (const what of ['trigger', 'licence', 'description', 'author'] as const) {
    const text = all[what] ?? '';
    const longest = what === 'trigger' ? 100 : 2000;
    if (typeof text !== 'string' || text.length > longest || /\p{Cc}/u.test(text)) fail(what, '', `a line of at most ${longest} characters`);
  }
  return all;
}

/** Trains. Leaving the loop keeps the state in the store: the same call goes on from there. Throws InputError for options or pictures that cannot be trained on. */
export async function* trainPeel(input: TrainPeelInput, options: TrainPeelOptions): AsyncGenerator<TrainPeelEvent, TrainedPeel, void> {
  const all = checkTrainOptions(options);
  const { model, base, runtime, pictures, store = memoryStore(), signal, memory = MEMORY } = input;
  const { config, tokenizer, manifest, plan, blocks } = model;
  if (pictures.length === 0) throw new InputError('peel.pictures', 'no pictures to train on');
  const rng = random(all.seed).split('peel');
  const read = async (file: string) => {
    const bytes = await store.read(file);
    return bytes && decodeSafetensors(bytes, file);
  };
  const held = plan && blocks && floatBytes(config) > memory / 4 ? plan : {};
  const networks = openNetworks(runtime, config, model.weights, held === plan ? { precision: 'int4', accuracy: 0, plan, blocks } : {});
  try {
    // What is learned from: pictures as latents, one of them held out; and what the base draws.
    const encoded: EncodedPicture[] = [];
    for await (const one of encodePictures(pictures, networks, all)) {
      encoded.push(one);
      yield { type: 'prepare', done: encoded.length, total: pictures.length + PRIOR_BANK };
      await breathe();
    }
    const key = await settingsKey(all, base, encoded);
    if (new TextDecoder().decode(await store.read(FILES.settings)) !== key) {
      await clearTraining(store);
      await store.write(FILES.settings, key);
    }
    const [learned, heldOut] = all.heldOut ? holdOut(encoded, rng.split('held out')) : [encoded, []];
    const buckets = [...new Set(learned.map((p) => p.bucket))];
    yield { type: 'pictures', pictures: learned.length, heldOut: heldOut.length, buckets };
    const say = (caption: string) => [caption, all.trigger].filter(Boolean).join(', ');
    const tokens = (text: string) => tokenizer.encode(text, config.text.length);
    const bank = new Map<Bucket, PriorRow[]>();
    if (all.prior > 0) {
      let done = 0;
      for (const bucket of buckets) {
        const rows: PriorRow[] = [];
        bank.set(bucket, rows);
        const stream = rng.split(`prior:${bucket.rows}x${bucket.columns}`);
        for (const caption of priorCaptions(manifest.styles, stream, Math.ceil(PRIOR_BANK / buckets.length))) {
          rows.push(...(await priorRows(networks, model, bucket, caption, stream)));
          yield { type: 'prepare', done: pictures.length + Math.min(PRIOR_BANK, ++done), total: pictures.length + PRIOR_BANK };
          await breathe();
        }
      }
    }
    const evaluate = (of: Networks) => heldOutLoss(of, model, heldOut, say, rng.split('evaluate'));
    const before = heldOut.length > 0 ? await evaluate(networks) : Number.NaN;
    const samples: Sample[] = [];
    const prompts = samplePrompts(learned, heldOut, say);
    const sample = async (of: Networks, stage: Sample['stage']): Promise<TrainPeelEvent> => {
      const drawn = all.samples ? await drawSamples(of, model, prompts, stage) : [];
      samples.push(...drawn);
      return { type: 'samples', samples: drawn };
    };
    yield await sample(networks, 'before');
    await networks.release(); // the base alone is not needed any more; what is comes back when it is used

    const programs = new Map(buckets.map(({ rows, columns }) => {
      const tokens = rows * columns;
      return [tokens, peelProgram(config, { ...all, tokens, held, rows: rowsThatFit(all.batch, memory, config, tokens) })];
    }));
    const [{ program, specs }] = [...programs.values()] as [ReturnType<typeof peelProgram>];
    const inParts = [...programs.values()].some(({ program }) => program.update);
    const infoOf = (tensors: Tensors, step: number, thumbnails: readonly string[] = []): Peel => ({ info: describe(all, base, learned.length, step, thumbnails), hash: '', tensors });
    const curve: CurvePoint[] = [];
    let best = { loss: Infinity, step: 0, stale: 0, tensors: {} as Tensors };
    const kept = (await store.read(FILES.state)) && (await read(FILES.best));
    if (kept) {
      const { tensors, metadata } = kept;
      const found = JSON.parse(metadata.best!) as Omit<typeof best, 'tensors' | 'loss'> & { loss: number | null };
      best = { ...found, loss: found.loss ?? Infinity, tensors };
      curve.push(...(JSON.parse(metadata.curve!) as CurvePoint[]));
    } else if (heldOut.length > 0) curve.push({ step: 0, heldOut: before });

    const shares = buckets.map((bucket) => learned.filter((p) => p.bucket === bucket).length);
    const loop = runSteps({
      runtime,
      program,
      open: () => bySize([...programs.keys()], async (size) => {
        const { program } = programs.get(size)!;
        return openStep(runtime, program, frozenWeights(program.graph, model.weights, blocks), signal);
      }),
      weights: initialize(specs, rng.split('weights')),
      batch: (step) => {
        const stream = rng.split(`batch:${step}`);
        const bucket = buckets[stream.weighted(shares)]!;
        const rows = Array.from({ length: all.batch - (bank.size > 0 ? all.prior : 0) }, () => learnedRow(stream, learned.filter((p) => p.bucket === bucket), all, say, tokens));
        const guidance = rows.map(() => manifest.guidance * (0.75 + 0.5 * stream.uniform()));
        for (let i = rows.length; i < all.batch; i++) {
          const row = stream.pick(bank.get(bucket)!);
          rows.push(row);
          guidance.push(row.guidance);
        }
        return peelBatch(rows, guidance, bucket, config);
      },
      rate: cosineRate(all.rate, { warm: 0.05, floor: 0.1 }),
      store,
      ...(signal && { signal }),
      checkpoint: FILES.state,
      log: FILES.log,
      logEvery: inParts || all.steps < 100 ? 2 : 10,
      ...(all.steps !== Infinity && { steps: all.steps }),
      ...(all.seconds !== undefined && { seconds: all.seconds }),
    });
    const keep = () => store.write(FILES.best, encodeSafetensors(best.tensors, { best: JSON.stringify({ ...best, tensors: undefined }), curve: JSON.stringify(curve) }));
    let [last, seen, halfway, early] = [best.step, 0, false, false];
    const look = async (step: number, tensors: Tensors): Promise<TrainPeelEvent[]> => {
      const loss = heldOut.length > 0 ? await evaluate(networks.withPeels(withPeel(NO_PEELS, infoOf(tensors, step)))) : Number.NaN;
      const better = !HELD_OUT_DECIDES[all.objective] || !(loss >= best.loss);
      best = better ? { loss, step, stale: 0, tensors } : { ...best, stale: best.stale + 1 };
      if (heldOut.length === 0) return [];
      curve.push({ step, heldOut: loss });
      return [{ type: 'heldOut', step, loss, base: before, best: better }];
    };
    try {
      for await (const { step, done, seconds, metrics, state } of loop) {
        last = step;
        curve.push({ step, loss: metrics.loss! });
        const events: TrainPeelEvent[] = [{ type: 'step', step, done, seconds, loss: metrics.loss! }];
        if (done * EVALUATIONS >= seen + 1 || done >= 1) {
          seen = Math.floor(done * EVALUATIONS);
          events.push(...(await look(step, averageOf(state, specs))));
          await keep();
          early = heldOut.length > 0 && done >= 0.25 && done < 1 && best.stale >= PATIENCE;
        }
        yield* events;
        await breathe();
        if (early) break;
        if (done < 0.5 || done >= 1 || halfway) continue;
        halfway = true;
        yield await sample(networks.withPeels(withPeel(NO_PEELS, infoOf(averageOf(state, specs), step))), 'during');
      }
    } finally {
      await keep();
    }
    // The clock may run out between two reports: what was made since then is in the checkpoint.
    const { tensors: state } = (await read(FILES.state))!;
    const made = (state.step!.data as Float32Array)[0]!;
    if (made === 0) throw new InputError('options.seconds', `not one step was made in ${all.seconds} seconds: give it more`);
    if (made > last && !early) yield* await look((last = made), averageOf(state, specs));
    const peel = infoOf(best.tensors, best.step);
    yield await sample(networks.withPeels(withPeel(NO_PEELS, peel)), 'after');
    const thumbnails: string[] = [];
    for (const { image } of samples.filter(({ stage }) => stage === 'after').slice(0, 2)) thumbnails.push(await thumbnail(image));
    const { info, tensors } = infoOf(best.tensors, best.step, thumbnails);
    const chunks = await encodePeel({ info, tensors });
    return { info, tensors, chunks, curve, samples, keptStep: best.step, steps: last, stopped: early ? 'early' : last >= all.steps ? 'steps' : 'seconds' };
  } finally {
    await networks.release();
  }
}

/** Removes what a training left in its store. */
export const clearTraining = (store: Store): Promise<void> => store.remove(Object.values(FILES));

/** Steps of a training that its store holds. */
export async function stepsMade(store: Store): Promise<number> {
  const bytes = await store.read(FILES.state);
  return bytes ? (decodeSafetensors(bytes, FILES.state).tensors.step!.data[0] as number) : 0;
}

/** A text that is the same for runs that may go on from each other. How long they are may differ. */
async function settingsKey(options: TrainPeelOptions, base: BaseId, encoded: readonly EncodedPicture[]): Promise<string> {
  const { steps: _, seconds: __, samples: ___, description: ____, author: _____, licence: ______, ...settings } = options;
  const latents = encoded.flatMap(({ variants }) => variants.map(({ latent }) => new Uint8Array(latent.buffer, latent.byteOffset, latent.byteLength)));
  const captions = encoded.map(({ variants, bucket }) => [bucket, variants.map((v) => v.caption)]);
  return sha256([new TextEncoder().encode(JSON.stringify([settings, base, captions])), ...latents]);
}

function describe(all: Settings, base: BaseId, pictures: number, steps: number, thumbnails: readonly string[]): PeelInfo {
  const { name, rank, layers, trigger, licence, description, author, objective, batch, prior, rate, seed, flips } = all;
  const { name: model, version, preset, hash } = base;
  return {
    name, ...(description && { description }), base: { name: model, version, preset, hash }, rank, alpha: rank, layers, triggers: trigger ? [trigger] : [], licence,
    ...(author && { author }), thumbnails, training: { pictures, steps, objective, batch, prior, rate, seed, flips },
  };
}

/** What is learned from, and what is held out to tell when to stop. */
function holdOut(encoded: readonly EncodedPicture[], rng: Random): [learned: readonly EncodedPicture[], heldOut: readonly EncodedPicture[]] {
  const left = [...encoded];
  const count = encoded.length < ENOUGH ? 0 : Math.min(HELD_OUT_MAX, Math.max(1, Math.floor(encoded.length / HELD_OUT_EACH)));
  const heldOut = Array.from({ length: count }, () => left.splice(rng.integer(left.length), 1)[0]!);
  return [left, heldOut];
}

/** A row of the Peel's own pictures. */
function learnedRow(rng: Random, pictures: readonly EncodedPicture[], { objective, trigger }: { objective: Objective; trigger: string }, say: (caption: string) => string, tokens: (text: string) => PeelRow['caption']): PeelRow {
  const { latent, caption } = rng.pick(rng.pick(pictures).variants);
  const noise = rng.normals(latent.length);
  const t = trainingTime(objective, rng);
  const s = Math.max(0, t - HOP);
  const near = objective === 'consistency' && s > 0 ? { x: between(latent, noise, s), s } : undefined;
  const text = trigger && rng.uniform() < CAPTION_DROPPED ? trigger : say(caption);
  return { caption: tokens(text), noisy: between(latent, noise, t), t, target: latent, weight: 1, ...(near && { near }) };
}

/** A session for batches that differ in the number of tokens: each size is opened when a batch of it comes, the first at once. */
async function bySize([first]: readonly number[], open: (size: number) => Promise<Session>): Promise<Session> {
  const sessions = new Map([[first!, open(first!)]]);
  const { inputs, outputs } = await sessions.get(first!)!;
  return {
    inputs,
    outputs,
    async run(feeds) {
      const size = feeds.noisy!.shape[1]!;
      if (!sessions.has(size)) sessions.set(size, open(size));
      return (await sessions.get(size)!).run(feeds);
    },
    async release() {
      for (const session of sessions.values()) await (await session).release();
    },
  };
}

/** Bytes of the frozen weights of a training as float32. */
const floatBytes = (config: Config): number => 4 * countParameters(adaptable(config));
