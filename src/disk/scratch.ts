// A folder in the system's place for temporary files, for what is read once: weights on their way into a session (runtime/mapped.ts).
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scratch } from '../tensor/store.ts';
import { partIn, sweepParts } from './parts.ts';

/** A new one. Undefined where none can be made, and on Windows, which does not let go of files that are mapped. */
export async function openScratch(): Promise<Scratch | undefined> {
  if (process.platform === 'win32') return undefined;
  await sweepParts(tmpdir());
  const folder = partIn(tmpdir());
  const files = new Map<string, FileHandle>();
  const made = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    () => false,
  );
  if (!made) return undefined;
  return {
    async append(name, bytes) {
      const file = files.get(name) ?? (await open(join(folder, name), 'a'));
      files.set(name, file);
      await file.writeFile(bytes);
      return join(folder, name);
    },
    async remove() {
      for (const file of files.values()) await file.close();
      files.clear();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
