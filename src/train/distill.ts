// Latent consistency distillation (Luo et al. 2023) of a teacher: the student learns to predict, from any point of the teacher's path,
// the same image as from the next point of that path.
// The target is the student's own weights without gradient, no average (Song & Dhariwal 2023 found that best), and the hop from
// t to s comes from the feeds, so that a run can begin with few large hops and end with small ones.
// Legend: B batch, L tokens, C channels; f(x, t) = x - t F(x, t), the image predicted at time t.
import { add, mean, mul, stopGradient, sub, unsqueeze } from '../graph/ops.ts';
import { pseudoHuber } from '../graph/functions.ts';
import type { Value } from '../graph/value.ts';

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
