// What every store promises, on a folder and in memory alike.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { folderStore } from '../disk/files.ts';
import { joined, memoryStore } from './store.ts';

const { folder, remove } = workFolder();
afterAll(remove);
const text = (bytes?: Uint8Array) => bytes && new TextDecoder().decode(bytes);

test.each([
  ['folder', () => folderStore(join(folder, 'a/b'))],
  ['memory', memoryStore],
] as const)('%s: reads what was written last, and nothing that was removed', async (_, open) => {
  const store = open();
  expect(await store.read('x')).toBeUndefined();
  const chunk = new Uint8Array([104, 105]);
  await store.write('x', [chunk, chunk]);
  chunk.fill(0);
  expect(text(await store.read('x'))).toBe('hihi');
  await store.write('x', 'one');
  await store.append('x', ' two');
  await store.append('log', 'line\n');
  expect([text(await store.read('x')), text(await store.read('log'))]).toEqual(['one two', 'line\n']);
  (await store.read('x'))!.fill(0); // a copy
  expect(text(await store.read('x'))).toBe('one two');
  await store.remove(['x', 'never there']);
  expect([await store.read('x'), text(await store.read('log'))]).toEqual([undefined, 'line\n']);
});

test('a folder is there from the first write until its last file is removed', async () => {
  const store = folderStore(join(folder, 'c'));
  await store.read('x');
  expect(existsSync(join(folder, 'c'))).toBe(false);
  await store.append('x', 'a');
  await store.write('y', 'b');
  await store.remove(['x']);
  expect(existsSync(join(folder, 'c'))).toBe(true);
  await store.remove(['y']);
  expect(existsSync(join(folder, 'c'))).toBe(false);
});

test('joined chunks', () => expect([...joined([new Uint8Array([1]), new Uint8Array(), new Uint8Array([2, 3])])]).toEqual([1, 2, 3]));
