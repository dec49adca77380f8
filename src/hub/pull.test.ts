// Pulling from a hub on the loopback: what is taken and where it lies, and every way in which it can go wrong.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { gitHash, startHub, type Hub, type HubModel } from '../../test/hub-server.ts';
import { blobPath, findSnapshot, repositoryFolder } from './cache.ts';
import { partialOf } from './download.ts';
import type { Place } from './place.ts';
import { planPull, pull, type PullEvent, type PullOptions } from './pull.ts';

const large = (size: number, seed: number) => Uint8Array.from({ length: size }, (_, i) => (i * 31 + seed * 7 + (i >> 8)) & 255);
const WEIGHTS = 'unet/diffusion_pytorch_model.fp16.safetensors';
const PIPELINE: HubModel = {
  licence: 'creativeml-openrail-m',
  files: {
    'README.md': '---\nlicense: creativeml-openrail-m\n---\n# A model\n',
    'model_index.json': JSON.stringify({
      _class_name: 'StableDiffusionPipeline',
      unet: ['diffusers', 'UNet2DConditionModel'],
      tokenizer: ['transformers', 'CLIPTokenizer'],
      safety_checker: [null, null],
    }),
    'unet/config.json': '{}',
    [WEIGHTS]: large(200_000, 1),
    'unet/diffusion_pytorch_model.safetensors': large(400_000, 2),
    'tokenizer/merges.txt': 'a b\n',
    'whole.safetensors': large(300_000, 3),
  },
};
const TAKEN = ['README.md', 'model_index.json', 'unet/config.json', WEIGHTS, 'tokenizer/merges.txt'];
const ID = 'org/tiny';

let hub: Hub;
let place: Place;
const root = mkdtempSync(join(tmpdir(), 'banana-hub-'));
beforeAll(async () => void (hub = await startHub({})));
afterAll(async () => {
  await hub.close();
  rmSync(root, { recursive: true, force: true });
});
beforeEach(() => {
  hub.models[ID] = PIPELINE;
  place = { cache: mkdtempSync(join(root, 'cache-')), endpoint: hub.url, token: undefined, offline: false, links: true };
});
afterEach(() => {
  hub.log.length = 0;
  for (const record of [hub.models, hub.faults]) for (const key of Object.keys(record)) delete record[key];
});

const folder = () => repositoryFolder(place.cache, ID);
const partial = async () => partialOf(blobPath(folder(), (await planPull(ID, { place })).files.find(({ path }) => path === WEIGHTS)!.hash));
const stored = () => hub.log.filter((line) => line.startsWith('store'));

async function get(name = ID, options: PullOptions = {}): Promise<PullEvent[]> {
  const events: PullEvent[] = [];
  const all = { place, pause: 0.001, ...options };
  for await (const event of pull(await planPull(name, all), all)) events.push(event);
  return events;
}

/** Every file of the snapshot as the hub has it. */
function expectWhole(files: readonly string[] = TAKEN): void {
  const { path } = findSnapshot({ id: ID, revision: undefined }, place)!;
  const found = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.\w+$/.test(name))
    .map((name) => name.replaceAll('\\', '/'));
  expect(found.sort()).toEqual([...files].sort());
  for (const name of files) expect(readFileSync(join(path, name)).equals(Buffer.from(hub.models[ID]!.files[name]!)), name).toBe(true);
  expect(readdirSync(join(folder(), 'blobs')).filter((name) => name.includes('incomplete'))).toEqual([]);
}

