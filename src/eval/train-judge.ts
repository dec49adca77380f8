// Training a judge: single objects of a scope are drawn once, seen and held-out combinations alike (a judge must know what it
// judges), from seeds of its own; then the usual loop. Its accuracy is measured on renders from another seed. Resumable.
import type { DataOptions } from '../data/dataset.ts';
import { sample } from '../data/dataset.ts';
import { renderPool } from '../data/render.ts';
import { initialize } from '../nn/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readSafetensors } from '../tensor/files.ts';
import { float32, int64, tensor, type Tensors } from '../tensor/tensor.ts';
import { premultipliedToTensor } from '../tensor/image.ts';
import { cosineRate, train } from '../train/loop.ts';
import { averageOf } from '../train/step.ts';
import { random } from '../util/random.ts';
import { classesOf, HEADS, singleObjects, truthOf, type Classes, type Head } from './cases.ts';
import { JUDGE_SIDE, judgeProgram, openJudge, rankOf, type Accuracy, type JudgeFile, type Verdict } from './judge.ts';

/** Seeds that nothing else draws from: recipes use small ones. */
const [TRAIN_SEED, TEST_SEED] = [910_001, 910_002];
/** Share of held-out combinations among the renders. */
const HELD_OUT = 0.25;

/** Labelled renders: premultiplied RGBA bytes of each, and class numbers. */
export interface Renders {
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly labels: Readonly<Record<Head, Int32Array>>;
}

/** Draws `count` single objects; pictures that cannot be drawn are left out. `heldOut` is the share of held-out combinations. */
export async function labelledRenders(data: DataOptions, classes: Classes, options: { seed: number; count: number; heldOut: number; processes?: number }): Promise<Renders> {
  const { seed, count, heldOut, processes = 2 } = options;
  const index = Object.fromEntries(HEADS.map((head) => [head, new Map(classes[head].map((name, i) => [name, i]))])) as Record<Head, Map<string, number>>;
  const rng = random(seed).split('splits');
  const wanted = Array.from({ length: count }, (_, i) => sample(seed, i, singleObjects(data, rng.uniform() < heldOut ? 'test' : 'train')));
  const size = JUDGE_SIDE * JUDGE_SIDE * 4;
  const bytes = new Uint8Array(count * size);
  const labels = { concept: new Int32Array(count), style: new Int32Array(count), background: new Int32Array(count) };
  const pool = renderPool({ processes });
  let n = 0;
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(wanted.map(({ svg }) => ({ svg, width: JUDGE_SIDE, height: JUDGE_SIDE })))) {
      const truth = truthOf(wanted[i++]!);
      if (!pixels) continue;
      bytes.set(pixels, n * size);
      for (const head of HEADS) labels[head][n] = index[head].get(truth[head])!;
      n++;
    }
  } finally {
    pool.close();
  }
  return { count: n, bytes: bytes.subarray(0, n * size), labels };
}

/** A batch of some of the renders; half of the pictures are softened by a random amount. */
function batchOf({ bytes, labels }: Renders, picks: readonly number[], blur: () => number): Tensors {
  const size = JUDGE_SIDE * JUDGE_SIDE * 4;
  const image = new Uint8Array(picks.length * size);
  picks.forEach((p, i) => image.set(bytes.subarray(p * size, (p + 1) * size), i * size));
  const classes = HEADS.map((head) => [`label.${head}`, int64([picks.length, 1], picks.map((p) => labels[head][p]!))]);
  return { image: tensor('uint8', [picks.length, JUDGE_SIDE, JUDGE_SIDE, 4], image), blur: float32([picks.length], picks.map(blur)), ...(Object.fromEntries(classes) as Tensors) };
}

/** Shares of verdicts that name the right class first. */
export function accuracyOf(verdicts: readonly Verdict[], labels: Renders['labels']): Accuracy {
  const right = (head: Head) => verdicts.filter((v, i) => rankOf(v[head], labels[head][i]!) === 0).length / verdicts.length;
  return { concept: right('concept'), style: right('style'), background: right('background'), count: verdicts.length };
}

export interface TrainJudgeOptions {
  readonly data: DataOptions;
  readonly runtime: Runtime;
  /** Renders to train on, and to measure the accuracy on (as many of seen as of held-out combinations). */
  readonly renders: number;
  readonly tests: number;
  readonly batch?: number;
  readonly rate?: number;
  readonly steps?: number;
  readonly seconds?: number;
  /** Where the state of the training is kept. */
  readonly checkpoint: string;
  readonly logFile?: string;
  readonly log?: (line: string) => void;
}

/** Trains a judge of a scope, or goes on with its checkpoint. */
export async function trainJudge(options: TrainJudgeOptions): Promise<JudgeFile> {
  const { data, runtime, renders: count, tests, batch = 64, rate = 0.004, checkpoint, log = () => {} } = options;
  const classes = classesOf(data);
  log(`judge: drawing ${count} renders of ${classes.concept.length} concepts in ${classes.style.length} styles`);
  const renders = await labelledRenders(data, classes, { seed: TRAIN_SEED, count, heldOut: HELD_OUT });
  const { program, specs } = judgeProgram(classes, batch);
  const rng = random(TRAIN_SEED).split('judge');
  const run = train({
    runtime,
    program,
    weights: initialize(specs, rng.split('weights')),
    batch: (step) => {
      const stream = rng.split(`batch:${step}`);
      return batchOf(renders, Array.from({ length: batch }, () => stream.integer(renders.count)), () => Math.max(0, 2 * stream.uniform() - 1));
    },
    rate: cosineRate(rate, { warm: 0.05 }),
    checkpoint,
    ...(options.logFile !== undefined && { log: options.logFile }),
    ...(options.steps !== undefined && { steps: options.steps }),
    ...(options.seconds !== undefined && { seconds: options.seconds }),
  });
  let weights: Tensors = {};
  let training = `${renders.count} renders`;
  for await (const { done, step, seconds, metrics, state } of run) {
    weights = averageOf(state, specs);
    training = `${renders.count} renders, ${step} steps of ${batch}, ${seconds.toFixed(0)} s`;
    log(`judge ${(100 * done).toFixed(1)} %  step ${step}  ${seconds.toFixed(0)} s  ${Object.entries(metrics).map(([key, x]) => `${key} ${x.toPrecision(3)}`).join('  ')}`);
  }
  if (Object.keys(weights).length === 0) weights = averageOf((await readSafetensors(checkpoint)).tensors, specs); // it was done already
  const accuracy = await measureJudge({ data, runtime, tests, classes, weights });
  return { classes, weights, accuracy, training };
}

/** A judge's accuracy on renders that it has not seen. */
async function measureJudge({ data, runtime, tests, classes, weights }: Pick<TrainJudgeOptions, 'data' | 'runtime' | 'tests'> & Pick<JudgeFile, 'classes' | 'weights'>): Promise<JudgeFile['accuracy']> {
  const judge = await openJudge(runtime, { classes, weights });
  const size = JUDGE_SIDE * JUDGE_SIDE * 4;
  const measured = [];
  for (const heldOut of [0, 1]) {
    const { count, bytes, labels } = await labelledRenders(data, classes, { seed: TEST_SEED, count: tests, heldOut });
    const pictures = Array.from({ length: count }, (_, i) => premultipliedToTensor(JUDGE_SIDE, JUDGE_SIDE, bytes.subarray(i * size, (i + 1) * size)));
    measured.push(accuracyOf(await judge.verdicts(pictures), labels));
  }
  await judge.release();
  return { seen: measured[0]!, heldOut: measured[1]! };
}
