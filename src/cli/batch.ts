// `banana batch FILE --out DIR`: a row of a JSONL or CSV file, a picture or a set. What becomes of the rows is in jobs/batch.ts; here are
// the flags and what is told. Exit codes: 0 every row is drawn or was before, 1 some are not, 2 nothing can be begun.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { runBatch, type Batch } from '../jobs/batch.ts';
import { JOURNAL, openBook, type Book } from '../jobs/book.ts';
import { checkColumn, COLUMN_NAMES } from '../jobs/columns.ts';
import { contactSheets } from '../jobs/contact.ts';
import { DEFAULT_NAME, namesOf } from '../jobs/names.ts';
import { readRows, type Values } from '../jobs/rows.ts';
import { modelPath } from '../node/models.ts';
import { objectsIn } from '../node/objects.ts';
import { InputError } from '../util/errors.ts';
import { reportOf } from './batch-report.ts';
import { checkQuality, cutWarning, QUALITY } from './generate.ts';
import type { Io } from './io.ts';
import { whole } from './options.ts';
import { openEngine, stoppable, withEngine, withRequest, type EngineFlags, type PictureFlags } from './shared.ts';

interface Flags extends PictureFlags, EngineFlags {
  out: string;
  name: string;
  quality?: number;
  resume: boolean;
  sheet: boolean;
  json?: boolean;
}

const HELP = `
Every option of a picture is a column: ${COLUMN_NAMES.join(', ')}.
Pictures to draw from are named by the path of their file, from the batch's own file on. A flag holds for the rows that do not say.
A run that was stopped or killed goes on when the same command is given again.

Examples:
  banana batch cards.csv --out cards
  banana batch shop.jsonl --out shop --name "{sku}-{seed}.webp" --steps 4
`;

export function batchCommand(io: Io): Command {
  const command = new Command('batch')
    .description('draw a picture, or a set, for each row of a file')
    .argument('<file>', '.jsonl with an object in each line, or .csv or .tsv with the names of the columns in the first')
    .requiredOption('--out <folder>', 'where the pictures go, and the journal of what is done')
    .option(
      '--name <template>',
      'names of the pictures: {row}, {seed}, {index} of a set, or any column in braces; .png, .jpg or .webp',
      DEFAULT_NAME,
    );
  return withEngine(withRequest(command, ['seed']))
    .option('--quality <n>', `1 to 100, of .jpg and .webp; default ${QUALITY}`, whole)
    .option('--resume', 'go on where an earlier run ended, skip what exists (the default)', true)
    .option('--no-resume', 'draw all again, also what exists')
    .option('--no-sheet', 'write no contact sheets')
    .option('--json', 'print one JSON object on standard output')
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) => batch(file, flags, io));
}

async function batch(
  file: string,
  { out, name, resume, sheet, json = false, preset, model, runtime, threads, precision, quality = QUALITY, ...picture }: Flags,
  io: Io,
): Promise<void> {
  checkQuality(quality);
  const names = namesOf(name);
  const columns = (found: readonly string[]) => checkColumns(found, names.columns, file);
  const total = await countRows(file, columns);
  modelPath(model ?? preset);
  const plan: Batch = {
    rows: readRows(file, { checkColumns: columns }),
    names,
    quality,
    folder: dirname(resolve(file)),
    defaults: await defaultsOf(picture),
  };
  const book = await openBook(out, { resume });
  try {
    await stoppable(io, (signal) => draw(plan, book, { total, sheet, json }, { preset, model, runtime, threads, precision }, io, signal));
  } finally {
    await book.close();
  }
}

/** Flags as the columns that they stand for. */
async function defaultsOf({ image, mask, subject, objects, ...flags }: PictureFlags): Promise<Values> {
  return {
    ...flags,
    ...(image !== undefined && { image: resolve(image) }),
    ...(mask !== undefined && { mask: resolve(mask) }),
    ...(objects !== undefined && { objects: await objectsIn(objects) }),
    ...(subject && { references: subject.map(({ slot, path }) => ({ slot, image: resolve(path) })) }),
  };
}

function checkColumns(found: readonly string[], extra: ReadonlySet<string>, file: string): void {
  for (const name of found) if (!extra.has(name)) checkColumn(name);
  if (!found.includes('prompt'))
    throw new InputError('batch.columns', `${file} has no column "prompt": expected the names of the columns in its first line`);
}

/** How many rows there are; undefined for a pipe, which can be read but once. */
async function countRows(file: string, columns: (found: readonly string[]) => void): Promise<number | undefined> {
  if (
    await stat(file).then(
      (found) => !found.isFile(),
      () => false,
    )
  )
    return undefined;
  let total = 0;
  for await (const _ of readRows(file, { checkColumns: columns })) total++;
  return total;
}

async function draw(
  plan: Batch,
  book: Book,
  { total, sheet, json }: { total: number | undefined; sheet: boolean; json: boolean },
  engine: EngineFlags,
  io: Io,
  signal: AbortSignal,
): Promise<void> {
  const banana = await openEngine(engine, signal);
  const report = reportOf(io, { total, json, warning: (event) => cutWarning(event, banana.model) });
  const contact = sheet ? contactSheets(book.folder, plan.defaults?.['metadata'] === false ? { metadata: false } : {}) : undefined;
  try {
    for await (const event of runBatch(banana.generate, book, plan, signal)) {
      report.see(event);
      if (event.type === 'row') await contact?.add(event.paths);
    }
    report.end((await contact?.end()) ?? [], join(book.folder, JOURNAL));
  } catch (error) {
    if (signal.aborted) io.err(`${report.state()}: the same command goes on from here\n`);
    throw error;
  } finally {
    report.clear();
    await banana.close();
  }
}
