// Draws training data on a machine that has nothing of this repository but the drawing kit (kit.ts): src/data and its packing,
// run as they are, then each shard made ready for PyTorch and compressed, because pictures of flat art are some twenty times
// smaller that way. Every worker draws with a seed of its own, so that any number of them go on side by side and again after a stop.
//   node draw.js SETTINGS.json OUT WORKER        SETTINGS.json: DrawSettings; files: OUT/SET/w00-00000-64.z
// A file is a .safetensors through raw deflate: what pack.ts writes, and
//   ids (N, T) int32 and count (N) int32: the caption's tokens; subjects (N, 5) int32: row in `reference` of each slot, or -1
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import type { DataOptions } from '../../src/data/sample.ts';
import { pack } from '../../src/data/pack.ts';
import { readSafetensors, writeFileWhole } from '../../src/disk/files.ts';
import { encodeSafetensors } from '../../src/tensor/safetensors.ts';
import { tensor, type Tensors } from '../../src/tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';

/** One set of pictures: so many by each worker. */
export interface DrawSet {
  readonly name: string;
  readonly count: number;
  readonly seed: number;
  readonly data: DataOptions;
  /** Side of the crops; 0 for none. */
  readonly crop: number;
  readonly cropSizes: [number, number];
  /** Side of the reference pictures. */
  readonly reference: number;
  readonly shard: number;
}

export interface DrawSettings {
  readonly workers: number;
  /** Tokens of a caption. */
  readonly length: number;
  readonly subjects: number;
  /** The file of the tokenizer, beside the settings. */
  readonly tokenizer: string;
  /** One after the other. */
  readonly sets: readonly DrawSet[];
}

/** What a line of a shard's .jsonl says. */
interface Facts {
  caption: string;
  subjects?: { slot: number; reference: number }[];
}

/** Tokens and subjects of a shard's pictures, from its lines. */
export function factTensors(lines: readonly Facts[], tokenizer: Tokenizer, length: number, slots: number): Tensors {
  const n = lines.length;
  const ids = new Int32Array(n * length);
  const count = new Int32Array(n);
  const subjects = new Int32Array(n * slots).fill(-1);
  lines.forEach((line, i) => {
    const caption = tokenizer.encode(line.caption, length);
    ids.set(Array.from(caption.ids).slice(0, length), i * length);
    count[i] = Math.min(caption.count, length);
    for (const { slot, reference } of line.subjects ?? []) subjects[i * slots + slot - 1] = reference;
  });
  return { ids: tensor('int32', [n, length], ids), count: tensor('int32', [n], count), subjects: tensor('int32', [n, slots], subjects) };
}

/** Draws one worker's share of all sets. */
export async function draw(settings: DrawSettings, tokenizer: Tokenizer, out: string, worker: number): Promise<void> {
  const deflate = promisify(deflateRaw);
  const name = `w${String(worker).padStart(2, '0')}`;
  for (const { name: set, seed, count, ...options } of settings.sets) {
    const folder = join(out, set, name);
    const own = Math.floor(count / settings.workers) + (worker < count % settings.workers ? 1 : 0);
    for await (const { failed } of pack({ ...options, out: folder, count: own, seed: seed * 1000 + worker })) {
      for (const f of failed) console.log(`${set} ${name}: sample ${f.index} left out: ${f.error}`);
      for (const file of await readdir(folder)) {
        const lines = join(folder, file.replace(/safetensors$/, 'jsonl'));
        if (!file.endsWith('.safetensors') || !existsSync(lines)) continue;
        const facts = (await readFile(lines, 'utf8'))
          .trimEnd()
          .split('\n')
          .map((text) => JSON.parse(text) as Facts);
        const { tensors } = await readSafetensors(join(folder, file));
        const whole = encodeSafetensors({ ...tensors, ...factTensors(facts, tokenizer, settings.length, settings.subjects) }, {});
        const bytes = (await deflate(Buffer.concat(whole), { level: 1 })) as Uint8Array;
        await writeFileWhole(join(out, set, `${name}-${file.replace(/^shard-/, '').replace('safetensors', 'z')}`), bytes);
        await rm(join(folder, file));
        await writeFile(lines, ''); // that it is there says to pack that the shard is done
      }
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [path, out, worker] = process.argv.slice(2) as [string, string, string];
  const settings = JSON.parse(await readFile(path, 'utf8')) as DrawSettings;
  const tokenizer = join(path, '..', settings.tokenizer);
  await draw(settings, tokenizerFromJSON(await readFile(tokenizer, 'utf8'), tokenizer), out, Number(worker));
}
