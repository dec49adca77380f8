// What the judges saw, kept on disk as it is found: one line of JSON a picture, `{ key, value }`, in a file that only grows. An
// evaluation that was stopped, or killed in the middle of a line, goes on where it was; a picture that an earlier run drew with
// the same weights is not drawn again. A key holds everything that the value depends on. Node only (files).
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Ledger {
  /** Entries that were there, or have come since. */
  readonly size: number;
  /** The value of a key: from the file, or made now and written to it at once. */
  recall<T>(key: Key, make: () => Promise<T>): Promise<T>;
}

/** Plain JSON that says what a value depends on. */
export type Key = Readonly<Record<string, string | number | undefined>>;

/** Opens a ledger; lines that are no entries (half a line at the end) are left out. */
export function openLedger(path: string): Ledger {
  const entries = new Map<string, unknown>();
  if (existsSync(path)) read(path, entries);
  else mkdirSync(dirname(path), { recursive: true });
  return {
    get size() {
      return entries.size;
    },
    async recall<T>(key: Key, make: () => Promise<T>): Promise<T> {
      const name = nameOf(key);
      if (entries.has(name)) return entries.get(name) as T;
      // What is read back later is what is worked with now: numbers in JSON, nothing that is undefined.
      const line = JSON.stringify({ key: name, value: await make() }, (_, v: unknown) =>
        typeof v === 'number' && Number.isFinite(v) ? Number(v.toPrecision(5)) : v,
      );
      appendFileSync(path, `${line}\n`);
      const { value } = JSON.parse(line) as { value: T };
      entries.set(name, value);
      return value;
    },
  };
}

/** 16 letters of the hash of a key's fields, in any order. */
function nameOf(key: Key): string {
  const fields = Object.entries(key)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex').slice(0, 16);
}

function read(path: string, entries: Map<string, unknown>): void {
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(10) + 1;
  if (whole < bytes.length) truncateSync(path, whole); // the line that a kill cut short
  for (const line of bytes.subarray(0, whole).toString('utf8').split('\n')) {
    if (line === '') continue;
    try {
      const { key, value } = JSON.parse(line) as { key: string; value: unknown };
      entries.set(key, value);
    } catch {
      // damaged: made again
    }
  }
}
