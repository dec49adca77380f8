// One file of the hub into a cache: beside its place as HASH.banana.incomplete, continued where an earlier try ended, held to its hash,
// then renamed. No If-Range is sent: the name of the unfinished file is the hash of the whole, the address names a commit, so the
// content cannot have changed; and the store behind the hub counts tags of its own. The hash has the last word.
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reason } from '../disk/files.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import { filePath, type HubFile } from './listing.ts';
import { ask, isPassing, unreachable, type Asker } from './request.ts';

export interface Source {
  readonly asker: Asker;
  readonly id: string;
  readonly commit: string;
  readonly signal?: AbortSignal | undefined;
  /** Seconds until a connection on which nothing comes is given up. */
  readonly patience: number;
  /** Seconds before the first new try; twice as many before each that follows. */
  readonly pause: number;
}

/** Tries in a row that bring nothing. */
const TRIES = 5;

/** Where a download that is not whole is kept. */
export const partialOf = (blob: string): string => `${blob}.banana.incomplete`;

/**
 * Brings a file to `blob`; yields the bytes of it that are there. What was written before an error or a stop stays and is continued by
 * the next call. Throws RuntimeError `hub.hash` when the content is not what the hub says, InputError `file.write` when the disk refuses.
 */
export async function* download(source: Source, file: HubFile, blob: string): AsyncGenerator<number> {
  await mkdir(dirname(blob), { recursive: true });
  for (let failures = 0, best = 0; ; ) {
    try {
      for await (const size of attempt(source, file, partialOf(blob))) {
        if (size > best) [best, failures] = [size, 0];
        yield size;
      }
      break;
    } catch (error) {
      if (!isPassing(error) || ++failures >= TRIES) throw error;
      await wait(source.pause * 2 ** (failures - 1) * 1000, undefined, { ...(source.signal && { signal: source.signal }) });
    }
  }
  await rename(partialOf(blob), blob);
}

/** What a file's name on the hub says of its content: SHA-256, or git's own hash of a blob. */
const hasher = ({ hash, size }: HubFile): Hash => (hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`));

/** One connection, from what is there to the end. */
async function* attempt(source: Source, file: HubFile, partial: string): AsyncGenerator<number> {
  await using target = await opened(partial);
  const { size: found } = await target.stat();
  let at = found <= file.size ? found : 0;
  let hash = hasher(file);
  const continued = at > 0;
  if (at > 0) for await (const chunk of createReadStream(partial, { end: at - 1 })) hash.update(chunk as Uint8Array);
  yield at;
  if (at < file.size) {
    const stall = staller(source);
    try {
      const response = await content(source, file, at, stall.signal);
      if (response.status !== 206 && at > 0) [at, hash] = [0, hasher(file)]; // all of it came
      for await (const chunk of response.body!) {
        stall.alive();
        if (at + chunk.length > file.size)
          throw new RuntimeError('hub.hash', `${file.path}: more bytes come than the ${file.size} that the hub says`);
        await written(target, chunk, at, partial);
        hash.update(chunk);
        yield (at += chunk.length);
      }
    } catch (error) {
      throw broken(error, source, file);
    } finally {
      stall.end();
    }
  }
  await target.truncate(at);
  if (at < file.size) throw new RuntimeError('hub.network', `${file.path}: the connection ended after ${at} of ${file.size} bytes`);
  await target.sync();
  const got = hash.digest('hex');
  if (got === file.hash) return;
  await target.truncate(0);
  const message = `${file.path}: its hash is ${got}, the hub says ${file.hash}`;
  if (continued) throw new RuntimeError('hub.network', message); // the first part was damaged here: once more, from nothing
  throw new RuntimeError('hub.hash', `${message}; what came was thrown away`);
}

async function opened(path: string): Promise<FileHandle> {
  return open(path, 'r+')
    .catch(() => open(path, 'w+'))
    .catch((cause: unknown) => {
      throw new InputError('file.write', `cannot write ${path}: ${reason(cause)}`, { cause });
    });
}

/** The answer with a file's bytes from `at` on, or with all of them. */
async function content(source: Pick<Source, 'asker' | 'id' | 'commit'>, file: HubFile, at: number, signal: AbortSignal): Promise<Response> {
  const what = `${file.path} of ${source.id}`;
  const response = await ask(source.asker, filePath(source.id, source.commit, file.path), {
    what,
    signal,
    ...(at > 0 && { headers: { range: `bytes=${at}-` } }),
  });
  const [, begin, of] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  const isPart = response.status === 206 && Number(begin) === at && (of === '*' || Number(of) === file.size);
  if (isPart || response.status === 200) return response;
  await response.body?.cancel();
  if (at > 0) return content(source, file, 0, signal);
  throw new RuntimeError('hub.answer', `${what}: expected its bytes, found an answer of status ${response.status}`);
}

async function written(target: FileHandle, chunk: Uint8Array, at: number, path: string): Promise<void> {
  try {
    for (let done = 0; done < chunk.length; ) done += (await target.write(chunk, done, chunk.length - done, at + done)).bytesWritten;
  } catch (cause) {
    throw new InputError('file.write', `cannot write ${path}: ${reason(cause)}; what has come so far is kept`, { cause });
  }
}

/** An error of a connection, in the words of this project. */
function broken(error: unknown, { asker, signal }: Source, file: HubFile): unknown {
  if (signal?.aborted) return signal.reason;
  return error instanceof InputError || error instanceof RuntimeError ? error : unreachable(new URL(asker.endpoint), file.path, error);
}

/** A signal that follows another, and that fires when nobody has called `alive` for a while. */
function staller({ signal, patience }: Source) {
  const own = new AbortController();
  const follow = () => own.abort(signal!.reason);
  signal?.addEventListener('abort', follow);
  if (signal?.aborted) follow();
  const timer = setTimeout(() => own.abort(new Error(`nothing came for ${patience} s`)), patience * 1000);
  return {
    signal: own.signal,
    alive: () => void timer.refresh(),
    end() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
    },
  };
}
