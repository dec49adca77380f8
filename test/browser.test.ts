// Proof that the library runs in a browser: bundled, served on loopback with the headers that threads need, in a headless
// Chromium, on WASM and on WebGPU (a software adapter: slow, float32). Skipped, saying so, where there is no Chromium.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../src/graph/evaluate.ts';
import { numbersOf } from '../src/graph/reference.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { inference, trainingLosses } from './browser/cases.ts';

const executablePath = [process.env.CHROME ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => path && existsSync(path));
if (!executablePath) console.warn('browser.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

const FLAGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
];
/** WebGPU promises sines and cosines to 2^-11 only, and that within [-pi, pi]. https://www.w3.org/TR/WGSL/#floating-point-accuracy */
const WAVES = 2 ** -11;
const TYPES: Record<string, string> = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };
const PAGE = '<!doctype html><title>banana-sdk</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
const ORT = join(import.meta.dirname, '../node_modules/onnxruntime-web/dist');

/** The page, its bundles and onnxruntime-web's files, nothing else. */
async function serve(): Promise<Server> {
  const entryPoints = ['page', 'worker'].map((name) => join(import.meta.dirname, `browser/${name}.ts`));
  const { outputFiles } = await build({ entryPoints, bundle: true, format: 'esm', splitting: true, platform: 'browser', outdir: '/', write: false, logLevel: 'error' });
  const files = new Map<string, Uint8Array>(outputFiles.map((f) => [f.path, f.contents]));
  files.set('/', new TextEncoder().encode(PAGE));
  const server = createServer(async (request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    const content = files.get(path) ?? (path.startsWith('/ort/') ? await readFile(join(ORT, basename(path))).catch(() => undefined) : undefined);
    const type = TYPES[path.split('.').at(-1)!] ?? 'text/html';
    response.writeHead(content ? 200 : 404, { 'content-type': type, 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' });
    response.end(content);
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return server;
}

describe.skipIf(!executablePath)('in a browser', { timeout: 120_000 }, () => {
  let server: Server;
  let browser: BrowserContext;
  let page: Page;
  let profile: string;
  const strangers: string[] = [];

  beforeAll(async () => {
    server = await serve();
    profile = mkdtempSync(join(tmpdir(), 'banana-browser-'));
    browser = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args: FLAGS });
    page = await browser.newPage();
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser.on('request', (r) => void (r.url().startsWith(origin) || strangers.push(r.url())));
    page.on('console', (m) => void (m.type() === 'error' && console.error(`page: ${m.text()}`)));
    await page.goto(origin);
    await page.waitForFunction('globalThis.ask');
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(profile, { recursive: true, force: true });
  });

  const ask = <T>(request: 'infer' | 'train', name: 'wasm' | 'webgpu') => page.evaluate(`ask('${request}', '${name}')`) as Promise<T>;

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

  test('the page is isolated, so that WASM has threads, and asked nobody else for anything', async () => {
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(strangers).toEqual([]);
  });
});
