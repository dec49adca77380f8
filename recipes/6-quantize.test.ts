import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadModel } from '../src/node/load.ts';
import { randomModel } from '../src/node/models.ts';
import { writeSafetensors } from '../src/disk/files.ts';
import { float32, type Tensors } from '../src/tensor/tensor.ts';
import { trainTokenizer } from '../src/tokenizer/tokenizer.ts';
import { random } from '../src/util/random.ts';
import { makeQuantized } from './6-quantize.ts';

let run: string;
const at = (name: string) => join(run, name);

/** What recipes 2 to 5 leave behind, untrained. */
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), 'banana-quantize-'));
  const { weights, config } = randomModel('tiny', 1);
  const rng = random(2);
  for (const path of ['transformer.out.weight', 'renderer.out.weight'])
    weights[path] = float32(
      weights[path]!.shape,
      rng
        .split(path)
        .normals(weights[path]!.data.length)
        .map((x) => x / 8),
    ); // begins as zeros
  const part = (pattern: RegExp): Tensors =>
    Object.fromEntries(Object.entries(weights).filter(([path]) => pattern.test(path) && !path.includes('reference')));
  const captions = ['a fox', 'a red car', 'two birds', 'a house'];
  await writeSafetensors(at('student.safetensors'), part(/^transformer/), {});
  await writeSafetensors(at('autoencoder.safetensors'), part(/^(encoder|decoder|renderer)/), {});
  await writeSafetensors(at('latents.safetensors'), { latent: float32([4, 4, config.channels], rng.normals(16 * config.channels)) }, {});
  await writeFile(at('latents.json'), JSON.stringify(captions.map((caption) => ({ caption, rows: 2, columns: 2 }))));
  await writeFile(at('tokenizer.json'), JSON.stringify(trainTokenizer(captions, 264)));
});
afterAll(() => rm(run, { recursive: true }));

test('student to a model in four bits, a report, and again from what is there', { timeout: 120_000 }, async () => {
  const lines: string[] = [];
  const options = { preset: 'tiny', run, steps: 8, batch: 4, pictures: 2, log: (line: string) => void lines.push(line) };
  const path = await makeQuantized(options);
  const { plan, weights } = await loadModel(path);
  expect(plan!['transformer.blocks.0.mlp.up.weight']).toBe(4);
  expect(plan!['decoder.blocks.0.mlp.up.weight']).toBe(4);
  expect(Object.values(weights).every((w) => (w.data as Float32Array).every(Number.isFinite))).toBe(true);
  const { rows } = JSON.parse(await readFile(at('quantized.json'), 'utf8')) as {
    rows: { weights: string; precision: string; median: number }[];
  };
  expect(new Set(rows.map((r) => `${r.weights} ${r.precision}`)).size).toBe(6);
  for (const row of rows) expect(row.median).toBeGreaterThan(10);
  expect(lines.some((line) => /quantize 100.0 %/.test(line))).toBe(true);

  const file = await readFile(path);
  lines.length = 0;
  await makeQuantized(options);
  expect(lines.some((line) => line.startsWith('quantize'))).toBe(false); // nothing is trained again
  expect(await readFile(path)).toEqual(file);
});
