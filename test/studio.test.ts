// The studio as its users have it: its scenarios (test/studio), on one browser, one build and two hosts. Every request is to the page's own
// origin. Skipped, saying so, where there is no Chromium.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chromiumPath } from '../scripts/chromium.ts';
import { drawing } from './studio/drawing.ts';
import { files } from './studio/files.ts';
import { openHosts, type Opened, type Studio } from './studio/hosts.ts';
import { layers } from './studio/layers.ts';
import { looks } from './studio/looks.ts';
import { draw, faults, ready, SIDE, SLOW } from './studio/page.ts';
import { peels } from './studio/peels.ts';

if (!chromiumPath)
  console.warn('studio.test.ts is skipped: no Chromium found; install it (apt-get install chromium) or set CHROME to its path');

/** A busy machine takes many times as long as it needs, in milliseconds. */
const PATIENCE = 600_000;

describe.skipIf(!chromiumPath)('the studio', { timeout: PATIENCE }, () => {
  let hosts: Studio;
  beforeAll(async () => void (hosts = await openHosts()), PATIENCE);
  afterAll(() => hosts?.close());
  /** Scenarios are told of before the hosts are there. */
  const opened: Opened = (host) => hosts.opened(host);

  for (const scenarios of [drawing, layers, files, looks, peels]) scenarios(opened);

  test('a server with a key asks for it', async () => {
    const { context, wrong, origins } = hosts;
    const locked = await hosts.serve({ key: 'sesame' });
    const page = await context.newPage();
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
    await hosts.context.setOffline(true);
    await page.reload();
    await ready(page);
    expect(await page.textContent('#status')).toBe('drawn in this tab (wasm)');
    await page.selectOption(SIDE, '256');
    await draw(page, 'a fox');
    await hosts.context.setOffline(false);
  });

  test('pages asked nobody but their own origin, under a policy without unsafe words, and nothing went wrong', async () => {
    const { asked, wrong, origins } = hosts;
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.filter((url) => !origins.includes(new URL(url).origin) && !url.startsWith('blob:'))).toEqual([]);
    const [files, server] = origins as [string, string];
    const policies = [await (await fetch(files)).text(), (await fetch(server)).headers.get('content-security-policy')!];
    for (const policy of policies) {
      expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
      expect(policy.replace("'wasm-unsafe-eval'", '')).not.toMatch(/unsafe-/);
    }
    expect(wrong).toEqual([]);
  });
});
