// The words of the browser's built-in AI keep one contract in Node's child process and in a page's worker; downloads are told and kept.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { startHub } from '../../test/hub-server.ts';
import { built } from '../../test/build.ts';
import { webWorker } from '../../test/web-worker.ts';
import * as node from '../node/index.ts';
import * as web from '../web/index.ts';
import { memoryStore } from '../tensor/store.ts';
import type { CreateOptions, GeneratorSession } from './lifecycle.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes and WASM on a busy machine

const { folder, remove } = workFolder();
let model: string;
let bytes: Uint8Array;
beforeAll(async () => {
  model = await tinyModel(folder);
  bytes = new Uint8Array(readFileSync(model));
});
afterAll(remove);

const small = { prompt: 'a fox', seed: 3, steps: 2, width: 64, height: 64 } as const;
const wasm = { runtime: 'wasm', threads: 1 } as const;
const worker = () => webWorker(built('src/web/worker.ts'));
const shares = () => {
  const seen: number[] = [];
  const monitor: NonNullable<CreateOptions['monitor']> = (m) =>
    m.addEventListener('downloadprogress', ({ loaded, total }) => seen.push(loaded / total));
  return { seen, monitor };
};

const FACES: Readonly<Record<string, (more?: CreateOptions) => Promise<GeneratorSession>>> = {
  'a child process': (more) => node.ImageGenerator.create({ model, threads: 1, ...more }),
  'a worker': (more) => web.ImageGenerator.create({ model: bytes, worker, ...wasm, ...more }),
};

