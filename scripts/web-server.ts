// Serves pages on loopback with the two headers that WASM's threads need: TypeScript is bundled at the start by esbuild, files
// are read when asked for, onnxruntime-web's own lie under /ort/. For the browser tests, the studio's and the bench; a real site
// does the same with its own tools (docs/browser.md).
import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, extname, join } from 'node:path';
import { build } from 'esbuild';

export const ORT = join(import.meta.dirname, '../node_modules/onnxruntime-web/dist');

const TYPES: Record<string, string> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'no-cache',
};

export interface WebServerOptions {
  /** TypeScript to bundle, by the name it gets: { page: 'x/page.ts' } is /page.js. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Files on disk, or their text, by path: { '/': 'x/index.html' }. */
  readonly files: Readonly<Record<string, string | { readonly text: string }>>;
  /** Pages that go without the two headers. */
  readonly plain?: readonly string[];
  readonly port?: number;
}

export interface WebServer {
  readonly origin: string;
  /** Paths that were asked for, in order. */
  readonly requests: string[];
  close(): void;
}

/** The files of a folder, by their paths in a site; its index.html is also '/'. */
export function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(folder, name)).isFile());
  return { '/': join(folder, 'index.html'), ...Object.fromEntries(names.map((name) => [`/${name}`, join(folder, name)])) };
}

/** The bundles of some entries: path and contents. */
export async function bundle(bundles: WebServerOptions['bundles'], { minify = false } = {}): Promise<Map<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: { ...bundles },
    bundle: true,
    minify,
    format: 'esm',
    splitting: true,
    platform: 'browser',
    target: 'es2022',
    outdir: '/',
    write: false,
    logLevel: 'error',
  });
  return new Map(outputFiles.map((f) => [f.path, f.contents]));
}

/** Bundles and serves, on 127.0.0.1 only. Port 0 is any free one. */
export async function serveWeb({ bundles, files, plain = [], port = 0 }: WebServerOptions): Promise<WebServer> {
  const scripts = await bundle(bundles);
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = new URL(request.url!, 'http://localhost').pathname;
    requests.push(path);
    const own = files[path];
    const memory = scripts.get(path) ?? (typeof own === 'object' ? own.text : undefined);
    const file = typeof own === 'string' ? own : path.startsWith('/ort/') ? join(ORT, basename(path)) : undefined;
    const headers = plain.includes(path) ? {} : ISOLATED;
    const type =
      TYPES[extname(typeof own === 'string' ? own : path)] ?? (typeof own === 'object' ? TYPES['.html']! : 'application/octet-stream');
    if (memory !== undefined) response.writeHead(200, { 'content-type': type, ...headers }).end(memory);
    else if (file && existsSync(file))
      void stat(file).then(({ size }) => {
        const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
        const [first, last] = start === undefined ? [0, size - 1] : [Number(start), Math.min(size - 1, Number(end))];
        const part = start !== undefined && { 'content-range': `bytes ${first}-${last}/${size}` };
        response.writeHead(part ? 206 : 200, { 'content-type': type, 'content-length': last - first + 1, ...part, ...headers });
        createReadStream(file, { start: first, end: last }).pipe(response);
      });
    else response.writeHead(404, headers).end('not found');
  });
  await new Promise<void>((ready, fail) => server.once('error', fail).listen(port, '127.0.0.1', ready));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, close };
}
