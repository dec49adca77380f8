// A headless Chromium for tests, bench and screenshots, as root and without any traffic of its own. WebGPU by its software
// adapter: right, float32, and very slow.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';

/** Where Chromium is: $CHROME, or where systems put it; undefined when nowhere. */
export const chromiumPath = [process.env.CHROME ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => path && existsSync(path),
);

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-device-for-media-stream', // a camera that shows a pattern, and nobody who is asked for it
  '--use-fake-ui-for-media-stream',
];
const SOFTWARE_GPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Starts one with a new, empty profile; `close` ends it and removes the profile. */
export async function openChromium({ gpu = true }: { gpu?: boolean } = {}): Promise<{ context: BrowserContext; close(): Promise<void> }> {
  if (!chromiumPath) throw new Error('no Chromium found: install it (apt-get install chromium) or set CHROME to its path');
  const profile = await mkdtemp(join(tmpdir(), 'banana-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: chromiumPath,
    headless: true,
    args: [...QUIET, ...(gpu ? SOFTWARE_GPU : [])],
  });
  return {
    context,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
