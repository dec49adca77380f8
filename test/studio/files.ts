// Scenarios of the studio: pictures as files, with their recipe and their layers, in the gallery, on the clipboard.
import { expect, test } from 'vitest';
import Psd from '@webtoon/psd';
import { unzip } from 'unzipit';
import { decodeImage } from '../../src/disk/codec.ts';
import { readRecipe } from '../../src/draw/recipe.ts';
import type { Opened } from './hosts.ts';
import { APART, canvas, draw, drop, saved, settled, shows } from './page.ts';

export function files(opened: Opened): void {
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
    for (const one of Object.values(file)) expect(readRecipe(one)).toMatchObject({ prompt: 'two birds', seed: Number(seed), width: 256 });
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
    await page.click('text="Copy"');
    await page.waitForSelector('text="Copied"');
    const [copied] = await page.evaluate(async () => (await navigator.clipboard.read()).map(({ types }) => types));
    expect(copied).toEqual(['image/png']);
    await page.keyboard.press('Control+s');
    await page.click('#tab-gallery');
    await page.waitForSelector('.grid img');
    await page.waitForSelector('text=/^[\\d.]+ of [\\d,]+ MB used on this device$/');
    await page.waitForTimeout(APART);
    await draw(page, 'a tower');
    await drop(page, file['PNG']!, 'birds.png');
    await settled(page, 'two birds');
    await shows(page, birds);
    await page.click('.grid [aria-label^="Delete"]');
    await page.waitForSelector('.grid img', { state: 'detached' });
    await page.reload();
    await page.click('#tab-gallery');
    await page.waitForSelector('text="Nothing is kept yet. Pictures stay in this browser and go nowhere else."');
  });
}
