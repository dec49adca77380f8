// The order of the folders: a file of src imports only its own folder and those above it in this list. Some names have one owner,
// and what runs in a browser names nothing of Node.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ORDER = [
  'util',
  'tensor',
  'image',
  'disk',
  'hub',
  'graph',
  'onnx',
  'runtime',
  'nn',
  'tokenizer',
  'sampling',
  'quant',
  'adapters',
  'models',
  'draw',
  'doctor',
  'live',
  'data',
  'train',
  'sdk',
  'node',
  'jobs',
  'web',
  'eval',
  'server',
  'fleet',
  'cli',
];

/** The folders that may name Node's own modules: the others run in a browser too. */
const NODE = ['disk', 'hub', 'data', 'node', 'jobs', 'eval', 'server', 'fleet', 'cli'];

/** The one file that asks the hub, and what may come to it: a command, and the words of the SDK for creating what is not there yet. */
const ASKS = 'hub/request.ts';
const PULLS = ['cli/pull.ts', 'node/generator.ts'];

/** What may stand in some files only. */
const OWNED: { what: RegExp; owner: RegExp }[] = [
  { what: /['"]onnxruntime-node['"/]/, owner: /^runtime\/ort-node\.ts$/ },
  { what: /['"]onnxruntime-web['"/]/, owner: /^runtime\/ort-web\.ts$/ },
  { what: /['"]@?hono['"/]/, owner: /^server\// },
  { what: /['"](bullmq|ioredis|@aws-sdk\/[a-z0-9-]+)['"]/, owner: /^fleet\// },
  {
    what: /['"](node:)?(https?|http2|net|tls|dgram|dns)['"/]|\b(fetch|WebSocket|XMLHttpRequest)\(/,
    owner: /^(server\/|hub\/request\.ts$|web\/(generator|server|url-ranges)\.ts$)/,
  },
];

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const targetsOf = (path: string, text: string) =>
  [...text.matchAll(/(?:from|import\(|import|URL\()\s*['"](\.[^'"]*)['"]/g)].map(([, target]) => posix.join(posix.dirname(path), target!));
const folderOf = (path: string) => (path.includes('/') ? path.split('/')[0]! : '');

test('every folder has its place', () => {
  expect(files.length).toBeGreaterThan(50);
  expect([...new Set(files.map(folderOf))].filter((folder) => !ORDER.includes(folder))).toEqual([]);
});

test('files import only their own folder and those above it', () => {
  const wrong: string[] = [];
  for (const [path, text] of sources)
    for (const target of targetsOf(path, text)) {
      const [from, to] = [folderOf(path), folderOf(target)];
      if (!ORDER.includes(from) || !ORDER.includes(to) || ORDER.indexOf(to) > ORDER.indexOf(from)) wrong.push(`${path} imports ${target}`);
    }
  expect(wrong).toEqual([]);
});

test('no files import each other in a circle, types included', () => {
  const imports = new Map([...sources].map(([path, text]) => [path, targetsOf(path, text)]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' -> '));
    if (done.has(path) || above.includes(path)) return;
    for (const target of imports.get(path) ?? []) visit(target, [...above, path]);
    done.add(path);
  };
  for (const path of imports.keys()) visit(path, []);
  expect(circles).toEqual([]);
});

test('what draws knows no family of models', () => {
  const general = ['quant', 'adapters', 'draw', 'live', 'jobs', 'server'];
  const wrong: string[] = [];
  for (const [path, text] of sources)
    for (const target of targetsOf(path, text))
      if (general.includes(folderOf(path)) && /^models\/[^/]+\//.test(target)) wrong.push(`${path} imports ${target}`);
  expect(wrong).toEqual([]);
});

test('only some folders name modules of Node', () => {
  const named = /(?:from|import|require)\s*\(?\s*['"](node:[a-z/]+)['"]/;
  const wrong = [...sources].filter(([path, text]) => named.test(text) && !NODE.includes(folderOf(path))).map(([path]) => path);
  expect(wrong).toEqual([]);
});

test('packages and the network are named by their owners only', () => {
  const wrong: string[] = [];
  for (const [path, text] of sources)
    for (const { what, owner } of OWNED) if (what.test(text) && !owner.test(path)) wrong.push(`${path} names ${what.exec(text)![0]}`);
  expect(wrong).toEqual([]);
});

test('nothing but banana pull and ImageGenerator.create comes to the hub', () => {
  const importers = (target: string) => [...sources].filter(([path, text]) => targetsOf(path, text).includes(target)).map(([path]) => path);
  const reached = new Set([ASKS]);
  for (const path of reached) if (!PULLS.includes(path)) importers(path).forEach((one) => reached.add(one)); // a set grows while it is walked
  expect([...reached].filter((path) => !path.startsWith('hub/')).sort()).toEqual(PULLS);
  for (const path of PULLS) expect(sources.get(path)).not.toMatch(/^import (?!type)[^;]*hub\/(pull|request)/m); // loaded when it is asked for
});
