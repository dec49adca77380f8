// How this family steps. Samplers are those of sampling/sampler.ts where they are the same, along the same path; here is what begins at the
// most noise that the networks know, and trajectory consistency (Zheng et al. 2024): a step to less noise than is wanted, then some anew.
import { noised, pictureOf } from '../../sampling/path.ts';
import { consistency, euler, type Sampler } from '../../sampling/sampler.ts';
import { scaleOf, type Kind, type Schedule } from './schedule.ts';

/** Share of the way that trajectory consistency goes too far, so as to add it as new noise: TCD's gamma, as its authors draw. */
const ETA = 0.3;

/** The sampler of a schedule. */
export function samplerOf(kind: Kind, schedule: Schedule): Sampler {
  const inner: { readonly [K in Kind]: Sampler } = { euler, lcm: consistency, tcd: trajectory(schedule) };
  return (velocity, noise, times, rng) => {
    const first = times[0]!;
    const { time, gain } = schedule.begin(times.length - 1);
    if (first <= time) return inner[kind](velocity, noise, times, rng); // a picture to start from, with less noise than all
    const scale = gain / first;
    return inner[kind](
      velocity,
      noise.map((x) => x * scale),
      [time, ...times.slice(1)],
      rng,
    );
  };
}

const trajectory = ({ stepOf, timeOf }: Schedule): Sampler =>
  async function* (velocity, noise, times, rng) {
    let x = noise;
    const steps = times.length - 1;
    for (let i = 0; i < steps; i++) {
      const [t, next] = [times[i]!, times[i + 1]!];
      const v = await velocity(x, t);
      const latent = pictureOf(x, v, t);
      yield { step: i + 1, steps, latent };
      if (next === 0) continue;
      const less = timeOf(Math.floor((1 - ETA) * stepOf(next)));
      const there = noised(
        latent,
        latent.map((x0, k) => x0 + v[k]!),
        less,
      ); // x0 + v is the noise
      x = renoised(there, rng.normals(x.length), less, next);
    }
  };

/** New noise added to a point of the path, so that it lies at a time of more: variances add up as in DDPM's chain. */
function renoised(x: Float32Array, noise: Float32Array, from: number, to: number): Float32Array<ArrayBuffer> {
  const signal = ((1 - to) * scaleOf(to)) / ((1 - from) * scaleOf(from)); // sqrt(a_to / a_from)
  const [keep, add] = [(signal * scaleOf(from)) / scaleOf(to), Math.sqrt(1 - signal ** 2) / scaleOf(to)];
  return Float32Array.from(x, (value, k) => keep * value + add * noise[k]!);
}
