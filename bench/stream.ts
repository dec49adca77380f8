// A checkpoint rounded to 4 bits as a stream (src/quant/stream.ts): how much memory it takes, as a share of the file's size, and how
// fast it is. The file is made up: shards of random bfloat16 matrices in the shapes of a small language model. The rounding runs in a
// process of its own, so that its peak is its own.   npx tsx bench/stream.ts [GB, default 1.5] [FOLDER, default the system's temporary one]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFileWhole } from '../src/disk/files.ts';
import { openWeights } from '../src/disk/weights.ts';
import { roundedFile } from '../src/quant/stream.ts';
import { NARROW } from '../src/tensor/floats.ts';
import { encodeHead, type Written } from '../src/tensor/safetensors.ts';
import { sizeOf } from '../src/tensor/tensor.ts';
import { random } from '../src/util/random.ts';

const GB = 1e9;
const WIDTH = 2304;
/** Matrices (out, in) of a layer of Gemma-2-2B; the first shard also has its embedding, of 1.2 GB where the file allows it. */
const LAYER = {
  q: [2048, WIDTH],
  k: [1024, WIDTH],
  v: [1024, WIDTH],
  o: [WIDTH, 2048],
  gate: [9216, WIDTH],
  up: [9216, WIDTH],
  down: [WIDTH, 9216],
  norm: [WIDTH],
};
const EMBEDDING_SHARE = 0.23;

/** A shard of random numbers, written piece by piece. */
async function writeShard(path: string, shapes: Readonly<Record<string, readonly number[]>>): Promise<void> {
  const outlines: Record<string, Written> = {};
  for (const [name, shape] of Object.entries(shapes)) outlines[name] = { dtype: 'float32', shape, stored: 'BF16' };
  const pool = NARROW.BF16!(random(1).normals(2 ** 20));
  const { head, names } = encodeHead(outlines, { format: 'pt' });
  await writeFileWhole(
    path,
    (function* () {
      yield head;
      for (const name of names)
        for (let left = 2 * sizeOf(shapes[name]!); left > 0; left -= pool.length) yield pool.subarray(0, Math.min(left, pool.length));
    })(),
  );
}

/** A checkpoint of about `bytes` in shards, and its index; returns the index's path. */
async function writeCheckpoint(folder: string, bytes: number): Promise<string> {
  const each = 2 * Object.values(LAYER).reduce((sum, shape) => sum + sizeOf(shape), 0);
  const layers = Math.max(1, Math.round((bytes * (1 - EMBEDDING_SHARE)) / each));
  const map: Record<string, string> = {};
  for (let i = 0; i < layers; i++) {
    const file = `model-${i + 1}.safetensors`;
    const shapes: Record<string, readonly number[]> = {};
    for (const [name, shape] of Object.entries(LAYER)) shapes[`layers.${i}.${name}.weight`] = shape;
    if (i === 0) shapes.embedding = [Math.round((bytes * EMBEDDING_SHARE) / (2 * WIDTH)), WIDTH];
    await writeShard(join(folder, file), shapes);
    for (const name of Object.keys(shapes)) map[name] = file;
  }
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  return join(folder, 'model.safetensors.index.json');
}

async function round(index: string, out: string): Promise<void> {
  const weights = await openWeights(index);
  const from = performance.now();
  await writeFileWhole(
    out,
    roundedFile(weights, () => 4),
  );
  await weights.close();
  const numbers = weights.names.reduce((sum, name) => sum + sizeOf(weights.outline(name).shape), 0);
  const seconds = (performance.now() - from) / 1000;
  const [source, peak] = [2 * numbers, process.resourceUsage().maxRSS * 1024];
  const gb = (n: number) => `${(n / GB).toFixed(2)} GB`;
  const speed = (numbers / seconds / 1e6).toFixed(0);
  console.log(`${gb(source)} of bfloat16 in, ${gb(statSync(out).size)} out, ${seconds.toFixed(0)} s, ${speed} M numbers a second`);
  console.log(`peak memory of the process ${gb(peak)}: ${(peak / source).toFixed(3)} of the file`);
}

const [first, second] = process.argv.slice(2);
if (first === 'round') await round(second!, process.argv[4]!);
else {
  const folder = mkdtempSync(join(second ?? tmpdir(), 'banana-stream-'));
  try {
    const index = await writeCheckpoint(folder, Number(first ?? 1.5) * GB);
    const child = [...process.execArgv, process.argv[1]!, 'round', index, join(folder, 'small.safetensors')];
    process.exitCode = spawnSync(process.execPath, child, { stdio: 'inherit' }).status ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
