// How to step from noise to image. A sampler is an async generator over latents (plain numbers on the host: a latent has a
// few thousand); it yields after every step what the picture would be now, so previews, progress and cancelling fall out.
// Legend: x the noisy latent, v the predicted velocity (noise - image), x0 = x - t v the predicted image.
import type { Random } from '../util/random.ts';
import { moved, noised, pictureOf } from './path.ts';

/** The network: velocity of x at time t, in [0, 1]; same length as x. */
export type Velocity = (x: Float32Array<ArrayBuffer>, t: number) => Promise<Float32Array>;

export interface Step {
  /** 1-based. */
  readonly step: number;
  readonly steps: number;
  /** The image that is predicted now. */
  readonly latent: Float32Array<ArrayBuffer>;
}

export type Sampler = (velocity: Velocity, noise: Float32Array<ArrayBuffer>, times: readonly number[], rng: Random) => AsyncGenerator<Step>;

/** Consistency sampling (Song et al. 2023, algorithm 1): predict the image, add fresh noise up to the next time, again. */
export const consistency: Sampler = async function* (velocity, noise, times, rng) {
  let x = noise;
  const steps = times.length - 1;
  for (let i = 0; i < steps; i++) {
    const t = times[i]!;
    const latent = pictureOf(x, await velocity(x, t), t);
    yield { step: i + 1, steps, latent };
    const next = times[i + 1]!;
    if (next > 0) x = noised(latent, rng.normals(noise.length), next);
  }
};

/** Euler's method along the velocity: for the teacher, with many steps. */
export const euler: Sampler = async function* (velocity, noise, times) {
  let x = noise;
  const steps = times.length - 1;
  for (let i = 0; i < steps; i++) {
    const [t, next] = [times[i]!, times[i + 1]!];
    const v = await velocity(x, t);
    yield { step: i + 1, steps, latent: pictureOf(x, v, t) };
    x = moved(x, v, t, next);
  }
};
