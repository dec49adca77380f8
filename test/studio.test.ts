// The studio as its users have it: built, in a headless Chromium, from files alone (WASM in the tab) and from a server that draws. Every
// request of a page is to its own origin. Skipped, saying so, where there is no Chromium.
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { filesOf, serveWeb, type WebServer } from '../scripts/web-server.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { loadPipeline } from '../src/node/load.ts';
import { saveModel } from '../src/node/models.ts';
import { bananaOf, type Banana } from '../src/sdk/banana.ts';
import { serve, type BananaServer } from '../src/server/listen.ts';
import { shakenModel } from './browser/model.ts';
import { workFolder } from './command.ts';

if (!chromiumPath)
  console.warn('studio.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

/** A busy machine takes many times as long as it needs. */
const PATIENCE = 300_000; // milliseconds

describe.skipIf(!chromiumPath)('the studio', { timeout: PATIENCE }, () => {
  const { folder, remove } = workFolder();
  const [model, site] = [join(folder, 'tiny.safetensors'), join(folder, 'site')];
  let files: WebServer;
  let banana: Banana;
  let server: BananaServer;
  let browser: { context: BrowserContext; close(): Promise<void> };
  const asked: string[] = [];
  const wrong: string[] = [];

  beforeAll(async () => {
    await saveModel(model, shakenModel());
    process.env['STUDIO_MODEL'] = model;
    await build({ root: join(import.meta.dirname, '../apps/studio'), build: { outDir: site }, logLevel: 'error' });
    files = await serveWeb({ bundles: {}, files: filesOf(site) });
    const pipeline = await loadPipeline({ model, threads: 1 });
    const backend = { model: pipeline.model, start: pipeline.serve, close: () => pipeline.release() };
    banana = bananaOf(backend, (one) => encodeImage(one, 'png'));
    server = await serve(banana, { port: 0, pages: site, peels: folder });
    browser = await openChromium({ gpu: false });
    browser.context.on('request', (request) => void asked.push(request.url()));
    browser.context.on('console', (said) => void (said.type() === 'error' && wrong.push(said.text())));
    browser.context.on('weberror', (error) => void wrong.push(String(error.error())));
  }, PATIENCE);
  afterAll(async () => {
    await browser?.close();
    files?.close();
    await server?.close({ patience: 0 });
    await banana?.close();
    remove();
  });

  const hosts = { static: () => `${files.origin}/?threads=1`, server: () => `${server.url}/` };

  async function open(host: keyof typeof hosts): Promise<Page> {
    const page = await browser.context.newPage();
    page.setDefaultTimeout(PATIENCE / 3);
    await page.goto(hosts[host]());
    await page.waitForSelector('[data-phase="ready"]');
    return page;
  }
  /** Types a sentence and waits for its full picture. */
  async function draw(page: Page, prompt: string): Promise<void> {
    await page.fill('#prompt', prompt);
    await settled(page, prompt);
  }
  const settled = (page: Page, prompt: string) => page.waitForSelector(`.stage[data-shows="settled ${prompt}"]`, { state: 'attached' });
  /** The pixels of the canvas as numbers. */
  const canvas = (page: Page) =>
    page.$eval('#picture', (element) => {
      const { width, height } = element as HTMLCanvasElement;
      return [...(element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height).data].join();
    });

  test.each(['static', 'server'] as const)('%s: what is typed is drawn; every change is undone and done again', async (host) => {
    const page = await open(host);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    await page.selectOption('select:near(:text("Longer side"))', '256');
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await page.keyboard.press('Control+a');
    await draw(page, 'a house');
    const house = await canvas(page);
    expect(house).not.toBe(fox);

    await page.waitForTimeout(1100); // what is changed within a second is one change
    await page.click('text="4:3"');
    await page.waitForSelector('#picture[height="192"]');
    await page.keyboard.press('Control+z');
    await page.waitForSelector('#picture[height="256"]');
    await settled(page, 'a house');
    expect(await canvas(page)).toBe(house);
    await page.click('[aria-label="Redo"]');
    await page.waitForSelector('#picture[height="192"]');
    await page.close();
  });

  test('pages asked nobody but their own origin, under a policy without unsafe words, and nothing went wrong', async () => {
    const own = [files.origin, server.url];
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((url) => !own.includes(new URL(url).origin) && !url.startsWith('blob:'))).toEqual([]);
    const policies = [await (await fetch(files.origin)).text(), (await fetch(server.url)).headers.get('content-security-policy')!];
    for (const policy of policies) {
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(policy.replace("'wasm-unsafe-eval'", '')).not.toMatch(/unsafe-/);
    }
    expect(wrong).toEqual([]);
  });
});
