// Files that are being written: their temporary names, and those that a process left behind when it was killed. A name tells whose
// it is, so that nothing of a living process is taken away. Node only.
import { randomUUID } from 'node:crypto';
import { opendir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** A new temporary name in a folder; it does not grow with the name that is asked for, which may be as long as the file system allows. */
export const partIn = (folder: string): string => join(folder, `.banana-${process.pid}-${randomUUID().slice(0, 8)}.part`);

const PART = /^\.banana-(\d+)-\w+\.part$/;

/** Removes what processes that are gone left in a folder (not below it). A folder that is not there is clean. */
export async function sweepParts(folder: string): Promise<void> {
  const entries = await opendir(folder).catch(() => []);
  for await (const { name } of entries) {
    const owner = Number(PART.exec(name)?.[1]);
    if (owner && (await isLeft(join(folder, name), owner))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Containers give each run the same number: what is older than this process is not its own. */
async function isLeft(path: string, owner: number): Promise<boolean> {
  if (owner !== process.pid) return !isAlive(owner);
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < performance.timeOrigin;
}

/** Whether a process of this number runs on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // no signal: only the look
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}
