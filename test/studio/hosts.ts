// The studio as its users have it, for its tests: built, in a headless Chromium, from files alone (WASM in the tab) and from a server that
// draws. One browser, one build, one server, and a page for each host that the tests go on with, because opening one is what takes the time.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { openChromium } from '../../scripts/chromium.ts';
import { filesOf, serveWeb } from '../../scripts/web-server.ts';
import { encodeImage } from '../../src/disk/codec.ts';
import { loadPipeline } from '../../src/node/load.ts';
import { bananaOf, type Banana } from '../../src/sdk/banana.ts';
import { serve, type BananaServer, type ServeOptions } from '../../src/server/listen.ts';
import { workFolder } from '../command.ts';
import { tinyLayers, tinyLayersModel } from '../tiny-layers.ts';
import { APART, ready, sameSeed, SIDE, SLOW } from './page.ts';

/** The models of the tab: the first draws layers and nothing else, the second also starts from a picture and takes references. */
export const [PLAIN, ABLE] = ['pico', 'tiny-able'] as const;
/** What both call themselves. */
export const TINY = tinyLayersModel().manifest.name;
/** The second model of the server: Stable Diffusion, as small as it can be. */
const TURBO = fileURLToPath(new URL('../fixtures/open-weights/stable-diffusion/turbo', import.meta.url));

/** The page of a host, opened once, as it is after the tests before; with its Picture panel in front, and small pictures. */
export type Opened = (host: 'static' | 'server') => Promise<Page>;

export interface Studio {
  readonly context: BrowserContext;
  readonly opened: Opened;
  /** Another server of the same models. */
  serve(options: ServeOptions): Promise<BananaServer>;
  /** Where pages may come from. */
  readonly origins: string[];
  /** What pages asked for, and what went wrong in them. */
  readonly asked: readonly string[];
  readonly wrong: string[];
  close(): Promise<void>;
}

/** A model that this process draws with. */
async function drawsHere(model: string): Promise<Banana> {
  const pipeline = await loadPipeline({ model, threads: 1 });
  const backend = { model: pipeline.model, start: pipeline.serve, close: () => pipeline.release() };
  return bananaOf(backend, (one) => encodeImage(one, 'png'));
}

export async function openHosts(): Promise<Studio> {
  const { folder, remove } = workFolder();
  const [models, site] = [join(folder, 'models'), join(folder, 'site')];
  const fileOf = (name: string) => join(models, `${name}.safetensors`);
  mkdirSync(models);
  await Promise.all([tinyLayers(fileOf(PLAIN)), tinyLayers(fileOf(ABLE), ['image', 'references'])]);
  process.env['STUDIO_MODELS'] = models;
  await build({ root: join(import.meta.dirname, '../../apps/studio'), build: { outDir: site, minify: false }, logLevel: 'error' });
  const files = await serveWeb({ bundles: {}, files: filesOf(site) });
  const bananas = await Promise.all([drawsHere(fileOf(PLAIN)), drawsHere(TURBO)]);
  const server = await serve(bananas, { port: 0, pages: site, peels: folder });
  const { context, close } = await openChromium({ gpu: false });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const [asked, wrong]: [string[], string[]] = [[], []];
  context.on('request', (request) => void asked.push(request.url()));
  context.on('console', (said) => void (said.type() === 'error' && wrong.push(said.text())));
  context.on('weberror', (error) => void wrong.push(String(error.error())));
  const hosts = { static: `${files.origin}/?threads=1`, server: `${server.url}/` };
  const pages = new Map<string, Promise<Page>>();
  return {
    context,
    asked,
    wrong,
    origins: [files.origin, server.url],
    async opened(host) {
      const found = pages.get(host) ?? context.newPage();
      pages.set(host, found);
      const page = await found;
      page.setDefaultTimeout(SLOW);
      if (page.url() === 'about:blank') await page.goto(hosts[host]);
      await ready(page);
      await page.bringToFront();
      await page.click('#tab-picture');
      await page.selectOption(SIDE, '256');
      await sameSeed(page);
      await page.waitForTimeout(APART);
      return page;
    },
    serve: (options) => serve(bananas, { port: 0, pages: site, peels: folder, ...options }),
    async close() {
      await close();
      files.close();
      await server.close({ patience: 0 });
      await Promise.all(bananas.map((one) => one.close()));
      remove();
    },
  };
}
