// Training the detector on scenes of the data itself, all kinds and backgrounds, drawn once from seeds of its own; each time one is
// used it is turned over, softened or has its colours exchanged at random. Resumable: everything follows from seed and step.
import { sample } from '../../data/dataset.ts';
import type { DataOptions, Sample } from '../../data/sample.ts';
import { renderPool } from '../../data/render.ts';
import { initialize } from '../../nn/scope.ts';
import { readSafetensors } from '../../disk/files.ts';
import { float32, int64, tensor, type Tensors } from '../../tensor/tensor.ts';
import { cosineRate, train } from '../../train/loop.ts';
import { averageOf } from '../../train/step.ts';
import { random, type Random } from '../../util/random.ts';
import { backgroundClass } from '../cases.ts';
import { ORDERS } from './compose.ts';
import { enlarge, shrink } from './crop.ts';
import { DETECTOR, detectorProgram, nearOf, targetsOf } from './detector.ts';
import type { Box } from '../rule.ts';
import { trained, type JudgeTraining } from './train-classifier.ts';

/** A scene and its picture, premultiplied RGBA. */
export interface Shown {
  readonly sample: Sample;
  readonly pixels: Uint8Array;
}

/** Kinds of scenes that a detector must know. */
const MIX: DataOptions['mix'] = { single: 0.25, scene: 0.5, character: 0.25 };
/** Share of scenes with a combination that the model's training never sees. */
const HELD_OUT = 0.25;

/** Draws `count` square scenes of a scope, seen and held-out combinations mixed, `side` pixels wide; those that cannot be drawn are left out. */
export async function drawScenes(
  data: Partial<DataOptions>,
  { seed, count, side, processes = 2 }: { seed: number; count: number; side: number; processes?: number },
): Promise<Shown[]> {
  const rng = random(seed).split('splits');
  const options: Partial<DataOptions> = { mix: MIX, ...data, aspects: [[256, 256, 1]], subjects: 0 };
  const samples = Array.from({ length: count }, (_, i) =>
    sample(seed, i, { ...options, split: rng.uniform() < HELD_OUT ? 'test' : 'train' }),
  );
  const pool = renderPool({ processes, seconds: 600 });
  const shown: Shown[] = [];
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(samples.map(({ svg }) => ({ svg, width: side, height: side })))) {
      const one = samples[i++]!;
      if (pixels) shown.push({ sample: { ...one, svg: '' }, pixels: Uint8Array.from(pixels) });
    }
  } finally {
    pool.close();
  }
  return shown;
}

/** A scene's picture as it may also look, into `out`, and its boxes. */
function varied({ sample: { objects, background }, pixels }: Shown, rng: Random, out: Uint8Array): Box[] {
  const n = DETECTOR.side;
  const flip = rng.uniform() < 0.5;
  const order = background.kind === 'white' || background.kind === 'transparent' ? rng.pick(ORDERS) : ORDERS[0]; // elsewhere it would change the background's name
  const picture = new Float32Array(n * n * 4);
  for (let j = 0; j < n; j++)
    for (let i = 0; i < n; i++) {
      const [from, to] = [(j * n + (flip ? n - 1 - i : i)) * 4, (j * n + i) * 4];
      for (let c = 0; c < 3; c++) picture[to + c] = pixels[from + order[c]!]!;
      picture[to + 3] = pixels[from + 3]!;
    }
  const m = rng.uniform() < 0.3 ? Math.round(n * (0.3 + 0.7 * rng.uniform())) : n;
  enlarge(m === n ? picture : shrink(picture, n, m), m, n, out);
  return objects.map(({ box: [x, y, w, h] }) => [flip ? 1 - x - w : x, y, w, h]);
}

/** Trains the detector on `scenes` scenes, or goes on with its checkpoint; its weights, averaged. */
export async function trainDetector(
  data: Partial<DataOptions>,
  backgrounds: readonly string[],
  scenes: number,
  { runtime, seed, steps, seconds: limit = Infinity, batch: B, rate, checkpoint, logFile, log = () => {} }: JudgeTraining,
): Promise<Tensors> {
  const { program, specs } = detectorProgram(backgrounds.length, B);
  const finished = await trained(checkpoint, specs, steps);
  if (finished) return finished;
  const rng = random(seed).split('detector');
  log(`detector: drawing ${scenes} scenes`);
  const shown = await drawScenes(data, { seed, count: scenes, side: DETECTOR.side });
  const classes = new Map(backgrounds.map((name, i) => [name, i]));
  const { side: S, grid: G } = DETECTOR;
  const run = train({
    runtime,
    program,
    steps,
    seconds: limit,
    checkpoint,
    weights: initialize(specs, rng.split('weights')),
    batch: (step) => {
      const stream = rng.split(`batch:${step}`);
      const picture = new Uint8Array(B * S * S * 4);
      const [heat, boxes] = [new Float32Array(B * G * G), new Float32Array(B * G * G * 4)];
      const picked = Array.from({ length: B }, () => stream.pick(shown));
      picked.forEach((one, i) => targetsOf(varied(one, stream, picture.subarray(i * S * S * 4, (i + 1) * S * S * 4)), i, heat, boxes));
      return {
        picture: tensor('uint8', [B, S, S, 4], picture),
        heat: float32([B, G, G, 1], heat),
        near: float32([B, G, G, 1], nearOf(heat)),
        boxes: float32([B, G, G, 4], boxes),
        'label.background': int64(
          [B, 1],
          picked.map(({ sample: s }) => classes.get(backgroundClass(s.background))!),
        ),
      };
    },
    rate: cosineRate(rate, { warm: 0.03 }),
    ...(logFile !== undefined && { log: logFile }),
  });
  for await (const { step, seconds, metrics } of run)
    log(
      `detector  step ${step}/${steps}  ${seconds.toFixed(0)} s  cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s  ${Object.entries(
        metrics,
      )
        .map(([key, x]) => `${key} ${x.toPrecision(3)}`)
        .join('  ')}`,
    );
  return averageOf((await readSafetensors(checkpoint)).tensors, specs);
}
