// The engine in a Web Worker, as browser.test.ts starts it.
import { serveWorker } from '../../src/runtime/engine-worker.ts';
import { openRuntime, type RuntimeName } from '../../src/runtime/select.ts';
import { inference, trainingLosses } from './cases.ts';

/** onnxruntime-web's files, as the test's server has them. */
const assets = new URL('/ort/', location.origin).href;

export const handlers = {
  infer: async ({ name }: { name: RuntimeName }) => {
    const runtime = await openRuntime({ name, assets, threads: 1 });
    const { graph, feeds, weights } = inference();
    const session = await runtime.compile(graph, { weights });
    const results = await session.run(feeds);
    await session.release();
    return results;
  },
  train: async ({ name }: { name: RuntimeName }) => trainingLosses(await openRuntime({ name, assets, threads: 1 })),
};

serveWorker(handlers);
