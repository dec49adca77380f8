// Names of a batch's pictures: a template such as "{style}/{sku}-{seed}.webp", filled with a row's values. What a row says becomes one
// part of a name and no more: it cannot lead out of the batch's folder.
import { posix } from 'node:path';
import { formatOf, type ImageFormat } from '../disk/codec.ts';
import { InputError } from '../util/errors.ts';
import type { Values } from './rows.ts';

/** Pictures of a row, before seeds are known: each name still holds {seed}, where the template does. */
export type RowName = string;

export interface Names {
  /** Columns that the template names. */
  readonly columns: ReadonlySet<string>;
  readonly format: ImageFormat;
  /** Throws InputError `batch.name` where the row lacks a value that the template names. */
  rowName(values: Values, row: number): RowName;
  /** The path of picture `index` of `count`, from the batch's folder on. */
  path(name: RowName, seed: number, index: number, count: number): string;
}

export const DEFAULT_NAME = '{row}';
const ROW_DIGITS = 5;
const PART_MAX = 80; // characters
const FIELD = /\{([^{}]*)\}/g;

/** Reads a template; .png where it has no ending. Throws InputError `batch.name` for one that cannot be. */
export function namesOf(template: string): Names {
  const refuse = (why: string) => new InputError('batch.name', `the name "${template}" ${why}`);
  const fields = [...template.matchAll(FIELD)].map(([, field]) => field!);
  const bare = template.replace(FIELD, '\0');
  if (/[{}]/.test(bare) || fields.includes('')) throw refuse('has a brace that names nothing: expected such as "{row}-{seed}.webp"');
  if (posix.isAbsolute(bare) || bare.includes('\\') || bare.split('/').some((part) => part === '' || /^\.+$/.test(part)))
    throw refuse('must stay in the folder of --out');
  const ending = posix.extname(bare);
  const known = formatOf(bare);
  if (ending !== '' && !known && !ending.includes('\0')) throw refuse('must end in .png, .jpg, .jpeg or .webp');
  const whole = known ? template : `${template}.png`;
  return {
    columns: new Set(fields.filter((field) => !['row', 'seed', 'index'].includes(field))),
    format: known ?? 'png',
    rowName: (values, row) =>
      whole.replace(FIELD, (all, field: string) => {
        if (field === 'seed' || field === 'index') return all;
        return field === 'row' ? String(row).padStart(ROW_DIGITS, '0') : partOf(values[field], field);
      }),
    path(name, seed, index, count) {
      const numbered = count === 1 || name.includes('{index}') ? name : name.replace(/(\.\w+)$/, '-{index}$1');
      return numbered.replaceAll('{seed}', String(seed)).replaceAll('{index}', String(index + 1));
    },
  };
}

/** A value as a part of a file's name. */
function partOf(value: unknown, field: string): string {
  const text = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
  const part = [...text.normalize('NFC').replace(/[\p{C}\s/\\:*?"'<>|{}]+/gu, '-')]
    .slice(0, PART_MAX)
    .join('')
    .replace(/^[-.]+|[-.]+$/g, '');
  if (part === '') throw new InputError('batch.name', `no ${field} for the name of the picture: fill the column, or choose another --name`);
  return part;
}