describe.each(Object.entries(FACES))('%s', (_, create) => {
  let session: GeneratorSession;
  const { seen, monitor } = shares();
  beforeAll(async () => void (session = await create({ monitor })));
  afterAll(() => session.destroy());

  test('0 and 1 are told though nothing had to come', () => expect(seen).toEqual([0, 1]));

  test('a prompt, a request, a stream', async () => {
    expect((await session.generate({ ...small, seed: 1 })).recipe).toMatchObject({ prompt: 'a fox', seed: 1, width: 64 });
    const types: string[] = [];
    for await (const { type } of session.generateStreaming(small)) types.push(type);
    expect([types[0], types.at(-1)]).toEqual(['text', 'done']);
    const reader = session.generateStreaming({ ...small, count: 1000 }).getReader();
    await reader.read();
    await reader.cancel();
    expect((await session.generate(small)).image.width).toBe(64);
  });

  test.each<[string, object, string]>([
    ['a prompt that is too long', { prompt: 'x'.repeat(3000) }, 'QuotaExceededError'],
    ['a style that it does not know', { ...small, style: 'oil' }, 'NotSupportedError'],
    ['no prompt', { prompt: '' }, 'NotSupportedError'],
    ['a wrong type', { prompt: 5 }, 'TypeError'],
    ['an option that is none', { ...small, sede: 5 }, 'TypeError'],
  ])('%s', async (_, request, name) => {
    const error = await session.generate(request as never).catch((found: unknown) => found);
    expect(error).toMatchObject({ name, cause: { name: 'InputError' } });
    expect(error instanceof DOMException).toBe(name !== 'TypeError');
    await expect(
      session
        .generateStreaming(request as never)
        .getReader()
        .read(),
    ).rejects.toMatchObject({ name });
  });

  test("the caller's signal: its own reason, before and while it draws", async () => {
    await expect(session.generate(small, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    const stop = new AbortController();
    const reader = session.generateStreaming({ ...small, count: 1000 }, { signal: stop.signal }).getReader();
    await reader.read();
    stop.abort('enough');
    await expect(
      (async () => {
        for (;;) if ((await reader.read()).done) return;
      })(),
    ).rejects.toBe('enough');
    await expect(create({ signal: AbortSignal.abort('not now') })).rejects.toBe('not now');
  });

  test('destroyed: AbortError for what is under way, InvalidStateError for what comes later; await using does it', async () => {
    let refused: Promise<void>;
    {
      await using own = session;
      const under = own.generate({ ...small, width: 2056, height: 2056 });
      refused = expect(under).rejects.toMatchObject({ name: 'AbortError', cause: { code: 'engine.closed' } });
    }
    await refused;
    await expect(session.generate(small)).rejects.toMatchObject({ name: 'InvalidStateError' });
    await expect(session.generateStreaming(small).getReader().read()).rejects.toMatchObject({ name: 'InvalidStateError' });
  });
});

describe('availability and downloads', () => {
  test('Node: a path, a name of the hub, nothing', async () => {
    const hub = await startHub({ 'org/tiny': { licence: 'mit', files: { 'tiny.safetensors': bytes } } });
    hub.models['org/odd'] = { licence: 'odd-terms', files: { 'tiny.safetensors': bytes } };
    vi.stubEnv('HF_ENDPOINT', hub.url);
    vi.stubEnv('HF_HUB_CACHE', join(folder, 'hub'));
    const { availability, create } = node.ImageGenerator;
    try {
      expect(await availability({ model })).toBe('available');
      expect(await availability({ model: 'org/tiny' })).toBe('downloadable');
      expect(await availability({ model: join(folder, 'none.safetensors') })).toBe('unavailable');
      expect(await availability({ model, threads: 1000 })).toBe('unavailable');
      await expect(availability({ modle: 'x' } as never)).rejects.toThrow(TypeError);
      expect(hub.log).toEqual([]);
      await expect(create({ model: 'org/odd' })).rejects.toMatchObject({ name: 'NotAllowedError', cause: { code: 'hub.consent' } });
      await expect(create({ model: 'org/none' })).rejects.toMatchObject({ name: 'NetworkError' });
      const { seen, monitor } = shares();
      const creating = create({ model: 'org/tiny', threads: 1, monitor });
      await vi.waitFor(async () => expect(await availability({ model: 'org/tiny' })).not.toBe('downloadable'), { interval: 1 });
      await using session = await creating;
      expect(session.model.name).toBe('tiny-untrained');
      expect([seen[0], seen.at(-1), seen.length > 2, seen]).toEqual([0, 1, true, [...seen].sort((a, b) => a - b)]);
      expect(await availability({ model: 'org/tiny' })).toBe('available');
      vi.stubEnv('HF_HUB_OFFLINE', '1');
      expect(await availability({ model: 'org/odd' })).toBe('unavailable');
    } finally {
      vi.unstubAllEnvs();
      await hub.close();
    }
  });

  test('the web: an address is downloaded once', async () => {
    const asked: string[] = [];
    let finish = (): void => {};
    const server: Server = createServer((request, response) => {
      asked.push(request.url!);
      if (request.url !== '/tiny') return void response.writeHead(404).end();
      response.setHeader('content-length', bytes.length);
      response.write(bytes.subarray(0, bytes.length >> 1));
      finish = () => void response.end(bytes.subarray(bytes.length >> 1));
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const store = memoryStore();
    const options = { model: `${address}/tiny`, store, ...wasm };
    const { availability, create } = web.ImageGenerator;
    try {
      expect(await availability(options)).toBe('downloadable');
      const { seen, monitor } = shares();
      const creating = create({ ...options, monitor });
      await vi.waitFor(() => expect(seen.length).toBeGreaterThan(1));
      expect(await availability(options)).toBe('downloading');
      finish();
      await (await creating).destroy();
      expect([seen[0], seen.at(-1)]).toEqual([0, 1]);
      expect(await availability(options)).toBe('available');
      expect(asked).toEqual(['/tiny']);
      await expect(create({ ...options, model: `${address}/none` })).rejects.toMatchObject({
        name: 'NetworkError',
        cause: { code: 'model.download' },
      });
      const stop = new AbortController();
      const given = create({ ...options, store: memoryStore(), signal: stop.signal });
      await vi.waitFor(() => expect(asked.length).toBe(3));
      stop.abort();
      await expect(given).rejects.toMatchObject({ name: 'AbortError' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
