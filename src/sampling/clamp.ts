// Clamping: numbers of a latent that are known are their noised truth at every step, so that what is drawn fits what is there - a mask's
// surroundings, a box that was drawn, a layer that is kept, a subject used as it is. It is done on the velocity: where a number is known,
// it leads to the truth, and whatever sampler goes along it noises the truth up to the next time (as RePaint, Lugmayr et al. 2022, without
// its resampling).
import { velocityTo } from './path.ts';
import type { Velocity } from './sampler.ts';

/** What is known of a latent. */
export interface Known {
  /** As long as the latent; what is not known is not read. */
  readonly truth: Float32Array;
  /** 1 where a number is known, else 0. */
  readonly mask: Uint8Array;
}

/** The velocity that leads to the truth where it is known. Where all is, the network is not asked. */
export function clamped(velocity: Velocity, { truth, mask }: Known): Velocity {
  if (mask.every((known) => known === 1)) return async (x, t) => (t === 0 ? new Float32Array(x.length) : velocityTo(truth, x, t));
  return async (x, t) => {
    const v = await velocity(x, t);
    if (t === 0) return v; // nothing changes at all
    const back = velocityTo(truth, x, t);
    return v.map((value, i) => (mask[i] ? back[i]! : value));
  };
}
