// The studio as its users have it: built, in a headless Chromium, from files alone (WASM in the tab) and from a server that draws. Every
// request of a page is to its own origin. Skipped, saying so, where there is no Chromium.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { filesOf, serveWeb, type WebServer } from '../scripts/web-server.ts';
import { decodeImage, encodeImage } from '../src/disk/codec.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { loadPipeline, readModel } from '../src/node/load.ts';
import { saveModel } from '../src/node/models.ts';
import { bananaOf, type Banana } from '../src/sdk/banana.ts';
import { serve, type BananaServer } from '../src/server/listen.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { trainPeel } from '../src/train/peel/train.ts';
import { discs } from './browser/discs.ts';
import { shakenModel } from './browser/model.ts';
import { workFolder } from './command.ts';
import { tinyLayers } from './tiny-layers.ts';

if (!chromiumPath)
  console.warn('studio.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

/** A busy machine takes many times as long as it needs. */
const PATIENCE = 300_000; // milliseconds
/** And a step of it many times as long, too. */
const SLOW = 100_000;

describe.skipIf(!chromiumPath)('the studio', { timeout: PATIENCE }, () => {
  const { folder, remove } = workFolder();
  const [model, site] = [join(folder, 'tiny.safetensors'), join(folder, 'site')];
  let peel: Uint8Array;
  let files: WebServer;
  let banana: Banana;
  let server: BananaServer;
  let layered: { banana: Banana; server: BananaServer };
  let browser: { context: BrowserContext; close(): Promise<void> };
  const asked: string[] = [];
  const wrong: string[] = [];

  beforeAll(async () => {
    await saveModel(model, shakenModel());
    process.env['STUDIO_MODEL'] = model;
    await build({ root: join(import.meta.dirname, '../apps/studio'), build: { outDir: site }, logLevel: 'error' });
    peel = await trained();
    files = await serveWeb({ bundles: {}, files: filesOf(site) });
    await tinyLayers(join(folder, 'layers.safetensors'));
    ({ banana, server } = await served(model));
    layered = await served(join(folder, 'layers.safetensors'));
    browser = await openChromium({ gpu: false });
    browser.context.on('request', (request) => void asked.push(request.url()));
    browser.context.on('console', (said) => void (said.type() === 'error' && wrong.push(said.text())));
    browser.context.on('weberror', (error) => void wrong.push(String(error.error())));
  }, PATIENCE);
  /** A Peel of two steps: whatever it learned, it changes pictures. */
  async function trained(): Promise<Uint8Array> {
    const { model: given, base } = await readModel(model);
    const options = { name: 'disc', steps: 2, rank: 4, batch: 2, prior: 0, rate: 0.05, samples: false, licence: 'CC0-1.0' } as const;
    const training = trainPeel({ model: given, base, runtime: await ortNode({ threads: 1 }), pictures: discs() }, options);
    for (;;) {
      const { done, value } = await training.next();
      if (done) return Buffer.concat(value.chunks);
    }
  }
  afterAll(async () => {
    await browser?.close();
    files?.close();
    await Promise.all([server, layered?.server].map((one) => one?.close({ patience: 0 })));
    await Promise.all([banana, layered?.banana].map((one) => one?.close()));
    remove();
  });

  const hosts = { static: () => `${files.origin}/?threads=1`, server: () => `${server.url}/`, layered: () => `${layered.server.url}/` };

  /** A banana and a server in this process. */
  async function served(path: string): Promise<{ banana: Banana; server: BananaServer }> {
    const pipeline = await loadPipeline({ model: path, threads: 1 });
    const backend = { model: pipeline.model, start: pipeline.serve, close: () => pipeline.release() };
    const banana = bananaOf(backend, (one) => encodeImage(one, 'png'));
    return { banana, server: await serve(banana, { port: 0, pages: site, peels: folder }) };
  }

  async function open(host: keyof typeof hosts): Promise<Page> {
    const page = await browser.context.newPage();
    page.setDefaultTimeout(SLOW);
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

  /** Drops a file on the page. */
  async function drop(page: Page, file: Uint8Array, name: string): Promise<void> {
    const handle = await page.evaluateHandle(
      ({ text, name }) => {
        const all = new DataTransfer();
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        all.items.add(new File([bytes], name, { type: name.endsWith('.png') ? 'image/png' : '' }));
        return all;
      },
      { text: Buffer.from(file).toString('base64'), name },
    );
    await page.dispatchEvent('.frame', 'drop', { dataTransfer: handle });
  }
  /** What axe finds that is serious or worse. */
  async function faults(page: Page): Promise<string[]> {
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const found = (await page.evaluate(
      "axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })",
    )) as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

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

  test('a Peel that is dropped is put on, weighed, and taken off again', async () => {
    const page = await open('static');
    await page.selectOption('select:near(:text("Longer side"))', '256');
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await drop(page, peel, 'disc.safetensors');
    await page.click('#tab-peels');
    await page.waitForSelector('label:has-text("disc") input:checked');
    await expect.poll(() => canvas(page), { timeout: SLOW }).not.toBe(fox);
    await page.uncheck('label:has-text("disc") input');
    await expect.poll(() => canvas(page), { timeout: SLOW }).toBe(fox);
    await page.close();
  });

  test('a picture is saved with its recipe, kept, taken up again by dropping its file, and deleted for good', async () => {
    const page = await open('server');
    await page.selectOption('select:near(:text("Longer side"))', '256');
    await draw(page, 'two birds');
    const [birds, seed] = [await canvas(page), await page.inputValue('input[type="number"]')];
    await page.click('#tab-export');
    const file: Record<string, Buffer> = {};
    for (const format of ['PNG', 'WEBP', 'JPEG']) {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(`.panel button:has-text("${format}")`)]);
      expect(download.suggestedFilename()).toBe(`two-birds-${seed}.${format.toLowerCase()}`);
      file[format] = readFileSync(await download.path());
    }
    expect(readRecipe(file['PNG']!)).toMatchObject({ prompt: 'two birds', seed: Number(seed), width: 256 });
    expect((await decodeImage(file['WEBP']!)).width).toBe(256);
    expect((await decodeImage(file['JPEG']!)).height).toBe(256);
    await page.keyboard.press('Control+s');
    await page.click('#tab-gallery');
    await page.waitForSelector('.grid img');
    await page.waitForTimeout(1100);
    await draw(page, 'a tower');
    await drop(page, file['PNG']!, 'birds.png');
    await settled(page, 'two birds');
    expect(await canvas(page)).toBe(birds);
    await page.click('.grid [aria-label^="Delete"]');
    await page.waitForSelector('.grid img', { state: 'detached' });
    await page.reload();
    await page.click('#tab-gallery');
    await page.waitForSelector('text="Nothing is kept yet. Pictures stay in this browser and go nowhere else."');
    await page.close();
  });

  test('layers of a model that has them are hidden, moved, laid over one another and deleted, and all of it is undone', async () => {
    const page = await open('layered');
    await page.selectOption('select:near(:text("Longer side"))', '256');
    await draw(page, 'a fox');
    const whole = await canvas(page);
    await page.click('#tab-layers');
    const rows = await page.locator('.layer').count();
    expect(rows).toBeGreaterThan(1);
    await page.waitForTimeout(1100);
    const changed = async (act: () => Promise<void>) => {
      const from = await canvas(page);
      await act();
      await expect.poll(() => canvas(page), { timeout: SLOW }).not.toBe(from);
    };
    await changed(() => page.click('.layer:last-child [aria-label^="Show"]'));
    await changed(() => page.fill('.layer:first-child input[type="range"] >> nth=0', '60'));
    await page.click('.layer:first-child [aria-label^="To the back"]');
    await changed(() => page.click('.layer:first-child [aria-label^="Delete"]'));
    expect(await page.locator('.layer').count()).toBe(rows - 1);
    for (let i = 0; i < 4; i++) await page.keyboard.press('Control+z');
    await page.waitForSelector('button:has-text("As they were drawn"):disabled');
    expect(await page.locator('.layer').count()).toBe(rows);
    expect(await canvas(page)).toBe(whole);
    expect(await faults(page)).toEqual([]);
    await page.close();
  });

  test('it draws variations, compares, and starts from a picture with a mask', async () => {
    const page = await open('server');
    await page.selectOption('select:near(:text("Longer side"))', '256');
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await page.click('#tab-vary');
    await page.click('text="Draw 6 others"');
    await page.waitForSelector('.grid li:nth-child(6)');
    await page.click('text="This is before"');
    await page.click('.grid li:nth-child(2) button');
    await expect.poll(() => canvas(page), { timeout: SLOW }).not.toBe(fox);
    expect(await page.isVisible('[aria-label="Line between before and after"]')).toBe(true);
    await page.click('#tab-start');
    await page.click('text="From the canvas"');
    await page.hover('.strokes');
    await page.mouse.down();
    await page.mouse.move(1000, 400, { steps: 3 });
    await page.mouse.up();
    await page.waitForSelector('button:has-text("No mask"):enabled');
    await page.keyboard.press('Control+z');
    await page.waitForSelector('button:has-text("No mask"):disabled');
    await page.keyboard.press('Control+z');
    await page.waitForSelector('.mask', { state: 'detached' });
    await page.close();
  });

  test('by keyboard, in Dutch, in the dark, on a phone: usable, and axe finds nothing serious', async () => {
    const page = await open('server');
    await draw(page, 'a fox');
    for (const tab of ['picture', 'start', 'peels', 'vary', 'gallery', 'export']) {
      expect(await page.getAttribute(`#tab-${tab}`, 'aria-selected')).toBe('true');
      expect(await faults(page), tab).toEqual([]);
      await page.focus(`#tab-${tab}`);
      await page.keyboard.press('ArrowRight');
    }
    await page.selectOption('[aria-label="Colours"]', 'dark');
    await page.selectOption('[aria-label="Language"]', 'nl');
    expect(await page.getAttribute('html', 'lang')).toBe('nl');
    expect(await page.innerText('.tablist')).toContain('Tekening');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await faults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const heights = await page.$$eval('.tablist button, .panel button, .panel select', (all) =>
      all.map((one) => one.getBoundingClientRect().height),
    );
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
    await page.click('#tab-export');
    expect(await page.isVisible('.panel button:has-text("PNG")')).toBe(true);
    await page.selectOption('[aria-label="Taal"]', 'en');
    await page.close();
  });

  test.each(['static', 'server'] as const)('%s: after the first visit it opens and draws without a network', async (host) => {
    const page = await open(host);
    await page.waitForSelector('html[data-offline="ready"]', { state: 'attached' });
    await browser.context.setOffline(true);
    await page.reload();
    await page.waitForSelector('[data-phase="ready"]');
    expect(await page.innerText('#status')).toBe('drawn in this tab (wasm)');
    await draw(page, 'a fox');
    await browser.context.setOffline(false);
    await page.close();
  });

  test('pages asked nobody but their own origin, under a policy without unsafe words, and nothing went wrong', async () => {
    const own = [files.origin, server.url, layered.server.url];
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
