import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { openSafetensors, readFileWhole, readSafetensors, writeFileWhole, writeSafetensors } from './files.ts';
import { float32, tensor } from '../tensor/tensor.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'banana-files-'))));
afterAll(() => rm(folder, { recursive: true }));

it('writes and reads tensors, over an older file, in a new folder', async () => {
  const path = join(folder, 'new', 'a.safetensors');
  await writeSafetensors(path, { w: float32([1000], new Float32Array(1000)) });
  await writeSafetensors(path, { w: float32([2], [1, 2]) }, { k: 'v' });
  expect(await readSafetensors(path)).toEqual({ tensors: { w: float32([2], [1, 2]) }, metadata: { k: 'v' } });
  expect(await readdir(join(folder, 'new'))).toEqual(['a.safetensors']);
});

it('says in one line what is wrong with a file', async () => {
  const path = join(folder, 'short.safetensors');
  await writeSafetensors(path, { w: float32([100], new Float32Array(100)) });
  await truncate(path, 200);
  await expect(readSafetensors(path)).rejects.toThrow(/short\.safetensors: .*truncated/);
  await expect(readSafetensors(join(folder, 'none'))).rejects.toThrow(/cannot read .*none: no such file/);
  await expect(readFileWhole(folder)).rejects.toThrow(InputError);
});

it('reads tensors one by one, also when another file takes the place', async () => {
  const path = join(folder, 'one.safetensors');
  const tensors = { w: float32([3], [1, 2, 3]), n: tensor('int4', [3], Uint8Array.of(0x21, 0x0f)), e: float32([0], []) };
  await writeSafetensors(path, tensors, { k: 'v' });
  const file = await openSafetensors(path);
  await writeSafetensors(path, { w: float32([1], [9]) });
  expect(file.metadata).toEqual({ k: 'v' });
  expect(Object.fromEntries(file.places.map(({ name }) => [name, file.read(name)]))).toEqual(tensors);
  file.close();
  const short = join(folder, 'short.safetensors');
  for (const size of [200, 50, 3]) {
    await truncate(short, size);
    await expect(openSafetensors(short)).rejects.toThrow(/short\.safetensors: .*(truncated|too short)/);
  }
  await expect(openSafetensors(join(folder, 'none'))).rejects.toThrow(/no such file/);
});

it('writes names as long as the file system takes, and says when one is longer', async () => {
  for (const name of ['a'.repeat(255), 'é'.repeat(127)]) {
    await writeFileWhole(join(folder, name), 'x');
    expect(await readFile(join(folder, name), 'utf8')).toBe('x');
    await rm(join(folder, name));
  }
  await expect(writeFileWhole(join(folder, 'a'.repeat(256)), 'x')).rejects.toThrow(/: the name is too long for the file system$/);
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
});

it.skipIf(process.platform !== 'linux')('reads what does not know its size: /proc and pipes', async () => {
  expect(new TextDecoder().decode(await readFileWhole('/proc/self/cmdline'))).toContain('node');
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const bytes = new Uint8Array(300_000).map((_, i) => i);
  const [read] = await Promise.all([readFileWhole(pipe), writeFile(pipe, bytes)]);
  expect(Buffer.compare(read, bytes)).toBe(0);
  await rm(pipe);
});

it('leaves nothing half written', async () => {
  const path = join(folder, 'plain');
  await writeFile(path, 'old');
  const before = await readdir(folder);
  await expect(writeFileWhole(join(path, 'inside'), 'x')).rejects.toThrow(/cannot write .*not a folder/);
  if (process.platform === 'linux') await expect(writeFileWhole('/proc/none/a/b', 'x')).rejects.toThrow(/cannot write/);
  await expect(writeFileWhole(folder, 'x')).rejects.toThrow(InputError);
  const broken = [Uint8Array.of(1), undefined as unknown as Uint8Array]; // fails in the middle
  await expect(writeFileWhole(path, broken)).rejects.toThrow(InputError);
  expect(await readdir(folder)).toEqual(before);
  expect(await readFile(path, 'utf8')).toBe('old');
});
