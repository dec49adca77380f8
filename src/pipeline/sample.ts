// One picture from networks, as plainly as it can be written: for recipes, evaluation and tests. The product's own path,
// with previews, tiles and cancelling, is text-to-image.ts; both share the samplers and the networks.
import type { Tensor } from '../tensor/tensor.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { consistency, euler } from '../sampling/sampler.ts';
import { times } from '../sampling/schedule.ts';
import { random } from '../util/random.ts';
import type { Condition, Networks } from './networks.ts';

export interface SampleOptions {
  readonly prompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  /** A teacher is stepped by Euler with two forwards a step; a student by consistency sampling with one. */
  readonly kind: 'teacher' | 'student';
  readonly width: number;
  readonly height: number;
}

/** Ids of a prompt without padding. */
export function promptIds(tokenizer: Tokenizer, prompt: string, length: number): number[] {
  const { ids, count } = tokenizer.encode(prompt, length);
  return Array.from(ids).slice(0, Math.min(count, length));
}

/** A function that draws one picture: (1, height, width, 4) premultiplied around [-1, 1]. */
export function openSampler(networks: Networks, tokenizer: Tokenizer): (options: SampleOptions) => Promise<Tensor> {
  const { config } = networks;
  const side = Math.round(512 / config.latentPixels);
  let empty: Promise<Condition> | undefined;
  const condition = (prompt: string) => networks.condition(promptIds(tokenizer, prompt, config.text.length));
  return async ({ prompt, seed, steps, guidance, kind, width, height }) => {
    const rng = random(seed);
    const seen = await condition(prompt);
    const grid = { rows: side, columns: side };
    const unguided = kind === 'teacher' ? await (empty ??= condition('')) : undefined;
    const velocity = networks.velocity(seen, grid, unguided ? { guidance, unguided } : { guidance });
    const sampler = kind === 'teacher' ? euler : consistency;
    let latent = new Float32Array();
    for await (const step of sampler(velocity, rng.split('noise').normals(side * side * config.channels), times(steps), rng.split('steps'))) latent = step.latent;
    const features = await networks.features({ ...grid, data: latent });
    return networks.render(features, { x: 0, y: 0, width, height }, { width, height });
  };
}
