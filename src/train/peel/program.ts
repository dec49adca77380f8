// The training step of a Peel: the student's weights are frozen, only A and B of some layers move. The student draws in 1, 2 or 4
// steps because it predicts the whole picture from any point of the path; what a Peel is taught must leave it so. Three
// objectives, compared in docs/log.md:
//   image        at the times that 1, 2 and 4 steps visit, the predicted picture should be the clean one (pseudo-Huber)
//   consistency  from any time the same picture as from a little later on the same path (consistency training, Song & Dhariwal
//                2023): nothing is averaged over all pictures that a noise could become
//   velocity     the teacher's: flow matching (mean squared), at the student's guidance input
// Prior preservation (Ruiz et al. 2023): some rows of each batch are pictures of the base for everyday captions, whose target is the
// base's own prediction. Here is the graph and how rows are fed to it; the loop is train.ts, its files are files.ts.
// Legend: B batch, L image tokens, C channels; f(x, t) = x - t F(x, t), the picture predicted at time t.
import { loraNames, loraProduct } from '../../adapters/lora.ts';
import { pseudoHuber, square } from '../../graph/functions.ts';
import { add, mean, mul, stopGradient, sub, unsqueeze } from '../../graph/ops.ts';
import { input, type Value } from '../../graph/value.ts';
import type { Config } from '../../models/banana/config.ts';
import { perPicture, rotaryInputs, textInputs } from '../../models/banana/inputs.ts';
import { conditioning, transformer } from '../../models/banana/transformer.ts';
import { gridPositions, rotaryTable } from '../../nn/rope.ts';
import { rootScope, type Specs, type Traits } from '../../nn/scope.ts';
import type { Plan } from '../../quant/plan.ts';
import { float32, type Tensors } from '../../tensor/tensor.ts';
import type { Random } from '../../util/random.ts';
import { textFeeds, type EncodedCaption } from '../captions.ts';
import { adamw } from '../optimizer.ts';
import { frozenProduct } from './frozen.ts';
import { trainStep, trainStepInParts, type Program } from '../step.ts';
import { keyBias } from '../teacher.ts';

export const OBJECTIVES = ['image', 'consistency', 'velocity'] as const;
export type Objective = (typeof OBJECTIVES)[number];

/**
 * Whether the distance to pictures held out may say when to stop and which state is kept. It likes means of pictures: right where the
 * objective makes them, wrong where it keeps predictions sharp, whose drawings come nearer while this distance grows (docs/log.md).
 */
export const HELD_OUT_DECIDES: Readonly<Record<Objective, boolean>> = { image: true, consistency: false, velocity: false };

/** Groups of layers that can be trained. */
export const LAYERS = ['attention', 'mlp', 'text', 'modulation', 'ends'] as const;
export type LayerGroup = (typeof LAYERS)[number];

export interface PeelProgramOptions {
  readonly batch: number;
  /** Rows of the batch whose activations are held at once: a divisor of it; default: all. */
  readonly rows?: number;
  /** Bits of the frozen weights that the graph unpacks from blocks (frozen.ts); default: none, all are float32. */
  readonly frozen?: Plan;
  /** Latent tokens of a picture: every grid with as many is trained by the same program. */
  readonly tokens: number;
  readonly rank: number;
  readonly layers: readonly LayerGroup[];
  readonly objective: Objective;
}

/**
 * The program; with fewer rows than the batch, in parts (step.ts), each of that many. Inputs: noisy and target (B, L, C), t, guidance and weight (B), text.ids (B, T), .positions (T), .mask (B, T), rotary.cosine
 * and .sine (L, d/2); with objective 'velocity' also inverse (B), 1 / t; with
 * objective 'consistency' also near (B, L, C), the point at time s (B), and own (B): 1 where the target is the own prediction there.
 * The specs are those of A and B; every other weight is to be bound.
 */
