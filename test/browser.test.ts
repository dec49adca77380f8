// Proof that the library draws and trains in a browser: bundled, served on loopback with the headers that threads need, in a
// headless Chromium, on WASM and on WebGPU (a software adapter: slow, float32). What the page does is in browser/scenarios.ts.
// Skipped, saying so, where there is no Chromium.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bananaOf, type Banana } from '../src/sdk/banana.ts';
import { loadPainter, loadPipeline, openTrainable } from '../src/node/load.ts';
import { importModel } from '../src/node/import.ts';
import { trainPeel } from '../src/train/peel/train.ts';
import { evaluate } from '../src/graph/evaluate.ts';
import { numbersOf } from '../src/graph/elements.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { serveWeb, type WebServer } from '../scripts/web-server.ts';
import { decodeSafetensors } from '../src/tensor/safetensors.ts';
import { readSafetensors } from '../src/disk/files.ts';
import { openPipeline } from '../src/draw/text-to-image.ts';
import { psnr } from '../src/image/image.ts';
import { inference, trainingLosses } from './browser/cases.ts';
import { discs } from './browser/discs.ts';
import type * as scenarios from './browser/scenarios.ts';
import { tinyModel, workFolder } from './command.ts';

if (!chromiumPath)
  console.warn('browser.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

/** WebGPU promises sines and cosines to 2^-11 only, and that within [-pi, pi]. https://www.w3.org/TR/WGSL/#floating-point-accuracy */
const WAVES = 2 ** -11;
const here = (path: string) => join(import.meta.dirname, path);
const PAGE = '<!doctype html><title>banana-sdk</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
const BUNDLES = { page: here('browser/page.ts'), worker: here('browser/worker.ts'), 'banana-worker': here('../src/web/worker.ts') };
/** All that a page may ask for: itself, its bundles and their parts, the model, and onnxruntime-web's own files. */
const ALLOWED =
  /^\/($|plain$|(page|worker|banana-worker|chunk-\w+|ort\.jspi\.bundle\.min-\w+)\.js$|model\.safetensors$|ort\/ort-wasm-simd-threaded\.jspi\.(mjs|wasm)$|sdxs\/)/;
/** And what `failures` asks for in vain. */
const IN_VAIN = /^\/(no-such-worker\.js|none\.json|silent\.js|nowhere\/.*)$/;

/** A tiny Stable Diffusion, as a site would serve its folder. */
const SDXS = here('fixtures/open-weights/stable-diffusion/sdxs');
const SDXS_FILES = readdirSync(SDXS, { recursive: true, encoding: 'utf8' }).filter((path) => statSync(join(SDXS, path)).isFile());
const SERVED = Object.fromEntries(SDXS_FILES.map((path) => [`/sdxs/${path}`, join(SDXS, path)]));

type Scenarios = typeof scenarios;

/** All of it takes about a minute of computing; a machine that is busy with other things takes many times as long. */
const PATIENCE = 400_000; // milliseconds

describe.skipIf(!chromiumPath)('in a browser', { timeout: PATIENCE }, () => {
  const { folder, remove } = workFolder();
  let model: string;
  let server: WebServer;
  let browser: { context: BrowserContext; close(): Promise<void> };
  let page: Page;
  const urls: string[] = [];

  beforeAll(async () => {
    model = await tinyModel(folder);
    server = await serveWeb({
      bundles: BUNDLES,
      plain: ['/plain'],
      files: { ...SERVED, '/': { text: PAGE }, '/plain': { text: PAGE }, '/silent.js': { text: '' }, '/model.safetensors': model },
    });
    browser = await openChromium();
    page = await browser.context.newPage();
    browser.context.on('request', (r) => void urls.push(r.url()));
    page.on(
      'console',
      (m) =>
        void (
          m.type() === 'error' &&
          !IN_VAIN.test(new URL(m.location().url || server.origin).pathname) &&
          console.error(`page: ${m.text()}`)
        ),
    );
    page.setDefaultTimeout(PATIENCE);
    await page.goto(server.origin);
    await page.waitForFunction('globalThis.scenarios');
  }, PATIENCE);
  afterAll(async () => {
    await browser?.close();
    server?.close();
    remove();
  });

  const ask = <T>(request: 'infer' | 'train', name: 'wasm' | 'webgpu') => page.evaluate(`ask('${request}', '${name}')`) as Promise<T>;
  /** Has the page run a scenario. */
  const play = <K extends keyof Scenarios>(name: K, ...options: Parameters<Scenarios[K]>) =>
    page.evaluate(`scenarios.${name}(...${JSON.stringify(options)})`) as Promise<Awaited<ReturnType<Scenarios[K]>>>;

  test.each(['wasm', 'webgpu'] as const)('a graph on %s agrees with the reference', async (name) => {
    const { graph, feeds, weights } = inference();
    const expected = evaluate(graph, { ...weights, ...feeds });
    const found = await ask<Record<string, { shape: number[]; data: number[] }>>('infer', name);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [key, t] of Object.entries(expected)) {
      expect(found[key]!.shape).toEqual(t.shape);
      const worst = Array.from(numbersOf(t), (x, i) => Math.abs(x - found[key]!.data[i]!)).reduce((a, b) => Math.max(a, b), 0);
      expect(worst, key).toBeLessThan(key === 'waves' ? WAVES : 1e-5);
    }
  });

  test('twenty training steps have the same losses on onnxruntime-node, WASM and WebGPU', async () => {
    const node = await trainingLosses(await ortNode({ threads: 1 }));
    expect(node[19]!).toBeLessThan(node[0]! * 0.8);
    for (const name of ['wasm', 'webgpu'] as const) {
      const losses = await ask<number[]>('train', name);
      const worst = Math.max(...node.map((x, i) => Math.abs(x - losses[i]!)));
      expect(worst, `${name}: ${losses}`).toBeLessThan(1e-4);
    }
  });

  test.each(['wasm', 'webgpu'] as const)('a picture on %s is the picture of the CPU, to at most 2 of 255 in any channel', async (name) => {
    const { runtime, precision, recipe, ...image } = await play('picture', name, { threads: 2 });
    expect(runtime).toBe(name);
    const pipeline = await loadPipeline({ model, threads: 1, precision });
    const banana: Banana = bananaOf(
      { model: pipeline.model, start: pipeline.serve, close: () => pipeline.release() },
      async () => new Uint8Array(),
    );
    const { prompt, seed, steps, width, height } = recipe;
    const cpu = await banana.picture({ prompt, seed, steps, width, height });
    await banana.close();
    expect(cpu.recipe).toEqual(recipe);
    expect(psnr(cpu.image, { ...cpu.image, data: cpu.image.data.map((x) => 255 - x) })).toBeLessThan(20); // it shows something
    expect(Math.max(...Array.from(cpu.image.data, (x, i) => Math.abs(x - image.data[i]!)))).toBeLessThanOrEqual(2);
  });

  test('open, generate, cancel, type, close: in a worker, and each error in one line', async () => {
    const found = await play('life');
    expect(found.events.filter((type) => type !== 'render')).toEqual(['text', 'step', 'preview', 'step', 'preview', 'image', 'done']);
    expect(found.same).toBe(true);
    expect(found.cancelling).toMatch(/^AbortError/);
    expect(found.after).toBe(true);
    expect(found.frames[0]).toEqual({ kind: 'preview', prompt: 'a fox' });
    expect(found.frames.slice(-2)).toEqual([
      { kind: 'preview', prompt: 'a foxy friend' },
      { kind: 'settled', prompt: 'a foxy friend' },
    ]);
    expect(found.frames.length).toBeLessThanOrEqual(5); // stale words were dropped
    expect(found.wrong).toMatch(/^prompt\.style: unknown style "cubism"/);
    expect(found.pending).toBe('engine.closed: the engine was closed: open another one');
    expect(found.closed).toBe('engine.closed: the engine was closed: open another one');
  });

  test('a model of others is imported from addresses into the private files, and drawn from there without any', async () => {
    const gpu = Boolean(await page.evaluate('navigator.gpu?.requestAdapter()'));
    if (!gpu) console.warn('browser.test.ts: this Chromium has no WebGPU; open weights are drawn on WASM alone');
    const before = server.requests.length;
    const found = await play(
      'openWeights',
      Object.fromEntries(SDXS_FILES.map((path) => [path, `/sdxs/${path}`])),
      gpu ? ['wasm', 'webgpu'] : ['wasm'],
    );
    const asked = server.requests.slice(before);
    const weights = SDXS_FILES.filter((path) => path.endsWith('.safetensors'));
    expect(asked.slice(asked.lastIndexOf('/sdxs/' + weights.at(-1)!) + 1).filter((path) => path.startsWith('/sdxs/'))).toEqual([]);

    const path = join(folder, 'sdxs.safetensors');
    await importModel(SDXS, path, 4);
    const [own, theirs] = [await readSafetensors(path), decodeSafetensors(Uint8Array.from(found.bytes), 'sdxs')];
    expect(theirs.tensors).toEqual(own.tensors);
    const { name: _, source: _source, sha256: _sha, licence: _licence, ...same } = own.metadata;
    expect(theirs.metadata).toMatchObject({ ...same, name: 'tiny' });

    const { painter } = await loadPainter({ model: path, threads: 1, precision: 'float32' });
    const pipeline = openPipeline(painter);
    for (const { runtime, recipe, data } of found.pictures) {
      const { width, height, prompt, seed } = recipe;
      for await (const event of pipeline.generate({ prompt, seed, width, height }))
        if (event.type === 'image')
          expect(Math.max(...event.image.data.map((x, i) => Math.abs(x - data[i]!))), runtime).toBeLessThanOrEqual(2);
    }
    expect(found.pictures.map(({ runtime }) => runtime)).toEqual(gpu ? ['wasm', 'webgpu'] : ['wasm']);
    await painter.release();
    expect(found.shares.every((share, i) => share >= (found.shares[i - 1] ?? 0) && share <= 1)).toBe(true);
    expect(found.shares.at(-1)).toBe(1);
    expect(found.wrong).toMatch(/^model\.download: cannot download .*none\.json: the server says 404$/);
    expect(found.left).toBeUndefined();
  });

  test('what cannot be opened is told in one clear line', async () => {
    const found = await play('failures');
    for (const line of Object.values(found)) expect(line.split('\n')).toHaveLength(1);
    expect(found.damaged).toMatch(/^safetensors\.\w+: model: .*truncated/);
    expect(found.script).toMatch(/^engine\.start: the engine's worker failed: its script cannot be loaded/);
    expect(found.assets).toMatch(/^runtime\.failed: .*\/nowhere\//);
    expect(found.given).toMatch(/^AbortError/);
    expect(found.silent).toMatch(/^TimeoutError/);
  });

  test('a page without the two headers has one thread, and says how to have more', async () => {
    const other = await browser.context.newPage();
    await other.goto(`${server.origin}/plain`);
    await other.waitForFunction('globalThis.scenarios');
    const found = (await other.evaluate('scenarios.plain()')) as Awaited<ReturnType<Scenarios['plain']>>;
    expect(found.two).toMatch(/^runtime\.threads: 2 threads need a page that is isolated: .*Cross-Origin-Opener-Policy: same-origin/);
    expect(found.width).toBe(96);
    await other.close();
  });

  test('a Peel is trained in a worker on WASM as in Node, taken up where it was left, used and taken off', async () => {
    const found = await play('peel', 'wasm');
    const { model: given, base, close } = await openTrainable(model);
    const node = trainPeel(
      { model: given, base, runtime: await ortNode({ threads: 1 }), pictures: discs() },
      { name: 'disc', steps: 24, rank: 4, batch: 4, prior: 1, rate: 0.01, samples: false, licence: 'CC0-1.0' },
    );
    const losses: Record<number, number> = {};
    for await (const event of node) if (event.type === 'step') losses[event.step] = event.loss;
    close();
    const [, ...later] = Object.entries(found.rest); // the first report after it was left may hold one step instead of two
    expect(Math.max(...Object.keys(found.first).map(Number))).toBe(12);
    expect(Math.min(...Object.keys(found.rest).map(Number))).toBeGreaterThan(12);
    expect(later.length).toBeGreaterThan(2);
    for (const [step, loss] of [...Object.entries(found.first), ...later])
      expect(Math.abs(loss / losses[Number(step)]! - 1), `step ${step}`).toBeLessThan(1e-3);
    expect(found.types.sort()).toEqual(['heldOut', 'pictures', 'prepare', 'samples', 'step']);
    expect(found.info).toMatchObject({ name: 'disc', base, rank: 4, triggers: ['disc style'], training: { pictures: 5 } });
    expect(found).toMatchObject({ steps: 24, stopped: 'steps', byName: true, exact: true, used: [{ name: 'disc', weight: 1 }] });
    expect(found.changed).toBeLessThan(40);
    expect(found.removed).toEqual([true, 'peel.missing: no Peel "disc" was added here: there are none']);
    expect(found.damaged).toMatch(/^safetensors\.\w+: the given Peel: /);
  });

  test('a training is cancelled between two steps, and refused in one line', async () => {
    const found = await play('cancelTraining');
    expect(found).toMatchObject({ error: 'AbortError', refused: 'options.rank: rank 0: expected a whole number from 1 to 128' });
    expect(found.steps).toBeLessThan(100);
    expect(found.unreadable).toBe('codec.decode: cannot read the picture: it is no picture that this browser knows');
  });

  test("a training kept in the browser's own files goes on after the tab was closed", async () => {
    const stored = await play('store');
    expect(stored).toMatchObject({ missing: true, first: 'hi!', second: ['ab', 'line\n'], left: true });
    expect(stored.names.filter((name: string) => name !== 'banana-models')).toEqual([]); // the folder of imports stays
    const found = await play('peel', 'wasm', { steps: 8, count: 2, prior: 0, batch: 2, keep: 'browser' });
    expect(Math.max(...Object.keys(found.first).map(Number))).toBe(4);
    expect(Math.min(...Object.keys(found.rest).map(Number))).toBeGreaterThan(4);
    expect(found).toMatchObject({ steps: 8, exact: true });
  });

  test('a Peel is trained on WebGPU too, with the losses of WASM', async () => {
    const [gpu, wasm] = [await play('train', 'webgpu'), await play('train', 'wasm')];
    expect(gpu).toMatchObject({ runtime: 'webgpu', bytes: wasm.bytes });
    expect(gpu.losses).toHaveLength(2);
    for (const [i, loss] of gpu.losses.entries()) expect(Math.abs(loss / wasm.losses[i]! - 1)).toBeLessThan(1e-2);
  });

  test('the page is isolated, so that WASM has threads, and asked nobody for anything but the files that it was given', async () => {
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(urls.filter((url) => new URL(url).origin !== server.origin)).toEqual([]);
    const asked = [...new Set([...urls.map((url) => new URL(url).pathname), ...server.requests])];
    expect(asked.filter((path) => !ALLOWED.test(path) && !IN_VAIN.test(path))).toEqual([]);
    expect(asked).toContain('/ort/ort-wasm-simd-threaded.jspi.wasm'); // what a worker asks for is seen too
    expect(urls.some((url) => url.endsWith('/ort/ort-wasm-simd-threaded.jspi.wasm'))).toBe(true);
  });
});
