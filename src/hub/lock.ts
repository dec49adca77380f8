// One pull of a model at a time, in this process or another. Python's own locks are of another kind (flock) and are not needed: it
// writes each download under a name of its own and moves it into place, as we do.
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeFolder, reason } from '../disk/files.ts';
import { takeLock, type Holder } from '../disk/lock.ts';
import { InputError } from '../util/errors.ts';

const LOOK = 500; // ms

/** Does work while nobody else holds the lock in `folder`; what `waiting` makes is yielded when somebody does. Throws the signal's reason. */
export async function* locked<T>(
  folder: string,
  signal: AbortSignal | undefined,
  waiting: (holder: Holder, place: string) => T,
  work: () => AsyncIterable<T>,
): AsyncGenerator<T> {
  const place = join(folder, 'banana.lock');
  let taken = await take(folder, place);
  if (typeof taken === 'string') yield waiting(taken, place);
  while (typeof taken === 'string') {
    await wait(LOOK, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
    taken = await take(folder, place);
  }
  try {
    yield* work();
  } finally {
    await taken();
  }
}

async function take(folder: string, place: string): ReturnType<typeof takeLock> {
  try {
    await makeFolder(folder);
    return await takeLock(place);
  } catch (cause) {
    throw new InputError('file.write', `cannot write ${place}: ${reason(cause)}`, { cause });
  }
}
