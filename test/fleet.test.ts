// A fleet: a server without an engine, workers, Redis between them. A worker that is killed while it draws: its job is done by the other,
// once. Skipped where there is no redis-server.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage, encodeImage } from '../src/disk/codec.ts';
import { narrowed } from '../src/draw/request.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import { openFleet, type Fleet } from '../src/fleet/fleet.ts';
import { openQueue, type FleetQueue } from '../src/fleet/queue.ts';
import { openResults } from '../src/fleet/results.ts';
import { openWorker, type FleetWorker } from '../src/fleet/worker.ts';
import { serve, type BananaServer } from '../src/server/listen.ts';
import { BANANA, tinyModel, workFolder } from './command.ts';
import { fakeBanana, pictureOf, soon } from './fake-banana.ts';
import { MODEL } from './fake-model.ts';
import { hasRedis, startRedis, type RedisServer } from './redis.ts';

const { folder, remove } = workFolder();
const results = join(folder, 'results');
const SILENT = { info() {}, error() {} };
const limits = narrowed({ count: 10 });

interface Told {
  id: string;
  status: string;
  drawn: number;
  seed: number;
  ahead?: number;
  eta?: number;
  step?: number;
  error?: { code: string; message: string };
  pictures: { seed: number; url: string }[];
}

describe.skipIf(!hasRedis)('a fleet', () => {
  let redis: RedisServer;
  const banana = fakeBanana();
  let queue: FleetQueue;
  let worker: FleetWorker;
  let fleet: Fleet;
  let server: BananaServer;
  beforeAll(async () => {
    redis = await startRedis();
    queue = await openQueue({ redis: redis.url });
    worker = await openWorker(queue, await openResults(results), banana, { limits, log: SILENT });
    fleet = await openFleet({ redis: redis.url, results });
    server = await serve(fleet.banana, { port: 0, jobs: fleet.jobs, atOnce: 4, limits });
  });
  afterAll(async () => {
    banana.release();
    await server?.close({ patience: 1 });
    await fleet?.close();
    await worker?.close({ patience: 0 });
    await queue?.close();
    await redis?.stop();
    remove();
  });

  const JSON_TYPE = { 'content-type': 'application/json' };
  async function api<T = Told>(path = '', { method = 'GET', body, key }: { method?: string; body?: object; key?: string } = {}) {
    const headers = { ...JSON_TYPE, ...(key && { 'idempotency-key': key }) };
    const response = await fetch(`${server.url}/api/jobs${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, json: (await response.json()) as T };
  }
  const submit = async (body: object, key?: string) =>
    api('', { method: 'POST', body: { width: 96, height: 64, ...body }, ...(key && { key }) });
  const until = async (id: string, status: string) => {
    await soon(async () => expect((await api(`/${id}`)).json.status).toBe(status));
    return (await api(`/${id}`)).json;
  };
  const draw = (body: object, signal?: AbortSignal) =>
    fetch(`${server.url}/v1/images/generations`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ size: '96x64', ...body }),
      ...(signal && { signal }),
    });
  const begun = (prompt: string) => banana.log.filter((line) => line.startsWith(`begin ${prompt} `));

  test('a job is drawn by a worker, watched, fetched; the same key is the same job', async () => {
    const asked = await Promise.all(
      Array.from({ length: 4 }, () => submit({ prompt: 'an owl', count: 2, seed: 7, format: 'webp' }, 'order 5')),
    );
    const [{ json }] = asked as [(typeof asked)[0]];
    expect(new Set(asked.map((one) => one.json.id)).size).toBe(1);
    expect(asked.map(({ status }) => status).sort()).toEqual([200, 200, 200, 202]);
    const events = await (await fetch(`${server.url}/api/jobs/${json.id}/events`)).text();
    expect(events).toMatch(/event: done\ndata: [^\n]*"drawn":2[^\n]*\n\n$/);
    const done = await until(json.id, 'done');
    expect(done.pictures.map(({ seed }) => seed)).toEqual([7, 8]);
    const found = await fetch(server.url + done.pictures[1]!.url);
    expect(readRecipe(new Uint8Array(await found.arrayBuffer()))).toMatchObject({ prompt: 'an owl', seed: 8, width: 96 });
    expect(begun('an owl')).toEqual(['begin an owl 7', 'begin an owl 8']);
    expect(await submit({ prompt: 'another' }, 'order 5')).toMatchObject({ status: 409, json: { error: { code: 'job.conflict' } } });
    expect(readdirSync(join(results, json.id)).filter((name) => name.startsWith('request')).length).toBe(1);
    for (const id of ['meta', 'prioritized', 'none', '..%2f..'])
      expect(await api(`/${id}`)).toMatchObject({ status: 404, json: { error: { code: 'job.unknown' } } });
  });

  test('who waits for an answer comes before who does not; who leaves or cancels frees the worker', async () => {
    const first = (await submit({ prompt: 'hold' })).json;
    await until(first.id, 'drawing');
    const [second, third] = [(await submit({ prompt: 'second' })).json, (await submit({ prompt: 'third' })).json];
    expect((await api(`/${third.id}`)).json).toMatchObject({ status: 'queued', ahead: 2, eta: expect.any(Number) });
    const now = draw({ prompt: 'now', seed: 3, n: 2 });
    const gone = new AbortController();
    const left = draw({ prompt: 'left' }, gone.signal).catch(() => 'gone');
    await soon(async () => expect(await queue.queue.getPrioritizedCount()).toBe(4));
    gone.abort();
    expect(await left).toBe('gone');
    expect((await api(`/${second.id}`, { method: 'DELETE' })).json.status).toBe('cancelled');
    expect((await api(`/${first.id}/cancel`, { method: 'POST' })).json.status).toBe('cancelled');
    const { data, usage } = (await (await now).json()) as { data: { seed: number; b64_json: string }[]; usage: { input_tokens: number } };
    expect(data.map(({ seed }) => seed)).toEqual([3, 4]);
    expect(usage.input_tokens).toBe(5);
    expect(readRecipe(new Uint8Array(Buffer.from(data[1]!.b64_json, 'base64')))).toMatchObject({ seed: 4, prompt: 'now' });
    await until(third.id, 'done');
    expect(banana.log.filter((line) => /^begin (now|third|second|left)/.test(line))).toEqual([
      'begin now 3',
      'begin now 4',
      expect.stringContaining('third'),
    ]);
    const { jobs } = (await api<{ jobs: Told[] }>()).json;
    expect(jobs.map(({ status }) => status)).toEqual(['done', 'cancelled', 'cancelled', 'done']);
    expect(await queue.queue.getJobCounts('completed', 'failed', 'active', 'prioritized')).toMatchObject({ active: 0, prioritized: 0 });
  });

  test('what is the job’s own fault is told, what is not is tried again', async () => {
    const wrong = await submit({ prompt: 'a fox', image: Buffer.from('no picture').toString('base64') });
    expect((await until(wrong.json.id, 'failed')).error).toMatchObject({ code: 'codec.decode' });
    expect(begun('a fox')).toEqual([]);
    const answer = await draw({ prompt: 'break', seed: 1 });
    expect([answer.status, (await answer.text()).includes('secret')]).toEqual([500, false]);
    expect(begun('break').length).toBe(3);
  });

  test('a worker whose results are elsewhere says so', async () => {
    const first = (await submit({ prompt: 'hold' })).json;
    await until(first.id, 'drawing');
    const { id } = (await submit({ prompt: 'elsewhere' })).json;
    rmSync(join(results, id), { recursive: true });
    await api(`/${first.id}`, { method: 'DELETE' });
    expect((await until(id, 'failed')).error).toMatchObject({ code: 'fleet.results', message: expect.stringContaining('same --results') });
    expect(begun('elsewhere')).toEqual([]);
  });

  test('a picture that comes with a request is drawn from', async () => {
    const form = new FormData();
    form.append('prompt', 'from a picture');
    form.append('image', new File([new Uint8Array(await encodeImage(pictureOf(9, 64, 64), 'png'))], 'x.png'));
    expect((await fetch(`${server.url}/v1/images/edits`, { method: 'POST', body: form })).status).toBe(200);
    expect(banana.last()!.image).toEqual(pictureOf(9, 64, 64));
  });

  test('workers with another model are refused; a Redis that is not there is told without its password', async () => {
    const other = { ...banana, model: { ...MODEL, name: 'other', hash: 'other' } };
    await expect(openWorker(queue, await openResults(results), other, { limits, log: SILENT })).rejects.toMatchObject({
      code: 'fleet.model',
    });
    const nowhere = openQueue({ redis: 'redis://me:secret@127.0.0.1:1' });
    await expect(nowhere).rejects.toMatchObject({ code: 'fleet.redis', message: expect.not.stringContaining('secret') });
    await expect(openFleet({ redis: redis.url, results, name: 'empty', patience: 0 })).rejects.toMatchObject({ code: 'fleet.empty' });
  });

  test('while Redis is away clients are told so; when it is back all goes on', async () => {
    await redis.stop();
    for (const answer of await Promise.all([draw({ prompt: 'away' }), fetch(`${server.url}/api/jobs`)]))
      expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([503, 'fleet.redis']);
    redis = await startRedis(redis.port);
    await soon(async () => expect((await draw({ prompt: 'back' })).status).toBe(200));
    expect(begun('away')).toEqual([]);
  });

  test('previews come with the events of a picture, and how far it is', async () => {
    const asked = { prompt: 'seen', seed: 5, n: 2, quality: 'high', stream: true, partial_images: 2 };
    const events = (await (await draw(asked)).text()).matchAll(/^event: (.+)\ndata: (.+)$/gm);
    const told = [...events].map(
      ([, name, data]) => [name, JSON.parse(data!)] as [string, { b64_json: string; partial_image_index: number }],
    );
    const one = ['partial_image 0', 'partial_image 1', 'completed'].map((what) => `image_generation.${what}`);
    expect(told.map(([name, { partial_image_index: i }]) => (i === undefined ? name : `${name} ${i}`))).toEqual([...one, ...one]);
    const { width, data } = await decodeImage(Buffer.from(told[3]![1].b64_json, 'base64'));
    expect([width, Math.abs(data[0]! - 6) < 4]).toEqual([16, true]); // of the second picture, by its seed
  });

  test('two workers, one killed with -9 while it draws: its job is done by the other, once', { timeout: 240_000 }, async () => {
    await worker.close();
    const model = await tinyModel(folder);
    const [file, ...rest] = BANANA as [string, ...string[]];
    const args = [...rest, 'worker', '--redis', redis.url, '--results', results, '--model', model, '--threads', '1', '--claim', '3'];
    const said = new Map<ChildProcess, string[]>();
    const start = async () => {
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const lines: string[] = [];
      for (const stream of [child.stdout, child.stderr]) createInterface(stream).on('line', (line) => lines.push(line));
      said.set(child, lines);
      await soon(() => expect(lines.join()).toContain('draws with tiny-untrained'), 120_000);
      return child;
    };
    const workers = await Promise.all([start(), start()]);
    const tells = (child: ChildProcess, id: string, what: string) =>
      said.get(child)!.filter((line) => line.includes(id) && line.includes(`"msg":"${what}"`)).length;
    const { id } = (await submit({ prompt: 'shop', count: 6, seed: 100, width: 640, height: 640 })).json;
    await soon(async () => expect((await api(`/${id}`)).json.drawn).toBeGreaterThanOrEqual(2));
    const victim = workers.find((child) => tells(child, id, 'begun') > 0)!;
    const heir = workers.find((child) => child !== victim)!;
    victim.kill('SIGKILL');
    await once(victim, 'close');
    const before = picturesOf(id);
    expect(before.size).toBeLessThan(6);
    expect((await draw({ prompt: 'meanwhile', seed: 1 })).status).toBe(200);
    expect(await until(id, 'done')).toMatchObject({ drawn: 6, seed: 100 });
    const after = picturesOf(id);
    expect([...after.keys()]).toEqual(['0.png', '1.png', '2.png', '3.png', '4.png', '5.png']);
    for (const [name, stamp] of before) expect(after.get(name), name).toBe(stamp); // what was there is the very same file
    expect([tells(heir, id, 'begun'), tells(heir, id, 'done'), tells(victim, id, 'done')]).toEqual([1, 1, 0]);
    for (let i = 0; i < 6; i++) expect(readRecipe(readFileSync(join(results, id, `${i}.png`)))!.seed).toBe(100 + i);
    heir.kill('SIGTERM');
    expect(await once(heir, 'close')).toEqual([0, null]);
  });

  const picturesOf = (id: string) =>
    new Map(
      readdirSync(join(results, id))
        .filter((name) => name.endsWith('.png'))
        .sort()
        .map((name) => {
          const { ino, mtimeMs, size } = statSync(join(results, id, name));
          return [name, `${ino} ${mtimeMs} ${size}`] as const;
        }),
    );
});
