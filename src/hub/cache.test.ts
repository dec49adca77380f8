// Names, places and the cache on disk, without any hub.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { kindOf, licenceAt } from './about.ts';
import { findSnapshot, listCached, removeCached, snapshotPath } from './cache.ts';
import { licenceInCard, licenceOf, needsConsent } from './licence.ts';
import { isInside, modelName } from './name.ts';
import { placeOf } from './place.ts';

let cache: string;
beforeEach(() => void (cache = mkdtempSync(join(tmpdir(), 'banana-cache-'))));
afterEach(() => rmSync(cache, { recursive: true }));

const [OLD, NEW] = ['a'.repeat(40), 'b'.repeat(40)];
const write = (path: string, text: string) => (
  mkdirSync(dirname(join(cache, path)), { recursive: true }), writeFileSync(join(cache, path), text)
);

/** A repository as Python leaves it. */
function python(id: string, commit: string, files: Record<string, string>, ref?: string): void {
  const folder = `models--${id.replace('/', '--')}`;
  for (const [path, text] of Object.entries(files)) {
    const blob = `${folder}/blobs/${Buffer.from(text).toString('hex').slice(0, 40).padEnd(40, '0')}`;
    write(blob, text);
    const pointer = join(cache, folder, 'snapshots', commit, path);
    mkdirSync(dirname(pointer), { recursive: true });
    symlinkSync(join(cache, blob), pointer);
  }
  if (ref) write(`${folder}/refs/${ref}`, commit);
}

