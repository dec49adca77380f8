// Pictures of the studio for docs/studio.md, and what it measures: built with the shipped model, in headless Chromium, from files alone.
//   npx tsx scripts/studio-shots.ts
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import { build } from 'vite';
import { encodeImage } from '../src/disk/codec.ts';
import { discs } from '../test/browser/discs.ts';
import { openChromium } from './chromium.ts';
import { filesOf, serveWeb } from './web-server.ts';

const root = join(import.meta.dirname, '..');
const [site, folder] = [join(root, 'apps/studio/dist'), join(root, 'docs/studio')];
const PATIENCE = 1_200_000; // milliseconds: before its first step a Peel is prepared, which a busy machine takes minutes for
const QUALITY = 70;

/** The page as it is when nothing moves on it any more. */
async function shot(page: Page, name: string): Promise<void> {
  await page.evaluate('Promise.all(document.getAnimations().map(({ finished }) => finished))');
  await writeFile(
    join(folder, `${name}.webp`),
    await sharp(await page.screenshot())
      .webp({ quality: QUALITY, effort: 6 })
      .toBuffer(),
  );
}

const settled = (page: Page, prompt: string) => page.waitForSelector(`.stage[data-shows="settled ${prompt}"]`, { state: 'attached' });

/** Types letter by letter; the latencies of the previews that were seen, in milliseconds. */
async function typed(page: Page, text: string): Promise<number[]> {
  const found: number[] = [];
  for (const letter of text) {
    await page.locator('#prompt').pressSequentially(letter);
    await page.waitForTimeout(250);
    const ms = /(\d[\d,]*) ms after/.exec(await page.innerText('#status'))?.[1];
    if (ms) found.push(Number(ms.replace(',', '')));
  }
  return found;
}

const median = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

await build({ root: join(root, 'apps/studio'), logLevel: 'error' });
await mkdir(folder, { recursive: true });
const server = await serveWeb({ bundles: {}, files: filesOf(site) });
const { context, close } = await openChromium({ gpu: false });
try {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${server.origin}/?threads=1`);
  await page.waitForSelector('[data-phase="ready"]');
  const interactive = await page.evaluate('performance.now()');
  const first = [...new Set(server.requests)];
  const sizes = await Promise.all(first.map(async (path) => gzipSync(await readFile(filesOf(site)[path]!)).length));
  console.log(
    `ready after ${(Number(interactive) / 1000).toFixed(1)} s, ${(sizes.reduce((a, b) => a + b, 0) / 1e6).toFixed(1)} MB with gzip`,
  );

  const latencies = await typed(page, 'a red fox in the snow');
  console.log(`median latency of a preview: ${median(latencies)} ms of ${latencies.length}`);
  await settled(page, 'a red fox in the snow');
  await shot(page, 'desktop');

  await page.setViewportSize({ width: 390, height: 844 });
  await page.evaluate('scrollTo(0, 0)');
  await shot(page, 'phone');
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.click('#tab-layers');
  await page.click('.layer:first-child .select');
  await page.waitForSelector('.box');
  await page.press('.box', 'Shift+ArrowRight');
  await shot(page, 'layers');
  await page.click('button:has-text("As they were drawn")');

  await page.click('#tab-vary');
  await page.click('text="Draw 6 others"');
  await page.waitForSelector('.grid li:nth-child(6)');
  await page.click('text="This is before"');
  const version = await page.getAttribute('.stage', 'data-version');
  await page.click('.grid li:nth-child(3) button');
  await page.waitForSelector(`.stage[data-shows^="settled"]:not([data-version="${version}"])`, { state: 'attached' });
  await page.selectOption('[aria-label="Colours"]', 'dark');
  await shot(page, 'variations');
  await page.click('text="No comparison"');

  await page.click('#tab-peels');
  const pictures = await Promise.all(
    discs().map(async ({ image, caption }) => ({
      name: `${caption}.png`,
      mimeType: 'image/png',
      buffer: Buffer.from(await encodeImage(image, 'png')),
    })),
  );
  await page.setInputFiles('.training input[type="file"]', pictures);
  await page.fill('.training input[type="number"]', '1');
  await page.click('.training button.main');
  await page.waitForSelector('.curve polyline[points*=" "]', { state: 'attached' });
  await page.locator('.curve').scrollIntoViewIfNeeded();
  await shot(page, 'training');
  await page.click('.training button:has-text("Stop")');
  await page.waitForSelector('text="Stopped. Train again goes on from here."');
} finally {
  await close();
  server.close();
}
