// A journal: what was begun and what is done, as lines of JSON in a file that only grows. An entry is on the disk before the work that
// it announces is begun, so that after a lost process or a power cut the file says all that is needed to go on; a line that a kill
// cut short was never told to anybody and is removed. One process at a time holds a journal. Node only.
import { open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder, reason } from '../disk/files.ts';
import { linesOf } from '../disk/lines.ts';
import { takeLock } from '../disk/lock.ts';
import { BananaError, InputError, RuntimeError } from '../util/errors.ts';

export interface Journal<Entry> {
  /**
   * Settles when the entry is on the disk; entries of the same moment share a flush. Throws RuntimeError `journal.write` when it cannot
   * be written, and from then on: what follows a torn line would be lost.
   */
  append(entry: Entry): Promise<void>;
  /** Waits for what was appended; another process may have the journal then. */
  close(): Promise<void>;
}

export interface JournalOptions {
  /** Begins anew: what the file holds is dropped. */
  fresh?: boolean;
}

/**
 * Opens a journal, made where there is none; `replay` is told every entry that it holds, in order, before this settles. Throws
 * InputError `journal.locked` while another process holds it, `journal.damaged` for a line that is none, `file.write` where no
 * file can be made.
 */
export async function openJournal<Entry>(
  path: string,
  replay: (entry: Entry) => void,
  { fresh = false }: JournalOptions = {},
): Promise<Journal<Entry>> {
  const unlock = await lock(path);
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'a+');
    const whole = fresh ? 0 : await readEntries(file, path, replay);
    await file.truncate(whole);
    await file.sync();
    await syncFolder(dirname(path));
  } catch (error) {
    await file?.close();
    await unlock();
    throw error instanceof BananaError ? error : notWritten(path, error);
  }
  return appending(file, path, unlock);
}

const notWritten = (path: string, cause: unknown) => new InputError('file.write', `cannot write ${path}: ${reason(cause)}`, { cause });

function appending<Entry>(file: FileHandle, path: string, unlock: () => Promise<void>): Journal<Entry> {
  let waiting: string[] = [];
  let last = Promise.resolve();
  const flush = async () => {
    const lines = waiting.join('');
    waiting = [];
    try {
      await file.appendFile(lines);
      await file.datasync();
    } catch (cause) {
      throw new RuntimeError('journal.write', `cannot write ${path}: ${reason(cause)}`, { cause });
    }
  };
  return {
    append(entry) {
      if (waiting.push(`${JSON.stringify(entry)}\n`) === 1) last = last.then(flush);
      return last;
    },
    async close() {
      await last.catch(() => {}); // told to who appended
      await file.close();
      await unlock();
    },
  };
}

/** Tells all entries; returns the bytes up to the end of the last whole line. */
async function readEntries<Entry>(file: FileHandle, path: string, replay: (entry: Entry) => void): Promise<number> {
  let whole = 0;
  for await (const { text, number, end, ended } of linesOf(file.createReadStream({ start: 0, autoClose: false }))) {
    if (!ended) break;
    replay(entryOf(text, `${path} line ${number}`));
    whole = end;
  }
  return whole;
}

function entryOf<Entry>(text: string, where: string): Entry {
  try {
    return JSON.parse(text) as Entry;
  } catch (cause) {
    throw new InputError('journal.damaged', `${where} is damaged: expected a line of JSON; remove the line to go on without it`, { cause });
  }
}

/** A new file's name is on the disk only when its folder is; not every system can do this. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/** Takes a journal for this process; gives back what lets it go. */
async function lock(path: string): Promise<() => Promise<void>> {
  const place = `${path}.lock`;
  const taken = await makeFolder(dirname(path))
    .then(() => takeLock(place))
    .catch((error: unknown) => {
      throw notWritten(place, error);
    });
  if (typeof taken !== 'string') return taken;
  throw new InputError('journal.locked', `${taken} works on ${path}: wait until it ends; if it does something else, remove ${place}`);
}
