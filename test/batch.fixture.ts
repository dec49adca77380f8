// A batch with drawings of no model, as a process: FILE, DIR, milliseconds a picture. It says the path of each.
import { runBatch } from '../src/jobs/batch.ts';
import { openBook } from '../src/jobs/book.ts';
import { namesOf } from '../src/jobs/names.ts';
import { readRows } from '../src/jobs/rows.ts';
import { fakeDraw } from './fake-draw.ts';

const [file, out, ms] = process.argv.slice(2) as [string, string, string];
const book = await openBook(out);
for await (const event of runBatch(fakeDraw(Number(ms)), book, { rows: readRows(file), names: namesOf('{row}'), folder: '.' }))
  if (event.type === 'picture') console.log(event.path);
  else if (event.type === 'row' && event.outcome === 'failed') throw event.error;
await book.close();
