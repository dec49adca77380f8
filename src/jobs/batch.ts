// A batch: each row of a file becomes a picture or a set, written as it is drawn. What exists is skipped, a row that cannot be drawn is
// told and the next one begun, and a run that was killed is gone on with: a row's seed is in the journal before its first picture is
// begun, a picture is on the disk whole or not at all, so the pictures that are missing are the work that is left. Node only.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileWhole } from '../disk/files.ts';
import type { TextEvent } from '../draw/events.ts';
import type { Recipe } from '../draw/recipe.ts';
import { LIMITS, type GenerateOptions } from '../draw/request.ts';
import { randomSeed } from '../draw/text-to-image.ts';
import { drawnFiles } from '../node/index.ts';
import type { Banana } from '../sdk/banana.ts';
import { BananaError, InputError, RuntimeError } from '../util/errors.ts';
import type { Book } from './book.ts';
import { requestOf, valuesOf } from './columns.ts';
import type { Names, RowName } from './names.ts';
import type { Row, Values } from './rows.ts';

export interface Batch {
  readonly rows: AsyncIterable<Row>;
  readonly names: Names;
  /** Where the rows' own files are found. */
  readonly folder: string;
  /** What holds for a row that does not say. */
  readonly defaults?: Values;
  /** 1-100, of JPEG and WebP. */
  readonly quality?: number;
}

/** What is known, as it becomes known: steps and pictures of a row, then what became of it. */
export type BatchEvent =
  | {
      readonly type: 'step';
      readonly row: number;
      readonly picture: number;
      readonly pictures: number;
      readonly step: number;
      readonly steps: number;
    }
  | { readonly type: 'text'; readonly row: number; readonly text: TextEvent }
  | { readonly type: 'picture'; readonly row: number; readonly path: string; readonly recipe: Recipe }
  | { readonly type: 'row'; readonly row: number; readonly outcome: 'drawn' | 'skipped'; readonly paths: readonly string[] }
  | { readonly type: 'row'; readonly row: number; readonly outcome: 'failed'; readonly paths: readonly string[]; readonly error: Error };

/** Rows in a row that may fail for no fault of theirs: a full disk, an engine that cannot be started again. */
const LOST_MAX = 3;

/** What all rows share. */
interface Run extends Batch {
  readonly draw: Banana['generate'];
  readonly book: Book;
  readonly signal: AbortSignal | undefined;
  /** The row of each picture's path, in one case: some systems hold Fox.png and fox.png for one. */
  readonly taken: Map<string, number>;
}

/**
 * Draws all rows, in order. Throws what `rows` throws; RuntimeError `journal.write`; `batch.stopped` when rows in a row failed for no
 * fault of theirs; the signal's reason when aborted.
 */
export async function* runBatch(
  draw: Banana['generate'],
  book: Book,
  batch: Batch,
  signal?: AbortSignal,
): AsyncGenerator<BatchEvent, void, void> {
  const run: Run = { ...batch, draw, book, signal, taken: new Map() };
  let lost = 0;
  for await (const row of batch.rows) {
    signal?.throwIfAborted();
    try {
      yield* drawRow(row, run);
      lost = 0;
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = await noted(thrown, row, book);
      yield { type: 'row', row: row.number, outcome: 'failed', paths: [], error };
      lost = isOfTheRow(error) ? 0 : lost + 1;
      if (lost === LOST_MAX) throw stopped(error);
    }
  }
}

/** Writes down why a row failed. Throws again what keeps from writing. */
async function noted(thrown: unknown, row: Row, book: Book): Promise<Error> {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const code = error instanceof BananaError ? error.code : 'unexpected';
  if (code === 'journal.write') throw error;
  await book.failed(row.number, code, error.message);
  return error;
}

const isOfTheRow = (error: Error): boolean => error instanceof InputError && error.code !== 'file.write';

function stopped(cause: Error): RuntimeError {
  const why = `stopped after ${LOST_MAX} rows in a row that could not be drawn: ${cause.message}`;
  return new RuntimeError('batch.stopped', why, { cause });
}

