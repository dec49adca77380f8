// `banana pull` and `banana models` against a hub on the loopback, and drawing with what was pulled by its name.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { progress } from '../src/cli/pull.ts';
import { run } from '../src/cli/run.ts';
import { command, tinyModel, workFolder, type Ended } from './command.ts';
import { startHub, type Hub } from './hub-server.ts';

const { folder, remove } = workFolder();
let hub: Hub;
let cache: string;
let runs = 0;
beforeAll(async () => {
  const model = readFileSync(await tinyModel(folder));
  hub = await startHub({
    'org/tiny': {
      licence: 'mit',
      files: { 'README.md': '---\nlicense: mit\n---\n', 'tiny.json': '{}', 'tiny.safetensors': model },
    },
    'org/closed': { licence: 'cc-by-nc-4.0', files: { 'model.safetensors': new Uint8Array(1000) } },
  });
});
afterAll(async () => {
  await hub.close();
  remove();
});
beforeEach(() => {
  cache = join(folder, `cache${++runs}`);
  for (const [name, value] of Object.entries({ HF_ENDPOINT: hub.url, HF_HUB_CACHE: cache, HF_TOKEN: '', HF_HUB_OFFLINE: '' }))
    vi.stubEnv(name, value);
});
afterEach(() => {
  hub.log.length = 0;
  vi.unstubAllEnvs();
});

async function here(...args: string[]): Promise<Ended> {
  const ended: Ended = { code: null, out: '', err: '' };
  ended.code = await run(args, { out: (text) => void (ended.out += text), err: (text) => void (ended.err += text), terminal: false });
  return ended;
}

test('pull, list, draw, remove', async () => {
  const pulled = await here('pull', 'org/tiny');
  const path = pulled.out.trim();
  expect(pulled).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^org\/tiny@main {2}c0ffee0\nlicence: mit\n3 files, [\d.]+ kB: [\d.]+ kB to download\n/),
  });
  expect(readdirSync(path).sort()).toEqual(['README.md', 'tiny.json', 'tiny.safetensors']);
  hub.log.length = 0;
  const again = JSON.parse((await here('pull', 'org/tiny', '--json')).out) as object;
  expect(again).toEqual({
    id: 'org/tiny',
    revision: 'main',
    commit: hub.commit,
    path,
    files: 3,
    bytes: expect.any(Number),
    received: 0,
    licence: { name: 'mit' },
    checked: true,
  });
  hub.log.length = 0;

  const { models } = JSON.parse((await here('models', '--json')).out) as { models: object[] };
  expect(models).toEqual([
    {
      id: 'org/tiny',
      bytes: expect.any(Number),
      unfinished: 0,
      folder: join(cache, 'models--org--tiny'),
      snapshots: 1,
      commit: hub.commit,
      path,
      family: 'layers',
      licence: { name: 'mit' },
    },
  ]);
  const picture = join(folder, 'fox.png');
  const drawn = await here('x', '--model', 'org/tiny', '--seed', '1', '-W', '64', '--steps', '1', '--threads', '1', '-o', picture);
  expect(drawn).toMatchObject({ code: 0, err: '' });
  expect(existsSync(picture)).toBe(true);
  expect((await here('models')).out).toMatch(/^name +size +licence +family +where\norg\/tiny +[\d.]+ kB +mit +layers +\//);
  expect(await here('models', 'rm', 'org/tiny')).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^removed .*models--org--tiny, [\d.]+ kB;/),
  });
  expect((await here('models')).out).toMatch(/^no models in /);
  expect(await here('generate', 'x', '--model', 'org/tiny')).toMatchObject({
    code: 2,
    err: expect.stringMatching(/no model of that name in .*: banana pull org\/tiny brings it\n$/),
  });
  expect(hub.log).toEqual([]);
});

test('a licence that needs somebody to agree', async () => {
  const refused = await here('pull', 'org/closed');
  expect(refused).toMatchObject({
    code: 2,
    out: '',
    err: expect.stringMatching(/licence: cc-by-nc-4.0\n.*\nerror: .* --yes says that you have read and accept it\n$/),
  });
  expect(existsSync(join(cache, 'models--org--closed'))).toBe(false);
  expect(await here('pull', 'org/closed', '--yes')).toMatchObject({ code: 0 });
});

test('offline: what is there, and nothing else', async () => {
  await here('pull', 'org/tiny');
  hub.log.length = 0;
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await here('pull', 'org/tiny', '--json')).toMatchObject({ code: 0, out: expect.stringContaining('"checked":false') });
  expect(await here('pull', 'org/closed')).toMatchObject({
    code: 2,
    err: 'error: cannot pull org/closed: HF_HUB_OFFLINE forbids the network\n',
  });
  expect(hub.log).toEqual([]);
});

test('Ctrl-C: what came stays, and the same command goes on from there', { timeout: 120_000 }, async () => {
  hub.faults['tiny.safetensors'] = [{ hold: new Promise(() => {}) }];
  mkdirSync(cache);
  const blobs = join(cache, 'models--org--tiny', 'blobs');
  const partial = () => (existsSync(blobs) ? readdirSync(blobs) : []).find((name) => name.endsWith('.incomplete'));
  let looking = false;
  const stopped = await command(['pull', 'org/tiny'], {
    cwd: folder,
    watch: (err, pid) => {
      if (looking || !err.includes('tiny.safetensors')) return;
      looking = true;
      const look = setInterval(() => {
        if (!partial() || readFileSync(join(blobs, partial()!)).length === 0) return;
        clearInterval(look);
        process.kill(pid, 'SIGINT');
      }, 10);
    },
  });
  expect(stopped).toMatchObject({
    code: 130,
    out: '',
    err: expect.stringMatching(/what has come is kept: the same command goes on from there\ncancelled\n$/),
  });
  expect(existsSync(join(cache, 'models--org--tiny', 'snapshots'))).toBe(false);
  hub.log.length = 0;
  expect(await here('pull', 'org/tiny')).toMatchObject({ code: 0 });
  expect(hub.log.filter((line) => line.startsWith('store'))).toEqual([expect.stringMatching(/bytes=\d+-$/)]);
});

test('what is said while it comes', () => {
  const event = { type: 'progress', path: 'a.safetensors', done: 1.2e9, total: 2e9, received: 1e9 } as const;
  expect(progress(event, 20)).toBe('a.safetensors  1.20 GB of 2.00 GB  60 %  50.0 MB/s  16 s left');
  expect(progress({ ...event, received: 1e6 }, 10)).toMatch(/100 kB\/s {2}2 h 13 min left$/);
  expect(progress({ ...event, received: 0 }, 10)).toBe('a.safetensors  1.20 GB of 2.00 GB  60 %');
});
