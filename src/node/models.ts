// Finding and loading models: by name under models/, by path, or untrained for tests. Node only (files); browsers hand the
// bytes to unpackModel.
import { existsSync } from 'node:fs';
import { preset, PRESETS, type PresetName } from '../models/banana/config.ts';
import { specsOf } from '../models/banana/stages.ts';
import { inMemory, packModel, unpackModel, type Model } from '../models/banana/file.ts';
import { initialize } from '../nn/scope.ts';
import { readFileWhole, writeSafetensors } from '../disk/files.ts';
import { tokenizerFromJSON, trainTokenizer, type Tokenizer } from '../tokenizer/tokenizer.ts';
import { InputError } from '../util/errors.ts';
import { packagePath } from '../disk/package.ts';
import { random } from '../util/random.ts';

/** The model that is used when none is named. */
export const DEFAULT_MODEL: PresetName = 'pico';

/** Path of a model's file: a shipped one by preset name, otherwise the path itself. Throws InputError when it is not there. */
export function modelPath(model: string = DEFAULT_MODEL): string {
  const known = (PRESETS as string[]).includes(model);
  if (!known && !/[./\\]/.test(model)) preset(model); // an unknown word: say which presets there are
  const path = known ? packagePath('models', `${model}.safetensors`) : model;
  if (!existsSync(path))
    throw new InputError('model.missing', known ? `no weights for preset "${model}": train them with npm run recipe -- --preset ${model}, then use --model runs/${model}/${model}.safetensors` : `no model file at ${path}`);
  return path;
}

/** A model by preset name or path. Throws InputError when it is missing or not a model. */
export async function loadModel(model?: string): Promise<Model> {
  const path = modelPath(model);
  return inMemory(unpackModel(await readFileWhole(path), path));
}

/** Writes a model's file. */
export async function saveModel(path: string, model: Model): Promise<void> {
  const { tensors, metadata } = packModel(model);
  await writeSafetensors(path, tensors, metadata);
}

/** A model that has no weights yet: a tokenizer of bare letters. */
export function emptyModel(name: string): Model {
  return {
    name: `${name}-untrained`,
    config: preset(name),
    weights: {},
    tokenizer: trainTokenizer([], 264),
    manifest: { name: `${name}-untrained`, version: '0', preset: name, styles: ['flat', 'bold flat'], guidance: 3, steps: [1, 2, 4], licence: 'none', training: 'none: random weights', references: true },
  };
}

/** Untrained weights and a tokenizer of bare letters: for tests and timings. */
export function randomModel(name: string, seed = 0): Model {
  return { ...emptyModel(name), weights: initialize(specsOf(preset(name)), random(seed)) };
}

/** A tokenizer by the path of its JSON file. Throws InputError when it is missing or not one. */
export async function readTokenizer(path: string): Promise<Tokenizer> {
  return tokenizerFromJSON(new TextDecoder().decode(await readFileWhole(path)), path);
}
