// The studio as its users have it: built, in a headless Chromium, from files alone (WASM in the tab) and from a server that draws. One
// browser, one build, one server, and a page for each host that the tests go on with, because opening one is what takes the time. Every
// request is to the page's own origin. Skipped, saying so, where there is no Chromium.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import Psd from '@webtoon/psd';
import type { BrowserContext, Page } from 'playwright-core';
import { unzip } from 'unzipit';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { filesOf, serveWeb, type WebServer } from '../scripts/web-server.ts';
import { decodeImage, encodeImage } from '../src/disk/codec.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { loadPipeline } from '../src/node/load.ts';
import { saveModel } from '../src/node/models.ts';
import { bananaOf, type Banana } from '../src/sdk/banana.ts';
import { serve, type BananaServer } from '../src/server/listen.ts';
import { discs } from './browser/discs.ts';
import { shakenModel } from './browser/model.ts';
import { workFolder } from './command.ts';
import { tinyLayers } from './tiny-layers.ts';

if (!chromiumPath)
  console.warn('studio.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

/** A busy machine takes many times as long as it needs. */
const PATIENCE = 600_000; // milliseconds
/** And a step of it many times as long, too. */
const SLOW = 250_000;
/** Changes within a second are one step of the history. */
const APART = 1050;

describe.skipIf(!chromiumPath)('the studio', { timeout: PATIENCE }, () => {
  const { folder, remove } = workFolder();
  const [models, site] = [join(folder, 'models'), join(folder, 'site')];
  let files: WebServer;
  /** Of servers that were there for one test. */
  const origins: string[] = [];
  let banana: Banana;
  let server: BananaServer;
  let browser: { context: BrowserContext; close(): Promise<void> };
  const asked: string[] = [];
  const wrong: string[] = [];
  const pages = new Map<string, Promise<Page>>();

  beforeAll(async () => {
    mkdirSync(models);
    await saveModel(join(models, 'pico.safetensors'), shakenModel());
    await tinyLayers(join(models, 'pico-layers.safetensors'));
    process.env['STUDIO_MODELS'] = models;
    await build({ root: join(import.meta.dirname, '../apps/studio'), build: { outDir: site, minify: false }, logLevel: 'error' });
    files = await serveWeb({ bundles: {}, files: filesOf(site) });
    const pipeline = await loadPipeline({ model: join(models, 'pico-layers.safetensors'), threads: 1 });
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

  /** The page of a host, opened once, as it is after the tests before; with its Picture panel in front, and small pictures. */
  async function opened(host: keyof typeof hosts): Promise<Page> {
    const found = pages.get(host) ?? browser.context.newPage();
    pages.set(host, found);
    const page = await found;
    page.setDefaultTimeout(SLOW);
    if (page.url() === 'about:blank') await page.goto(hosts[host]());
    await ready(page);
    await page.bringToFront();
    await page.click('#tab-picture');
    await page.selectOption(SIDE, '256');
    await page.waitForTimeout(APART);
    return page;
  }
  const SIDE = 'select:near(:text("Longer side"))';
  const ready = (page: Page) => page.waitForSelector('[data-phase="ready"]');
  /** Types a sentence and waits for its full picture. */
  async function draw(page: Page, prompt: string): Promise<void> {
    await page.fill('#prompt', prompt);
    await settled(page, prompt);
  }
  const settled = (page: Page, prompt: string) => page.waitForSelector(`.stage[data-shows="settled ${prompt}"]`, { state: 'attached' });
  /** The pixels of the canvas as a text. */
  const canvas = (page: Page) =>
    page.$eval('#picture', (element) => {
      const { width, height } = element as HTMLCanvasElement;
      const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
      return String.fromCharCode(...data.filter((_, i) => i % 13 === 0));
    });
  /** Does something, and waits until the canvas shows something else. */
  async function changes(page: Page, act: () => Promise<unknown>): Promise<void> {
    const from = await canvas(page);
    await act();
    await expect.poll(() => canvas(page).then((now) => now === from), { timeout: SLOW }).toBe(false);
  }

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
  /** The file that a press saves, with its name. */
  async function saved(page: Page, press: () => Promise<unknown>): Promise<{ name: string; file: Buffer }> {
    const [download] = await Promise.all([page.waitForEvent('download'), press()]);
    return { name: download.suggestedFilename(), file: readFileSync(await download.path()) };
  }
  /** What axe finds that is serious or worse. */
  async function faults(page: Page): Promise<string[]> {
    if (!(await page.evaluate('"axe" in globalThis')))
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const found = (await page.evaluate(
      "axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })",
    )) as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
    return found.violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  test.each(['static', 'server'] as const)('%s: what is typed is drawn; every change is undone and done again', async (host) => {
    const page = await opened(host);
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await page.waitForTimeout(APART);
    await changes(page, () => draw(page, 'a house'));
    await page.click('text="4:3"');
    await page.waitForSelector('#picture[height="192"]');
    await page.keyboard.press('Control+z');
    await page.keyboard.press('Control+z');
    await settled(page, 'a fox');
    await expect.poll(() => canvas(page).then((now) => now === fox), { timeout: SLOW }).toBe(true);
    await page.click('[aria-label="Redo"]');
    await page.click('[aria-label="Redo"]');
    await page.waitForSelector('#picture[height="192"]');
    await page.click('text="1:1"');
    await settled(page, 'a house');
  });

  test('layers are dragged, scaled, copied, hidden, laid behind, replaced, deleted; all of it by keys too, and all of it is undone', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    const whole = await canvas(page);
    await page.click('#tab-layers');
    const rows = await page.locator('.layer').count();
    expect(rows).toBeGreaterThan(1);
    const undone: string[] = [];
    const step = async (act: () => Promise<unknown>) => {
      undone.push(await canvas(page));
      await changes(page, act);
      await page.waitForTimeout(APART);
    };
    await page.click('.layer:first-child .select');
    const box = (await page.locator('.box').boundingBox())!;
    await step(async () => {
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await page.focus('.box');
      await page.keyboard.press('ArrowRight');
    });
    const moved = (await page.locator('.box').boundingBox())!;
    expect(moved.x - box.x).toBeCloseTo((await page.locator('.view').boundingBox())!.width / 100, 0);
    await step(async () => {
      const corner = (await page.locator('.corner.se').boundingBox())!;
      await page.mouse.move(corner.x + corner.width / 2, corner.y + corner.height / 2);
      await page.mouse.down();
      await page.mouse.move(corner.x - 30, corner.y - 30, { steps: 2 });
      await page.mouse.up();
    });
    expect((await page.locator('.box').boundingBox())!.width).toBeLessThan(moved.width - 30);
    await step(() => page.click('[aria-label^="Copy"]'));
    expect(await page.locator('.layer').count()).toBe(rows + 1);
    await step(() => page.press('.box', 'PageDown'));
    await step(() => page.press('.box', 'h'));
    await step(() => page.press('.box', 'h'));
    const red = await encodeImage(
      { width: 8, height: 8, data: new Uint8ClampedArray(256).map((_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : 0)) },
      'png',
    );
    await step(() => page.setInputFiles('.layer input[type="file"]', { name: 'red.png', mimeType: 'image/png', buffer: Buffer.from(red) }));
    await step(() => page.press('.box', 'Delete'));
    expect(await page.locator('.layer').count()).toBe(rows);
    for (const picture of undone.toReversed()) {
      await page.keyboard.press('Control+z');
      await expect.poll(() => canvas(page).then((now) => now === picture), { timeout: SLOW }).toBe(true);
    }
    expect(undone[0] === whole).toBe(true);
    expect(await page.isDisabled('button:has-text("As they were drawn")')).toBe(true);
    expect(await faults(page)).toEqual([]);
  });

  test('a layer is drawn anew by words of its own, and one that is kept stays in the next picture', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    await page.click('#tab-layers');
    if ((await page.getAttribute('.layer:first-child .select', 'aria-expanded')) === 'false')
      await page.click('.layer:first-child .select');
    await page.fill('.layer input[type="text"]', 'an owl');
    await changes(page, () => page.click('text="Draw anew"'));
    await page.waitForSelector('.layer:first-child .select:has-text("an owl")');
    const owl = () => page.$eval('.layer:first-child canvas', (one) => (one as HTMLCanvasElement).toDataURL());
    const before = await owl();
    await page.click('[aria-label="Keep: an owl"]');
    await page.waitForTimeout(APART);
    await draw(page, 'a house');
    await page.waitForSelector('.layer .select:has-text("an owl")');
    expect(await owl()).toBe(before);
    for (let i = 0; i < 3; i++) await page.keyboard.press('Control+z');
    await settled(page, 'a fox');
    await expect.poll(() => page.locator('.select:has-text("an owl")').count()).toBe(0);
  });

  test('a picture is saved with its recipe, kept, taken up again by dropping its file, and deleted for good', async () => {
    const page = await opened('server');
    await draw(page, 'two birds');
    const [birds, seed] = [await canvas(page), await page.inputValue('input[type="number"]')];
    await page.click('#tab-export');
    const file: Record<string, Buffer> = {};
    for (const format of ['PNG', 'WEBP', 'JPEG']) {
      const found = await saved(page, () => page.click(`.panel button:has-text("${format}")`));
      expect(found.name).toBe(`two-birds-${seed}.${format.toLowerCase()}`);
      file[format] = found.file;
    }
    expect(readRecipe(file['PNG']!)).toMatchObject({ prompt: 'two birds', seed: Number(seed), width: 256 });
    const layered = async (label: string) => (await saved(page, () => page.click(`.panel button:has-text("${label}")`))).file;
    const psd = Psd.parse(new Uint8Array(await layered('PSD')).buffer);
    expect([psd.width, psd.height]).toEqual([256, 256]);
    const names = psd.layers.map(({ name }: { name: string }) => name);
    expect(names.length).toBeGreaterThan(1);
    expect(names.at(-1)).toBe('What is behind');
    const zipped = async (file: Uint8Array) => Object.keys((await unzip(file)).entries);
    expect((await zipped(await layered('ORA'))).filter((name) => name.startsWith('data/'))).toHaveLength(names.length);
    expect(await zipped(await layered('Sprite sheet'))).toEqual(['sheet.png', 'sheet.json']);
    const svg = await layered('SVG');
    expect(readRecipe(svg)).toMatchObject({ prompt: 'two birds' });
    expect(svg.toString().match(/<g id="layer-/g)).toHaveLength(names.length);
    expect((await decodeImage(file['WEBP']!)).width).toBe(256);
    expect((await decodeImage(file['JPEG']!)).height).toBe(256);
    await page.keyboard.press('Control+s');
    await page.click('#tab-gallery');
    await page.waitForSelector('.grid img');
    await page.waitForTimeout(APART);
    await draw(page, 'a tower');
    await drop(page, file['PNG']!, 'birds.png');
    await settled(page, 'two birds');
    await expect.poll(() => canvas(page).then((now) => now === birds), { timeout: SLOW }).toBe(true);
    await page.click('.grid [aria-label^="Delete"]');
    await page.waitForSelector('.grid img', { state: 'detached' });
    await page.reload();
    await page.click('#tab-gallery');
    await page.waitForSelector('text="Nothing is kept yet. Pictures stay in this browser and go nowhere else."');
  });

  test('it draws variations and compares', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    await page.click('#tab-vary');
    await page.click('text="Draw 6 others"');
    await page.waitForSelector('.grid li:nth-child(6)');
    await page.click('text="This is before"');
    await changes(page, () => page.click('.grid li:nth-child(2) button'));
    expect(await page.isVisible('[aria-label="Line between before and after"]')).toBe(true);
    await page.click('text="No comparison"');
  });

  test('a character of the shelf is drawn where the sentence names it, in every scene; from near a part is drawn anew', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    await page.click('#tab-subjects');
    await page.click('text="From the canvas"');
    await page.waitForSelector('.shelf');
    expect(await page.inputValue('.shelf input')).toBe('a fox');
    await page.fill('#prompt', '<1> and a house');
    await settled(page, 'a fox and a house'); // which is what this model is told
    await page.click('#tab-layers');
    expect(await page.locator('.layer').count()).toBeGreaterThan(1);
    await page.click('#tab-subjects');
    await page.fill('.panel textarea', '<1> at night\n\na house');
    await page.click('text="Draw the scenes"');
    await page.waitForSelector('.grid li:nth-child(2)');
    await page.click('[aria-label="Delete: <1>"]');
    for (let i = 0; i < 3; i++) await page.click('[aria-label="Nearer"]');
    await page.waitForSelector('.close-up canvas');
    for (let i = 0; i < 3; i++) await page.click('[aria-label="Farther"]');
    await page.waitForSelector('.close-up', { state: 'detached' });
  });

  test('by keyboard, in Dutch, in the dark, on a phone: usable, and axe finds nothing serious', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    const tabs = await page.$$eval('[role="tab"]', (all) => all.map(({ id }) => id));
    expect(tabs.length).toBeGreaterThan(6);
    await page.focus(`#${tabs[0]}`);
    for (const tab of tabs) {
      expect(await page.getAttribute(`#${tab}`, 'aria-selected')).toBe('true');
      expect(await faults(page), tab).toEqual([]);
      await page.keyboard.press('ArrowRight');
    }
    await page.selectOption('[aria-label="Colours"]', 'dark');
    await page.selectOption('[aria-label="Language"]', 'nl');
    expect(await page.getAttribute('html', 'lang')).toBe('nl');
    expect(await page.textContent('.tablist')).toContain('Tekening');
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await faults(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    await page.click('#tab-layers');
    const controls = '.tablist button, .panel button, .panel select';
    const heights = await page.$$eval(controls, (all) => all.map((one) => one.getBoundingClientRect().height));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
    await page.click('#tab-export');
    expect(await page.isVisible('.panel button:has-text("PNG")')).toBe(true);
    await page.selectOption('[aria-label="Taal"]', 'en');
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  test('files alone: what a model cannot do is grey, another one can; a Peel learns six pictures to its end and works', async () => {
    const page = await opened('static');
    expect(await page.getAttribute('#tab-layers', 'aria-disabled')).toBe('false');
    await page.selectOption('select:near(:text("Model"))', 'tab/pico');
    await ready(page);
    expect(await page.getAttribute('#tab-layers', 'aria-disabled')).toBe('true');
    await draw(page, 'a fox');
    const fox = await canvas(page);
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
    await settled(page, 'a fox');
    await page.click('text="Camera"');
    await page.waitForSelector('.seen');
    await changes(page, async () => {});
    await page.click('text="Camera off"');
    await page.click('text="Sketch"');
    await page.waitForSelector('.mask');
    await changes(page, async () => {
      await page.hover('.strokes');
      await page.mouse.down();
      await page.mouse.move(1000, 420, { steps: 3 });
      await page.mouse.up();
    });
    await page.click('text="Start from words alone"');
    await settled(page, 'a fox');
    await expect.poll(() => canvas(page).then((now) => now === fox), { timeout: SLOW }).toBe(true);

    await page.click('#tab-peels');
    const lessons = discs().slice(0, 6);
    expect(lessons).toHaveLength(6);
    const pictures = lessons.map(async ({ image, caption }, i) => ({
      name: `${i} ${caption}.png`,
      mimeType: 'image/png',
      buffer: Buffer.from(await encodeImage(image, 'png')),
    }));
    await page.setInputFiles('.training input[type="file"]', await Promise.all(pictures));
    await page.fill('.training [placeholder="by the minutes"]', '2');
    const peel = await saved(page, () => page.click('.training button.main'));
    expect(peel.name).toBe('mine.safetensors');
    const isFox = (yes: boolean) => expect.poll(() => canvas(page).then((now) => now === fox), { timeout: SLOW }).toBe(yes);
    await page.waitForSelector('label:has-text("mine") input:checked');
    await isFox(false);
    await page.click('[aria-label="Delete: mine"]');
    await isFox(true);
    await drop(page, peel.file, 'mine.safetensors');
    await page.waitForSelector('label:has-text("mine") input:checked');
    await isFox(false);
  });

  test('a server with a key asks for it', async () => {
    const locked = await serve(banana, { port: 0, pages: site, peels: folder, key: 'sesame' });
    const page = await browser.context.newPage();
    page.setDefaultTimeout(SLOW);
    const before = wrong.length;
    await page.goto(locked.url);
    await page.fill('#key', 'wrong');
    await page.press('#key', 'Enter');
    await page.waitForSelector('[data-phase="locked"]');
    expect(await faults(page)).toEqual([]);
    await page.fill('#key', 'sesame');
    await page.press('#key', 'Enter');
    await ready(page);
    await page.close();
    await locked.close({ patience: 0 });
    expect(wrong.splice(before).every((line) => line.includes('401'))).toBe(true);
    origins.push(locked.url);
  });

  test('after the first visit it opens and draws without a network', async () => {
    const page = await opened('server');
    await page.waitForSelector('html[data-offline="ready"]', { state: 'attached' });
    await browser.context.setOffline(true);
    await page.reload();
    await ready(page);
    expect(await page.textContent('#status')).toBe('drawn in this tab (wasm)');
    await page.selectOption(SIDE, '256');
    await draw(page, 'a fox');
    await browser.context.setOffline(false);
  });

  test('pages asked nobody but their own origin, under a policy without unsafe words, and nothing went wrong', async () => {
    const own = [files.origin, server.url, ...origins];
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
