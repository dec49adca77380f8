// A flat model of random weights, for tests: it draws nothing that can be named, in one piece.
import { preset } from '../src/models/banana/config.ts';
import type { Model } from '../src/models/banana/file.ts';
import { specsOf } from '../src/models/banana/stages.ts';
import { initialize } from '../src/nn/scope.ts';
import { randomModel } from '../src/node/models.ts';
import { random } from '../src/util/random.ts';

/** Untrained weights. */
export function randomFlatModel(name: string, seed = 0): Model {
  const { tokenizer, manifest } = randomModel('tiny');
  const { abilities: _, ...rest } = manifest;
  const weights = initialize(specsOf(preset(name)), random(seed));
  const said = { ...rest, name: `${name}-untrained`, preset: name, guidance: 3, references: true };
  return { name: said.name, config: preset(name), weights, tokenizer, manifest: said };
}

/** Random weights in which nothing is hidden by a zero start. */
export function tinyFlatModel(): Model {
  const model = randomFlatModel('tiny', 1);
  const spread = random(2);
  for (const [path, w] of Object.entries(model.weights))
    if (/^transformer\.(out|modulation)|^renderer/.test(path))
      (w.data as Float32Array).forEach((x, i) => ((w.data as Float32Array)[i] = x + 0.2 * spread.normal()));
  return model;
}
