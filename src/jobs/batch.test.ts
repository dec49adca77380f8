// A batch with drawings of no model: what becomes of each row, from one run to the next. Killed runs are test/batch.test.ts.
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readRecipe } from '../draw/recipe.ts';
import { decodeImage } from '../disk/codec.ts';
import { fakeDraw, pictureOf } from '../../test/fake-draw.ts';
import { runBatch, type BatchEvent } from './batch.ts';
import { openBook } from './book.ts';
import { contactSheets } from './contact.ts';
import { namesOf } from './names.ts';
import { readRows } from './rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-batch-'));
afterAll(() => rmSync(folder, { recursive: true }));
let runs = 0;
const fresh = () => join(folder, `out${++runs}`);

type Given = Record<string, unknown>;

/** Runs a batch over rows; what became of each. */
async function batch(
  out: string,
  rows: readonly (Given | string)[],
  { name = '{row}', resume = true, signal }: { name?: string; resume?: boolean; signal?: AbortSignal } = {},
  see: (event: BatchEvent) => void = () => {},
) {
  const file = join(folder, 'rows.jsonl');
  writeFileSync(file, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'));
  const book = await openBook(out, { resume });
  const outcomes: string[] = [];
  try {
    for await (const event of runBatch(fakeDraw(), book, { rows: readRows(file), names: namesOf(name), folder }, signal)) {
      see(event);
      if (event.type === 'row') outcomes.push(event.outcome === 'failed' ? (event.error as { code?: string }).code! : event.outcome);
    }
  } finally {
    await book.close();
  }
  return outcomes;
}

const pictures = (out: string) =>
  readdirSync(out)
    .filter((name) => name.endsWith('.png'))
    .sort();
const seedOf = (out: string, name: string) => readRecipe(readFileSync(join(out, name)))!.seed;

it('draws each row; a bad one is told and the next one begun; again: only what is missing', async () => {
  const out = fresh();
  const rows = [
    { prompt: 'a', seed: 5 },
    '{',
    { prompt: 'b', count: 2 },
    { prompt: 'impossible' },
    { prompt: 'c', steps: 101 },
    { prompt: 'd' },
    { prompt: 'e', count: 0 },
  ];
  expect(await batch(out, rows)).toEqual(['drawn', 'batch.row', 'drawn', 'prompt.long', 'options.steps', 'drawn', 'options.count']);
  expect(pictures(out)).toEqual(['00001.png', '00003-1.png', '00003-2.png', '00006.png']);
  expect((await decodeImage(readFileSync(join(out, '00001.png')))).data).toEqual(pictureOf(5).data);
  const seed = seedOf(out, '00003-1.png');
  expect(seedOf(out, '00003-2.png')).toBe(seed + 1);

  rmSync(join(out, '00003-2.png'));
  rows[4] = { prompt: 'c', steps: 2 };
  expect(await batch(out, rows)).toEqual(['skipped', 'batch.row', 'drawn', 'prompt.long', 'drawn', 'skipped', 'options.count']);
  expect([seedOf(out, '00003-1.png'), seedOf(out, '00003-2.png')]).toEqual([seed, seed + 1]); // the journal knows
});

it('rows have names of their own; one that says something else is not taken for the old one', async () => {
  const out = fresh();
  const name = '{sku}';
  expect(
    await batch(
      out,
      [
        { prompt: 'a', sku: 'Fox' },
        { prompt: 'b', sku: 'fox' },
        { prompt: 'c', sku: 'owl', count: 2 },
        { prompt: 'd', sku: 'owl-2' },
        { prompt: 'e' },
      ],
      { name },
    ),
  ).toEqual(['drawn', 'batch.name', 'drawn', 'batch.name', 'batch.name']);
  expect(
    await batch(
      out,
      [
        { prompt: 'new', sku: 'first' },
        { prompt: 'a', sku: 'Fox' },
        { prompt: 'other', sku: 'owl', count: 2 },
      ],
      { name },
    ),
  ).toEqual(['drawn', 'skipped', 'batch.changed']);
  rmSync(join(out, 'owl-1.png'));
  rmSync(join(out, 'owl-2.png'));
  expect(await batch(out, [{ prompt: 'other', sku: 'owl', count: 2 }], { name })).toEqual(['drawn']);
  expect(readRecipe(readFileSync(join(out, 'owl-1.png')))!.prompt).toBe('other');
});

it('without resume all is drawn again', async () => {
  const out = fresh();
  await batch(out, [{ prompt: 'a', seed: 1 }]);
  expect(await batch(out, [{ prompt: 'b', seed: 2 }], { resume: false })).toEqual(['drawn']);
  expect(seedOf(out, '00001.png')).toBe(2);
});

it('stops when rows in a row fail for no fault of theirs', async () => {
  const broken = { prompt: 'broken' };
  const outcomes: string[] = [];
  const see = (event: BatchEvent) => event.type === 'row' && outcomes.push(event.outcome);
  await expect(batch(fresh(), [broken, broken, { prompt: 'a' }, broken, broken, broken, { prompt: 'b' }], {}, see)).rejects.toMatchObject({
    code: 'batch.stopped',
  });
  expect(outcomes).toEqual(['failed', 'failed', 'drawn', 'failed', 'failed', 'failed']);
});

it('an abort leaves the row for the next run, with its seed', async () => {
  const out = fresh();
  const stop = new AbortController();
  const rows = [{ prompt: 'a' }, { prompt: 'b', count: 3 }];
  let seed = -1;
  const see = (event: BatchEvent) => {
    if (event.type !== 'picture' || event.row !== 2) return;
    seed = event.recipe.seed;
    stop.abort();
  };
  await expect(batch(out, rows, { signal: stop.signal }, see)).rejects.toThrow(/abort/i);
  expect(await batch(out, rows)).toEqual(['skipped', 'drawn']);
  expect(
    pictures(out)
      .map((name) => seedOf(out, name))
      .slice(1),
  ).toEqual([seed, seed + 1, seed + 2]);
});

it('clears away what a killed run left half written, and nothing else', async () => {
  const out = fresh();
  await batch(out, [{ prompt: 'a' }]);
  const left = (pid: number) => join(out, `.banana-${pid}-00000000.part`);
  for (const pid of [4194303, 1, process.pid]) writeFileSync(left(pid), 'half');
  await batch(out, [{ prompt: 'a' }]);
  expect(readdirSync(out).filter((name) => name.endsWith('.part'))).toEqual(
    [`.banana-1-00000000.part`, `.banana-${process.pid}-00000000.part`].sort(),
  );
  utimesSync(left(process.pid), 1, 1); // of an earlier process of this number
  await batch(out, [{ prompt: 'a' }]);
  expect(readdirSync(out).filter((name) => name.endsWith('.part'))).toEqual(['.banana-1-00000000.part']);
});

it('contact sheets: a page after 100 pictures, made again only when a picture is newer', async () => {
  const out = fresh();
  await batch(out, [{ prompt: 'x', seed: 0 }]);
  const paths = Array.from({ length: 101 }, (_, i) => join(out, `${i}.png`));
  for (const path of paths) copyFileSync(join(out, '00001.png'), path);
  const sheets = async () => {
    const contact = contactSheets(out);
    await contact.add(paths);
    return contact.end();
  };
  const pages = await sheets();
  expect(pages).toEqual([join(out, 'contact-sheet-001.webp'), join(out, 'contact-sheet-002.webp')]);
  const before = pages.map((page) => readFileSync(page));
  expect((await decodeImage(before[0]!)).width).toBe(10 * (128 + 8) + 8);
  for (const page of pages) writeFileSync(page, 'older');
  utimesSync(pages[1]!, 1, 1);
  await sheets();
  expect(readFileSync(pages[0]!, 'utf8')).toBe('older');
  expect(readFileSync(pages[1]!)).toEqual(before[1]);
});
