// A layered model of random weights, for tests: it draws nothing that can be named, but prompts, seeds and Peels all show.
import { LEARNED, packLayers, type LayersModel, type Learned } from '../src/models/layers/file.ts';
import { randomModel, saveSealed } from '../src/node/models.ts';
import { float32 } from '../src/tensor/tensor.ts';
import { trainTokenizer } from '../src/tokenizer/tokenizer.ts';
import { random } from '../src/util/random.ts';

/** Everything that a model can be trained to do. */
export const EVERYTHING = LEARNED;

export interface TinyOptions {
  /** What it says that it was trained to do. */
  readonly abilities?: readonly Learned[];
  /** What its tokenizer has words for: bare letters leave no room for them. */
  readonly said?: readonly string[];
}

/** Random weights in which nothing is hidden by a zero start; the same on every call. */
export function tinyLayersModel({ abilities, said = [] }: TinyOptions = {}): LayersModel {
  const { weights, tokenizer, manifest, ...model } = randomModel('tiny', 5);
  const shaken = Object.entries(weights).map(([name, w]) => {
    const spread = random(5).split(name).normals(w.data.length);
    return [
      name,
      name.includes('-out')
        ? float32(
            w.shape,
            spread.map((v) => v * 0.2),
          )
        : w,
    ] as const;
  });
  const { abilities: _, ...rest } = manifest;
  return {
    ...model,
    weights: Object.fromEntries(shaken),
    tokenizer: said.length > 0 ? trainTokenizer([...said, ...said, ...said], 320) : tokenizer,
    manifest: { ...rest, ...(abilities && { abilities }) },
  };
}

/** The same in a file. */
export async function tinyLayers(path: string, abilities?: readonly Learned[]): Promise<void> {
  await saveSealed(path, packLayers(tinyLayersModel({ ...(abilities && { abilities }) })));
}
