// Finding and loading models: by name under models/, by path, or untrained for tests. Node only (files); browsers hand the
// bytes to unpackModel.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { LAYERED_PRESETS, layersPreset, PATCH_NUMBERS, type LayeredPreset } from '../models/layers/config.ts';
import { layersSpecs, LEARNED, packLayers, type LayersModel } from '../models/layers/file.ts';
import { CONTENT_GAIN } from '../models/layers/thumbnail.ts';
import { SEAL, sealedWords } from '../models/seal.ts';
import { initialize } from '../nn/scope.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import type { Tensors } from '../tensor/tensor.ts';
import { writeSafetensors } from '../disk/files.ts';
import { snapshotPath } from '../hub/cache.ts';
import { trainTokenizer } from '../tokenizer/tokenizer.ts';
import { InputError } from '../util/errors.ts';
import { packagePath } from '../disk/package.ts';
import { random } from '../util/random.ts';

/** The model that is used when none is named. */
export const DEFAULT_MODEL: LayeredPreset = 'pico';

/** Path of a model: a shipped one by preset name, a file or folder by its path, or the folder of one that was pulled, by org/name. Throws InputError when it is not there. */
export function modelPath(model: string = DEFAULT_MODEL): string {
  const preset = LAYERED_PRESETS.find((name) => name === model);
  const pulled = preset || existsSync(model) ? undefined : snapshotPath(model);
  if (pulled) return pulled;
  if (!preset && !/[./\\]/.test(model)) layersPreset(model); // an unknown word: say which presets there are
  const path = preset ? packagePath('models', `${preset}.safetensors`) : model;
  if (!existsSync(path))
    throw new InputError(
      'model.missing',
      preset
        ? `no weights for preset "${preset}": train them with npm run recipe -- --preset ${preset}, then use --model runs/${preset}/${preset}.safetensors`
        : `no model file at ${path}`,
    );
  return path;
}

/** Writes a model's file. */
export const saveModel = (path: string, model: LayersModel): Promise<void> => saveSealed(path, packLayers(model, model.plan));

/** Writes the file of a model of any family, with a hash of all that is in it. */
export async function saveSealed(
  path: string,
  { tensors, metadata }: { tensors: Tensors; metadata: Record<string, string> },
): Promise<void> {
  const hash = createHash('sha256').update(sealedWords(metadata, Object.entries(tensors)));
  for (const bytes of encodeSafetensors(tensors).slice(1)) hash.update(bytes); // their place does not depend on the metadata
  await writeSafetensors(path, tensors, { ...metadata, [SEAL]: hash.digest('hex') });
}

/** The SHA-256 that a published model's description, NAME.json beside it, says of its file; undefined where there is none. */
export async function publishedHash(path: string): Promise<string | undefined> {
  const description = path.replace(/\.safetensors$/, '.json');
  if (description === path || !existsSync(description)) return undefined;
  try {
    const { file, sha256 } = JSON.parse(await readFile(description, 'utf8')) as { file?: unknown; sha256?: unknown };
    return file === basename(path) && typeof sha256 === 'string' ? sha256 : undefined;
  } catch {
    return undefined; // somebody else's file
  }
}

/** A model that has no weights yet: a tokenizer of bare letters, and directions drawn by the seed for a basis. */
export function emptyModel(name: string, seed = 0): LayersModel {
  const config = layersPreset(name);
  const { channels } = config;
  const drawn = random(seed)
    .split('basis')
    .normals(PATCH_NUMBERS * channels);
  const matrix = drawn.map((v) => v / Math.sqrt(PATCH_NUMBERS)); // columns of length 1, nearly at right angles
  return {
    config,
    weights: {},
    basis: { channels, mean: new Float32Array(PATCH_NUMBERS), matrix, scale: CONTENT_GAIN / 3 },
    tokenizer: trainTokenizer([], 264),
    manifest: {
      name: `${name}-untrained`,
      version: '0',
      preset: name,
      styles: ['flat', 'bold flat'],
      steps: [1, 2, 4],
      licence: 'none',
      training: 'none: random weights',
      abilities: LEARNED,
    },
  };
}

/** Untrained weights and a tokenizer of bare letters: for tests and timings. */
export function randomModel(name: string, seed = 0): LayersModel {
  return { ...emptyModel(name, seed), weights: initialize(layersSpecs(layersPreset(name)), random(seed)) };
}