describe('what comes', () => {
  test('the files that are needed, laid out as Python does', async () => {
    const events = await get();
    expectWhole();
    expect(readFileSync(join(folder(), 'refs', 'main'), 'utf8')).toBe(hub.commit);
    const path = join(folder(), 'snapshots', hub.commit, 'unet', 'config.json');
    expect(readlinkSync(path)).toBe(`../../../blobs/${gitHash('{}')}`);
    const last = events.at(-1)!;
    expect(last).toMatchObject({ type: 'progress', done: (last as { total: number }).total, received: (last as { total: number }).total });
  });

  test('a second pull brings nothing; a blob that Python downloaded for another version is used', async () => {
    const { files } = await planPull(ID, { place });
    const { hash } = files.find(({ path }) => path === WEIGHTS)!;
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    writeFileSync(blobPath(folder(), hash), PIPELINE.files[WEIGHTS]!);
    await get();
    expectWhole();
    expect(await planPull(ID, { place })).toMatchObject({ missing: [], missingBytes: 0, consent: false });
    expect(await get()).toEqual([]);
    expect(stored()).toEqual([]);
  });

  test('--include: those files, and what says the licence', async () => {
    await get(ID, { include: ['whole.*', 'unet/*.json'] });
    expectWhole(['README.md', 'unet/config.json', 'whole.safetensors']);
    await expect(planPull(ID, { place, include: ['*.gguf'] })).rejects.toMatchObject({
      code: 'hub.include',
      message: expect.stringMatching(/^org\/tiny: no file matches/),
    });
  });

  test('a tag with a slash; the same content twice comes once; a mirror that lists names only', async () => {
    hub.models[ID] = { ...PIPELINE, bare: true, files: { 'config.json': '{}', 'more.json': '{}', 'model.safetensors': large(1000, 4) } };
    const plan = await planPull(`${ID}@v1/old`, { place });
    expect(plan).toMatchObject({ bytes: 1004, missingBytes: 1002 });
    await get(`${ID}@v1/old`);
    expect(readFileSync(join(folder(), 'refs', 'v1', 'old'), 'utf8')).toBe(hub.commit);
    expectWhole(['config.json', 'more.json', 'model.safetensors']);
  });

  test('where links cannot be, the files themselves', async () => {
    place = { ...place, links: false };
    await get();
    expectWhole();
    expect(lstatSync(join(folder(), 'snapshots', hub.commit, 'unet', 'config.json')).isFile()).toBe(true);
    expect(readdirSync(join(folder(), 'blobs'))).toEqual([]);
    expect(await planPull(ID, { place })).toMatchObject({ missing: [] });
  });

  test('a model that has moved is found under both names', async () => {
    hub.models['old/name'] = { files: {}, moved: ID };
    const plan = await planPull('old/name', { place });
    expect(plan.repository.id).toBe(ID);
    await get('old/name');
    expect(findSnapshot({ id: 'old/name', revision: 'main' }, place)).toBeDefined();
  });
});

describe('faults', () => {
  test.each([
    [
      'a cut connection is taken up again where it broke',
      [{ cut: 60_000 }, { cut: 50_000 }],
      [/^store GET [^ ]+$/, / bytes=\d+-$/, / bytes=\d+-$/],
    ],
    ['200 for a range: from the start', [{ cut: 60_000 }, 'whole'], [/^store GET [^ ]+$/, / bytes=\d+-$/]],
    ['an address of the store that is no longer good is asked for again', ['expired'], [/./, /./]],
  ] as const)('%s', async (_, faults, requests) => {
    hub.faults[WEIGHTS] = [...faults];
    const events = await get();
    expectWhole();
    expect(stored()).toHaveLength(requests.length);
    stored().forEach((line, i) => expect(line).toMatch(requests[i]!));
    const sizes = events.flatMap((event) => (event.type === 'progress' ? event.done : []));
    expect(sizes.at(-1)).toBe((await planPull(ID, { place })).bytes);
  });

  test.each(['wrong', 'longer'] as const)('%s bytes are thrown away and nothing is linked', async (fault) => {
    hub.faults[WEIGHTS] = [fault];
    await expect(get()).rejects.toMatchObject({ code: 'hub.hash' });
    expect(findSnapshot({ id: ID, revision: 'main' }, place)).toBeUndefined();
    await get();
    expectWhole();
  });

  test('a damaged beginning is found by the hash and fetched anew', async () => {
    const path = await partial();
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    writeFileSync(path, new Uint8Array(1000));
    await get();
    expectWhole();
    expect(stored()).toHaveLength(2);
  });

  test('a store that stays away: after some tries, one line', async () => {
    hub.faults[WEIGHTS] = Array.from({ length: 9 }, () => ({ cut: 0 }));
    await expect(get()).rejects.toMatchObject({ name: 'RuntimeError', code: 'hub.network', message: expect.stringContaining(WEIGHTS) });
    expect(stored()).toHaveLength(5);
  });

  test('a connection on which nothing comes is given up', async () => {
    hub.faults[WEIGHTS] = [{ hold: new Promise(() => {}) }];
    await get(ID, { patience: 0.1 });
    expectWhole();
    expect(stored()[1]).toMatch(/bytes=100000-$/);
  });

  test('stopped in the middle: what came stays, the name means nothing yet, the next pull goes on', async () => {
    const stop = new AbortController();
    hub.faults[WEIGHTS] = [{ hold: new Promise(() => {}) }];
    const stopped = (async () => {
      const plan = await planPull(ID, { place });
      for await (const event of pull(plan, { place, signal: stop.signal }))
        if (event.type === 'progress' && event.path === WEIGHTS && event.received > 90_000) stop.abort(new Error('enough'));
    })();
    await expect(stopped).rejects.toThrow('enough');
    expect(readFileSync(await partial()).length).toBeGreaterThan(0);
    expect(existsSync(join(folder(), 'snapshots'))).toBe(false);
    expect(existsSync(join(folder(), 'refs'))).toBe(false);
    hub.log.length = 0;
    await get();
    expectWhole();
    expect(stored()).toEqual([expect.stringMatching(/ bytes=\d+-$/)]);
  });

  test('two at once: one downloads, the other waits and finds it', async () => {
    let go = (_?: unknown) => {};
    hub.faults[WEIGHTS] = [{ hold: new Promise((resolve) => (go = resolve)) }];
    const either = async () => {
      const events: PullEvent[] = [];
      for await (const event of pull(await planPull(ID, { place }), { place })) {
        events.push(event);
        if (event.type === 'waiting') go();
      }
      return events;
    };
    const [one, other] = await Promise.all([either(), either()]);
    expectWhole();
    expect([...one, ...other].filter(({ type }) => type === 'waiting')).toHaveLength(1);
    expect(stored()).toHaveLength(1);
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk', async () => {
    const path = await partial();
    mkdirSync(join(folder(), 'blobs'), { recursive: true });
    symlinkSync('/dev/full', path);
    await expect(get()).rejects.toMatchObject({ code: 'file.write', message: expect.stringMatching(/cannot write .*: the disk is full/) });
    rmSync(path);
    hub.models[ID] = { files: { ...PIPELINE.files } };
    const plan = await planPull(ID, { place });
    const huge = plan.missing.map((file) => ({ ...file, size: 2 ** 50 }));
    await expect(pull({ ...plan, files: huge }, { place }).next()).rejects.toMatchObject({ code: 'hub.space' });
  });
});

