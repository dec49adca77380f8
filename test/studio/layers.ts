// Scenarios of the studio: the layers of a picture, arranged, drawn anew, kept.
import { expect, test } from 'vitest';
import { encodeImage } from '../../src/disk/codec.ts';
import type { Opened } from './hosts.ts';
import { APART, canvas, changes, draw, faults, settled, shows } from './page.ts';

export function layers(opened: Opened): void {
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
      await shows(page, picture);
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
}
