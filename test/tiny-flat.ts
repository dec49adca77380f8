// A flat model of random weights, for tests: it draws nothing that can be named, in one piece.
import type { Model } from '../src/models/banana/file.ts';
import { randomModel } from '../src/node/models.ts';
import { random } from '../src/util/random.ts';

/** Random weights in which nothing is hidden by a zero start. */
export function tinyFlatModel(): Model {
  const model = randomModel('tiny', 1);
  const spread = random(2);
  for (const [path, w] of Object.entries(model.weights))
    if (/^transformer\.(out|modulation)|^renderer/.test(path))
      (w.data as Float32Array).forEach((x, i) => ((w.data as Float32Array)[i] = x + 0.2 * spread.normal()));
  return model;
}
