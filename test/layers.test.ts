// The order of the folders: a file of src imports only its own folder and those above it in this list. Files directly in src
// tie everything together and may import anything; only the command imports them. Some names have one owner.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ORDER = [
  'util', 'tensor', 'graph', 'onnx', 'runtime', 'nn', 'tokenizer', 'sampling', 'models', 'quant', 'adapters', 'data', 'train', 'eval',
  'pipeline', 'server', 'cli',
];

/** What may stand in some files only. */
const OWNED: { what: RegExp; owner: RegExp }[] = [
  { what: /['"]onnxruntime-node['"/]/, owner: /^runtime\/ort-node\.ts$/ },
  { what: /['"]onnxruntime-web['"/]/, owner: /^runtime\/ort-web\.ts$/ },
  { what: /['"]@?hono['"/]/, owner: /^server\// },
  { what: /['"](node:)?(https?|http2|net|tls|dgram|dns)['"/]|\b(fetch|WebSocket|XMLHttpRequest)\(/, owner: /^server\// },
];

const root = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'));
const sources = new Map(files.map((path) => [path, readFileSync(join(root, path), 'utf8')]));
const folderOf = (path: string) => (path.includes('/') ? path.split('/')[0]! : '');

test('every folder has its place', () => {
  expect(files.length).toBeGreaterThan(50);
  expect([...new Set(files.map(folderOf))].filter((folder) => folder && !ORDER.includes(folder))).toEqual([]);
});

test('files import only their own folder and those above it', () => {
  const wrong: string[] = [];
  for (const [path, text] of sources)
    for (const [, target] of text.matchAll(/(?:from|import\(|import|URL\()\s*['"](\.[^'"]*)['"]/g)) {
      const [from, to] = [folderOf(path), folderOf(posix.join(posix.dirname(path), target!))];
      const allowed = from === '' || (to === '' ? from === 'cli' : ORDER.indexOf(to) <= ORDER.indexOf(from));
      if (!allowed) wrong.push(`${path} imports ${target}`);
    }
  expect(wrong).toEqual([]);
});

test('packages and the network are named by their owners only', () => {
  const wrong: string[] = [];
  for (const [path, text] of sources)
    for (const { what, owner } of OWNED) if (what.test(text) && !owner.test(path)) wrong.push(`${path} names ${what.exec(text)![0]}`);
  expect(wrong).toEqual([]);
});
