// What a browser gets: no Node in it. (That it draws in a real one is for test/browser.test.ts.) Here it runs on WASM in Node.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, expect, test } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import * as node from '../node/index.ts';
import * as web from './index.ts';

const { folder, remove } = workFolder();
afterAll(remove);

/** Bytes before compression, without ONNX Runtime and the weights. Raise one when a feature is worth it. */
const BUDGETS: Readonly<Record<string, number>> = { 'sdk/index.ts': 277_000, 'web/index.ts': 381_000, 'web/worker.ts': 346_000 };

test.each(Object.entries(BUDGETS))('%s bundles for browsers, without Node and in %i bytes', async (name, budget) => {
  const { metafile, outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../${name}`, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    external: ['onnxruntime-web/*'],
  }); // fails for a node: import
  const packages = Object.values(metafile.outputs).flatMap((o) => o.imports.map((i) => i.path));
  expect(packages.every((path) => path.startsWith('onnxruntime-web/'))).toBe(true);
  expect(outputFiles[0]!.contents.length).toBeLessThan(budget);
});

test('a page that keeps the model in a worker loads little of it', async () => {
  const contents = `import { openBananaWorker } from './index.ts'; globalThis.open = openBananaWorker;`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['onnxruntime-web/*'],
  });
  expect(outputFiles[0]!.contents.length).toBeLessThan(70_000);
});

test('the same API from bytes on WASM: the same picture as on the CPU, within rounding', async () => {
  const path = await tinyModel(folder);
  const request = { prompt: 'a fox', seed: 3, steps: 2, width: 96, height: 64 };
  const [here, there] = [
    await web.openBanana({ model: readFileSync(path), runtime: 'wasm', threads: 1 }),
    await node.openBanana({ model: path, inProcess: true, threads: 1 }),
  ];
  const [a, b] = [await here.picture(request), await there.picture(request)];
  expect(a.recipe).toEqual(b.recipe);
  expect(web.psnr(a.image, b.image)).toBeGreaterThan(60);
  expect(web.readRecipe(await a.png())).toEqual(a.recipe);
  await here.close();
  await there.close();
}, 60_000);
