// What the tests of the studio do with its page, and see on it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** A busy machine takes many times as long as it needs: for one step, in milliseconds. */
export const SLOW = 250_000;
/** Changes within a second are one step of the history. */
export const APART = 1050;

export const SIDE = 'select:near(:text("Longer side"))';
export const MODEL = 'select:near(:text("Model"))';

export const ready = (page: Page) => page.waitForSelector('[data-phase="ready"]');

/** Types a sentence and waits for its full picture. */
export async function draw(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await settled(page, prompt);
}
export const settled = (page: Page, prompt: string) =>
  page.waitForSelector(`.stage[data-shows="settled ${prompt}"]`, { state: 'attached' });

/** Draws by one seed from here on: what lies over what is by chance. */
export async function sameSeed(page: Page): Promise<void> {
  await page.fill('.panel input[type="number"]', '3');
  const lock = page.locator('[aria-label="Keep the seed for the next sentence"]');
  if ((await lock.getAttribute('aria-pressed')) !== 'true') await lock.click();
}

/** Draws with another model. */
export async function use(page: Page, id: string): Promise<void> {
  await page.click('#tab-picture');
  await page.selectOption(MODEL, id);
  await opens(page, id);
}
/** Waits for another model. */
export const opens = (page: Page, id: string) => page.waitForSelector(`.stage[data-model="${id}"][data-phase="ready"]`);

/** The pixels of the canvas as a text. */
export const canvas = (page: Page) =>
  page.$eval('#picture', (element) => {
    const { width, height } = element as HTMLCanvasElement;
    const { data } = (element as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height);
    return String.fromCharCode(...data.filter((_, i) => i % 13 === 0));
  });
/** Waits until the canvas shows what it showed. */
export const shows = (page: Page, picture: string, yes = true) =>
  expect.poll(() => canvas(page).then((now) => now === picture), { timeout: SLOW }).toBe(yes);
/** Does something, and waits until the canvas shows something else. */
export async function changes(page: Page, act: () => Promise<unknown>): Promise<void> {
  const from = await canvas(page);
  await act();
  await shows(page, from, false);
}

/** Drags a finger over the screen, by shares of an element's size from its middle. */
export async function swipe(page: Page, selector: string, dx: number, dy: number): Promise<void> {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await page.locator(selector).boundingBox())!;
  const finger = await page.context().newCDPSession(page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', points: readonly { x: number; y: number }[]) =>
    finger.send('Input.dispatchTouchEvent', { type, touchPoints: [...points] });
  const at = (share: number) => ({ x: x + width * (0.5 + share * dx), y: y + height * (0.5 + share * dy) });
  await touch('touchStart', [at(0)]);
  for (const share of [0.25, 0.5, 0.75, 1]) await touch('touchMove', [at(share)]);
  await touch('touchEnd', []);
  await finger.detach();
}
/** A tap of a finger. */
export const tap = (page: Page, selector: string) => swipe(page, selector, 0, 0);

/** Presses on something and drags to a place beside its middle. */
export async function stroke(page: Page, selector: string, dx: number, dy: number): Promise<void> {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await page.locator(selector).boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  await page.mouse.move(x + width / 2 + dx, y + height / 2 + dy, { steps: 3 });
  await page.mouse.up();
}

/** Drops a file on the page. */
export async function drop(page: Page, file: Uint8Array, name: string): Promise<void> {
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
export async function saved(page: Page, press: () => Promise<unknown>): Promise<{ name: string; file: Buffer }> {
  const [download] = await Promise.all([page.waitForEvent('download'), press()]);
  return { name: download.suggestedFilename(), file: readFileSync(await download.path()) };
}

/** What axe finds that is serious or worse. */
export async function faults(page: Page): Promise<string[]> {
  if (!(await page.evaluate('"axe" in globalThis')))
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const found = (await page.evaluate(
    "axe.run({ resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] })",
  )) as { violations: { id: string; impact: string; nodes: { html: string }[] }[] };
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