async function* drawRow(row: Row, run: Run): AsyncGenerator<BatchEvent, void, void> {
  const { book, folder, names } = run;
  const values = { ...run.defaults, ...valuesOf(row) };
  const { name, print, seed, paths, missing, isDone } = await planOf(row, values, run);
  if (missing.length > 0) {
    const request = await requestOf(values, folder, names.columns);
    await book.begin(name, row.number, seed, print);
    for (const index of missing)
      for await (const event of drawPicture({ ...request, seed: seed + index }, paths[index]!, run))
        yield placed(event, row.number, index, paths.length);
  }
  if (!isDone) await book.done(name, paths.length);
  yield { type: 'row', row: row.number, outcome: missing.length > 0 ? 'drawn' : 'skipped', paths };
}

/** What a row's pictures are called, and which of them are still to be drawn. */
interface RowPlan {
  readonly name: RowName;
  readonly print: string;
  readonly seed: number;
  readonly paths: readonly string[];
  readonly missing: readonly number[];
  /** Whether nothing is left to say of it: the journal has it as done, or never knew it. */
  readonly isDone: boolean;
}

async function planOf(row: Row, values: Values, { book, names, taken }: Run): Promise<RowPlan> {
  const name = names.rowName(values, row.number);
  const print = printOf(values);
  const before = book.find(name);
  const same = before?.print === print;
  const seed = wholeOf(values['seed']) ?? (same ? before.seed : randomSeed());
  const count = Math.min(Math.max(wholeOf(values['count']) ?? 1, 1), LIMITS.count); // what cannot be is refused before anything is drawn
  const paths = Array.from({ length: count }, (_, index) => join(book.folder, names.path(name, seed, index, count)));
  claim(taken, paths, row.number);
  const there = await Promise.all(paths.map(exists));
  const missing = [...paths.keys()].filter((index) => !book.resume || !there[index]);
  if (before && !same && missing.length < count) throw changed(paths[there.indexOf(true)]!);
  return { name, print, seed, paths, missing, isDone: missing.length === 0 && (before?.done ?? true) };
}

type PictureEvent =
  | TextEvent
  | { readonly type: 'step'; readonly step: number; readonly steps: number }
  | { readonly type: 'picture'; readonly path: string; readonly recipe: Recipe };

/** Draws one picture into its file. */
async function* drawPicture(
  options: GenerateOptions,
  path: string,
  { draw, names, quality, signal }: Run,
): AsyncGenerator<PictureEvent, void, void> {
  const files = drawnFiles(options.background !== 'transparent');
  for await (const event of draw({ ...options, count: 1, preview: 0, ...(signal && { signal }) })) {
    if (names.format === 'png') files.see(event);
    if (event.type === 'text' || event.type === 'step') yield event;
    if (event.type !== 'image') continue;
    await writeFileWhole(path, await files.file(event, names.format, quality === undefined ? {} : { quality }));
    yield { type: 'picture', path, recipe: event.recipe };
  }
}

function placed(event: PictureEvent, row: number, index: number, pictures: number): BatchEvent {
  if (event.type === 'text') return { type: 'text', row, text: event };
  return event.type === 'step'
    ? { type: 'step', row, picture: index + 1, pictures, step: event.step, steps: event.steps }
    : { ...event, row };
}

/** Hash of all that a row says, in any order. */
function printOf(values: Values): string {
  const said = Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(said)).digest('hex').slice(0, 16);
}

const wholeOf = (value: unknown): number | undefined =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;

/** Notes whose the files are. Throws InputError `batch.name` for one that another row has. */
function claim(taken: Map<string, number>, paths: readonly string[], row: number): void {
  const keys = paths.map((path) => path.normalize('NFC').toLowerCase());
  const other = keys.findIndex((key) => taken.has(key));
  if (other >= 0)
    throw new InputError(
      'batch.name',
      `${paths[other]} is the picture of row ${taken.get(keys[other]!)}: give each row a name of its own, such as --name "{row}"`,
    );
  for (const key of keys) taken.set(key, row);
}

const changed = (path: string) => {
  const what = `${path} is there from a row of this name that said something else`;
  return new InputError('batch.changed', `${what}: remove the file to draw it again, or choose another --name or --out`);
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
