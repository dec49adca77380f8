// An install must not need the host that onnxruntime-node's own script fetches CUDA libraries from: scripts/preinstall.js sees to it
// that nothing is left to fetch. Here that script runs where every request fails, with ours before it and without.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { workFolder } from './command.ts';

const { folder, remove } = workFolder();
afterAll(remove);

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
/** The one machine that it fetches something for. */
const fetches = process.platform === 'linux' && process.arch === 'x64';
const OFFLINE = "import https from 'node:https'; https.get = (url) => { console.error('asked for', String(url)); process.exit(7); };";

/** A project into which our package and onnxruntime-node have just been unpacked, without the libraries; the folder that those go to. */
function project(name: string): { path: string; binaries: string } {
  const path = join(folder, name);
  const ort = join(path, 'node_modules', 'onnxruntime-node');
  const binaries = join(ort, 'bin', 'napi-v6', process.platform, process.arch);
  for (const part of ['package.json', 'script']) cpSync(join(modules, 'onnxruntime-node', part), join(ort, part), { recursive: true });
  mkdirSync(binaries, { recursive: true });
  cpSync(join(root, 'scripts', 'preinstall.js'), join(path, 'scripts', 'preinstall.mjs'));
  writeFileSync(join(path, 'offline.mjs'), OFFLINE);
  return { path, binaries };
}

function node(path: string, ...args: string[]) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(npm_|onnxruntime_node)/i.test(key)));
  return spawnSync(process.execPath, args, { cwd: path, env: { ...env, NODE_PATH: modules }, encoding: 'utf8' });
}
const theirs = (path: string) =>
  node(path, '--import', pathToFileURL(join(path, 'offline.mjs')).href, 'node_modules/onnxruntime-node/script/install');

test.runIf(fetches)('left to itself, the script of onnxruntime-node asks another host', () => {
  expect(theirs(project('without').path)).toMatchObject({ status: 7, stderr: expect.stringContaining('asked for https://') });
});

test('after ours it has nothing to fetch, and what was there stays', () => {
  const { path, binaries } = project('with');
  const given = join(binaries, 'libonnxruntime_providers_cuda.so');
  writeFileSync(given, 'mine');
  expect(node(path, 'scripts/preinstall.mjs')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(theirs(path)).toMatchObject({ status: 0, stderr: '' });
  expect(readFileSync(given, 'utf8')).toBe('mine');
  if (fetches) expect(readdirSync(binaries)).toHaveLength(3);
});

test('where there is no onnxruntime-node, or another one, it does nothing', () => {
  const { path } = project('none');
  writeFileSync(join(path, 'node_modules', 'onnxruntime-node', 'script', 'install-metadata.js'), 'module.exports = {};');
  expect(node(path, 'scripts/preinstall.mjs')).toMatchObject({ status: 0, stderr: '' });
});
