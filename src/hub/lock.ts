// One pull of a model at a time, in this process or another. The lock goes stale when its owner dies, as proper-lockfile does it:
// a folder whose time is kept fresh. Python's own locks are of another kind (flock); they are not needed: it writes each download under
// a name of its own and moves it into place, as we do.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { lock } from 'proper-lockfile';
import { reason } from '../disk/files.ts';
import { InputError, RuntimeError } from '../util/errors.ts';

const STALE = 15_000; // ms
const LOOK = 500; // ms

/** Does work while nobody else holds `folder`'s lock; `waiting` is called once when somebody does. Throws the signal's reason. */
export async function* locked<T>(
  folder: string,
  signal: AbortSignal | undefined,
  waiting: T,
  work: (signal: AbortSignal) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  const lost = new AbortController();
  const follow = () => lost.abort(signal!.reason);
  signal?.addEventListener('abort', follow);
  let release = await acquire(folder, lost);
  if (!release) yield waiting;
  while (!release) {
    signal?.throwIfAborted();
    await wait(LOOK, undefined, { signal: lost.signal }).catch(() => lost.signal.throwIfAborted());
    release = await acquire(folder, lost);
  }
  try {
    yield* work(lost.signal);
  } finally {
    signal?.removeEventListener('abort', follow);
    await release().catch(() => {}); // taken over by somebody else, or removed with its model
  }
}

/** The lock, or undefined when somebody has it. */
async function acquire(folder: string, lost: AbortController): Promise<(() => Promise<void>) | undefined> {
  const compromised = () =>
    lost.abort(new RuntimeError('hub.lock', `${folder}: another process has taken the lock of this download; pull again`));
  try {
    mkdirSync(folder, { recursive: true });
    return await lock(folder, { lockfilePath: join(folder, 'banana.lock'), realpath: false, stale: STALE, onCompromised: compromised });
  } catch (error) {
    if ((error as { code?: string }).code === 'ELOCKED') return undefined;
    throw new InputError('file.write', `cannot write in ${folder}: ${reason(error)}`, { cause: error });
  }
}
