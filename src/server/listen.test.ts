// What stands around every face: who may ask, how much, how many at a time, and what becomes of a request when its client, its engine or
// the server goes.
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { request as ask, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeBanana, soon } from '../../test/fake-banana.ts';
import { encodeImage } from '../disk/codec.ts';
import { LIMITS, narrowed } from '../draw/request.ts';
import { image } from '../image/image.ts';
import { serve, type BananaServer } from './listen.ts';
import { fromServer } from './peer.ts';

const KEY = 'a key';
const banana = fakeBanana();
const logged: string[] = [];
let open: BananaServer;
let keyed: BananaServer;
beforeAll(async () => {
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const limits = narrowed({ pictureBytes: 64 * 64 * 4 });
  open = await serve(banana, {
    port: 0,
    room: 2,
    patience: 500,
    bodies: { body: 200_000, structure: 2000 },
    origins: ['https://app.example'],
    limits,
    log,
    peels: '/nowhere/peels',
  });
  keyed = await serve(banana, { port: 0, host: '0.0.0.0', key: KEY });
});
afterAll(async () => {
  banana.release();
  await Promise.all([open.close({ patience: 0 }), keyed.close({ patience: 0 })]);
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  json: { error: { code: string; message: string; type: string; param: string | null } };
}

/** Asks with any header, Host and Origin too, which fetch would not send. */
async function asked(
  server: BananaServer,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  const { port } = new URL(server.url);
  const request = ask({ host: '127.0.0.1', port, path, method, headers });
  request.end(body);
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return {
    status: response.statusCode!,
    headers: response.headers,
    text,
    json: /^application\/json/.test(response.headers['content-type'] ?? '') ? JSON.parse(text) : undefined,
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };
const draw = (body: unknown, server = open) =>
  asked(server, '/v1/images/generations', {
    method: 'POST',
    headers: JSON_TYPE,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
/** A request of fetch's that can be left. */
const held = (signal: AbortSignal) =>
  fetch(`${open.url}/v1/images/generations`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: '{"prompt":"hold","size":"64x64","seed":1}',
    signal,
  }).catch(() => undefined);
const counted = (text: string) => banana.log.filter((line) => line === text).length;

describe('who may ask', () => {
  test.each<[string, Record<string, string>, number, string]>([
    ['a page of another origin', { origin: 'https://evil.example' }, 403, 'server.origin'],
    ['a page without an origin', { origin: 'null' }, 403, 'server.origin'],
    ['a page of another port of this machine', { origin: 'http://127.0.0.1:1' }, 403, 'server.origin'],
    ['a picture in a page of another origin', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403, 'server.origin'],
    [
      'a page whose name points here (DNS rebinding)',
      { host: 'evil.example:7860', origin: 'http://evil.example:7860' },
      403,
      'server.host',
    ],
    ['a name that only looks like this machine', { host: '127.0.0.1.evil.example' }, 403, 'server.host'],
  ])('%s may not', async (_, headers, status, code) => {
    for (const path of ['/v1/models', '/health', '/no/such/path']) {
      const { status: found, json } = await asked(open, path, { headers });
      expect([found, json.error.code]).toEqual([status, code]);
    }
    const before = banana.log.length;
    expect(
      await asked(open, '/v1/images/generations', { method: 'POST', headers: { ...headers, ...JSON_TYPE }, body: '{"prompt":"x"}' }),
    ).toMatchObject({ status });
    expect(banana.log.length).toBe(before);
  });

  test('programs, pages of this server, other names of this machine and allowed origins may', async () => {
    const { host } = new URL(open.url);
    for (const headers of [
      {},
      { origin: `http://${host}` },
      { host: `localhost:${new URL(open.url).port}` },
      { host: '[::1]:80' },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    ])
      expect((await asked(open, '/v1/models', { headers: headers as Record<string, string> })).status).toBe(200);
    const before = await asked(open, '/v1/images/generations', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-headers': 'content-type' },
    });
    expect(before).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': 'https://app.example', 'access-control-allow-headers': 'content-type' },
    });
    expect((await asked(open, '/v1/models', { headers: { origin: 'https://app.example' } })).headers['access-control-allow-origin']).toBe(
      'https://app.example',
    );
  });

  test('where a key is set, only who has it; an address of others needs one', async () => {
    const basic = (key: string) => `Basic ${Buffer.from(`anybody:${key}`).toString('base64')}`;
    for (const authorization of [`Bearer ${KEY}`, basic(KEY)])
      expect((await asked(keyed, '/v1/models', { headers: { authorization } })).status).toBe(200);
    for (const authorization of ['', 'Bearer', `Bearer ${KEY}x`, KEY, basic('x'), `Digest ${KEY}`]) {
      const { status, json } = await asked(keyed, '/v1/models', { headers: { authorization } });
      expect([status, json.error]).toEqual([401, expect.objectContaining({ code: 'invalid_api_key', type: 'authentication_error' })]);
    }
    expect((await asked(keyed, '/health', {})).status).toBe(200);
    expect((await asked(keyed, '/v1/models', { headers: { authorization: `Bearer ${KEY}`, origin: 'https://evil.example' } })).status).toBe(
      403,
    );
    for (const host of ['0.0.0.0', '::', '192.168.0.9', 'example.com'])
      await expect(serve(banana, { host, port: 0 })).rejects.toMatchObject({ code: 'server.open' });
  });
});

