// A Web Worker as a page has one, made of a thread of Node: enough of it for openBananaWorker. The thread is given the globals that a
// worker's script expects, and the loader for TypeScript, which does not reach threads by itself.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker as Thread } from 'node:worker_threads';

const START = `
const { parentPort, workerData } = require('node:worker_threads');
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (_, listen) => parentPort.on('message', (data) => listen({ data }));
import(workerData.loader).then(({ register }) => (register(), import(workerData.script)));
`;

type Listen = (event: { data?: unknown; message?: string }) => void;

/** Starts a module of this repository as a module worker. */
export function webWorker(script: URL): Worker {
  const loader = new URL('esm/api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx'))).href;
  const thread = new Thread(START, { eval: true, workerData: { loader, script: script.href } });
  const listening = {
    message: (listen: Listen) => thread.on('message', (data) => listen({ data })),
    error: (listen: Listen) => thread.on('error', ({ message }: Error) => listen({ message })),
    messageerror: (listen: Listen) => thread.on('messageerror', () => listen({})),
  };
  return {
    addEventListener: (type: keyof typeof listening, listen: Listen) => listening[type](listen),
    postMessage: (message: unknown, transfer?: []) => thread.postMessage(message, transfer),
    terminate: () => void thread.terminate(),
  } as unknown as Worker;
}
