// The file of a Peel: one .safetensors with the matrices under PEFT's keys in PEFT's orientation (A (r, in), B (out, r)) as float16,
// and what it says of itself in the metadata (info.ts). Reading is in two steps: `readPeel` needs the bytes alone and holds them
// to their hashes, so that nothing damaged is ever loaded silently; `fitPeel` finds the layers of a model that they belong to
// and refuses what was made for another. Files of other tools are read when forced. Pure: folders are library.ts.
import type { Specs } from '../nn/scope.ts';
import { decodeSafetensors, encodeSafetensors, headWords } from '../tensor/safetensors.ts';
import { float32, tensor, type Tensor, type Tensors } from '../tensor/tensor.ts';
import type { InputCode } from '../util/codes.ts';
import { InputError } from '../util/errors.ts';
import { fromHalves, toHalves } from '../util/float16.ts';
import type { Delta } from './delta.ts';
import type { Report } from './foreign.ts';
import { sha256 } from './hash.ts';
import { checkPeelName, infoOf, metadataOf, nameOfBase, printable, RANK_MAX, sameBase, type BaseId, type PeelInfo } from './info.ts';
import { isLowRank, keyOf, partOf } from './keys.ts';
import { isAdaptable, loraNames } from './lora.ts';
import { targetFinder } from './targets.ts';

export type { BaseId, PeelInfo } from './info.ts';

/** A Peel that fits a model: ready to be stacked. */
export interface Peel {
  readonly info: PeelInfo;
  /** SHA-256 of its matrices as stored, hexadecimal. */
  readonly hash: string;
  /** A (in, r) and B (r, out) under the names of a graph's side inputs, float32, alpha / rank folded into B. */
  readonly tensors: Tensors;
  /** Changes that are no such pairs, by the weight's name, of a file of another tool. */
  readonly changes?: ReadonlyMap<string, Delta>;
  /** How such a file fits. */
  readonly report?: Report;
}

/** Makes a Peel for a model of a file's bytes. `source` names the file in messages. Throws InputError when it is damaged or does not fit. */
export type FitPeel = (bytes: Uint8Array, source: string, options?: ReadOptions) => Promise<Peel>;

/** For a model with these weights, that takes Peels of our own format. */
export function peelFitter(specs: () => Specs, base: BaseId): FitPeel {
  let known: Specs | undefined;
  return async (bytes, source, options) => fitPeel(await readPeel(bytes, source, options), (known ??= specs()), base, source, options);
}

/** A sound file, before it is known which model it fits. */
export interface PeelFile {
  /** Absent in a file that another tool made. */
  readonly info?: PeelInfo;
  readonly hash: string;
  /** By the file's own name of a layer: A (r, in) and B (out, r). */
  readonly layers: ReadonlyMap<string, { a?: Tensor; b?: Tensor; alpha?: number }>;
  /** Keys that are no part of a low-rank adapter. */
  readonly strangers: readonly string[];
}

export interface ReadOptions {
  /** Takes a file of another tool or for another model, as far as it fits. Damaged matrices are refused all the same. */
  readonly force?: boolean;
}

/** Largest file that is read, in bytes: the largest adapters of SDXL, of rank 128, take 0.9 GB. */
export const PEEL_BYTES_MAX = 2 ** 30;

const SEAL = 'peel.sha256';
const SCALE_MAX = 1000;

/** The file's chunks. `tensors` are a Peel's, with alpha / rank not folded in. Throws InputError for numbers that float16 cannot hold. */
export async function encodePeel({ info, tensors }: Pick<Peel, 'info' | 'tensors'>): Promise<Uint8Array[]> {
  checkPeelName(info.name);
  const stored: Tensors = {};
  for (const [name, t] of Object.entries(tensors)) {
    const found = partOf(name);
    if (!found || !(found.part === 'a' || found.part === 'b') || t.dtype !== 'float32')
      throw new InputError('peel.tensor', `a Peel has no tensor "${name}" (${t.dtype})`);
    stored[keyOf(found.module, found.part)] = halved(transposed(t as Tensor<'float32'>), name);
  }
  const hash = await sha256(encodeSafetensors(stored).slice(1)); // the data section does not depend on the metadata
  const metadata = metadataOf(info, hash);
  return encodeSafetensors(stored, { ...metadata, [SEAL]: await seal(metadata, stored) });
}

