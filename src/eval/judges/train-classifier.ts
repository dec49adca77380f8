// Training the classifier on crops composed from the bank of drawings, in its two stages (classifier.ts). Batches of the first are
// made of small families - eight drawings of one kind of thing each - so that what must be told apart is alike; those of the second
// show a concept at random, then one of its styles, as the test does. Resumable: the bank and every crop follow from seed and step.
import { existsSync } from 'node:fs';
import { inScope, type Scope } from '../../data/sprites.ts';
import { initialize, type Specs } from '../../nn/scope.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { readSafetensors } from '../../disk/files.ts';
import { float32, int64, tensor, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { cosineRate, train } from '../../train/loop.ts';
import { averageOf } from '../../train/step.ts';
import { random, type Random } from '../../util/random.ts';
import { classifierProgram, contrastProgram, CROP, DRAWINGS, placeStage, SPHERE } from './classifier.ts';
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

/** The averaged weights of a training that has come so far; undefined where it has not begun, or has steps to go. */
export async function trained(checkpoint: string, specs: Specs, steps: number): Promise<Tensors | undefined> {
  if (!existsSync(checkpoint)) return undefined;
  const { tensors } = await readSafetensors(checkpoint);
  return (tensors.step!.data[0] as number) >= steps ? averageOf(tensors, specs) : undefined;
}

type SpriteBank = Bank<DrawnSprite>;
/** Drawings of a family in a batch of the first stage. */
const FAMILY = 8;
/** Crops whose middle is a drawing's first place on the sphere. */
const IMPRINTS = 2;

/** `count` crops of the drawings that `pick` gives, as bytes, and what they show. */
function composed(
  bank: SpriteBank,
  count: number,
  pick: (rng: Random, i: number) => readonly DrawnSprite[],
  rng: Random,
): { crop: Tensor; shown: DrawnSprite[] } {
  const size = CROP.side ** 2 * 4;
  const bytes = new Uint8Array(count * size);
  const shown = Array.from({ length: count }, (_, i) =>
    composeCrop(bank, (r) => pick(r, i), rng, CROP.side, CROP.margin, bytes.subarray(i * size, (i + 1) * size)),
  );
  return { crop: tensor('uint8', [count, CROP.side, CROP.side, 4], bytes), shown };
}

/** Crops of the second stage, with the number of the drawing; each concept as often. */
export function cropBatches(bank: SpriteBank, { seed, batch }: { seed: number; batch: number }): (step: number) => Tensors {
  const concepts = new Map<number, (readonly DrawnSprite[])[]>();
  for (const list of bank.drawings) concepts.set(list[0]!.concept, [...(concepts.get(list[0]!.concept) ?? []), list]);
  const all = [...concepts.values()];
  const numbers = new Map(bank.drawings.map((list, i) => [`${list[0]!.concept}:${list[0]!.style}`, i]));
  return (step) => {
    const { crop, shown } = composed(bank, batch, (rng) => rng.pick(rng.pick(all)), random(seed).split(`crops:${step}`));
    return {
      crop,
      'label.drawing': int64(
        [batch, 1],
        shown.map((s) => numbers.get(`${s.concept}:${s.style}`)!),
      ),
    };
  };
}

/** Pairs of crops of the first stage, families of drawings of one subgroup of Unicode's; no drawing twice in a batch. */
export function pairBatches(bank: SpriteBank, scope: Scope, { seed, batch }: { seed: number; batch: number }): (step: number) => Tensors {
  const { concepts } = inScope(scope);
  const families = new Map<string, (readonly DrawnSprite[])[]>();
  const kindOf = (list: readonly DrawnSprite[]) => concepts[list[0]!.concept]!.subgroup;
  for (const list of bank.drawings) families.set(kindOf(list), [...(families.get(kindOf(list)) ?? []), list]);
  return (step) => {
    const rng = random(seed).split(`pairs:${step}`);
    const chosen = new Set<readonly DrawnSprite[]>();
    while (chosen.size < batch / 2) {
      const family = families.get(kindOf(rng.pick(bank.drawings)))!;
      for (let i = 0; i < FAMILY && chosen.size < batch / 2; i++) chosen.add(rng.pick(family));
    }
    const list = [...chosen];
    return { crop: composed(bank, batch, (_, i) => list[i >> 1]!, rng).crop };
  };
}

/** Each drawing's place: the middle of some crops of it. */
async function imprint(runtime: Runtime, weights: Tensors, bank: SpriteBank, rng: Random): Promise<Tensor> {
  const session = await runtime.compile(placeStage().graph, { weights });
  const table = new Float32Array(bank.drawings.length * SPHERE);
  const rows = bank.drawings.flatMap((_, i) => Array<number>(IMPRINTS).fill(i));
  for (let first = 0; first < rows.length; first += 64) {
    const part = rows.slice(first, first + 64);
    const { crop } = composed(bank, part.length, (_, i) => bank.drawings[part[i]!]!, rng);
    const { place } = await session.run({
      crop: float32(
        crop.shape,
        Float32Array.from(crop.data as Uint8Array, (v) => v / 127.5 - 1),
      ),
    });
    part.forEach((row, i) => {
      for (let k = 0; k < SPHERE; k++) table[row * SPHERE + k]! += (place!.data[i * SPHERE + k] as number) / IMPRINTS;
    });
  }
  await session.release();
  return float32([bank.drawings.length, SPHERE], table);
}

/**
 * Trains the classifier of a scope, or goes on with its checkpoints: its weights, averaged, and [concept, style] of each drawing.
 * `contrast` are the steps of the first stage; `steps` and `seconds` those of the second.
 */
export async function trainClassifier(
  scope: Scope,
  contrast: { steps: number; seconds?: number },
  options: JudgeTraining,
): Promise<{ weights: Tensors; drawings: [number, number][] }> {
  const { runtime, seed, batch, rate, checkpoint, logFile, log = () => {} } = options;
  const rng = random(seed).split('classifier');
  const beside = (name: string) => checkpoint.replace(/(\.state)?\.safetensors$/, `-${name}.safetensors`);
  const bank = await spriteBank(beside('bank'), () => {
    log('classifier: drawing the bank of drawings');
    return drawSpriteBank(scope, rng.split('bank'));
  });
  log(`classifier: ${bank.drawings.length} drawings, ${bank.drawings.reduce((sum, d) => sum + d.length, 0)} with colours`);
  const stage = async (name: string, run: ReturnType<typeof train>, steps: number) => {
    for await (const { step, seconds, metrics } of run)
      log(
        `${name}  step ${step}/${steps}  ${seconds.toFixed(0)} s  cpu ${(process.cpuUsage().user / 1e6).toFixed(0)} s  ${Object.entries(
          metrics,
        )
          .map(([key, x]) => `${key} ${x.toPrecision(3)}`)
          .join('  ')}`,
      );
  };
  const common = { runtime, rate: cosineRate(rate, { warm: 0.03 }), ...(logFile !== undefined && { log: logFile }) };

  const { program, specs } = classifierProgram(bank.drawings.length, batch);
  const { steps, seconds = Infinity } = options;
  const drawings = bank.drawings.map(([d]): [number, number] => [d!.concept, d!.style]);
  const finished = await trained(checkpoint, specs, steps);
  if (finished) return { weights: finished, drawings };
  let weights: Tensors = {}; // the second stage goes on with its checkpoint, where it has begun
  if (!existsSync(checkpoint)) {
    const first = contrastProgram(batch);
    await stage(
      'contrast',
      train({
        ...common,
        ...contrast,
        program: first.program,
        checkpoint: beside('contrast'),
        weights: initialize(first.specs, rng.split('weights')),
        batch: pairBatches(bank, scope, { seed, batch }),
      }),
      contrast.steps,
    );
    const begun = averageOf((await readSafetensors(beside('contrast'))).tensors, first.specs);
    weights = { ...begun, [DRAWINGS]: await imprint(runtime, begun, bank, rng.split('imprint')) };
  }
  await stage(
    'classifier',
    train({
      ...common,
      steps,
      seconds,
      rate: cosineRate(rate / 2, { warm: 0.03 }),
      program,
      checkpoint,
      weights,
      batch: cropBatches(bank, { seed, batch }),
    }),
    steps,
  );
  return { weights: averageOf((await readSafetensors(checkpoint)).tensors, specs), drawings };
}
