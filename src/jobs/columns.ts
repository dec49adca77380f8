// From the columns of a row to a request: every option of a request is a column. Where a request holds pixels, a row names a file,
// beside the batch's own file; in a table, where all is text, lists have a short form. What the values may be is checked as for
// any request. Node only (files).
import { resolve } from 'node:path';
import { readPicture } from '../disk/pictures.ts';
import { checkOptions } from '../draw/check.ts';
import type { Option } from '../draw/option.ts';
import { LIMITS, optionsOf, typed, type GenerateOptions } from '../draw/request.ts';
import type { Image } from '../image/image.ts';
import { loadObjects } from '../node/objects.ts';
import { InputError } from '../util/errors.ts';
import { NUMBER, numberOf } from '../util/number.ts';
import type { Row, Values } from './rows.ts';

interface Column {
  /** The value that the text of a cell stands for. */
  readonly cell: (text: string) => unknown;
  /** What a request holds instead of the value; files are found from `folder` on. */
  readonly load?: (value: unknown, folder: string) => Promise<unknown>;
}

/** A cell of the option's type where it can be read as one; what cannot is told by the check of requests. */
const plain = ({ is }: Option): Column => ({
  cell: (text) => {
    if (is(true)) return BOOLEANS[text.toLowerCase()] ?? text;
    return is(0) ? (numberOf(text) ?? text) : text;
  },
});
const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false };
const PICTURE: Column = { cell: (text) => text, load: pictureAt };

const { preview: _, signal: __, ...OPTIONS } = optionsOf(LIMITS); // nobody looks on, and a file cancels nothing
const COLUMNS: Readonly<Record<string, Column>> = {
  ...Object.fromEntries(Object.entries(OPTIONS).map(([name, option]) => [name, plain(option)])),
  image: PICTURE,
  mask: PICTURE,
  references: { cell: listOf(subjectOf, '1=fox.png; 2=owl.png'), load: eachOf('image', pictureAt) },
  objects: { cell: jsonOf, load: loadObjects },
  peels: {
    cell: listOf(peelOf, 'outline:0.8; felt'),
    load: eachOf('path', async (path, folder) => (typeof path === 'string' ? resolve(folder, path) : path)),
  },
};

/** The names of all columns. */
export const COLUMN_NAMES: readonly string[] = Object.keys(COLUMNS);

const isColumn = (name: string): boolean => Object.hasOwn(COLUMNS, name);

async function pictureAt(value: unknown, folder: string): Promise<Image> {
  if (typeof value !== 'string')
    throw new InputError('options.type', `a picture is ${JSON.stringify(value)}: expected the path of its file`);
  return readPicture(resolve(folder, value));
}

/** Entries of a list with one of their fields loaded; what is no such list is left for the check of requests to refuse. */
function eachOf(field: string, load: NonNullable<Column['load']>): NonNullable<Column['load']> {
  const entry = async (one: unknown, folder: string) =>
    typeof one === 'object' && one !== null && field in one ? { ...one, [field]: await load((one as Values)[field], folder) } : one;
  return async (value, folder) => (Array.isArray(value) ? Promise.all(value.map((one) => entry(one, folder))) : value);
}

/** Parts of a cell, with ; between them. */
function listOf(part: (text: string) => Values | undefined, example: string): Column['cell'] {
  return (text) =>
    text
      .split(';')
      .map((one) => one.trim())
      .filter(Boolean)
      .map((one) => {
        const found = part(one);
        if (!found) throw new InputError('batch.row', `"${one}": expected such as ${example}`);
        return found;
      });
}

/** What a cell says as JSON; what is none is left for the check of requests to refuse. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function subjectOf(text: string): Values | undefined {
  const [, slot, image] = /^(\d+)\s*=\s*(.+)$/.exec(text) ?? [];
  return image === undefined ? undefined : { slot: Number(slot), image };
}

const PEEL = new RegExp(`^(.+?)(?::(${NUMBER}))?$`);

/** A name, or a path where it looks like one. */
function peelOf(text: string): Values | undefined {
  const [, name, weight] = PEEL.exec(text) ?? [];
  return name === undefined
    ? undefined
    : { [/[/\\.]/.test(name) ? 'path' : 'name']: name, ...(weight !== undefined && { weight: Number(weight) }) };
}

/** What a row says, in the types of a request but for what is in files. Throws InputError for a row that is none. */
export function valuesOf(row: Row): Values {
  const valueOf = (name: string, value: unknown) => (row.cells && isColumn(name) ? COLUMNS[name]!.cell(value as string) : value);
  const given = Object.entries(row.values()).filter(([, value]) => value !== null); // how a database says that there is none
  return Object.fromEntries(given.map(([name, value]) => [name, valueOf(name, value)]));
}

/** The request that values make, with its files read. Columns of `extra` are no options. Throws InputError for what cannot be drawn. */
export async function requestOf(values: Values, folder: string, extra: ReadonlySet<string>): Promise<GenerateOptions> {
  const given = Object.entries(values).filter(([name, value]) => isColumn(name) || (!extra.has(name) && value !== undefined));
  for (const [name] of given) checkColumn(name);
  const loaded = await Promise.all(given.map(async ([name, value]) => [name, await loadedOf(name, value, folder)] as const));
  const request = Object.fromEntries(loaded) as unknown as GenerateOptions;
  checkOptions(request);
  return request;
}

const loadedOf = async (name: string, value: unknown, folder: string): Promise<unknown> =>
  (isColumn(name) && value !== undefined && COLUMNS[name]!.load?.(value, folder)) || value;

/** Throws InputError for a column that is no option of a request, with the name that was probably meant. */
export function checkColumn(name: string): void {
  if (isColumn(name)) return;
  if (name === 'preview' || name === 'signal') throw new InputError('options.unknown', `${name} is not for batches: leave it out`);
  typed({ prompt: '-', [name]: undefined }, LIMITS);
}
