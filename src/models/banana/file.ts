// The file of a model: one .safetensors with every weight, the tokenizer and a manifest in its metadata. Large matrices are
// blocks of 8 or 4 bits (values under the weight's name, scales under NAME.scale), the rest float16. A weight is read when it is
// asked for, each time anew: as float32, exactly the numbers that the block kernels compute with, or as its blocks. So a session
// takes what it needs, and nothing else of the model stays in memory.
import type { BlocksOf } from '../../quant/bind.ts';
import { planOf, type Plan } from '../../quant/plan.ts';
import { packWeights, storedWeights } from '../../quant/stored.ts';
import { inMemory, lazily, type LazyTensors } from '../../tensor/lazy.ts';
import { decodeSafetensors } from '../../tensor/safetensors.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import { InputError } from '../../util/errors.ts';
import type { ModelFile } from '../family.ts';
import { preset, type Config } from './config.ts';
import { specsOf } from './stages.ts';

/** What a model says of itself. */
export interface Manifest {
  /** 'pico' */
  readonly name: string;
  readonly version: string;
  readonly preset: string;
  /** Style words it was trained with. */
  readonly styles: readonly string[];
  /** Guidance scale to use when none is asked for. */
  readonly guidance: number;
  /** Steps that it was distilled for. */
  readonly steps: readonly number[];
  readonly licence: string;
  /** How it was trained, in words. */
  readonly training: string;
  /** Whether it was trained with reference subjects; not, when left out. */
  readonly references?: boolean;
}

export interface Model {
  readonly name: string;
  readonly config: Config;
  /** float32 by path. */
  readonly weights: Tensors;
  readonly tokenizer: Tokenizer;
  readonly manifest: Manifest;
  /** The blocks of its file. */
  readonly blocks?: BlocksOf;
  /** Bits of the weights in its file, by path; large matrices have 8 when left out. Of a model in a file: those that hold them, 4 or 8. */
  readonly plan?: Plan;
}

/** A model of which only the head of its file is in memory. */
export interface StoredModel extends Omit<Model, 'weights'> {
  /** float32 by path, made anew each time one is read. */
  readonly weights: LazyTensors;
}

const FORMAT = 'banana-model-1';

/** The tensors and metadata of a model's file. */
export function packModel({ config, weights, tokenizer, manifest, plan = planOf(specsOf(config), 8) }: Model | StoredModel): {
  tensors: Tensors;
  metadata: Record<string, string>;
} {
  return { tensors: packWeights(lazily(weights), plan), metadata: metadataOf({ manifest, tokenizer }) };
}

/** What a model's file says of itself. */
export function metadataOf({ manifest, tokenizer }: Pick<Model, 'manifest' | 'tokenizer'>): Record<string, string> {
  return { format: FORMAT, manifest: JSON.stringify(manifest), tokenizer: JSON.stringify(tokenizer) };
}

/** Whether a file says that it is a model of this family, of whatever version. */
export const isModel = ({ format }: Readonly<Record<string, string>>): boolean => /^banana-model-/.test(format ?? '');

/** A model from the bytes of its file; throws InputError naming `source` when it is not one. */
export function unpackModel(bytes: Uint8Array, source: string): StoredModel {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  return storedModel({ tensors: new Map(Object.entries(tensors)), metadata, read: (name) => tensors[name]! }, source);
}

/** A model from what its file holds; throws InputError naming `source` when it is not one. */
export function storedModel(file: Omit<ModelFile, 'text'>, source: string): StoredModel {
  const { metadata } = file;
  if (isModel(metadata) && metadata.format !== FORMAT)
    throw new InputError(
      'model.format',
      `${source}: a model of format "${metadata.format}", this version reads "${FORMAT}": fetch or make it anew`,
    );
  if (metadata.format !== FORMAT || !metadata.manifest || !metadata.tokenizer)
    throw new InputError(
      'model.format',
      `${source}: a .safetensors file, but not a banana model (format "${metadata.format ?? 'none'}", expected "${FORMAT}")`,
    );
  const manifest = checkManifest(parse(metadata.manifest, source), source);
  return {
    name: manifest.name,
    config: preset(manifest.preset),
    tokenizer: tokenizerFromJSON(metadata.tokenizer, source),
    manifest,
    ...storedWeights(file, source),
  };
}

/** A model with every weight in memory, as float32: for work that looks each up often. */
export const held = ({ blocks: _, ...model }: StoredModel): Model => ({ ...model, weights: inMemory(model.weights) });

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError('model.manifest', `${source}: its manifest is not JSON; the file is damaged`, { cause });
  }
}

const isText = (x: unknown) => typeof x === 'string';
const FIELDS: { readonly [F in keyof Required<Manifest>]: (x: unknown) => boolean } = {
  name: isText,
  version: isText,
  preset: isText,
  styles: (x) => Array.isArray(x) && x.every(isText),
  guidance: (x) => typeof x === 'number' && x >= 0,
  steps: (x) => Array.isArray(x) && x.every(Number.isInteger),
  licence: isText,
  training: isText,
  references: (x) => x === undefined || typeof x === 'boolean',
};

function checkManifest(manifest: unknown, source: string): Manifest {
  const found = (manifest ?? {}) as Record<string, unknown>;
  const bad = Object.entries(FIELDS).find(([field, fits]) => !fits(found[field]));
  if (bad)
    throw new InputError('model.manifest', `${source}: its manifest has no usable "${bad[0]}"; the file is damaged or of another version`);
  return manifest as Manifest;
}
