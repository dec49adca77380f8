// A lock is held by one, and by nobody that is gone.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { takeLock } from './lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('held by one of many that want it, then free', async () => {
  const place = join(folder, 'many.lock');
  for (let round = 0; round < 3; round++) {
    if (round > 0) writeFileSync(place, '4194303 1'); // left by a process that is gone
    const taken = await Promise.all(Array.from({ length: 20 }, () => takeLock(place)));
    const [got, ...more] = taken.filter((one) => typeof one !== 'string');
    expect(more).toEqual([]);
    expect(taken.filter((one) => typeof one === 'string')).toEqual(Array(19).fill(`process ${process.pid}`));
    await got!();
    expect(readdirSync(folder)).toEqual([]);
  }
});

test.each([
  ['4194303 1', undefined],
  [`4194303 1@${hostname()}`, undefined],
  [`${process.pid} 1@${hostname()}`, undefined], // this number, given anew
  ['', undefined],
  ['12 1@elsewhere', 'process 12 on elsewhere'],
])('a lock that says %j is held by %s', async (text, holder) => {
  const place = join(folder, 'one.lock');
  writeFileSync(place, text);
  const taken = await takeLock(place);
  if (typeof taken === 'string') expect([taken, readFileSync(place, 'utf8')]).toEqual([holder, text]);
  else await taken();
  expect(typeof taken === 'string' ? taken : undefined).toBe(holder);
});
