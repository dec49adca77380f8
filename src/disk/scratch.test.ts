// A place for files of a moment: what is added is there, what is removed is gone, and so is what a process left that is gone itself.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openScratch } from './scratch.ts';

test.skipIf(process.platform === 'win32')('files grow at their end and go with the place; what others left goes too', async () => {
  const left = join(tmpdir(), '.banana-999999999-0123abcd.part'); // no system has as many processes
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, 'weights.bin'), 'x');
  const scratch = (await openScratch())!;
  expect(existsSync(left)).toBe(false);
  await scratch.append('a', Buffer.from('one '));
  await scratch.append('b', Buffer.from('other'));
  const path = await scratch.append('a', Buffer.from('two'));
  expect(readFileSync(path, 'utf8')).toBe('one two');
  await scratch.remove();
  expect(existsSync(dirname(path))).toBe(false);
});
