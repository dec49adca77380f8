// Writes the fixtures of `run.py --check`: every case of every operator as a model with feeds, and the outputs of the
// reference interpreter. Usage: npx tsx tools/cuda/fixtures.ts FOLDER
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { evaluate } from '../../src/graph/evaluate.ts';
import type { Graph } from '../../src/graph/value.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { writeSafetensors } from '../../src/disk/files.ts';
import type { Tensors } from '../../src/tensor/tensor.ts';
import { CASES, graphOf } from '../../test/operator-cases.ts';

/** One model with its feeds and the reference's outputs. */
export async function writeFixture(
  folder: string,
  name: string,
  title: string,
  g: Graph,
  feeds: Tensors,
  tolerance: Record<string, string> = {},
): Promise<void> {
  const prefixed = (prefix: string, tensors: Tensors) => Object.entries(tensors).map(([key, t]) => [`${prefix}/${key}`, t] as const);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.onnx`), encodeModel(g).model);
  const tensors = Object.fromEntries([...prefixed('feed', feeds), ...prefixed('output', evaluate(g, feeds))]);
  await writeSafetensors(join(folder, `${name}.safetensors`), tensors, { title, ...tolerance });
}

/** Fixtures for every operator; returns how many. */
export async function writeFixtures(folder: string): Promise<number> {
  const cases = Object.entries(CASES).flatMap(([op, list]) => list.map((c, i) => ({ c, name: `${op}-${i}` })));
  for (const { c, name } of cases)
    await writeFixture(folder, name, c.title, graphOf(c), c.feeds, /Quantize|NBits/.test(name) ? { atol: '1e-3' } : {});
  return cases.length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2];
  if (!folder) throw new Error('usage: npx tsx tools/cuda/fixtures.ts FOLDER');
  console.log(`${await writeFixtures(folder)} fixtures in ${folder}`);
}
