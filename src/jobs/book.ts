// What a batch remembers of its rows, from one run to the next, by the name of a row's pictures: the seed that it was given, what it
// said, whether it is done. Kept in a journal (journal.ts) beside the pictures; in memory a row takes some hundred bytes. Node only.
import { dirname, join } from 'node:path';
import { sweepParts } from '../disk/parts.ts';
import { openJournal } from './journal.ts';
import type { RowName } from './names.ts';

/** A row whose pictures were begun. */
export interface Begun {
  readonly seed: number;
  /** Hash of all that the row said. */
  readonly print: string;
  readonly done: boolean;
}

type Entry =
  | { readonly type: 'begin'; readonly name: RowName; readonly row: number; readonly seed: number; readonly print: string }
  | { readonly type: 'done'; readonly name: RowName; readonly pictures: number }
  | { readonly type: 'failed'; readonly row: number; readonly code: string; readonly message: string };

export interface Book {
  /** Whether pictures that are there already are left as they are. */
  readonly resume: boolean;
  readonly folder: string;
  find(name: RowName): Begun | undefined;
  /** Written before the first picture is drawn. */
  begin(name: RowName, row: number, seed: number, print: string): Promise<void>;
  /** Written after the last one. */
  done(name: RowName, pictures: number): Promise<void>;
  failed(row: number, code: string, message: string): Promise<void>;
  close(): Promise<void>;
}

export const JOURNAL = 'journal.jsonl';

/** Opens a folder's book, and clears away what a killed run left half written. Without `resume` all begins anew. Throws as openJournal. */
export async function openBook(folder: string, { resume = true }: { resume?: boolean } = {}): Promise<Book> {
  const rows = new Map<RowName, Begun>();
  const note = (entry: Entry): void => {
    if (entry.type === 'begin') rows.set(entry.name, { seed: entry.seed, print: entry.print, done: false });
    else if (entry.type === 'done') rows.set(entry.name, { ...rows.get(entry.name)!, done: true });
  };
  const journal = await openJournal<Entry>(join(folder, JOURNAL), note, { fresh: !resume });
  const write = async (entry: Entry) => {
    await journal.append(entry);
    note(entry);
  };
  const unfinished = [...rows].filter(([, { done }]) => !done).map(([name]) => dirname(join(folder, name)));
  for (const place of new Set([folder, ...unfinished])) await sweepParts(place);
  return {
    resume,
    folder,
    find: (name) => rows.get(name),
    begin: (name, row, seed, print) => write({ type: 'begin', name, row, seed, print }),
    done: (name, pictures) => write({ type: 'done', name, pictures }),
    failed: (row, code, message) => write({ type: 'failed', row, code, message }),
    close: () => journal.close(),
  };
}
