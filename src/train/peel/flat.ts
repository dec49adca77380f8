// Peels of the flat family: one canvas of learned latent tokens. Pictures of any shape go into the nearest of at most three grids, are encoded
// by the model's own encoder once, with their variants; the loss looks at the picture that is predicted, f(x, t) = x - t F(x, t).
// Legend: B rows, L image tokens, C channels.
import { pseudoHuber, square } from '../../graph/functions.ts';
import { add, mean, mul, stopGradient, sub, unsqueeze } from '../../graph/ops.ts';
import { input, type Value } from '../../graph/value.ts';
import { flatten, imageToTensor, type Image } from '../../image/image.ts';
import type { TrainingPicture } from '../../disk/pictures.ts';
import { adaptable } from '../../models/banana/adaptable.ts';
import { baseTokens, ENCODER_PIXELS, type Config } from '../../models/banana/config.ts';
import type { Model, StoredModel } from '../../models/banana/file.ts';
import { perPicture, rotaryInputs, textInputs } from '../../models/banana/inputs.ts';
import { openPainter } from '../../models/banana/painter.ts';
import { conditioning, transformer } from '../../models/banana/transformer.ts';
import type { Encoder } from '../../models/family.ts';
import { canvasOf, latentGrid, tokensOf } from '../../models/layout.ts';
import { gridPositions, rotaryTable } from '../../nn/rope.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32, type Tensors } from '../../tensor/tensor.ts';
import type { Random } from '../../util/random.ts';
import { textFeeds } from '../captions.ts';
import { keyBias } from '../teacher.ts';
import type { Bucket, EncodedPicture, PeelFamily } from './family.ts';
import { hasTransparency, mirrored, placed } from './pictures.ts';
import { peelStep, SAMPLED, type Objective, type PeelRow, type PeelStep, type PeelStepOptions } from './program.ts';

/** The flat family as training wants it. */
export const flatPeels = (model: Model | StoredModel): PeelFamily => ({
  config: model.config,
  weights: model.weights,
  plan: model.plan,
  blocks: model.blocks,
  tokenizer: model.tokenizer,
  styles: model.manifest.styles,
  objectives: ['consistency', 'image', 'velocity'],
  priorSteps: 1,
  adaptable: () => adaptable(model.config),
  painter: (runtime, options) => openPainter(model, runtime, options),
  encode: (pictures, { encoder }, { flips }) => encodePictures(pictures, encoder!, model.config, { flips }),
  guidance: (rng) => model.manifest.guidance * (0.75 + 0.5 * rng.uniform()),
  time: trainingTime,
  step: ({ layout }, options) => peelProgram(model.config, { ...options, tokens: tokensOf(layout) }),
  feeds: (rows, { layout }) => peelBatch(rows, layout[0]!, model.config),
});

export interface PeelProgramOptions extends PeelStepOptions {
  /** Latent tokens of a picture: every grid with as many is trained by the same program. */
  readonly tokens: number;
}

/**
 * The program. Inputs: noisy and target (B, L, C), t, guidance and weight (B), text.ids (B, T), .positions (T), .mask (B, T), rotary.cosine
 * and .sine (L, d/2); with objective 'velocity' also inverse (B), 1 / t; with objective 'consistency' also near (B, L, C), the point at time
 * s (B), and own (B): 1 where the target is the own prediction there.
 */
export function peelProgram(config: Config, { tokens: L, objective, ...options }: PeelProgramOptions): PeelStep {
  return peelStep(options, (scope, B) => peelLoss(scope.in('transformer'), config, { B, L, objective }));
}

function peelLoss(s: Scope, config: Config, { B, L, objective }: { B: number; L: number; objective: Objective }) {
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
  return { loss: mean(mul(each, weight)), metrics: { distance: mean(distance) } };
}

/** Feeds of a batch. */
export function peelBatch(rows: readonly PeelRow[], { rows: h, columns: w }: { rows: number; columns: number }, config: Config): Tensors {
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
    guidance: list((r) => r.guidance),
    'rotary.cosine': cosine,
    'rotary.sine': sine,
    ...textFeeds(
      rows.map((r) => r.caption),
      config.text.length,
    ),
  };
}

/** By how many of 1, 2 and 4 steps the sampler's times are visited. */
const OFTEN = [3, 1, 2, 1] as const;

/** A time to train at: the sampler's own, or any (logit-normal, as the teacher's). */
export function trainingTime(objective: Objective, rng: Random): number {
  if (objective === 'image') return SAMPLED[rng.weighted(OFTEN)]!;
  if (objective === 'consistency' && rng.uniform() < 0.25) return 1;
  return 1 / (1 + Math.exp(-(rng.normal() + 0.4)));
}

const SHAPES: readonly (readonly [width: number, height: number])[] = [
  [1, 1],
  [4, 3],
  [3, 4],
  [16, 9],
  [9, 16],
];
const BUCKETS_MAX = 3;

/** A bucket for each picture: the shape nearest to its own among the three that most pictures are nearest to. */
export function bucketsOf(images: readonly Pick<Image, 'width' | 'height'>[], config: Config): Bucket[] {
  const nearest = ({ width, height }: Pick<Image, 'width' | 'height'>, shapes: typeof SHAPES) => {
    const off = ([w, h]: readonly [number, number]) => Math.abs(Math.log((width * h) / (height * w)));
    return shapes.reduce((best, shape) => (off(shape) < off(best) ? shape : best));
  };
  const counts = new Map(SHAPES.map((shape) => [shape, 0]));
  for (const one of images) counts.set(nearest(one, SHAPES), counts.get(nearest(one, SHAPES))! + 1);
  const used = [...counts]
    .filter(([, n]) => n > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, BUCKETS_MAX)
    .map(([shape]) => shape);
  const grids = new Map(used.map((shape) => [shape, latentGrid({ width: shape[0] * 64, height: shape[1] * 64 }, baseTokens(config))]));
  const same = new Map<string, Bucket>(); // small models have few grids: some shapes fall together
  return images.map((one) => {
    const grid = grids.get(nearest(one, used))!;
    const name = `${grid.rows}x${grid.columns}`;
    return same.get(name) ?? same.set(name, { name, layout: canvasOf(grid, config.channels) }).get(name)!;
  });
}

/** Encodes one picture at a time; yields each. */
export async function* encodePictures(
  pictures: readonly TrainingPicture[],
  encoder: Encoder,
  config: Config,
  { flips = false }: { flips?: boolean } = {},
): AsyncGenerator<EncodedPicture> {
  const buckets = bucketsOf(
    pictures.map((p) => p.image),
    config,
  );
  for (const [i, picture] of pictures.entries()) {
    const bucket = buckets[i]!;
    const { rows, columns } = bucket.layout[0]!;
    const whole = placed(picture.image, columns * ENCODER_PIXELS, rows * ENCODER_PIXELS);
    const transparent = hasTransparency(picture.image);
    const shown = transparent
      ? [
          { image: whole, caption: `${picture.caption}, transparent background` },
          { image: flatten(whole), caption: picture.caption },
        ]
      : [{ image: whole, caption: picture.caption }];
    const variants = [];
    for (const one of shown)
      for (const each of flips ? [one.image, mirrored(one.image)] : [one.image])
        variants.push({ bucket, latent: await encoder.encode(imageToTensor(each)), caption: one.caption.replace(/^, /, '') });
    yield { variants };
  }
}
