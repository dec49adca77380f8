// The file of a model: one .safetensors with every weight, the tokenizer and a manifest in its metadata. Large matrices are
// blocks of 8 or 4 bits (values under the weight's name, scales under NAME.scale), the rest float16; all are float32 once
// loaded, exactly the numbers that the block kernels compute with.
import { BLOCK, dequantizeBlocks, quantizeBlocks, toNibbles, type Blocks } from '../quant/blocks.ts';
import { EIGHT, planOf, type Plan } from '../quant/plan.ts';
import { decodeSafetensors } from '../tensor/safetensors.ts';
import { float32, tensor, type DType, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../tokenizer/tokenizer.ts';
import { fromHalf, toHalf } from '../util/float16.ts';
import { InputError } from '../util/errors.ts';
import { preset, type Config } from '../models/config.ts';

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
}

export interface Model {
  readonly name: string;
  readonly config: Config;
  readonly weights: Tensors;
  readonly tokenizer: Tokenizer;
  readonly manifest: Manifest;
  /** Bits of the weights in its file, by path; large matrices have 8 when left out. */
  readonly plan?: Plan;
}

const FORMAT = 'banana-model-1';
const SCALE = '.scale';

/** The tensors and metadata of a model's file. */
export function packModel({ weights, tokenizer, manifest, plan = planOf(Object.entries(weights), EIGHT) }: Model): { tensors: Tensors; metadata: Record<string, string> } {
  const tensors: Tensors = {};
  for (const [path, weight] of Object.entries(weights)) {
    const bits = plan[path];
    if (bits !== undefined) {
      const { values, scales } = quantizeBlocks(weight as Tensor<'float32'>, bits);
      tensors[path] = bits <= 4 ? toNibbles(values) : values;
      tensors[path + SCALE] = scales;
    } else tensors[path] = tensor('float16', weight.shape, Uint16Array.from(weight.data as Float32Array, toHalf));
  }
  return { tensors, metadata: { format: FORMAT, manifest: JSON.stringify(manifest), tokenizer: JSON.stringify(tokenizer) } };
}

/** A model from the bytes of its file; throws InputError naming `source` when it is not one. */
export function unpackModel(bytes: Uint8Array, source: string): Model {
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  if (metadata.format !== FORMAT || !metadata.manifest || !metadata.tokenizer)
    throw new InputError('model.format', `${source}: a .safetensors file, but not a banana model (format "${metadata.format ?? 'none'}", expected "${FORMAT}")`);
  const manifest = checkManifest(parse(metadata.manifest, source), source);
  const config = preset(manifest.preset);
  const weights: Tensors = {};
  const plan: Record<string, number> = {};
  for (const [path, stored] of Object.entries(tensors)) {
    if (path.endsWith(SCALE)) continue;
    const bits = BITS[stored.dtype];
    if (bits !== undefined) {
      weights[path] = dequantizeBlocks(blocksOf(path, stored, tensors[path + SCALE], source));
      plan[path] = bits;
    } else if (stored.dtype === 'float16') weights[path] = float32(stored.shape, Float32Array.from(stored.data as Uint16Array, fromHalf));
    else throw new InputError('model.weight', `${source}: weight "${path}" is ${stored.dtype}, expected blocks of int8 or int4, or float16`);
  }
  return { name: manifest.name, config, weights, tokenizer: tokenizerFromJSON(metadata.tokenizer, source), manifest, plan };
}

/** Bits of the types that are blocks. */
const BITS: { readonly [T in DType]?: number } = { int8: 8, int4: 4 };

function blocksOf(path: string, values: Tensor, scales: Tensor | undefined, source: string): Blocks {
  const [rows = 0, columns] = values.shape;
  if (scales?.dtype !== 'float16' || values.shape.length !== 2 || scales.shape.join() !== `${Math.ceil(rows / BLOCK)},${columns}`)
    throw new InputError('model.weight', `${source}: weight "${path}" ${values.dtype}[${values.shape}] has no scales that fit`);
  return { values, scales } as Blocks;
}

function parse(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InputError('model.manifest', `${source}: its manifest is not JSON; the file is damaged`, { cause });
  }
}

const isText = (x: unknown) => typeof x === 'string';
const FIELDS: { readonly [F in keyof Manifest]: (x: unknown) => boolean } = {
  name: isText,
  version: isText,
  preset: isText,
  styles: (x) => Array.isArray(x) && x.every(isText),
  guidance: (x) => typeof x === 'number' && x >= 0,
  steps: (x) => Array.isArray(x) && x.every(Number.isInteger),
  licence: isText,
  training: isText,
};

function checkManifest(manifest: unknown, source: string): Manifest {
  const found = (manifest ?? {}) as Record<string, unknown>;
  const bad = Object.entries(FIELDS).find(([field, fits]) => !fits(found[field]));
  if (bad) throw new InputError('model.manifest', `${source}: its manifest has no usable "${bad[0]}"; the file is damaged or of another version`);
  return manifest as Manifest;
}
