// The committed tables of src/data/tables, read from the repository: compiled code finds them there too, because drawing
// training data needs the repository's art packages anyway. scripts/data-tables.ts makes all but nouns.txt.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function root(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir);
  return dir;
}

/** The text of a table. */
export function tableText(file: string): string {
  return readFileSync(join(root(), 'src/data/tables', file), 'utf8');
}

const parsed = new Map<string, unknown>();

/** A JSON table, parsed once. */
export function table<T>(name: string): T {
  if (!parsed.has(name)) parsed.set(name, JSON.parse(tableText(`${name}.json`)));
  return parsed.get(name) as T;
}
