// Jobs: asked for, watched, ended, fetched; asked for twice; gone on with after the server went.
import { appendFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { fakeBanana, pictureOf, type FakeBanana, soon } from '../../test/fake-banana.ts';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { narrowed } from '../draw/request.ts';
import { readRecipe } from '../draw/recipe.ts';
import { serve, type BananaServer } from './listen.ts';

const { folder, remove } = workFolder();
const jobs = join(folder, 'jobs');
const open = (banana: FakeBanana, at = jobs) => serve(banana, { port: 0, jobs: at, limits: narrowed({ count: 10 }) });

const banana = fakeBanana();
let server: BananaServer;
beforeAll(async () => void (server = await open(banana)));
afterAll(async () => {
  await server.close({ patience: 0 });
  remove();
});

interface Told {
  id: string;
  status: string;
  drawn: number;
  seed: number;
  ahead?: number;
  eta?: number;
  error?: { code: string; message: string };
  pictures: { seed: number; url: string }[];
}

async function api<T = Told>(
  path = '',
  { method = 'GET', body, key, at = server }: { method?: string; body?: unknown; key?: string; at?: BananaServer } = {},
) {
  const headers = { ...(body !== undefined && { 'content-type': 'application/json' }), ...(key && { 'idempotency-key': key }) };
  const response = await fetch(`${at.url}/api/jobs${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  return { status: response.status, json: (await response.json()) as T, location: response.headers.get('location') };
}
const submit = (body: object, more: { key?: string; at?: BananaServer } = {}) =>
  api('', { method: 'POST', body: { width: 96, height: 64, ...body }, ...more });
const until = async (id: string, status: string, at = server) => {
  await soon(async () => expect((await api(`/${id}`, { at })).json.status).toBe(status));
  return (await api(`/${id}`, { at })).json;
};

test('a job is told at once where it is, and its pictures are fetched when it is done', async () => {
  const { status, json, location } = await submit({ prompt: 'an owl <lora:ink:0.5>', count: 2, seed: 7, format: 'webp', quality: 80 });
  expect([status, location]).toEqual([202, `/api/jobs/${json.id}`]);
  const done = await until(json.id, 'done');
  expect(done).toMatchObject({ drawn: 2, seed: 7, pictures: [{ seed: 7 }, { seed: 8 }] });
  expect(banana.last()).toMatchObject({ prompt: 'an owl', peels: [{ name: 'ink', weight: 0.5 }], count: 1, seed: 8 });
  const found = await fetch(server.url + done.pictures[1]!.url);
  const bytes = new Uint8Array(await found.arrayBuffer());
  expect(found.headers.get('content-type')).toBe('image/webp');
  expect(readRecipe(bytes)).toMatchObject({ prompt: 'an owl', seed: 8, width: 96 });
});

test('a job is watched: how it stands, each step and picture, how it ended', async () => {
  const { json } = await submit({ prompt: 'hold', count: 2 });
  const response = await fetch(`${server.url}/api/jobs/${json.id}/events`);
  soon(() => expect(banana.log.at(-1)).toMatch(/begin hold/)).then(banana.release, () => {});
  const letGo = setInterval(banana.release, 50);
  const text = await response.text();
  clearInterval(letGo);
  const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, status, data]) => ({
    status,
    job: JSON.parse(data!) as Told & { step?: number },
  }));
  expect(events.every(({ status, job }) => status === job.status)).toBe(true);
  expect(events.map(({ job }) => job.drawn)).toEqual(events.map(({ job }) => job.drawn).sort());
  expect(events.filter(({ job }) => job.step === 4).length).toBe(2);
  expect(events.at(-1)!.job).toMatchObject({ status: 'done', drawn: 2 });
});

test('jobs wait in order with their place and their time; who waits for an answer comes first; cancelling frees the place', async () => {
  const [first, second, third] = [
    (await submit({ prompt: 'hold' })).json,
    (await submit({ prompt: 'second', count: 3 })).json,
    (await submit({ prompt: 'third' })).json,
  ];
  await until(first.id, 'drawing');
  expect((await api(`/${third.id}`)).json).toMatchObject({ status: 'queued', ahead: 2, eta: expect.any(Number) });
  expect((await api<{ jobs: Told[] }>('?status=queued')).json.jobs.map(({ id }) => id)).toEqual([third.id, second.id]);
  const now = fetch(`${server.url}/v1/images/generations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"prompt":"now","size":"64x64"}',
  });
  expect((await api(`/${second.id}/cancel`, { method: 'POST' })).json).toMatchObject({ status: 'cancelled', drawn: 0 });
  expect((await api(`/${first.id}`, { method: 'DELETE' })).json.status).toBe('cancelled');
  expect((await now).status).toBe(200);
  expect((await until(third.id, 'done')).drawn).toBe(1);
  expect(banana.log.filter((line) => line.includes('second'))).toEqual([]);
  const order = banana.log.filter((line) => /^begin (now|third)/.test(line)).map((line) => line.split(' ')[1]);
  expect(order).toEqual(['now', 'third']);
});

