// The engine in a child process, for Node: ready in about half a second, killed cleanly at any moment, its memory returned
// by the system. (A worker thread that is stopped during a run takes the whole process down.) The child's standard output
// goes to our standard error, so that a library's chatter cannot spoil a command's JSON.
import { fork, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { RuntimeError } from '../util/errors.ts';
import { connect, engineClosed, serve, type Engine, type Handlers } from '../runtime/engine.ts';

/**
 * Memory of the C library (glibc; others ignore it): what takes more than this many bytes goes back to the system when it is given
 * back. By default the limit rises with use, and a session's weights, of which three copies live for a moment, stay.
 */
const MALLOC = { MALLOC_MMAP_THRESHOLD_: '600000' };

/** How long a child may take to end before it is killed, in milliseconds. */
const PATIENCE = 2000;

/** How long a child may take to be ready, in milliseconds: half a second, and room for a machine that has much else to do. */
const DEADLINE = 60_000;

export interface EngineOptions {
  args?: readonly string[];
  env?: Record<string, string>;
  /** Gives up starting. */
  signal?: AbortSignal;
  /** Milliseconds that it may take to be ready. */
  deadline?: number;
}

export interface EngineProcess<H extends Handlers = Handlers> extends Engine<H> {
  readonly pid: number;
  /** Settles when the process is gone, with why. */
  readonly ended: Promise<Error>;
}

/** To be called in the child's entry file: serves requests until the parent is gone. */
export function serveEngine(handlers: Handlers): void {
  if (!process.send) throw new RuntimeError('engine.parent', 'this file is an engine: it is started by openEngine, not by hand');
  process.on('disconnect', () => process.exit(0));
  process.on('SIGINT', () => {}); // Ctrl-C reaches the whole group; the parent decides
  serve(handlers, {
    send: (message) => void process.send?.(message as object),
    listen: (receive) => void process.on('message', receive as never),
  });
}

/**
 * Starts the engine in `entry`, a file that calls serveEngine. An idle engine does not keep the caller's process alive.
 * Throws RuntimeError `engine.start` when it ends before it is ready or takes too long, the signal's reason when aborted.
 */
export async function openEngine<H extends Handlers>(entry: URL, options: EngineOptions = {}): Promise<EngineProcess<H>> {
  const { args = [], env = {}, signal, deadline = DEADLINE } = options;
  signal?.throwIfAborted();
  const child = fork(fileURLToPath(entry), args, {
    serialization: 'advanced',
    execArgv: entry.pathname.endsWith('.ts') ? ['--import', tsx()] : [],
    env: { ...MALLOC, ...process.env, ...env },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  let unsent: Error | null = null; // why it cannot be reached any more
  const sent = (error: Error | null) => error && ((unsent ??= error), child.kill());
  const { engine, ready, lose } = connect<H>(
    {
      send: (message) => void (child.connected && child.send(message as object, sent)),
      listen: (receive) => void child.on('message', receive as never),
    },
    (busy) => keepAlive(child, busy),
  );
  const ended = new Promise<Error>((resolve) => {
    const end = (error: Error) => (resolve(error), lose(error));
    child.on('error', (cause) => end(failed(child, cause)));
    child.on('exit', (code, by) => end(new RuntimeError('engine.lost', `the engine ended: ${explain(code, by, unsent)}`)));
  });
  const stop = (reason: Error) => (lose(reason), child.kill('SIGKILL'));
  const abort = () => stop(signal!.reason);
  const late = setTimeout(() => stop(new RuntimeError('engine.start', `the engine was given up after ${deadline / 1000} s`)), deadline);
  signal?.addEventListener('abort', abort);
  try {
    await ready;
  } catch (cause) {
    signal?.throwIfAborted();
    throw new RuntimeError('engine.start', `${(cause as Error).message} before it was ready (${fileURLToPath(entry)})`, { cause });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener('abort', abort);
  }
  keepAlive(child, false);
  return {
    ...engine,
    pid: child.pid!,
    ended,
    async close() {
      lose(engineClosed());
      keepAlive(child, true);
      child.kill();
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await ended;
      clearTimeout(timer);
    },
  };
}

function keepAlive(child: ChildProcess, yes: boolean): void {
  for (const handle of [child, child.channel]) yes ? handle?.ref() : handle?.unref();
}

/** Of an error of the process itself: it has none when it could not be started. */
function failed(child: ChildProcess, cause: Error): RuntimeError {
  if (child.pid === undefined) return new RuntimeError('engine.start', `the engine cannot be started: ${cause.message}`, { cause });
  return new RuntimeError('engine.lost', `the engine failed: ${cause.message}`, { cause });
}

function explain(code: number | null, signal: string | null, unsent: Error | null): string {
  if (unsent && signal !== 'SIGKILL') return `it could not be reached any more (${unsent.message})`;
  if (signal === 'SIGKILL')
    return 'it was killed (SIGKILL), by someone or by the system for want of memory: then a smaller size or fewer pictures at once help';
  return signal ? `signal ${signal}` : `exit code ${code}`;
}

/** The loader for TypeScript, in a checkout of this repository. */
function tsx(): string {
  return pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
}
