// One picture from networks, as plainly as it can be written: for recipes, evaluation and tests. The product's own path,
// with previews, tiles and cancelling, is text-to-image.ts; both share the samplers and the networks.
import type { Tensor } from '../tensor/tensor.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { consistency, euler } from '../sampling/sampler.ts';
import { times } from '../sampling/schedule.ts';
import { random } from '../util/random.ts';
import { tensorToImage } from '../image/image.ts';
import type { Condition, Networks } from '../models/banana/networks.ts';
import { baseTokens } from '../models/banana/config.ts';
import { latentGrid } from '../models/layout.ts';
import { referenceEncoder } from '../models/banana/painter.ts';
import { smallReferences } from '../draw/subjects.ts';

export interface SampleOptions {
  readonly prompt: string;
  readonly seed: number;
  readonly steps: number;
  readonly guidance: number;
  /** A teacher is stepped by Euler with two forwards a step; a student by consistency sampling with one. */
  readonly kind: 'teacher' | 'student';
  readonly width: number;
  readonly height: number;
  /** Pictures (1, H, W, 4) of the subjects that the prompt calls <1> to <5>. */
  readonly references?: readonly { readonly slot: number; readonly picture: Tensor }[];
}

/** Ids of a prompt without padding. */
export function promptIds(tokenizer: Tokenizer, prompt: string, length: number): number[] {
  const { ids, count } = tokenizer.encode(prompt, length);
  return Array.from(ids).slice(0, Math.min(count, length));
}

/** A function that draws one picture: (1, height, width, 4) premultiplied around [-1, 1]. */
export function openSampler(networks: Networks, tokenizer: Tokenizer): (options: SampleOptions) => Promise<Tensor> {
  const { config } = networks;
  const encode = referenceEncoder(networks);
  let empty: Promise<Condition> | undefined;
  const condition = async (prompt: string, references: SampleOptions['references'] = []) =>
    networks.condition(
      promptIds(tokenizer, prompt, config.text.length),
      await encode(
        await smallReferences(
          references.map(({ slot, picture }) => ({ slot, image: tensorToImage(picture) })),
          config.referencePixels,
        ),
      ),
    );
  return async ({ prompt, seed, steps, guidance, kind, width, height, references }) => {
    const rng = random(seed);
    const seen = await condition(prompt, references);
    const grid = latentGrid({ width, height }, baseTokens(config));
    const unguided = kind === 'teacher' ? await (empty ??= condition('')) : undefined;
    const velocity = networks.velocity(seen, grid, unguided ? { guidance, unguided } : { guidance });
    const sampler = kind === 'teacher' ? euler : consistency;
    let latent = new Float32Array();
    for await (const step of sampler(
      velocity,
      rng.split('noise').normals(grid.rows * grid.columns * config.channels),
      times(steps),
      rng.split('steps'),
    ))
      latent = step.latent;
    const features = await networks.features({ ...grid, data: latent });
    return networks.render(features, { x: 0, y: 0, width, height }, { width, height });
  };
}
