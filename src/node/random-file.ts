// The file of an untrained model, written piece by piece: for timings of shapes that do not fit into memory as float32 (xl takes
// 7.2 GB so, and 1 GB in this file). Every matrix is random normal numbers rounded to blocks, as a trained one would be; of a large
// one 128 rows are drawn, and the next 128 are the same rows in another order. Nothing else here is different from a real model.
import { layersPreset } from '../models/layers/config.ts';
import { layersSpecs, metadataOf, packBasis } from '../models/layers/file.ts';
import type { Spec } from '../nn/scope.ts';
import { BLOCK, heldBits, heldBlocks } from '../quant/blocks.ts';
import { planOf } from '../quant/plan.ts';
import { writeFileWhole } from '../disk/files.ts';
import { encodeHead, type Outline } from '../tensor/safetensors.ts';
import { float32, sizeOf, toBytes } from '../tensor/tensor.ts';
import { toHalf } from '../util/float16.ts';
import { random, type Random } from '../util/random.ts';
import { emptyModel } from './models.ts';
import { SCALE } from '../quant/stored.ts';

/** Rows that a piece is turned by, against the one before: prime to 128, so that all turns occur. */
const TURN = 37;

/** Writes an untrained model of a preset with the usual 4-bit plan. Throws InputError when the place cannot be written. */
export async function writeRandomModel(path: string, name: string, seed = 0): Promise<void> {
  const specs = layersSpecs(layersPreset(name));
  const plan = planOf(specs);
  const outlines: Record<string, Outline> = {};
  for (const [key, { shape }] of specs) {
    const bits = plan[key];
    if (bits === undefined) outlines[key] = { dtype: 'float16', shape };
    else {
      outlines[key] = { dtype: heldBits(bits) === 4 ? 'int4' : 'int8', shape };
      outlines[key + SCALE] = { dtype: 'float16', shape: [Math.ceil(shape[0]! / BLOCK), shape[1]!] };
    }
  }
  const empty = emptyModel(name, seed);
  const basis = packBasis(empty.basis);
  const { head, names } = encodeHead({ ...outlines, ...basis }, metadataOf(empty));
  const pool = random(seed).normals(2 ** 18);
  const bytesOf = (key: string): Iterable<Uint8Array> => {
    if (basis[key]) return [toBytes(basis[key])];
    const path = key.endsWith(SCALE) ? key.slice(0, -SCALE.length) : key;
    const spec = specs.get(path)!;
    const bits = plan[path];
    return bits === undefined
      ? [halves(spec, pool, random(seed).split(path))]
      : pieces(spec, bits, key !== path, pool, random(seed).split(path));
  };
  await writeFileWhole(
    path,
    (function* () {
      yield head;
      for (const key of names) yield* bytesOf(key);
    })(),
  );
}

/** Numbers of the pool from a random place on, scaled. */
function drawn(count: number, { init }: Spec, pool: Float32Array, rng: Random): Float32Array<ArrayBuffer> {
  if ('constant' in init) return new Float32Array(count).fill(init.constant);
  const from = rng.integer(pool.length);
  return Float32Array.from({ length: count }, (_, i) => pool[(from + i) % pool.length]! * init.deviation);
}

function halves(spec: Spec, pool: Float32Array, rng: Random): Uint8Array {
  return new Uint8Array(Uint16Array.from(drawn(sizeOf(spec.shape), spec, pool, rng), toHalf).buffer);
}

/** A matrix in blocks, or its scales, 128 rows at a time. */
function* pieces(spec: Spec, bits: number, scales: boolean, pool: Float32Array, rng: Random): Iterable<Uint8Array> {
  const [rows, columns] = spec.shape as [number, number];
  const each = Math.min(rows, BLOCK);
  const blocks = heldBlocks(float32([each, columns], drawn(each * columns, spec, pool, rng)), bits);
  const bytes = toBytes(scales ? blocks.scales : blocks.values);
  for (let from = 0; from < rows; from += BLOCK) {
    const count = Math.min(each, rows - from);
    const at = scales || count < BLOCK ? 0 : (bytes.length / each) * (((from / BLOCK) * TURN) % each);
    yield bytes.subarray(at, scales ? bytes.length : Math.min(bytes.length, at + (bytes.length / each) * count));
    if (at > 0) yield bytes.subarray(0, at);
  }
}