export function peelProgram(
  config: Config,
  { batch, rows: B = batch, frozen = {}, tokens: L, rank, layers, objective }: PeelProgramOptions,
): { program: Program; specs: Specs } {
  const sides = new Map<string, { a: Value; b: Value }>();
  const where = ({ adapt }: Traits) => layers.some((group) => group === adapt);
  const s = rootScope(new Map(), loraProduct(frozenProduct(frozen), { rank, where, sides })).in('transformer');
  const picture = (name: string) => input(name, [B, L, config.channels]);
  const wide = (x: Value) => unsqueeze(unsqueeze(x, 1), 1); // (B) -> (B, 1, 1)
  const [noisy, target] = [picture('noisy'), picture('target')];
  const [t, guidance, weight] = [perPicture('t', B), perPicture('guidance', B), perPicture('weight', B)];
  const text = textInputs(B, config.text.length);
  const condition = conditioning(s, text, config);
  const bias = keyBias(B, L, text.mask);
  const rotary = rotaryInputs(L, config.transformer.heads.width);
  const image = (x: Value, time: Value) =>
    sub(x, mul(wide(time), transformer(s, x, { t: time, guidance, condition, rotary, bias }, config)));

  const predicted = image(noisy, t);
  let goal = target;
  if (objective === 'consistency') {
    const own = wide(perPicture('own', B));
    goal = add(mul(own, stopGradient(image(picture('near'), perPicture('s', B)))), mul(sub(1, own), target));
  }
  const size = Math.sqrt(L * config.channels);
  const distance = mean(square(sub(predicted, goal)), { axes: [1, 2] }); // (B)
  const c = 0.00054 * size; // Song & Dhariwal 2023, section 3.3
  const each =
    objective === 'velocity'
      ? mean(square(mul(sub(predicted, goal), wide(perPicture('inverse', B)))), { axes: [1, 2] })
      : mul(pseudoHuber(predicted, goal, c), 1 / size);
  const loss = mean(mul(each, weight));

  const specs: Specs = new Map();
  for (const [path, { a, b }] of sides) {
    const [width] = a.shape as [number, number];
    const names = loraNames(path);
    specs.set(names.a, { shape: a.shape as number[], init: { deviation: 1 / Math.sqrt(width) }, value: a });
    specs.set(names.b, { shape: b.shape as number[], init: { constant: 0 }, value: b }); // starts as no change at all
  }
  const program = (B < batch ? trainStepInParts : trainStep)('train-peel', loss, {
    specs,
    metrics: { distance: mean(distance) },
    ema: 0.98,
    optimizer: () => adamw(),
  });
  return { program, specs };
}

/** Bytes that the activations of one row take, about: kept for the gradient in each block (nano: 265 MB, pico: 15 MB). */
export function rowBytes({ transformer: { width, depth, hidden, heads }, text }: Config, tokens: number): number {
  const scores = heads.groups * heads.share * (text.length + tokens);
  return 4 * tokens * depth * (10 * width + 5 * hidden + 1.5 * scores);
}

/** The most rows of a batch that fit into some bytes and divide it; 1 at least. */
export function rowsThatFit(batch: number, bytes: number, config: Config, tokens: number): number {
  const fits = Array.from({ length: batch }, (_, i) => batch - i).find(
    (rows) => batch % rows === 0 && rows * rowBytes(config, tokens) <= bytes,
  );
  return fits ?? 1;
}

/** One row of a batch. */
export interface PeelRow {
  readonly caption: EncodedCaption;
  /** (L * C) */
  readonly noisy: Float32Array;
  readonly t: number;
  readonly target: Float32Array;
  readonly weight: number;
  /** A later point of the same path, where the objective compares with it. */
  readonly near?: { readonly x: Float32Array; readonly s: number };
}

/** Feeds of a batch. */
export function peelBatch(
  rows: readonly PeelRow[],
  guidance: readonly number[],
  { rows: h, columns: w }: { rows: number; columns: number },
  config: Config,
): Tensors {
  const B = rows.length;
  const shape = [B, h * w, config.channels];
  const size = h * w * config.channels;
  const joined = (of: (row: PeelRow) => Float32Array) => {
    const data = new Float32Array(B * size);
    rows.forEach((row, i) => data.set(of(row), i * size));
    return float32(shape, data);
  };
  const { cosine, sine } = rotaryTable(gridPositions(h, w), config.transformer.heads.width);
  const list = (of: (row: PeelRow) => number) => float32([B], rows.map(of));
  return {
    noisy: joined((r) => r.noisy),
    target: joined((r) => r.target),
    near: joined((r) => r.near?.x ?? r.noisy),
    t: list((r) => r.t),
    s: list((r) => r.near?.s ?? r.t),
    own: list((r) => (r.near ? 1 : 0)),
    inverse: list((r) => 1 / Math.max(r.t, 0.05)),
    weight: list((r) => r.weight),
    guidance: float32([B], guidance),
    'rotary.cosine': cosine,
    'rotary.sine': sine,
    ...textFeeds(
      rows.map((r) => r.caption),
      config.text.length,
    ),
  };
}

/** Times that the sampler visits, by how many of 1, 2 and 4 steps visit them. */
const VISITED = [1, 0.75, 0.5, 0.25] as const;
const OFTEN = [3, 1, 2, 1] as const;

/** A time to train at: the sampler's own, or any (logit-normal, as the teacher's). */
export function trainingTime(objective: Objective, rng: Random): number {
  if (objective === 'image') return VISITED[rng.weighted(OFTEN)]!;
  if (objective === 'consistency' && rng.uniform() < 0.25) return 1;
  return 1 / (1 + Math.exp(-(rng.normal() + 0.4)));
}

/** Times that prior preservation and the held-out loss look at. */
export const SAMPLED: readonly number[] = VISITED;
