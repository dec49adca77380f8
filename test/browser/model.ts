// What the browser tests draw and learn with, in Node and in the page alike: an untrained tiny model whose last layers were shaken,
// so that prompts, seeds and Peels all show, and six discs of one colour.
import { randomModel } from '../../src/node/models.ts';
import type { Model } from '../../src/models/banana/file.ts';
import { random } from '../../src/util/random.ts';

/** The same on every call. */
export function shakenModel(): Model {
  const model = randomModel('tiny', 1);
  const rng = random(2);
  for (const [path, { data }] of Object.entries(model.weights))
    if (/^(transformer\.(out|modulation)|renderer\.out)/.test(path))
      (data as Float32Array).forEach((x, i) => ((data as Float32Array)[i] = x + 0.1 * rng.normal()));
  return model;
}
