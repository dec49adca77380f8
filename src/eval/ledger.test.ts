import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openLedger } from './ledger.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-ledger-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a value is made once, in this run and in the next; other keys are other values', async () => {
  const path = join(folder, 'deep', 'a.jsonl');
  let made = 0;
  const make = (value: unknown) => async () => (made++, value);
  const first = openLedger(path);
  expect(await first.recall({ model: 'm', prompt: 'a fox', seed: 0 }, make({ right: true, p: 0.123456789 }))).toEqual({
    right: true,
    p: 0.12346,
  });
  expect(await first.recall({ seed: 0, prompt: 'a fox', model: 'm', more: undefined }, make('never'))).toEqual({ right: true, p: 0.12346 });
  expect(await first.recall({ model: 'm', prompt: 'a fox', seed: 1 }, make([1, 2]))).toEqual([1, 2]);
  expect([made, first.size]).toEqual([2, 2]);
  const second = openLedger(path);
  expect(await second.recall({ model: 'm', prompt: 'a fox', seed: 0 }, make('never'))).toEqual({ right: true, p: 0.12346 });
  expect(await second.recall({ model: 'n', prompt: 'a fox', seed: 0 }, make('new'))).toBe('new');
  expect(made).toBe(3);
});

test('a line that was cut short is made again, and what follows it is whole', async () => {
  const path = join(folder, 'b.jsonl');
  await openLedger(path).recall({ a: 1 }, async () => 'one');
  appendFileSync(path, '{"key":"12345678');
  const again = openLedger(path);
  expect(again.size).toBe(1);
  await again.recall({ a: 2 }, async () => 'two');
  expect(
    readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((l) => (JSON.parse(l) as { value: string }).value),
  ).toEqual(['one', 'two']);
});

test('what fails to be made is not kept', async () => {
  const ledger = openLedger(join(folder, 'c.jsonl'));
  await expect(ledger.recall({ a: 1 }, () => Promise.reject(new Error('no picture')))).rejects.toThrow('no picture');
  expect(await ledger.recall({ a: 1 }, async () => 5)).toBe(5);
});
