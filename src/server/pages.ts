// The files of a site, such as the built studio, at the root of the server: only files that were there when it started, with the headers
// that threads of WASM need and a policy under which nothing comes from, or goes to, another place.
import { serveStatic } from '@hono/node-server/serve-static';
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { MiddlewareHandler } from 'hono';
import { InputError } from '../util/errors.ts';

export interface Pages {
  /** Whether a path is that of a file here: it says nothing about anyone, and needs no key. */
  has(path: string): boolean;
  readonly serve: MiddlewareHandler;
}

/** The policy of the pages, also for their workers, which a page's own policy does not bind. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cache-Control': 'no-cache',
};

/** Throws InputError `server.pages` for a folder without an index.html. */
export function pagesOf(folder: string): Pages {
  if (!existsSync(join(folder, 'index.html')))
    throw new InputError('server.pages', `there is no index.html in ${folder}: build the studio with npm run build:studio`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = new Set(files.map(({ parentPath, name }) => `/${relative(folder, join(parentPath, name)).split(sep).join('/')}`));
  paths.add('/').delete('/host.json'); // which is for sites without a server
  const from = serveStatic({ root: relative(process.cwd(), folder) || '.' });
  return {
    has: (path) => paths.has(path),
    async serve(c, next) {
      if (c.req.method !== 'GET' || !paths.has(c.req.path)) return next();
      for (const [name, value] of Object.entries(HEADERS)) c.header(name, value);
      return from(c, next);
    },
  };
}
