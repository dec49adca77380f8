// Scenarios of the studio: for whom it is to be usable. Keys, screen readers, another language, the dark, a phone.
import { expect, test } from 'vitest';
import type { Opened } from './hosts.ts';
import { changes, draw, faults, swipe, tap } from './page.ts';

export function looks(opened: Opened): void {
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
    await tap(page, '#tab-layers');
    await page.waitForSelector('.layer');
    const controls = '.tablist button, .panel button, .panel select';
    const heights = await page.$$eval(controls, (all) => all.map((one) => one.getBoundingClientRect().height));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
    if ((await page.getAttribute('.layer:first-child .select', 'aria-expanded')) === 'false') await tap(page, '.layer:first-child .select');
    await page.waitForSelector('.box');
    await changes(page, () => swipe(page, '.box', 0.4, 0.3));
    await changes(page, () => page.keyboard.press('Control+z'));
    await tap(page, '#tab-export');
    expect(await page.isVisible('.panel button:has-text("PNG")')).toBe(true);
    await page.selectOption('[aria-label="Taal"]', 'en');
    await page.setViewportSize({ width: 1280, height: 720 });
  });
}
