// The engine in a Web Worker, for browsers: the page stays responsive, and closing it is the only way to get WASM's memory
// back. The same protocol as the child process.
import type { RuntimeCode } from '../util/codes.ts';
import { RuntimeError } from '../util/errors.ts';
import { connect, engineClosed, serve, type Engine, type Handlers } from './engine.ts';

/** Of a worker's global object, what is used here (the types of pages have none). */
interface WorkerScope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener(type: 'message', listener: (e: MessageEvent) => void): void;
}

/** To be called in the worker's entry file. */
export function serveWorker(handlers: Handlers): void {
  const scope = globalThis as unknown as WorkerScope;
  serve(handlers, {
    send: (message, transfer = []) => scope.postMessage(message, [...transfer]),
    listen: (receive) => scope.addEventListener('message', (e) => receive(e.data as never)),
  });
}

/**
 * Connects to a worker whose entry calls serveWorker; closing ends the worker. Throws RuntimeError `engine.start` when it fails
 * before it is ready, the signal's reason when that comes first; the worker is ended then.
 */
export async function openWorker<H extends Handlers>(worker: Worker, { signal }: { signal?: AbortSignal } = {}): Promise<Engine<H>> {
  const { engine, ready, lose } = connect<H>({
    send: (message, transfer = []) => worker.postMessage(message, [...transfer]),
    listen: (receive) => worker.addEventListener('message', (e: MessageEvent) => receive(e.data as never)),
  });
  const end = (error: Error) => {
    lose(error);
    worker.terminate();
  };
  let code: RuntimeCode = 'engine.start';
  const fail = (why: string) => end(new RuntimeError(code, `the engine's worker failed: ${why}`));
  const abort = () => end(signal!.reason as Error);
  worker.addEventListener('error', (e) => fail(e.message || 'its script cannot be loaded'));
  worker.addEventListener('messageerror', () => fail('it sent what cannot be read here'));
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  try {
    await ready;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  code = 'engine.lost';
  return { ...engine, close: async () => end(engineClosed()) };
}
