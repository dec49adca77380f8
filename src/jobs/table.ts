// A table's records (RFC 4180) as a stream: cells parted by commas, semicolons or tabs; a cell in quotes may hold them, and line breaks.
// Papa Parse reads the cells. A quote that is never closed costs the line that it stands in, not the rest of the file. Node only.
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import Papa from 'papaparse';
import { linesOf } from '../disk/lines.ts';

/** The cells of a record, or why it has none. */
export type TableRecord = { readonly cells: readonly string[] } | { readonly bad: string };

const LINE_MAX = 2 ** 22; // bytes
/** Lines that a record may have: after so many a quote counts as never closed. */
const LINES_MAX = 100;

/** All records, blank lines left out. Throws what the system says of a file that cannot be read. */
export async function* recordsOf(path: string): AsyncGenerator<TableRecord, void, void> {
  const read = reader(await delimiterOf(path));
  for await (const { text, long } of linesOf(createReadStream(path), LINE_MAX)) {
    if (!long) yield* read.line(text);
    else {
      yield* read.end();
      yield { bad: `more than ${LINE_MAX} bytes in a line` };
    }
  }
  yield* read.end();
}

/** Makes records of lines: a line whose quote is still open waits for the next ones. */
function reader(delimiter: string) {
  let open: string[] = [];
  function* line(text: string): Generator<TableRecord, void, void> {
    if (open.length === 0 && text.trim() === '') return;
    open.push(text);
    const { data, errors } = Papa.parse<string[]>(open.join('\n'), { delimiter, newline: '\n' });
    const has = (what: string) => errors.some(({ code }) => code === what);
    if (has('MissingQuotes') && open.length < LINES_MAX) return;
    if (has('MissingQuotes') || (has('InvalidQuotes') && open.length > 1)) return yield* giveUp(); // or closed by a quote of another row
    open = [];
    yield { cells: data[0]! };
  }
  /** The first line has a quote that nothing closes: the others are looked at again. */
  function* giveUp(): Generator<TableRecord, void, void> {
    const [first, ...others] = open;
    open = [];
    yield { bad: `a quote is never closed: ${first!.slice(0, 40)}` };
    for (const text of others) yield* line(text);
  }
  function* end(): Generator<TableRecord, void, void> {
    while (open.length > 0) yield* giveUp();
  }
  return { line, end };
}

const DELIMITERS = [',', ';', '\t'];
const HEAD = 2 ** 16; // bytes

/** What parts the cells: what the first line has most of, as spreadsheets of some countries write ";". */
async function delimiterOf(path: string): Promise<string> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD), 0, HEAD, 0);
  const [first = ''] = buffer
    .toString('utf8', 0, bytesRead)
    .replace(/"[^"]*"/g, '')
    .split('\n');
  const count = (delimiter: string) => first.split(delimiter).length;
  return DELIMITERS.reduce((best, one) => (count(one) > count(best) ? one : best));
}
