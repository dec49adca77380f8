// Which times a sampler visits. Time runs from 1 (noise) to 0 (image) on the straight path x_t = (1 - t) x_0 + t noise.

/**
 * `steps` + 1 times from 1 to 0. `shift` > 1 spends more of them near the noise, where the layout is decided
 * (Esser et al. 2024, equation 23).
 */
export function times(steps: number, shift = 1): number[] {
  return Array.from({ length: steps + 1 }, (_, i) => {
    const t = 1 - i / steps;
    return (shift * t) / (1 + (shift - 1) * t);
  });
}

/** The last time at which a network that was trained on 1000 times is asked. */
const LAST = 1 / 1000;

/** `steps` times from 1 to 1/1000, evenly, and 0: as diffusers' FlowMatchEulerDiscreteScheduler has them. */
export const flowTimes = (steps: number): number[] => [
  ...Array.from({ length: steps }, (_, i) => (i === 0 ? 1 : 1 - (i / (steps - 1)) * (1 - LAST))),
  0,
];
