// A layered model of random weights, for tests: it draws nothing that can be named, in layers.
import { writeSafetensors } from '../src/disk/files.ts';
import { layersPreset, PATCH_NUMBERS } from '../src/models/layers/config.ts';
import { layersSpecs, packLayers, type LayersModel, type Learned } from '../src/models/layers/file.ts';
import { initialize } from '../src/nn/scope.ts';
import { float32 } from '../src/tensor/tensor.ts';
import { trainTokenizer } from '../src/tokenizer/tokenizer.ts';
import { random } from '../src/util/random.ts';

const config = layersPreset('tiny');

/** Random weights in which nothing is hidden by a zero start; `abilities`: what it says that it was trained to do. */
export function tinyLayersModel(abilities?: readonly Learned[]): LayersModel {
  const rng = random(5);
  const weights = Object.fromEntries(
    Object.entries(initialize(layersSpecs(config), rng)).map(([name, w]) => [
      name,
      name.includes('-out')
        ? float32(
            w.shape,
            rng
              .split(name)
              .normals(w.data.length)
              .map((v) => v * 0.2),
          )
        : w,
    ]),
  );
  const matrix = rng
    .split('basis')
    .normals(PATCH_NUMBERS * config.channels)
    .map((v) => v / Math.sqrt(PATCH_NUMBERS));
  const basis = { channels: config.channels, mean: new Float32Array(PATCH_NUMBERS), matrix, scale: 0.05 };
  const manifest = {
    name: 'tiny-layers',
    version: '0',
    preset: 'tiny',
    styles: ['flat'],
    steps: [1, 2],
    licence: 'none',
    training: 'none: random weights',
    ...(abilities && { abilities }),
  };
  return { config, weights, basis, tokenizer: trainTokenizer([], 264), manifest };
}

/** The same in a file. */
export async function tinyLayers(path: string, abilities?: readonly Learned[]): Promise<void> {
  const { tensors, metadata } = packLayers(tinyLayersModel(abilities));
  await writeSafetensors(path, tensors, metadata);
}
