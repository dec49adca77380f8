// The file of a layered model: a .safetensors with every weight (quant/stored.ts), the basis of its thumbnails, the tokenizer and a
// manifest in its metadata.
import { packWeights, storedWeights, type StoredWeights } from '../../quant/stored.ts';
import { planOf, type Plan } from '../../quant/plan.ts';
import type { Specs } from '../../nn/scope.ts';
import { lazily, type LazyTensors } from '../../tensor/lazy.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import { InputError } from '../../util/errors.ts';
import type { Ability, ModelFile } from '../family.ts';
import { layersPreset, PATCH_NUMBERS, type LayersConfig } from './config.ts';
import { conditionStage, denoiseStage, mapsStage, pixelsStage } from './stages.ts';
import { CONTENT_GAIN, type Basis } from './thumbnail.ts';

/** What a model can do only if it was trained to: start from a picture, take references. */
export const LEARNED = ['image', 'references'] as const satisfies readonly Ability[];
export type Learned = (typeof LEARNED)[number];

/** What a model says of itself. */
export interface LayersManifest {
  readonly name: string;
  readonly version: string;
  readonly preset: string;
  readonly styles: readonly string[];
  readonly steps: readonly number[];
  readonly licence: string;
  readonly training: string;
  /** What it was trained to do besides; nothing, when left out. */
  readonly abilities?: readonly Learned[];
}

export interface LayersModel extends Partial<Omit<StoredWeights, 'weights'>> {
  readonly config: LayersConfig;
  /** float32 by path. */
  readonly weights: LazyTensors | Tensors;
  readonly basis: Basis;
  readonly tokenizer: Tokenizer;
  readonly manifest: LayersManifest;
}

const FORMAT = 'banana-layers-1';
const BASIS = { mean: 'basis.mean', matrix: 'basis.matrix' } as const;
/** The basis in bits: 8 keep 50 dB of what it keeps. */
const BASIS_PLAN: Plan = { [BASIS.matrix]: 8 };

/** Every weight of the networks. */
export function layersSpecs(config: LayersConfig): Specs {
  return new Map(
    [conditionStage(config, undefined, true), denoiseStage(config), mapsStage(config), pixelsStage(config)].flatMap(({ specs }) => [
      ...specs,
    ]),
  );
}

/** Whether a file says that it is a model of this family, of whatever version. */
export const isLayers = ({ format }: Readonly<Record<string, string>>): boolean => /^banana-layers-/.test(format ?? '');

/** The tensors and metadata of a model's file; `plan`: bits of the weights, 8 for large matrices when left out. */
export function packLayers(
  model: LayersModel,
  plan = planOf(layersSpecs(model.config), 8),
): { tensors: Tensors; metadata: Record<string, string> } {
  return { tensors: { ...packWeights(lazily(model.weights), plan), ...packBasis(model.basis) }, metadata: metadataOf(model) };
}

/** A basis as a file holds it. */
export function packBasis({ channels, mean, matrix }: Basis): Tensors {
  const own: Tensors = {
    [BASIS.mean]: { dtype: 'float32', shape: [PATCH_NUMBERS], data: Float32Array.from(mean) },
    [BASIS.matrix]: { dtype: 'float32', shape: [PATCH_NUMBERS, channels], data: Float32Array.from(matrix) },
  };
  return packWeights(lazily(own), BASIS_PLAN);
}

/** What a model's file says of itself. */
export const metadataOf = ({ manifest, tokenizer, basis: { scale } }: Omit<LayersModel, 'weights'>): Record<string, string> => ({
  format: FORMAT,
  manifest: JSON.stringify(manifest),
  tokenizer: JSON.stringify(tokenizer),
  scale: String(scale),
  gain: String(CONTENT_GAIN),
});

/** A model from what its file holds; throws InputError naming `source` when it is not one, or damaged. */
export function storedLayers(file: ModelFile, source: string): LayersModel {
  const { metadata } = file;
  if (metadata.format !== FORMAT)
    throw new InputError('model.format', `${source}: a layered model of format "${metadata.format}", expected "${FORMAT}": fetch it anew`);
  const manifest = manifestOf(metadata.manifest, source);
  const config = layersPreset(manifest.preset);
  const { weights, ...stored } = storedWeights(file, source);
  const found = (path: string) => {
    if (!weights.outline(path)) throw new InputError('model.weights', `${source}: the model has no "${path}"; the file is damaged`);
    return weights.read(path).data as Float32Array;
  };
  const basis: Basis = { channels: config.channels, mean: found(BASIS.mean), matrix: found(BASIS.matrix), scale: Number(metadata.scale) };
  return { config, weights, ...stored, basis, tokenizer: tokenizerFromJSON(metadata.tokenizer ?? '', source), manifest };
}

const isText = (x: unknown) => typeof x === 'string';
const listOf = (fits: (x: unknown) => boolean) => (x: unknown) => Array.isArray(x) && x.length > 0 && x.every(fits);
const FIELDS: { readonly [F in keyof Required<LayersManifest>]: (x: unknown) => boolean } = {
  name: isText,
  version: isText,
  preset: isText,
  styles: listOf(isText),
  steps: listOf(Number.isInteger),
  licence: isText,
  training: isText,
  abilities: (x) => x === undefined || (Array.isArray(x) && x.every((one) => LEARNED.includes(one as Learned))),
};

function manifestOf(text: string | undefined, source: string): LayersManifest {
  let found: Record<string, unknown>;
  try {
    found = JSON.parse(text ?? '') as Record<string, unknown>;
  } catch (cause) {
    throw new InputError('model.manifest', `${source}: its manifest is not JSON; the file is damaged`, { cause });
  }
  const bad = Object.entries(FIELDS).find(([field, fits]) => !fits(found?.[field]));
  if (bad)
    throw new InputError('model.manifest', `${source}: its manifest has no usable "${bad[0]}"; the file is damaged or of another version`);
  return found as unknown as LayersManifest;
}
