// The rows of a batch's file, one after the other: JSON objects, a line each (.jsonl), or a table whose first line names the columns
// (.csv, .tsv). Read as a stream: a file may be larger than the memory. A row that cannot be read throws when it is looked at, not when
// it comes: the next one may be good. Node only.
import { createReadStream } from 'node:fs';
import { extname } from 'node:path';
import { reason } from '../disk/files.ts';
import { linesOf, type Line } from '../disk/lines.ts';
import { InputError } from '../util/errors.ts';
import { recordsOf, type TableRecord } from './table.ts';

/** What a row says, by column. In a table all values are texts, and what is empty is left out. */
export type Values = Readonly<Record<string, unknown>>;

export interface Row {
  /** From 1; a table's first line is none. */
  readonly number: number;
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
    if (line.long || line.text.trim() !== '') yield { number: ++number, cells: false, values: () => objectOf(line) };
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
  let names: string[] | undefined;
  let number = 0;
  for await (const record of recordsOf(path)) {
    if (names) {
      const columns = names;
      yield { number: ++number, cells: true, values: () => cellsOf(columns, record) };
    } else {
      names = columnsOf(record, path);
      checkColumns?.(names.filter(Boolean));
    }
  }
}

function columnsOf(record: TableRecord, path: string): string[] {
  if ('bad' in record) throw new InputError('batch.columns', `${path}: its first line cannot be read: ${record.bad}`);
  const names = record.cells.map((name) => name.trim());
  const twice = names.find((name, i) => name !== '' && names.indexOf(name) !== i);
  if (twice !== undefined) throw new InputError('batch.columns', `${path} has two columns "${twice}"`);
  return names;
}

function cellsOf(names: readonly string[], record: TableRecord): Values {
  if ('bad' in record) throw wrong(record.bad);
  const { cells } = record;
  const advice = cells.length > names.length ? ': put a text with a comma inside in double quotes' : '';
  if (cells.length !== names.length) throw wrong(`found ${cells.length} cells, expected ${names.length}, as in the first line${advice}`);
  const filled = names.map((name, i) => [name, cells[i]!.trim()] as const).filter(([, text]) => text !== '');
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
