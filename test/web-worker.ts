// A Web Worker as a page has one, made of a thread of Node: enough of it for openBananaWorker. The thread is given the globals that a
// worker's script expects.
import { Worker as Thread } from 'node:worker_threads';

const START = `
const { parentPort, workerData } = require('node:worker_threads');
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
globalThis.addEventListener = (_, listen) => parentPort.on('message', (data) => listen({ data }));
import(workerData);
`;

type Listen = (event: { data?: unknown; message?: string }) => void;

/** Starts a built module (build.ts) as a module worker. */
export function webWorker(script: URL): Worker {
  const thread = new Thread(START, { eval: true, workerData: script.href });
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
