// Seeded random numbers: SplitMix32 streams, split by label. Randomness is always an argument, and 0 is a seed.
// The same seed gives the same numbers on every machine: only 32-bit integer arithmetic and IEEE doubles are used
// (Math.log, Math.cos and Math.sin may differ in the last bit between engines; results are rounded to float32).

/** A stream of random numbers. Not for cryptography. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** An integer in [0, n). */
  integer(n: number): number;
  /** One element of a non-empty list. */
  pick<T>(list: readonly T[]): T;
  /** Index drawn with probability proportional to `weights` (not negative, not all zero). */
  weighted(weights: readonly number[]): number;
  /** An independent stream, named by a label or number: the same label gives the same stream. */
  split(label: string | number): Random;
  /** `n` standard normal numbers. */
  normals(n: number): Float32Array<ArrayBuffer>;
}

/** 32-bit FNV-1a of a string: for deterministic splits and labels. Returns an unsigned integer. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return mix(h);
}

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/** A stream from a seed: any safe integer, 0 included. */
export function random(seed: number): Random {
  const key = mix(mix(seed >>> 0) ^ Math.floor(seed / 2 ** 32));
  let state = key;
  let spare: number | undefined;
  const next = () => mix((state = (state + 0x9e3779b9) | 0));
  const self: Random = {
    uniform: () => next() / 2 ** 32,
    normal: () => {
      if (spare !== undefined) {
        const kept = spare;
        spare = undefined;
        return kept;
      }
      const radius = Math.sqrt(-2 * Math.log((next() + 1) / 2 ** 32));
      const angle = (2 * Math.PI * next()) / 2 ** 32;
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
    integer: (n) => Math.floor((next() / 2 ** 32) * n),
    pick: (list) => list[self.integer(list.length)]!,
    weighted: (weights) => {
      let rest = self.uniform() * weights.reduce((sum, w) => sum + w, 0);
      for (let i = 0; i < weights.length; i++) if ((rest -= weights[i]!) < 0) return i;
      return weights.length - 1;
    },
    split: (label) => random(mix(key ^ hash32(String(label))) + 1),
    normals: (n) => Float32Array.from({ length: n }, () => self.normal()),
  };
  return self;
}
