import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openJournal } from './journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const fresh = () => join(folder, `new${++files}`, 'journal.jsonl');

/** All entries of a journal, and the journal. */
async function opened(path: string, options?: { fresh?: boolean }) {
  const entries: unknown[] = [];
  return { entries, journal: await openJournal<unknown>(path, (entry) => entries.push(entry), options) };
}

it('tells what was appended, in order, after it was closed', async () => {
  const path = fresh();
  const { journal, entries } = await opened(path);
  expect(entries).toEqual([]);
  await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append({ i })));
  expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(51); // on the disk when append settles
  await journal.append({ i: 50 });
  await journal.close();
  const again = await opened(path);
  expect(again.entries).toEqual(Array.from({ length: 51 }, (_, i) => ({ i })));
  await again.journal.close();
});

it('drops a line that was cut short, wherever in the line, and goes on after the one before', async () => {
  const line = `${JSON.stringify({ word: 'größer' })}\n`;
  const bytes = Buffer.from(line);
  for (let cut = 1; cut < bytes.length; cut++) {
    const path = fresh();
    await (await opened(path)).journal.close();
    writeFileSync(path, Buffer.concat([bytes, bytes.subarray(0, cut)]));
    const { journal, entries } = await opened(path);
    expect(entries).toEqual([{ word: 'größer' }]);
    await journal.append({ word: 'next' });
    await journal.close();
    expect(readFileSync(path, 'utf8')).toBe(`${line}{"word":"next"}\n`);
  }
});

it('refuses a damaged line in the middle by its number, and begins anew where asked', async () => {
  const path = fresh();
  await (await opened(path)).journal.close();
  writeFileSync(path, '{"a":1}\nnothing\n{"a":2}\n');
  await expect(opened(path)).rejects.toThrow(/journal\.jsonl line 2 is damaged/);
  expect(existsSync(`${path}.lock`)).toBe(false);
  const { journal, entries } = await opened(path, { fresh: true });
  expect(entries).toEqual([]);
  await journal.close();
  expect(readFileSync(path, 'utf8')).toBe('');
});

it('is held by one at a time; the lock of a process that is gone is open', async () => {
  const path = fresh();
  const { journal } = await opened(path);
  await expect(opened(path)).rejects.toMatchObject({
    code: 'journal.locked',
    message: expect.stringContaining(`process ${process.pid} works on`),
  });
  await journal.append(1);
  await journal.close();
  for (const left of ['4194303 1', `${process.pid} 1`, '']) {
    // no such process, this number given anew, killed before it was written
    writeFileSync(`${path}.lock`, left);
    await (await opened(path)).journal.close();
  }
});

it('tells whoever appends that it cannot be written, from then on', async () => {
  const path = fresh();
  const { journal } = await opened(path);
  await journal.close();
  await expect(journal.append(1)).rejects.toMatchObject({ code: 'journal.write' });
  await expect(journal.append(2)).rejects.toMatchObject({ code: 'journal.write' });
});
