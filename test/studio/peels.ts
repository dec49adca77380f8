// Scenarios of the studio: a Peel that is trained in the tab, on six pictures, and works.
import { expect, test } from 'vitest';
import { encodeImage } from '../../src/disk/codec.ts';
import { discs } from '../browser/discs.ts';
import { ABLE, PLAIN, type Opened } from './hosts.ts';
import { canvas, draw, drop, saved, settled, shows, use } from './page.ts';

export function peels(opened: Opened): void {
  test('files alone: a Peel learns six pictures to its end, works, is taken off, and is taken from its file', async () => {
    const page = await opened('static');
    await draw(page, 'a fox');
    const fox = await canvas(page);
    await page.click('#tab-peels');
    const lessons = discs();
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
    await page.waitForSelector('label:has-text("mine") input:checked');
    await shows(page, fox, false);
    await page.click('[aria-label="Delete: mine"]');
    await shows(page, fox);
    await drop(page, peel.file, 'mine.safetensors');
    await page.waitForSelector('label:has-text("mine") input:checked');
    await shows(page, fox, false);
    await settled(page, 'a fox');
    const mine = await canvas(page);
    await use(page, `tab/${ABLE}`);
    await use(page, `tab/${PLAIN}`); // a new engine, which is given it again
    await shows(page, mine);
    await page.click('#tab-peels');
    expect((await saved(page, () => page.click('[aria-label="Save: mine"]'))).file.equals(peel.file)).toBe(true);
    await page.click('[aria-label="Delete: mine"]');
    await shows(page, fox);
  });
}
