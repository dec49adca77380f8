// What the studio costs in a browser: headless Chromium, files alone, the model that is loaded first, WASM on one thread.
//   npm run bench:studio -- [--json FILE] [--pictures 200]
// The first load (bytes with gzip, seconds until it draws), how long after its last key a sentence changes the canvas, and what 200 pictures
// in one tab add to its memory (page and workers, as Chromium counts it).
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { openChromium } from '../scripts/chromium.ts';
import { filesOf, serveWeb } from '../scripts/web-server.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { describeMachine, machineLine, provenance } from './machine.ts';
import { summarize } from './timing.ts';

const SENTENCES = ['a red fox in the snow', 'two cats', 'a blue house at night', 'a green tree', 'a robot and a car', 'an owl', 'a boat'];
const PATIENCE = 600_000; // milliseconds
/** Pictures before memory is first counted: caches are full by then. */
const WARM = 20;

const root = join(import.meta.dirname, '..');
const site = join(root, 'apps/studio/dist');

/** Milliseconds from the last key of a sentence to the first frame that shows all of it. */
async function latency(page: Page, sentence: string): Promise<number> {
  await page.fill('#prompt', '');
  await page.locator('#prompt').pressSequentially(sentence.slice(0, -1), { delay: 60 });
  return page.evaluate(
    ([before, whole]) =>
      new Promise<number>((resolve) => {
        const [stage, prompt] = [document.querySelector('.stage')!, document.querySelector<HTMLTextAreaElement>('#prompt')!];
        const from = performance.now();
        new MutationObserver((_, watch) => {
          if (!stage.getAttribute('data-shows')?.endsWith(` ${whole}`)) return;
          watch.disconnect();
          requestAnimationFrame(() => resolve(performance.now() - from));
        }).observe(stage, { attributes: true });
        prompt.value = whole!;
        prompt.dispatchEvent(new InputEvent('input', { bubbles: true, data: whole!.slice(before!.length) }));
      }),
    [sentence.slice(0, -1), sentence],
  );
}

/** Bytes of the page and its workers. */
const memory = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const { bytes } = await (
      performance as unknown as { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> }
    ).measureUserAgentSpecificMemory();
    return bytes;
  });

/** Draws pictures of other seeds, one after the other. */
async function draw(page: Page, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const before = await page.getAttribute('.stage', 'data-version');
    await page.click('text="Another one"');
    await page.waitForFunction(
      (old) => {
        const stage = document.querySelector('.stage')!;
        return stage.getAttribute('data-version') !== old && stage.getAttribute('data-shows')!.startsWith('settled');
      },
      before,
      { timeout: PATIENCE },
    );
  }
}

const { values } = parseArgs({ options: { json: { type: 'string' }, pictures: { type: 'string', default: '200' } } });
const machine = describeMachine();
console.log(machineLine(machine));
await build({ root: join(root, 'apps/studio'), logLevel: 'error' });
const server = await serveWeb({ bundles: {}, files: filesOf(site) });
const { context, close } = await openChromium({ gpu: false });
try {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${server.origin}/?threads=1`);
  await page.waitForSelector('[data-phase="ready"]');
  const ready = Number(await page.evaluate('performance.now()')) / 1000;
  const first = [...new Set(server.requests)].filter((path) => filesOf(site)[path]);
  const sizes = await Promise.all(first.map(async (path) => gzipSync(await readFile(filesOf(site)[path]!)).length));
  const bytes = sizes.reduce((a, b) => a + b, 0);
  console.log(`first load ${(bytes / 1e6).toFixed(1)} MB with gzip, draws after ${ready.toFixed(1)} s`);

  await page.selectOption('select:near(:text("Longer side"))', '256');
  const found: number[] = [];
  for (const sentence of SENTENCES) found.push(await latency(page, sentence));
  const { median } = summarize(found);
  console.log(`canvas after the last key: median ${median.toFixed(0)} ms, most ${Math.max(...found).toFixed(0)} ms, of ${found.length}`);

  const pictures = Number(values.pictures);
  await draw(page, WARM);
  const before = await memory(page);
  await draw(page, pictures);
  const after = await memory(page);
  const growth = after / before - 1;
  console.log(`${pictures} pictures: ${(before / 1e6).toFixed(1)} to ${(after / 1e6).toFixed(1)} MB, ${(100 * growth).toFixed(1)} %`);
  const result = {
    ...provenance('npm run bench:studio --'),
    machine,
    first: { bytes, readySeconds: ready },
    latency: { median, all: found },
    memory: { pictures, before, after, growth },
  };
  if (values.json) await writeFileWhole(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
} finally {
  await close();
  server.close();
}
