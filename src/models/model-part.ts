// A network of a model against the tensors of its file, for `banana doctor`.
import { sizeOf } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';
import type { ModelPart } from './family.ts';
import type { Stage } from './stage.ts';

/** The part that some stages compute with the weights of one file; `also`: names that are asked for outside of any stage. */
export function modelPart(name: string, stages: readonly Stage[], weights: Weights, also: readonly string[] = []): ModelPart {
  const outlines = weights.names.map((one) => weights.outline(one));
  return {
    name,
    asked: [...new Set([...stages.flatMap(({ specs }) => [...specs.keys()]), ...also])],
    found: [...new Set(weights.names.map((one) => one.replace(/\.q\d(\.scale)?$/, '')))], // rounded ones are two tensors
    stored: [...new Set(outlines.map(({ stored }) => stored))],
    numbers: outlines.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  };
}
