// Weights by path: what a file is, its content says.
import { copyFile, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { float32 } from '../tensor/tensor.ts';
import { writeSafetensors } from './files.ts';
import { openWeights } from './weights.ts';

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'banana-weights-'))));
afterAll(() => rm(folder, { recursive: true }));

const read = async (name: string, tensor: string) => {
  const weights = await openWeights(at(name));
  try {
    return await weights.read(tensor);
  } finally {
    await weights.close();
  }
};

it('opens a .safetensors, shards and a PyTorch file under any name', async () => {
  await writeSafetensors(at('plain'), { w: float32([2], [1, 2]) });
  await writeFile(at('index'), JSON.stringify({ weight_map: { w: 'plain' } }));
  await copyFile('test/fixtures/open-weights/pth/nested.pth', at('model.safetensors'));
  expect(await read('plain', 'w')).toEqual(float32([2], [1, 2]));
  expect(await read('index', 'w')).toEqual(float32([2], [1, 2]));
  expect(await read('model.safetensors', 'w')).toEqual(float32([2], [0, 1]));
  expect(await read('odd-head', 'w').catch((error: Error) => error.message)).toMatch(/odd-head: no such file/);
});

it('takes a .safetensors whose length begins like JSON for what it is', async () => {
  const length = 0x227b; // '{"' as two bytes
  const header = JSON.stringify({ w: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }).padEnd(length);
  const bytes = new Uint8Array(8 + length + 4);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  await writeFile(at('brace'), bytes);
  expect(await read('brace', 'w')).toEqual(float32([1], [0]));
});

it('says in one line what is wrong', async () => {
  await writeFile(at('page.safetensors'), '<!doctype html><html><body>Sign in</body></html>');
  await expect(openWeights(at('page.safetensors'))).rejects.toThrow(/page.safetensors: is an HTML page .*: not a safetensors file$/);
  await writeFile(at('error.safetensors'), '{"error":"Repository not found"}');
  await expect(openWeights(at('error.safetensors'))).rejects.toThrow(/error.safetensors: has no "weight_map"/);
  await writeFile(at('lost.json'), JSON.stringify({ weight_map: { w: 'shard-2' } }));
  await expect(openWeights(at('lost.json'))).rejects.toThrow(/shard-2: no such file/);
  await writeSafetensors(at('short'), { w: float32([100], new Float32Array(100)) });
  await truncate(at('short'), 200);
  await expect(openWeights(at('short'))).rejects.toThrow(/short: .*truncated/);
  await writeFile(at('empty'), '');
  await expect(openWeights(at('empty'))).rejects.toThrow(/empty: 0 bytes, too short/);
});
