// The engine in a Web Worker, for browsers: the page stays responsive, and closing it is the only way to get WASM's memory
// back. The same protocol as the child process.
import { RuntimeError } from '../util/errors.ts';
import { connect, serve, type Engine, type Handlers } from './engine.ts';

/** To be called in the worker's entry file. */
export function serveWorker(handlers: Handlers): void {
  const scope = globalThis as unknown as { postMessage(message: unknown): void; addEventListener(type: 'message', listener: (e: MessageEvent) => void): void };
  serve(handlers, { send: (message) => scope.postMessage(message), listen: (receive) => scope.addEventListener('message', (e) => receive(e.data as never)) });
}

/** Connects to a worker whose entry calls serveWorker. Throws RuntimeError `engine.start` when it fails before it is ready. */
export async function openWorker<H extends Handlers>(worker: Worker): Promise<Engine<H>> {
  const { engine, ready, lose } = connect<H>({
    send: (message) => worker.postMessage(message),
    listen: (receive) => worker.addEventListener('message', (e: MessageEvent) => receive(e.data as never)),
  });
  worker.addEventListener('error', (e) => lose(new RuntimeError('engine.start', `the engine's worker failed: ${e.message ?? 'its script cannot be loaded'}`)));
  await ready;
  return {
    ...engine,
    async close() {
      lose(new RuntimeError('engine.closed', 'the engine was closed'));
      worker.terminate();
    },
  };
}