describe('how much', () => {
  test('a body, a JSON of brackets, one that is packed, of another type or none at all', async () => {
    const post = (headers: Record<string, string>, body: string | Buffer) =>
      asked(open, '/v1/images/generations', { method: 'POST', headers, body });
    const long = (length: number) => post(JSON_TYPE, `{"prompt":"${'x'.repeat(length)}"}`);
    expect(await long(300_000)).toMatchObject({ status: 413, headers: { connection: 'keep-alive' } });
    expect(await long(900_000)).toMatchObject({ status: 413, headers: { connection: 'close' } }); // more than anybody reads for nothing
    expect(await post({ ...JSON_TYPE, 'transfer-encoding': 'chunked' }, `{"prompt":"${'x'.repeat(300_000)}"}`)).toMatchObject({
      status: 413,
    });
    expect(await post(JSON_TYPE, `{"prompt":${'['.repeat(50_000)}`)).toMatchObject({
      status: 413,
      json: { error: { message: expect.stringContaining('outside of its strings') } },
    });
    expect(await post(JSON_TYPE, `{"prompt":"x\\"${'['.repeat(50_000)}\\\\"}`)).toMatchObject({
      status: 400,
      json: { error: { code: 'prompt.long' } },
    });
    expect(await post({ ...JSON_TYPE, 'content-encoding': 'gzip' }, Buffer.from([0x1f, 0x8b]))).toMatchObject({ status: 415 });
    expect(await post({ 'content-type': 'text/plain' }, '{"prompt":"x"}')).toMatchObject({ status: 415 });
    for (const body of ['', '{', '\xff', '[1]', 'null', '3']) expect((await post(JSON_TYPE, Buffer.from(body, 'latin1'))).status).toBe(400);
    expect(
      (
        await asked(open, '/v1/images/edits', {
          method: 'POST',
          headers: { 'content-type': 'multipart/form-data; boundary=x' },
          body: '--y\r\n',
        })
      ).json.error.code,
    ).toBe('server.form');
  });

  test('what is refused is read to its end first: no client loses its answer, nor the connection, while it sends', async () => {
    const post = (path: string, type: string, length: number) =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(length)}`;
    const socket = connect(Number(new URL(open.url).port), '127.0.0.1');
    for (const [path, type] of [
      ['/v1/images/generations', 'application/json'],
      ['/v1/images/generations', 'text/plain'],
      ['/v1/images/edits', 'application/json'],
      ['/nowhere', 'application/json'],
    ] as const)
      socket.write(post(path, type, 300_000));
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += chunk;
    expect([...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status))).toEqual([413, 415, 415, 404, 200]);
  });

  test('a connection that nobody uses is kept for much longer than clients are told', async () => {
    let kept = 0;
    const look = (event: unknown) => void (kept = (event as { server: Server }).server.keepAliveTimeout / 1000);
    subscribe('http.server.request.start', look);
    const { headers } = await asked(open, '/health');
    unsubscribe('http.server.request.start', look);
    const [, told] = /^timeout=(\d+)$/.exec(headers['keep-alive'] as string)!;
    expect(kept).toBeGreaterThan(10 * Number(told));
  });

  test('a body that comes too slowly is given up', async () => {
    const { port } = new URL(open.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      'POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    );
    let text = '';
    for await (const chunk of socket.setEncoding('utf8')) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a form of more parts than anybody needs', async () => {
    const field = '--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary="x"' };
    const answer = await asked(open, '/v1/images/edits', { method: 'POST', headers, body: `${field.repeat(300)}--x--\r\n` });
    expect([answer.status, answer.json.error.message]).toEqual([413, 'the form has more than 256 parts']);
  });

  test('an answer that is not taken is given up', async () => {
    const socket = connect(Number(new URL(open.url).port), '127.0.0.1').pause();
    let closed = false;
    socket.on('error', () => (closed = true));
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(1500)); // more than the system keeps for who does not read
    await soon(() => {
      socket.write('\r\n'); // fails where nobody listens any more
      expect(closed).toBe(true);
    });
  });

  test.each(['../../etc/passwd', '..%2f..%2fetc%2fpasswd', '%2e%2e/%2e%2e/etc/passwd', 'x.png', '%00', '....//....//etc/passwd'])(
    'no path leads to a file: %s',
    async (path) => {
      for (const base of ['/files/', '/', '/v1/models/']) {
        const { status, text } = await asked(open, base + path);
        expect([400, 404]).toContain(status);
        expect(text).not.toContain('root:');
      }
    },
  );

  test.each<[string, string, RegExp]>([
    ['http:', 'http://127.0.0.1:1/x.png', /opens none/],
    ['https:', 'https://example.com/x.png', /opens none/],
    ['file:', 'file:///etc/passwd', /opens none/],
    ['no base64', '/etc/passwd\0', /no file in base64/],
    [
      'a drawing',
      `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>').toString('base64')}`,
      /none of png, jpeg, webp, gif/,
    ],
  ])('pictures are never fetched, nor drawings run: %s', async (_, text, message) => {
    const { status, json } = await draw({ prompt: '<1>', references: [{ slot: 1, image: text }] });
    expect([status, json.error.message]).toEqual([400, expect.stringMatching(message)]);
  });

  test('another method than a path has', async () => {
    for (const [method, path, allow] of [
      ['PUT', '/v1/images/generations', 'POST'],
      ['TRACE', '/v1/models', 'GET'],
      ['PATCH', '/sdapi/v1/options', 'GET, POST'],
      ['POST', '/files/x.png', 'GET'],
    ] as const)
      expect(await asked(open, path, { method })).toMatchObject({ status: 405, headers: { allow } });
    expect((await asked(open, '/no/such/path', { method: 'PUT' })).status).toBe(404);
  });

  test('a small file of many pixels is not unpacked', async () => {
    const bomb = Buffer.from(await encodeImage(image(2000, 2000), 'png')).toString('base64');
    expect(bomb.length).toBeLessThan(100_000);
    expect((await draw({ prompt: '<1>', references: [{ slot: 1, image: bomb }] })).json.error.message).toMatch(/2000x2000 pixels.*at most/);
  });

  test('small files that are many pixels together are not all unpacked', async () => {
    const picture = Buffer.from(await encodeImage(image(64, 60), 'png')).toString('base64');
    const references = (n: number) => Array.from({ length: n }, (_, i) => ({ slot: i + 1, image: picture }));
    const prompt = '<1> <2> <3>';
    expect((await draw({ prompt: '<1> <2>', size: '64x64', references: references(2) })).status).toBe(200);
    expect((await draw({ prompt, size: '64x64', references: references(3) })).json.error.message).toMatch(
      /^references\[2\].image: .*64x60 pixels.*beside the other pictures/,
    );
  });

  test('a Peel is named by its name in the library and nothing else', async () => {
    expect(await draw({ prompt: 'x', peels: [{ path: '/etc/passwd' }] })).toMatchObject({
      status: 400,
      json: { error: { param: 'peels[0].path' } },
    });
    for (const name of ['../../etc/passwd', '/etc/passwd', 'a/b'])
      expect((await draw({ prompt: 'x', peels: [{ name }] })).json.error.code).toBe('peel.name');
    expect((await draw({ prompt: 'x <lora:../../etc/passwd:1>' })).status).toBe(400);
  });
});

