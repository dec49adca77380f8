// What a U-Net predicts as a velocity of the straight path (sampling/path.ts), whatever it was trained to say: the noise, the picture, or
// DDPM's velocity; with guidance away from no prompt (sampling/guidance.ts), and the boundary of a consistency model (Luo et al. 2023).
// Legend: x the latent on the path, z the same as DDPM has it, p the prediction, x0 the picture, e the noise.
import { guide } from '../../sampling/guidance.ts';
import { velocityTo } from '../../sampling/path.ts';
import type { Velocity } from '../../sampling/sampler.ts';
import { scaleOf, type Kind, type Prediction, type Schedule } from './schedule.ts';

/** The velocity of x at t, 0 < t < 1, by what is predicted of it. */
const VELOCITIES: { readonly [P in Prediction]: (x: number, p: number, t: number) => number } = {
  epsilon: (x, p, t) => (p - x) / (1 - t), //  e - x0 with x = (1 - t) x0 + t e
  sample: (x, p, t) => (x - p) / t,
  v_prediction(x, p, t) {
    const scale = scaleOf(t);
    const [signal, noise] = [(1 - t) * scale, t * scale]; // sqrt(a), sqrt(1 - a)
    const z = x * scale;
    return signal * p + noise * z - (signal * z - noise * p); // e - x0
  },
};

/** Of LCM's boundary: its sigma of data, and what steps of the training are multiplied by. */
const DATA = 0.5;
const STRETCH = 10;

/** A network of which prediction is left: of z at a step of the training. */
export type Predict = (z: Float32Array<ArrayBuffer>, step: number) => Promise<Float32Array>;

/** The velocity that a network predicts. */
export function velocityOf(predict: Predict, { stepOf }: Schedule, kind: Kind, prediction: Prediction): Velocity {
  return async (x, t) => {
    const [scale, step] = [scaleOf(t), stepOf(t)];
    const p = await predict(
      x.map((value) => value * scale),
      step,
    );
    const v = x.map((value, i) => VELOCITIES[prediction](value, p[i]!, t));
    return kind === 'lcm' ? bounded(x, v, t, step) : v;
  };
}

/** The velocity to LCM's picture, which at the end of the path is the latent itself. */
function bounded(x: Float32Array, v: Float32Array, t: number, step: number): Float32Array {
  const from = STRETCH * step;
  const skip = DATA ** 2 / (from ** 2 + DATA ** 2);
  const out = from / Math.hypot(from, DATA);
  const scale = scaleOf(t);
  return velocityTo(
    x.map((value, i) => out * (value - t * v[i]!) + skip * value * scale),
    x,
    t,
  );
}

/** The velocity with guidance, from that with a prompt and that without. */
export const guided =
  (conditional: Velocity, unconditional: Velocity, scale: number): Velocity =>
  async (x, t) =>
    guide(await conditional(x, t), await unconditional(x, t), scale);
