// Latent consistency distillation (Luo et al. 2023) of the guided teacher: the student learns to predict, from any point of the
// teacher's path, the same image as from the next point of that path, with the guidance scale as an input: one forward a step.
// The target is the student's own weights without gradient, no average (Song & Dhariwal 2023 found that best), and the hop from
// t to s comes from the feeds, so that a run can begin with few large hops and end with small ones.
// Legend: B batch, L image tokens, T text tokens, C channels; f(x, t) = x - t F(x, t), the image predicted at time t.
import { add, mean, mul, stopGradient, sub, unsqueeze } from '../graph/ops.ts';
import { mse, pseudoHuber } from '../graph/functions.ts';
import { input, type Value } from '../graph/value.ts';
import { perPicture, referenceInputs, textInputs } from '../models/banana/inputs.ts';
import { conditioning, transformer, type Conditioning } from '../models/banana/transformer.ts';
import type { Config } from '../models/banana/config.ts';
import { rootScope, type Product, type Specs } from '../nn/scope.ts';
import { gridInputs } from './grids.ts';
import { keyBias, type LatentSizes } from './teacher.ts';
import { trainStep, type Program } from './step.ts';

/** Prefix of the frozen teacher's weights among the inputs. */
export const TEACHER = 'teacher';

/** Length of the hop from t to s at the start and at the end of a run. */
const HOP = [1 / 6, 1 / 16] as const;
/** Length of the hop once this share of the run is done. */
export const hopAt = (done: number): number => HOP[0] * (HOP[1] / HOP[0]) ** done;
/** Share of the pictures that begin at pure noise, where the one-step picture is made. */
export const FROM_NOISE = 0.25;

/** Velocities of the parts of noisy pictures at times (B). */
type Velocities = (x: readonly Value[], t: Value) => readonly Value[];

/**
 * What a student predicts of each part of pictures (B, L, C) at times t (B), and what it should: without gradient, what it predicts from
 * where the teacher's velocity leads at times s.
 */
export function consistencyPairs(
  at: readonly Value[],
  { t, s, teacher, student }: { t: Value; s: Value; teacher: Velocities; student: Velocities },
): { predicted: Value; target: Value }[] {
  const wide = (x: Value) => unsqueeze(unsqueeze(x, 1), 1); // (B) -> (B, 1, 1)
  const velocity = teacher(at, t);
  const next = at.map((x, i) => add(x, mul(wide(sub(s, t)), velocity[i]!))); // one Euler step: x_s
  const images = (x: readonly Value[], time: Value) => {
    const found = student(x, time);
    return x.map((part, i) => sub(part, mul(wide(time), found[i]!)));
  };
  const targets = images(next, s);
  return images(at, t).map((predicted, i) => ({ predicted, target: stopGradient(targets[i]!) }));
}

/** Distance of pictures (B, L, C), in deviations: pseudo-Huber (Song & Dhariwal 2023, section 3.3). */
export function consistencyLoss(predicted: Value, target: Value): Value {
  const numbers = (predicted.shape as number[]).slice(1).reduce((a, b) => a * b);
  const root = Math.sqrt(numbers);
  return mul(mean(pseudoHuber(predicted, target, 0.00054 * root)), 1 / root);
}

/**
 * The program. Inputs: latent and noise (B, L, C), t and s (B) with s < t, guidance (B), rotary.*, image.mask, text.*, reference.* and null.* (the empty
 * prompt, without references) as in teacher.ts, and the teacher's weights under `teacher.transformer.`. Metric: mean squared distance to the target.
 * `product` is how the student multiplies: fake-quantized, to distil into few bits.
 */
export function distillProgram(
  config: Config,
  { batch: B, tokens: L, references: S = 0 }: LatentSizes,
  { product }: { product?: Product } = {},
): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const student = rootScope(specs, product).in('transformer');
  const teacher = rootScope().in(TEACHER).in('transformer');
  const latent = input('latent', [B, L, config.channels]);
  const noise = input('noise', [B, L, config.channels]);
  const [t, s, guidance] = [perPicture('t', B), perPicture('s', B), perPicture('guidance', B)];
  const text = textInputs(B, config.text.length);
  const empty = { ...textInputs(B, config.text.length, 'null'), positions: text.positions };
  const { rotary, mask, kept } = gridInputs(B, L, config);
  const reference = S > 0 ? referenceInputs(B, S, config) : undefined;
  const bias = keyBias(B, L, text.mask, S > 0 ? input('reference.mask', [B, S]) : undefined, mask);
  const emptyBias = keyBias(B, L, empty.mask, undefined, mask);
  const wide = (x: Value) => unsqueeze(unsqueeze(x, 1), 1); // (B) -> (B, 1, 1)

  const at = add(latent, mul(wide(t), sub(noise, latent))); // x_t
  const none = mul(guidance, 0);
  const see = (condition: Conditioning, hidden: Value) =>
    transformer(teacher, at, { t, guidance: none, condition, rotary, bias: hidden }, config);
  const unguided = see(conditioning(teacher, empty, config), emptyBias);
  const guided = add(unguided, mul(wide(guidance), sub(see(conditioning(teacher, text, config, reference), bias), unguided)));

  const condition = conditioning(student, text, config, reference);
  const [pair] = consistencyPairs([at], {
    t,
    s,
    teacher: () => [guided],
    student: ([x], time) => [transformer(student, x!, { t: time, guidance, condition, rotary, bias }, config)],
  });
  const [predicted, target] = [mul(pair!.predicted, kept), mul(pair!.target, kept)];
  const loss = consistencyLoss(predicted, target);
  return { program: trainStep('train-student', loss, { specs, metrics: { distance: mse(predicted, target) }, ema: 0.995 }), specs };
}
