// The page of browser.test.ts and bench/browser.ts: puts what they call where they can call it.
import { openWorker } from '../../src/runtime/engine-worker.ts';
import * as scenarios from './scenarios.ts';
import type { handlers } from './worker.ts';

/** Asks a fresh engine; tensors come back as plain arrays, since the test's bridge is JSON. */
async function ask(request: 'infer' | 'train', name: 'wasm' | 'webgpu'): Promise<unknown> {
  const engine = await openWorker<typeof handlers>(new Worker('/worker.js', { type: 'module' }));
  const result = await engine.call(request, { name });
  await engine.close();
  if (Array.isArray(result)) return result;
  return Object.fromEntries(
    Object.entries(result).map(([key, { shape, data }]) => [key, { shape, data: Array.from(data as Float32Array) }]),
  );
}

Object.assign(globalThis, { ask, scenarios });
