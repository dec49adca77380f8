// The file of a model: one .safetensors with every weight, the tokenizer and a manifest in its metadata. Large matrices are
// blocks of 8 or 4 bits (values under the weight's name, scales under NAME.scale), the rest float16. A weight is read when it is
// asked for, each time anew: as float32, exactly the numbers that the block kernels compute with, or as its blocks. So a session
// takes what it needs, and nothing else of the model stays in memory.
import type { BlocksOf } from '../../quant/bind.ts';
import { BLOCK, dequantizeBlocks, heldBlocks } from '../../quant/blocks.ts';
import { planOf, type Plan } from '../../quant/plan.ts';
import { inMemory, lazily, type LazyTensors } from '../../tensor/lazy.ts';
import { decodeSafetensors, type Outline } from '../../tensor/safetensors.ts';
import { float32, tensor, type DType, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../../tokenizer/tokenizer.ts';
import { fromHalves, toHalf } from '../../util/float16.ts';
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
/** What the name of a weight's scales ends with. */
export const SCALE = '.scale';

/** The tensors and metadata of a model's file. */
export function packModel({ config, weights, tokenizer, manifest, plan = planOf(specsOf(config), 8) }: Model | StoredModel): { tensors: Tensors; metadata: Record<string, string> } {
  const tensors: Tensors = {};
  const { names, read } = lazily(weights);
  for (const path of names) {
    const weight = read(path);
    const bits = plan[path];
    if (bits !== undefined) {
      const { values, scales } = heldBlocks(weight as Tensor<'float32'>, bits);
      tensors[path] = values;
      tensors[path + SCALE] = scales;
    } else tensors[path] = tensor('float16', weight.shape, Uint16Array.from(weight.data as Float32Array, toHalf));
  }
  return { tensors, metadata: metadataOf({ manifest, tokenizer }) };
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
export function storedModel({ tensors, metadata, read }: ModelFile, source: string): StoredModel {
  if (isModel(metadata) && metadata.format !== FORMAT)
    throw new InputError('model.format', `${source}: a model of format "${metadata.format}", this version reads "${FORMAT}": fetch or make it anew`);
  if (metadata.format !== FORMAT || !metadata.manifest || !metadata.tokenizer)
    throw new InputError('model.format', `${source}: a .safetensors file, but not a banana model (format "${metadata.format ?? 'none'}", expected "${FORMAT}")`);
  const manifest = checkManifest(parse(metadata.manifest, source), source);
  const plan: Record<string, number> = {};
  const outlines = new Map<string, Outline>();
  const blocks: BlocksOf = (path) =>
    plan[path] === undefined ? undefined : { values: read(path) as Tensor<'int8' | 'int4'> as Tensor<'int8'>, scales: read(path + SCALE) as Tensor<'float16'>, bits: plan[path] };
  const half = (path: string) => {
    const { shape, data } = read(path);
    return float32(shape, fromHalves(data as Uint16Array));
  };
  for (const [path, stored] of tensors) {
    if (path.endsWith(SCALE)) continue;
    const bits = BITS[stored.dtype];
    if (bits !== undefined) {
      checkScales(path, stored, tensors.get(path + SCALE), source);
      plan[path] = bits;
      checkNumbers(path + SCALE, read(path + SCALE), source);
    } else if (stored.dtype === 'float16') checkNumbers(path, read(path), source);
    else throw new InputError('model.weight', `${source}: weight "${path}" is ${stored.dtype}, expected blocks of int8 or int4, or float16`);
    outlines.set(path, { dtype: 'float32', shape: stored.shape });
  }
  const weights: LazyTensors = {
    names: [...outlines.keys()],
    outline: (path) => outlines.get(path),
    read: (path) => (plan[path] === undefined ? half(path) : dequantizeBlocks(blocks(path)!)),
  };
  return { name: manifest.name, config: preset(manifest.preset), weights, tokenizer: tokenizerFromJSON(metadata.tokenizer, source), manifest, plan, blocks };
}

/** A model with every weight in memory, as float32: for work that looks each up often. */
export const held = ({ blocks: _, ...model }: StoredModel): Model => ({ ...model, weights: inMemory(model.weights) });

/** Bits of the types that are blocks. */
const BITS: { readonly [T in DType]?: number } = { int8: 8, int4: 4 };

function checkScales(path: string, { dtype, shape }: Outline, scales: Outline | undefined, source: string): void {
  const [rows = 0, columns] = shape;
  if (scales?.dtype !== 'float16' || shape.length !== 2 || scales.shape.join() !== `${Math.ceil(rows / BLOCK)},${columns}`)
    throw new InputError('model.weight', `${source}: weight "${path}" ${dtype}[${shape}] has no scales that fit`);
}

/** Bits of a half's exponent: all set in what is infinite or no number. */
const EXPONENT = 0x7c00;

/** Blocks are whole numbers, always finite: what can be infinite or no number are halves. */
function checkNumbers(path: string, { data }: Tensor, source: string): void {
  const halves = data as Uint16Array;
  for (let i = 0; i < halves.length; i++)
    if ((halves[i]! & EXPONENT) === EXPONENT) throw new InputError('model.number', `${source}: weight "${path}" has a number that is infinite or none at all; the file is damaged`);
}

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
  if (bad) throw new InputError('model.manifest', `${source}: its manifest has no usable "${bad[0]}"; the file is damaged or of another version`);
  return manifest as Manifest;
}