test('the same key is the same job, once', async () => {
  const asked = await Promise.all(Array.from({ length: 5 }, () => submit({ prompt: 'once', seed: 3 }, { key: 'order 5' })));
  expect(new Set(asked.map(({ json }) => json.id)).size).toBe(1);
  expect(asked.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 202]);
  await until(asked[0]!.json.id, 'done');
  expect(banana.log.filter((line) => line === 'begin once 3').length).toBe(1);
  expect(await submit({ prompt: 'something else' }, { key: 'order 5' })).toMatchObject({
    status: 409,
    json: { error: { code: 'job.conflict' } },
  });
});

test('a job that cannot be drawn says why; one that loses the engine is tried again', async () => {
  const picture = Buffer.from(await encodeImage(pictureOf(1, 64, 64), 'png')).toString('base64');
  const { json } = await submit({ prompt: 'a fox', image: picture.slice(0, 60) });
  expect((await until(json.id, 'failed')).error).toMatchObject({ code: 'codec.decode' });
  const good = await submit({ prompt: 'a fox', image: picture });
  await until(good.json.id, 'done');
  expect(banana.last()!.image).toEqual(await decodeImage(Buffer.from(picture, 'base64')));
  const lost = await submit({ prompt: 'lose', seed: 1 });
  expect((await until(lost.json.id, 'failed')).error).toMatchObject({ code: 'engine.lost' });
  expect(banana.log.filter((line) => line === 'begin lose 1').length).toBe(3);
});

test.each<[string, string, object | undefined, number, string]>([
  ['POST', '', { prompt: '' }, 400, 'prompt.empty'],
  ['POST', '', { prompt: 'x', n: 2 }, 400, 'options.unknown'],
  ['POST', '', { prompt: 'x', format: 'gif' }, 400, 'options.job'],
  ['POST', '', { prompt: 'x', image: 'file:///etc/passwd' }, 400, 'picture.url'],
  ['POST', '', { prompt: 'x', peels: [{ path: '/etc/passwd' }] }, 400, 'options.unknown'],
  ['GET', '/..%2f..%2fetc', undefined, 404, 'job.unknown'],
  ['GET', '/none/events', undefined, 404, 'job.unknown'],
  ['DELETE', '/none', undefined, 404, 'job.unknown'],
  ['GET', '/none/pictures/0', undefined, 404, 'job.unknown'],
])('%s %s %j is refused with %i %s', async (method, path, body, status, code) => {
  expect(await api(path, { method, ...(body && { body }) })).toMatchObject({ status, json: { error: { code } } });
});

test('what was not done when a server went is gone on with at the next start, and nothing is drawn twice', async () => {
  const at = join(folder, 'left');
  const [one, two] = [fakeBanana(), fakeBanana()];
  const before = await open(one, at);
  const done = (await submit({ prompt: 'done', seed: 1 }, { at: before })).json;
  await until(done.id, 'done', before);
  const left = (await submit({ prompt: 'hold', count: 3, seed: 20 }, { at: before, key: 'k' })).json;
  const waiting = (await submit({ prompt: 'waits', seed: 30 }, { at: before })).json;
  await soon(() => expect(one.log).toContain('begin hold 20'));
  one.release();
  await soon(() => expect(one.log).toContain('begin hold 21'));
  await before.close({ patience: 0 });
  appendFileSync(join(at, 'journal.jsonl'), '{"type":"submit","id":"to'); // a kill in the middle of a line

  const after = await open(two, at);
  const letGo = setInterval(two.release, 20);
  await until(waiting.id, 'done', after);
  clearInterval(letGo);
  expect((await api(`/${left.id}`, { at: after })).json).toMatchObject({ status: 'done', drawn: 3 });
  expect((await submit({ prompt: 'hold', count: 3, seed: 20 }, { at: after, key: 'k' })).json.id).toBe(left.id);
  expect(two.log.filter((line) => line.startsWith('begin'))).toEqual(['begin hold 21', 'begin hold 22', 'begin waits 30']);
  expect((await api<{ jobs: Told[] }>('', { at: after })).json.jobs.map(({ id }) => id)).toEqual([waiting.id, left.id, done.id]);
  expect(readdirSync(join(at, left.id)).sort()).toEqual(['0.png', '1.png', '2.png', 'request.json']);

  const beside = await open(two, at); // another server at the same time has jobs of its own
  expect((await api<{ jobs: Told[] }>('', { at: beside })).json.jobs).toEqual([]);
  expect(existsSync(`${at}-2/journal.jsonl`)).toBe(true);
  await Promise.all([after.close(), beside.close()]);
  rmSync(at, { recursive: true });
});