describe('the line', () => {
  test('so many wait and no more; who leaves frees the place and the engine within a step', async () => {
    const clients = Array.from({ length: 4 }, () => new AbortController());
    const answers = clients.map(({ signal }) => held(signal));
    await soon(async () => expect(await (await fetch(`${open.url}/ready`)).json()).toEqual({ status: 'ready', waiting: 2 }));
    const full = await draw({ prompt: 'x' });
    expect(full).toMatchObject({ status: 429, json: { error: { code: 'rate_limit_exceeded', type: 'rate_limit_error' } } });
    expect(Number(full.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    const metrics = await (await fetch(`${open.url}/metrics`)).text();
    expect(metrics).toContain('banana_requests_waiting 2\n');
    expect(metrics).toContain('banana_request_seconds_count{route="/v1/images/generations",status="429"} 1\n');

    for (const client of clients) client.abort();
    await Promise.all(answers);
    await soon(async () => expect(await (await fetch(`${open.url}/ready`)).json()).toEqual({ status: 'ready', waiting: 0 }));
    expect((await draw({ prompt: 'after', size: '64x64' })).status).toBe(200);
    expect(counted('begin hold 1')).toBe(counted('end hold 1'));
  });

  test('who loses the engine is told so, and the next one is drawn', async () => {
    const [lost, next] = await Promise.all([draw({ prompt: 'lose' }), draw({ prompt: 'next', size: '64x64' })]);
    expect(lost).toMatchObject({ status: 503, json: { error: { code: 'engine.lost', type: 'server_error' } } });
    expect(next.status).toBe(200);
    expect((await asked(open, '/metrics')).text).toContain('banana_engine_lost_total 1\n');
  });

  test('what was not foreseen is told to the log and not to the client', async () => {
    const { status, text, headers } = await draw({ prompt: 'break' });
    expect([status, text.includes('secret')]).toEqual([500, false]);
    const line = logged.find((one) => one.includes('a secret'))!;
    expect(JSON.parse(line)).toMatchObject({ id: headers['x-request-id'], level: 50 });
  });

  test('prompts are not in the log', async () => {
    await draw({ prompt: 'nobody else reads this', size: '64x64' });
    expect(logged.join('')).not.toContain('nobody else');
    expect(logged.length).toBeGreaterThan(10);
  });
});

test('many at once: each gets its own picture, once; what takes too long is given up', async () => {
  const own = fakeBanana();
  const server = await serve(own, { port: 0, room: 198, timeout: 60 });
  const ask = async (seed: number) => {
    const response = await draw({ prompt: 'x', size: '64x64', quality: 'low', seed }, server);
    return (response.json as unknown as { data: { seed: number }[] }).data.map((one) => one.seed);
  };
  const seeds = Array.from({ length: 200 }, (_, seed) => seed);
  expect(await Promise.all(seeds.map(ask))).toEqual(seeds.map((seed) => [seed]));
  expect(new Set(own.log.filter((line) => line.startsWith('begin'))).size).toBe(200);
  expect(own.log.length).toBe(400);
  await server.close();

  const hasty = await serve(own, { port: 0, timeout: 0.05 });
  expect(await draw({ prompt: 'hold' }, hasty)).toMatchObject({ status: 504, json: { error: { code: 'server.timeout' } } });
  await hasty.close();
});

test('what is not installed is told with what brings it', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  await expect(fromServer(Promise.reject(missing))).rejects.toMatchObject({
    code: 'server.missing',
    message: expect.stringContaining('npm install hono'),
  });
  await expect(fromServer(Promise.reject(new TypeError('other')))).rejects.toThrow('other');
});

test('a port that is taken is told; without one the next that is free is taken', async () => {
  const port = Number(new URL(open.url).port);
  await expect(serve(banana, { port })).rejects.toMatchObject({ code: 'server.port' });
  const [one, two] = [await serve(banana), await serve(banana)];
  expect(new URL(two.url).port > new URL(one.url).port).toBe(true);
  await Promise.all([one.close(), two.close()]);
});

test('closing takes nothing new, finishes what was begun, and gives up what takes too long', async () => {
  const own = fakeBanana({ limits: LIMITS });
  const server = await serve(own, { port: 0 });
  const post = () =>
    fetch(`${server.url}/v1/images/generations`, { method: 'POST', headers: JSON_TYPE, body: '{"prompt":"hold","size":"64x64"}' });
  const begun = post();
  await soon(() => expect(own.log.length).toBe(1));
  const keptAlive = await fetch(`${server.url}/ready`);
  expect(keptAlive.status).toBe(200);
  const closed = server.close();
  await soon(() => expect(fetch(`${server.url}/ready`)).rejects.toThrow());
  own.release();
  expect((await begun).status).toBe(200);
  await closed;

  const other = await serve(own, { port: 0 });
  const late = fetch(`${other.url}/v1/images/generations`, { method: 'POST', headers: JSON_TYPE, body: '{"prompt":"hold"}' });
  await soon(() => expect(own.log.filter((line) => line.startsWith('begin')).length).toBe(2));
  await other.close({ patience: 0.01 });
  expect((await late).status).toBe(503);
});
