// Scenarios of the studio: drawing. What is typed, undone, varied, looked at from near; models, and what each of them can.
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { ABLE, PLAIN, TINY, type Opened } from './hosts.ts';
import { APART, canvas, changes, draw, opens, settled, shows, stroke, use } from './page.ts';

export function drawing(opened: Opened): void {
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
    await shows(page, fox);
    await page.click('[aria-label="Redo"]');
    await page.click('[aria-label="Redo"]');
    await page.waitForSelector('#picture[height="192"]');
    await page.click('text="1:1"');
    await settled(page, 'a house');
  });

  test('server: what a model cannot do is grey and says so, another one is a press away: a start, a mask, the camera, a sketch', async () => {
    const page = await opened('server');
    await draw(page, 'a fox');
    expect(await page.getAttribute('#tab-layers', 'aria-disabled')).toBe('false');
    expect(await page.getAttribute('#tab-start', 'aria-disabled')).toBe('true');
    await page.click('#tab-start', { force: true }); // it is grey, and says why
    await page.waitForSelector(`text="${TINY} cannot start from a picture."`);
    await page.click('text="Draw with turbo, by the server"');
    await opens(page, 'server/turbo');
    await settled(page, 'a fox');
    const fox = await canvas(page);
    expect(await page.getAttribute('#tab-layers', 'aria-disabled')).toBe('true');
    await startedFrom(page, fox);
    await page.click('#tab-layers', { force: true });
    await page.waitForSelector('text="turbo cannot draw in layers."');
    await page.click(`text="Draw with ${TINY}, by the server"`);
    await opens(page, `server/${TINY}`);
    await page.waitForSelector('.layer');
  });

  test('files alone: the same with the models that lie beside the page', async () => {
    const page = await opened('static');
    expect(await page.getAttribute('#tab-start', 'aria-disabled')).toBe('true');
    await use(page, `tab/${ABLE}`);
    expect(await page.getAttribute('#tab-start', 'aria-disabled')).toBe('false');
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await page.click('#tab-start');
    await changes(page, () => page.click('text="From the canvas"'));
    await page.click('text="Start from words alone"');
    await shows(page, fox);
    await use(page, `tab/${PLAIN}`);
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
    const [part, frame] = await Promise.all(['.close-up', '.frame'].map(async (one) => (await page.locator(one).boundingBox())!));
    expect(part!.x).toBeLessThanOrEqual(frame!.x); // all that is seen, and little besides
    expect(part!.x + part!.width).toBeGreaterThanOrEqual(frame!.x + frame!.width);
    expect(part!.width).toBeLessThan(1.5 * frame!.width);
    for (let i = 0; i < 3; i++) await page.click('[aria-label="Farther"]');
    await page.waitForSelector('.close-up', { state: 'detached' });
  });
}

/** Starts from the canvas, masked, from the camera, from a sketch; takes it back, and ends with words alone. */
async function startedFrom(page: Page, words: string): Promise<void> {
  await changes(page, () => page.click('text="From the canvas"'));
  const whole = await canvas(page);
  await changes(page, () => stroke(page, '.strokes', 60, 10));
  await page.waitForSelector('button:has-text("No mask"):enabled');
  await page.keyboard.press('Control+z');
  await page.waitForSelector('button:has-text("No mask"):disabled');
  await shows(page, whole);
  await page.keyboard.press('Control+z');
  await page.waitForSelector('.mask', { state: 'detached' });
  await shows(page, words);
  await page.click('text="Camera"');
  await page.waitForSelector('.seen');
  await changes(page, async () => {});
  await page.click('text="Camera off"');
  await page.click('text="Sketch"');
  await page.waitForSelector('.mask');
  await changes(page, () => stroke(page, '.strokes', 60, 10));
  await page.click('text="Start from words alone"');
  await shows(page, words);
}