/**
 * The content of a file, held to its hashes. Throws InputError for anything damaged, hostile or too large, and for a file
 * that has no hash to be held to unless forced. `source` names it in messages.
 */
export async function readPeel(bytes: Uint8Array, source: string, { force = false }: ReadOptions = {}): Promise<PeelFile> {
  const fail = (code: InputCode, why: string): never => {
    throw new InputError(code, `${source}: ${why}`);
  };
  if (bytes.length > PEEL_BYTES_MAX) fail('peel.size', `${bytes.length} bytes, more than the ${PEEL_BYTES_MAX} that a Peel may have`);
  const { tensors, metadata } = decodeSafetensors(bytes, source);
  const hash = await sha256([bytes.subarray(8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)))]);
  const said = metadata['modelspec.hash_sha256'];
  if (said !== undefined && said.toLowerCase() !== `0x${hash}`)
    fail('peel.damaged', 'its matrices are not those that its hash was taken of; the file is damaged');
  const info = infoOf(metadata, source);
  if (!force) {
    if (!info) fail('peel.foreign', 'not a Peel of banana-sdk: it does not say which model it was made for');
    if (said === undefined || metadata[SEAL] !== (await seal(metadata, tensors)))
      fail('peel.damaged', 'its description or layers are not those that were written; the file is damaged or was edited');
  }
  const layers = new Map<string, { a?: Tensor; b?: Tensor; alpha?: number }>();
  const strangers: string[] = [];
  for (const [key, t] of Object.entries(tensors)) {
    const found = partOf(key);
    if (!found || !isLowRank(found.part)) {
      strangers.push(key);
      continue;
    }
    const layer = layers.get(found.module) ?? layers.set(found.module, {}).get(found.module)!;
    if (layer[found.part] !== undefined) fail('peel.twice', `layer "${printable(found.module)}" has two matrices for the same place`);
    const numbers = asFloat32(t);
    if (!numbers) fail('peel.type', `"${printable(key)}" is ${t.dtype}, expected float32 or float16`);
    if (!numbers!.data.every(Number.isFinite))
      fail('peel.number', `"${printable(key)}" has numbers that are infinite or none at all; the file is damaged`);
    if (found.part === 'alpha') layer.alpha = numbers!.data[0]!;
    else layer[found.part] = numbers!;
  }
  if (layers.size === 0) fail('peel.empty', 'no low-rank matrices inside: not a Peel');
  const alpha = Number(metadata.ss_network_alpha);
  if (!info && alpha > 0) for (const layer of layers.values()) layer.alpha ??= alpha;
  return { ...(info && { info }), hash, layers, strangers };
}

/**
 * A file's matrices as the side inputs of a model with these weights. Throws InputError with the counts when it was made for
 * another model or some layers do not fit; forced, it takes the layers that fit, and throws when none does.
 */