describe('refusals', () => {
  test('gated: how to be let in; with the token it comes, and only the hub sees the token', async () => {
    hub.models[ID] = { ...PIPELINE, gated: true };
    await expect(planPull(ID, { place })).rejects.toMatchObject({ code: 'hub.gated', message: expect.stringContaining('set HF_TOKEN') });
    await expect(planPull(ID, { place: { ...place, token: 'another' } })).rejects.toMatchObject({
      code: 'hub.gated',
      message: expect.stringContaining('owner of this HF_TOKEN'),
    });
    place = { ...place, token: hub.token };
    expect(await planPull(ID, { place })).toMatchObject({ consent: true });
    hub.log.length = 0;
    await get();
    expectWhole();
    expect(hub.log.filter((line) => line.startsWith('hub')).every((line) => line.endsWith(' token'))).toBe(true);
    expect(stored().filter((line) => line.endsWith(' token'))).toEqual([]);
  });

  test.each([
    ['nobody/nothing', 'hub.missing'],
    [`${ID}@v9`, 'hub.revision'],
    ['no name', 'hub.name'],
    ['../../etc', 'hub.name'],
    [`${ID}@../x`, 'hub.name'],
  ])('%s: %s', async (name, code) => {
    await expect(planPull(name, { place })).rejects.toMatchObject({ name: 'InputError', code });
  });

  test('offline, no hub, a page instead of an answer, a path that leads out', async () => {
    await expect(planPull(ID, { place: { ...place, offline: true } })).rejects.toMatchObject({ code: 'hub.offline' });
    expect(hub.log).toEqual([]);
    await expect(planPull(ID, { place: { ...place, endpoint: 'http://127.0.0.1:9' } })).rejects.toMatchObject({
      name: 'RuntimeError',
      code: 'hub.network',
    });
    hub.models[ID] = { ...PIPELINE, page: true };
    await expect(planPull(ID, { place })).rejects.toMatchObject({ code: 'hub.answer', message: expect.stringContaining('text/html') });
    hub.models[ID] = { files: { '../../../evil.json': '{}', 'model.safetensors': large(10, 1) } };
    await expect(planPull(ID, { place })).rejects.toMatchObject({ code: 'hub.answer', message: expect.stringContaining('evil') });
  });
});