test.each([
  [{ HOME: '/h' }, '/h/.cache/huggingface/hub'],
  [{ HOME: '/h', XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub'],
  [{ HOME: '/h', HF_HOME: '~/hf' }, '/h/hf/hub'],
  [{ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old' }, '/old'],
  [{ HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '/old', HF_HUB_CACHE: '/c' }, '/c'],
])('the cache of %j', (env, expected) => expect(placeOf(env).cache).toBe(join(expected)));

test('token, address, offline and links of the environment', () => {
  write('token', ' hf_file\n');
  expect(placeOf({ HF_HOME: cache })).toMatchObject({ token: 'hf_file', endpoint: 'https://huggingface.co', offline: false, links: true });
  expect(
    placeOf({
      HF_HOME: cache,
      HF_TOKEN: 'hf_env',
      HF_ENDPOINT: 'https://mirror/hub/',
      HF_HUB_OFFLINE: 'YES',
      HF_HUB_DISABLE_SYMLINKS: '1',
    }),
  ).toMatchObject({ token: 'hf_env', endpoint: 'https://mirror/hub', offline: true, links: false });
  expect(placeOf({ HF_HOME: cache, HF_HUB_DISABLE_IMPLICIT_TOKEN: '1' }).token).toBeUndefined();
  expect(placeOf({ HF_HOME: join(cache, 'none'), HF_TOKEN_PATH: join(cache, 'token') }).token).toBe('hf_file');
  for (const HF_ENDPOINT of ['mirror.org', 'file:///x', 'https://'])
    expect(() => placeOf({ HF_ENDPOINT }), HF_ENDPOINT).toThrow(/expected an address/);
});

test('names', () => {
  expect(modelName('amd/Nitro-E')).toEqual({ id: 'amd/Nitro-E', revision: undefined });
  expect(modelName('a/b.c_d@refs/pr/1')).toEqual({ id: 'a/b.c_d', revision: 'refs/pr/1' });
  for (const text of [
    'pico',
    'a/b/c',
    './a',
    '../b',
    'a/..',
    'a/b@',
    'a/b@../c',
    'a/b@c/..',
    'a/b--c',
    'a/b.',
    '/a/b',
    'a\\b',
    'a/b c',
    '~/b',
  ])
    expect(modelName(text), text).toBeUndefined();
  for (const path of ['', '/a', 'a//b', '../a', 'a/./b', 'a/..', 'a\\b', 'c:/a', 'a\0b']) expect(isInside(path), path).toBe(false);
  expect(isInside('unet/a b-1.safetensors')).toBe(true);
});

test('a snapshot by branch, tag, commit, or as the only one', () => {
  python('org/two', OLD, { 'a.json': '1' }, 'v1/old');
  python('org/two', NEW, { 'a.json': '2' }, 'main');
  const at = (text: string) => findSnapshot(modelName(text)!, { cache })?.commit;
  expect([at('org/two'), at('org/two@v1/old'), at(`org/two@${OLD}`)]).toEqual([NEW, OLD, OLD]);
  expect([at('org/two@v1'), at('org/two@none'), at(`org/two@${'c'.repeat(40)}`), at('org/other')]).toEqual(Array(4).fill(undefined));
  python('org/one', OLD, { 'a.json': '1' });
  expect([at('org/one'), at('org/one@main')]).toEqual([OLD, undefined]);
  expect(readFileSync(join(snapshotPath('org/two', { cache })!, 'a.json'), 'utf8')).toBe('2');
  expect(snapshotPath('runs/a/b.safetensors', { cache })).toBeUndefined();
  python('org/ours', OLD, { 'README.md': 'r', 'ours.safetensors': 'w', 'ours.json': 'j' });
  expect(snapshotPath('org/ours', { cache })).toBe(join(cache, 'models--org--ours', 'snapshots', OLD, 'ours.safetensors'));
  expect(() => snapshotPath('org/three', { cache })).toThrow(/banana pull org\/three brings it$/);
});

test('the list and a removal', async () => {
  python(
    'org/sd',
    NEW,
    {
      'model_index.json': '{"_class_name": "StableDiffusionXLPipeline"}',
      'README.md': '---\nlicense: openrail++\n---\n',
      'unet/model.safetensors': 'weights!',
    },
    'main',
  );
  python('org/llm', OLD, { 'config.json': '{"model_type": "llama"}' });
  write('models--org--begun/blobs/x.banana.incomplete', '12345');
  write('datasets--org--data/refs/main', NEW);
  const [begun, llm, sd] = listCached({ cache });
  expect(begun).toMatchObject({ id: 'org/begun', bytes: 5, unfinished: 5, snapshot: undefined, snapshots: 0 });
  expect(sd).toMatchObject({ id: 'org/sd', unfinished: 0, snapshot: { commit: NEW } });
  expect(sd!.bytes).toBeLessThan(300); // a blob counts once, and its link nothing
  expect([await kindOf(sd!.snapshot!.path), licenceAt(sd!.snapshot!.path).name]).toEqual(['stable diffusion xl', 'openrail++']);
  expect([await kindOf(llm!.snapshot!.path), licenceAt(llm!.snapshot!.path).name]).toEqual(['llama', undefined]);
  expect(removeCached({ id: 'org/sd', revision: undefined }, { cache }).id).toBe('org/sd');
  expect(listCached({ cache }).map(({ id }) => id)).toEqual(['org/begun', 'org/llm']);
  expect(existsSync(join(cache, 'models--org--sd'))).toBe(false);
  expect(() => removeCached({ id: 'org/sd', revision: undefined }, { cache })).toThrow('no model org/sd');
});

test.each([
  ['---\nlicense: mit\ntags:\n- a\n---\n', 'mit', undefined, false],
  [
    '---\r\nlicense: "other"\r\nlicense_name: sai-nc-community\r\nlicense_link: LICENSE.md\r\n---\r\n',
    'sai-nc-community',
    'LICENSE.md',
    true,
  ],
  ['---\nlicense:\n- apache-2.0\n---\n', 'apache-2.0', undefined, false],
  ['---\nlicense: cc-by-nc-4.0\n---\n', 'cc-by-nc-4.0', undefined, true],
  ['---\nlicense: creativeml-openrail-m\n---', 'creativeml-openrail-m', undefined, false],
  ['# no card\nlicense: mit', undefined, undefined, true],
])('the licence of %j', (card, name, link, consent) => {
  const licence = licenceInCard(card);
  expect(licence).toEqual({ name, link });
  expect(needsConsent(licence, false)).toBe(consent);
  expect(needsConsent(licence, true)).toBe(true);
});

test('the licence of card data', () => {
  expect(licenceOf({ license: 'other', license_name: 'flux-nc\u0007' })).toEqual({ name: 'flux-nc?', link: undefined });
  expect(licenceOf({ license: ['mit'] }).name).toBe('mit');
});