export function fitPeel(file: PeelFile, specs: Specs, base: BaseId, source: string, { force = false }: ReadOptions = {}): Peel {
  const modules = new Map(
    [...specs].filter(([, spec]) => isAdaptable(spec)).map(([path, { shape }]) => [path.replace(/\.weight$/, ''), shape]),
  );
  const find = targetFinder({ transformer: modules });
  const tensors: Tensors = {};
  const wrong: string[] = file.strangers.map((key) => `"${printable(key)}" is no low-rank matrix`);
  let [matched, largest] = [0, 0];
  for (const [name, { a, b, alpha }] of file.layers) {
    const module = find(name)?.module;
    const names = loraNames(`${module}.weight`);
    const scale = alpha !== undefined ? alpha / (a?.shape[0] || 1) : file.info ? file.info.alpha / file.info.rank : 1;
    const why = !module
      ? 'is no layer that a Peel changes in this model'
      : tensors[names.a]
        ? 'is there twice'
        : misfit(a, b, modules.get(module)!, scale);
    if (why) {
      wrong.push(`"${printable(name)}" ${why}`);
      continue;
    }
    tensors[names.a] = transposed(a as Tensor<'float32'>);
    tensors[names.b] = transposed(b as Tensor<'float32'>, scale);
    largest = Math.max(largest, a!.shape[0]!);
    matched++;
  }
  const counts = `${matched} layers match, ${wrong.length} do not${wrong.length > 0 ? `: ${wrong.slice(0, 2).join(', ')}${wrong.length > 2 ? ', ...' : ''}` : ''}`;
  const made = file.info?.base;
  if (made && !sameBase(made, base) && !force)
    throw new InputError('peel.base', `${source}: made for ${printable(nameOfBase(made))}, this model is ${nameOfBase(base)}; ${counts}`);
  if (matched === 0 || (wrong.length > 0 && !force))
    throw new InputError('peel.layers', `${source}: does not fit ${nameOfBase(base)}: ${counts}`);
  const info = file.info ?? {
    name: nameFrom(source),
    base,
    rank: largest,
    alpha: largest,
    layers: [],
    triggers: [],
    licence: 'unknown',
    thumbnails: [],
    training: {},
  };
  return { info, hash: file.hash, tensors };
}

/** Why two matrices are no side inputs of a weight of this shape; undefined when they are. */
function misfit(a: Tensor | undefined, b: Tensor | undefined, [width, out]: readonly number[], scale: number): string | undefined {
  if (!a || !b) return `has only ${a ? 'A' : b ? 'B' : 'alpha'}`;
  const r = a.shape[0]!;
  if (a.shape.length !== 2 || b.shape.length !== 2 || a.shape[1] !== width || b.shape[0] !== out || b.shape[1] !== r)
    return `has A [${a.shape}] and B [${b.shape}], expected [r,${width}] and [${out},r]`;
  if (r < 1 || r > RANK_MAX) return `has rank ${r}, expected 1 to ${RANK_MAX}`;
  if (!(Math.abs(scale) <= SCALE_MAX)) return `is scaled by ${scale}, expected at most ${SCALE_MAX}`;
  return undefined;
}

/** A name from a file's: "My Style v2.safetensors" is "My-Style-v2". */
export function nameFrom(path: string): string {
  const stem = path.replace(/^.*[/\\]/, '').replace(/\.[a-z0-9]+$/i, '');
  return (
    stem
      .replace(/[^a-z0-9_-]+/gi, '-')
      .replace(/^[^a-z0-9]+/i, '')
      .slice(0, 64)
      .replace(/-+$/, '') || 'peel'
  );
}

/** A hash over all that the hash of the matrices leaves out: metadata, names, types and shapes. */
async function seal(metadata: Readonly<Record<string, string>>, tensors: Tensors): Promise<string> {
  return sha256([headWords(metadata, Object.entries(tensors), SEAL)]);
}

function asFloat32(t: Tensor): Tensor<'float32'> | undefined {
  if (t.dtype === 'float32') return t as Tensor<'float32'>;
  return t.dtype === 'float16' ? float32(t.shape, fromHalves(t.data as Uint16Array)) : undefined;
}

function halved({ shape, data }: Tensor<'float32'>, name: string): Tensor<'float16'> {
  if (!data.every((x) => Math.abs(x) < 65504))
    throw new InputError('peel.number', `"${name}" has numbers that float16 cannot hold: the training diverged`);
  return tensor('float16', shape, toHalves(data));
}

/** The matrix with rows and columns exchanged, times a factor. */
function transposed({ shape, data }: Tensor<'float32'>, factor = 1): Tensor<'float32'> {
  const [rows, columns] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]! * factor;
  return float32([columns, rows], turned);
}
