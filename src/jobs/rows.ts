// The rows of a batch's file, one after the other: JSON objects, a line each (.jsonl), or a table whose first line names the columns
// (.csv, .tsv). Read as a stream: a file may be larger than the memory. A row that cannot be read throws when it is looked at, not when
// it comes: the next one may be good. Node only.
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parse, type CsvError, type InfoRecord } from 'csv-parse';
import { reason } from '../disk/files.ts';
import { linesOf, type Line } from '../disk/lines.ts';
import { InputError } from '../util/errors.ts';

/** What a row says, by column. In a table all values are texts, and what is empty is left out. */
export type Values = Readonly<Record<string, unknown>>;

export interface Row {
  /** From 1; a table's first line is none. */
  readonly number: number;
  /** Line of the file that it ends in. */
  readonly line: number;
  /** Whether its values are the texts of cells. */
  readonly cells: boolean;
  /** Throws InputError `batch.row` for a row that is none. */
  values(): Values;
}

export interface RowsOptions {
  /** Looks at the columns of a table, before its first row; throws for those that cannot be. */
  checkColumns?: (names: readonly string[]) => void;
}

const FORMATS: Readonly<Record<string, (path: string, options: RowsOptions) => AsyncGenerator<Row, void, void>>> = {
  '.jsonl': jsonRows,
  '.ndjson': jsonRows,
  '.csv': tableRows,
  '.tsv': tableRows,
};
const ROW_MAX = 2 ** 22; // bytes

/**
 * The rows of a file. Throws InputError `batch.file` for another kind of file, `batch.columns` for a table whose first line cannot be,
 * `file.read`.
 */
export async function* readRows(path: string, options: RowsOptions = {}): AsyncGenerator<Row, void, void> {
  const rows = FORMATS[extname(path).toLowerCase()];
  if (!rows) throw new InputError('batch.file', `${path}: expected a file that ends in ${Object.keys(FORMATS).join(', ')}`);
  try {
    yield* rows(path, options);
  } catch (cause) {
    throw cause instanceof InputError ? cause : new InputError('file.read', `cannot read ${path}: ${reason(cause)}`, { cause });
  }
}

const wrong = (why: string) => new InputError('batch.row', why);

async function* jsonRows(path: string): AsyncGenerator<Row, void, void> {
  let number = 0;
  for await (const line of linesOf(createReadStream(path), ROW_MAX))
    if (line.long || line.text.trim() !== '') yield { number: ++number, line: line.number, cells: false, values: () => objectOf(line) };
}

function objectOf({ text, long }: Line): Values {
  if (long) throw wrong(`more than ${ROW_MAX} bytes in a line: expected one row`);
  const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // told below
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw wrong(`found ${shown}: expected an object in JSON such as {"prompt": "a fox"}`);
  return checkLetters(value as Values);
}

async function* tableRows(path: string, { checkColumns }: RowsOptions): AsyncGenerator<Row, void, void> {
  const options = {
    bom: true,
    info: true,
    delimiter: await delimiterOf(path),
    relax_quotes: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: ROW_MAX,
  };
  const parser = parse(options);
  const read = pipeline(createReadStream(path), parser);
  read.catch(() => {}); // told by the parser
  let [names, number, last]: [string[] | undefined, number, number] = [undefined, 0, 0];
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: InfoRecord }>) {
      last = info.lines;
      if (!names) {
        names = columnsOf(record, path);
        checkColumns?.(names.filter(Boolean));
        continue;
      }
      const columns = names;
      yield { number: ++number, line: last, cells: true, values: () => cellsOf(columns, record) };
    }
  } catch (error) {
    const { code, message } = error as CsvError;
    if (!String(code).startsWith('CSV_')) throw error;
    yield {
      number: ++number,
      line: last + 1,
      cells: true,
      values: () => {
        throw wrong(`the table cannot be read from here on (is a quote never closed?): ${message}`);
      },
    };
  }
}

function columnsOf(record: readonly string[], path: string): string[] {
  const names = record.map((name) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError('batch.columns', `${path} has two columns "${twice}"`);
  return names;
}

function cellsOf(names: readonly string[], record: readonly string[]): Values {
  const advice = record.length > names.length ? ': put a text with a comma inside in double quotes' : '';
  if (record.length !== names.length) throw wrong(`found ${record.length} cells, expected ${names.length}, as in the first line${advice}`);
  const filled = names.map((name, i) => [name, record[i]!.trim()] as const).filter(([, text]) => text !== '');
  const unnamed = filled.find(([name]) => name === '');
  if (unnamed) throw wrong(`the text "${unnamed[1]}" is in a column without a name`);
  return checkLetters(Object.fromEntries(filled));
}

/** Text that was no UTF-8 has replacement characters. */
function checkLetters(values: Values): Values {
  const lost = Object.entries(values).find(([, value]) => typeof value === 'string' && value.includes('\ufffd'));
  if (lost) throw wrong(`the letters of ${lost[0]} are not UTF-8: save the file as UTF-8`);
  return values;
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
