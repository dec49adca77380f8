// Training the classifier on crops composed from the bank of drawings, each (concept, style) as often as the test shows it: a
// concept at random, then one of its styles. Resumable: the bank and every crop follow from the seed and the step.
import type { Scope } from '../data/sprites.ts';
import { initialize } from '../nn/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readSafetensors } from '../tensor/files.ts';
import { int64, tensor, type Tensors } from '../tensor/tensor.ts';
import { cosineRate, train } from '../train/loop.ts';
import { averageOf } from '../train/step.ts';
import { random, type Random } from '../util/random.ts';
import { classifierProgram, CROP, type ObjectSizes } from './classifier.ts';
import { composeCrop } from './compose.ts';
import { drawSpriteBank, spriteBank, type Bank, type DrawnSprite } from './sprite-bank.ts';

/** What each judge's training is told. */
export interface JudgeTraining {
  readonly runtime: Runtime;
  readonly seed: number;
  /** The run ends after so many steps, or seconds in all, whichever is first. */
  readonly steps: number;
  readonly seconds?: number;
  readonly batch: number;
  readonly rate: number;
  /** Where the state is kept, and where lines are logged. */
  readonly checkpoint: string;
  readonly logFile?: string;
  readonly log?: (line: string) => void;
}

/** How the crops of a step are drawn from the bank. */
export function cropBatches(bank: Bank<DrawnSprite>, { seed, batch }: { seed: number; batch: number }): (step: number) => Tensors {
  const byConcept = new Map<number, (readonly DrawnSprite[])[]>();
  for (const list of bank.drawings) byConcept.set(list[0]!.concept, [...(byConcept.get(list[0]!.concept) ?? []), list]);
  const concepts = [...byConcept.values()];
  const pick = (rng: Random) => rng.pick(rng.pick(concepts));
  const size = CROP.side ** 2 * 4;
  return (step) => {
    const rng = random(seed).split(`crops:${step}`);
    const bytes = new Uint8Array(batch * size);
    const shown = Array.from({ length: batch }, (_, i) => composeCrop(bank, pick, rng, CROP.side, CROP.margin, bytes.subarray(i * size, (i + 1) * size)));
    return {
      crop: tensor('uint8', [batch, CROP.side, CROP.side, 4], bytes),
      'label.concept': int64([batch, 1], shown.map((s) => s.concept)),
      'label.style': int64([batch, 1], shown.map((s) => s.style)),
    };
  };
}

/** Trains the classifier of a scope, or goes on with its checkpoint; its weights, averaged. */
export async function trainClassifier(scope: Scope, sizes: ObjectSizes, { runtime, seed, steps, seconds: limit = Infinity, batch, rate, checkpoint, logFile, log = () => {} }: JudgeTraining): Promise<Tensors> {
  const { program, specs } = classifierProgram(sizes, batch);
  const rng = random(seed).split('classifier');
  const bank = await spriteBank(`${checkpoint.replace(/\.safetensors$/, '')}-bank.safetensors`, () => {
    log('classifier: drawing the bank of drawings');
    return drawSpriteBank(scope, rng.split('bank'));
  });
  log(`classifier: ${bank.drawings.length} drawings, ${bank.drawings.reduce((sum, d) => sum + d.length, 0)} with colours`);
  const run = train({
    runtime, program, steps, seconds: limit, checkpoint,
    weights: initialize(specs, rng.split('weights')),
    batch: cropBatches(bank, { seed, batch }),
    rate: cosineRate(rate, { warm: 0.03 }),
    ...(logFile !== undefined && { log: logFile }),
  });
  for await (const { step, seconds, metrics } of run)
    log(`classifier  step ${step}/${steps}  ${seconds.toFixed(0)} s  cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s  ${Object.entries(metrics).map(([key, x]) => `${key} ${x.toPrecision(3)}`).join('  ')}`);
  return averageOf((await readSafetensors(checkpoint)).tensors, specs);
}
