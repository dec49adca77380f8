// A lock between processes: a file that says who holds it. That of a process that is gone is nobody's, at once. A cache may be shared
// between machines: whether a process of another one lives cannot be seen from here, so its lock holds until the file is removed.
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { isAlive, partIn } from './parts.ts';

/** Who holds a lock: "process 1234", with the machine where that is another. */
export type Holder = string;

/** Takes the lock at a path in a folder that is there: what lets it go, or who has it. Throws the system's error when it cannot be written. */
export async function takeLock(place: string): Promise<(() => Promise<void>) | Holder> {
  const own = await identityOf(process.pid);
  for (;;) {
    if (await created(place, own)) return () => rm(place, { force: true });
    const found = await readFile(place, 'utf8').catch(() => undefined);
    const holder = found === undefined ? undefined : await holderOf(found);
    if (holder) return holder;
    if (found !== undefined) await cleared(place, found);
  }
}

/** Makes a file that is there with its content or not at all; false when one is there. */
async function created(place: string, text: string): Promise<boolean> {
  const beside = partIn(dirname(place));
  try {
    await writeFile(beside, text);
    await link(beside, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      return writeFile(place, text, { flag: 'wx' }); // a disk without links
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
}

/** Removes a lock that says `text`, and no other: somebody else may have done so and taken it. */
async function cleared(place: string, text: string): Promise<void> {
  const aside = partIn(dirname(place));
  if (
    !(await rename(place, aside).then(
      () => true,
      () => false,
    ))
  )
    return;
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, place).catch(() => {});
  await rm(aside, { force: true });
}

/** Who is meant, where that process may still be there. */
async function holderOf(text: string): Promise<Holder | undefined> {
  const pid = Number.parseInt(text, 10);
  const [, host] = /@(.+)$/s.exec(text) ?? [];
  if (!(pid > 0)) return undefined;
  if (host !== undefined && host !== hostname()) return `process ${pid} on ${host}`;
  return isAlive(pid) && (await identityOf(pid)) === text ? `process ${pid}` : undefined;
}

/** A process by its number and, where the system tells (Linux), its start: numbers are given again, in a container to the very next one. */
async function identityOf(pid: number): Promise<string> {
  const told = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const start = told.slice(told.lastIndexOf(')') + 2).split(' ')[19] ?? ''; // field 22 of proc(5); the name before may hold anything
  return `${pid} ${start}@${hostname()}`;
}
