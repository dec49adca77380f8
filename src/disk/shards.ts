// Shards as src/data/pack writes them, read as batches: a fixed number of shards is held in memory, batches are drawn from
// them at random, and one shard at a time is exchanged. Everything follows from the seed and the step, so a resumed run goes on
// with the batches that it would have seen.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from './files.ts';
import { sizeOf, tensor, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';

/** The shards of a folder that are complete, in order. Throws InputError when there are none. */
export async function shardsOf(folder: string, next: string): Promise<string[]> {
  const files = existsSync(folder) ? await readdir(folder) : [];
  const shards = files.filter((f) => /^shard-.*\.safetensors$/.test(f) && files.includes(f.replace('.safetensors', '.jsonl'))).sort();
  if (shards.length === 0) throw new InputError('data.missing', `no data in ${folder}: make it with ${next}`);
  return shards.map((f) => join(folder, f));
}

/** Facts of a shard's pictures, a line each. */
export async function readLines<T>(shard: string): Promise<T[]> {
  const text = await readFile(shard.replace(/safetensors$/, 'jsonl'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/** Row `i` of one of the tensors of some shards, for batches that mix shards. */
export function gatherRows(shards: readonly Tensors[], key: string, picks: readonly (readonly [shard: number, row: number])[]): Tensor {
  const [first] = picks as [readonly [number, number]];
  const like = shards[first[0]]![key]!;
  const size = sizeOf(like.shape.slice(1));
  const data = new (like.data.constructor as new (n: number) => Tensor['data'])(picks.length * size);
  picks.forEach(([s, row], i) => data.set(shards[s]![key]!.data.subarray(row * size, (row + 1) * size) as never, i * size));
  return tensor(like.dtype, [picks.length, ...like.shape.slice(1)], data as never);
}

/** Batches over many large shards: `resident` of them in memory, one exchanged every `stay` batches. */
export function shardReader(
  paths: readonly string[],
  rng: Random,
  { resident = 8, stay = 12 } = {},
): (step: number, batch: number, keys: readonly string[]) => Promise<Tensors> {
  const loaded = new Map<string, Promise<Tensors>>();
  const order = (pass: number) => {
    const stream = rng.split(`order:${pass}`);
    return [...paths]
      .map((p) => [stream.uniform(), p] as const)
      .sort((a, b) => a[0] - b[0])
      .map(([, p]) => p);
  };
  const at = (position: number) => order(Math.floor(position / paths.length))[position % paths.length]!;
  const load = (path: string) => {
    let found = loaded.get(path);
    if (!found) loaded.set(path, (found = readSafetensors(path).then((s) => s.tensors)));
    return found;
  };
  return async (step, batch, keys) => {
    const first = Math.floor(step / stay);
    const window = Array.from({ length: Math.min(resident, paths.length) }, (_, i) => at(first + i));
    const shards = await Promise.all(window.map(load));
    for (const path of loaded.keys()) if (!window.includes(path)) loaded.delete(path);
    const stream = rng.split(`batch:${step}`);
    const picks = Array.from({ length: batch }, (): [number, number] => {
      const s = stream.integer(shards.length);
      return [s, stream.integer(shards[s]![keys[0]!]!.shape[0]!)];
    });
    return Object.fromEntries(keys.map((key) => [key, gatherRows(shards, key, picks)]));
  };
}
