// Several models behind one server: every face lists them, draws with the one that a request names, checks the request by what that one can,
// and says which was meant when there is none of that name.
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { fakeBanana, soon } from '../../test/fake-banana.ts';
import { tinyPeel } from '../../test/tiny-peel.ts';
import { serve, type BananaServer } from './listen.ts';

const { folder, remove } = workFolder();
const rough = fakeBanana();
const fine = fakeBanana({
  model: { name: 'org/fine', preset: 'sd1', styles: ['oil'], abilities: ['negative', 'guidance'], steps: [10, 20] },
});
let server: BananaServer;
beforeAll(async () => {
  const peels = join(folder, 'peels');
  await tinyPeel(peels, 'outline');
  server = await serve([rough, fine], { port: 0, jobs: folder, peels });
});
afterAll(async () => {
  await server.close({ patience: 0 });
  remove();
});

interface Refused {
  error: { code: string; message: string; param: string };
  errors: string;
}
async function api<T = Refused>(path: string, body?: object): Promise<{ status: number; json: T }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(server.url + path, body && { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, json: JSON.parse(text.split('\n')[0]!) as T };
}
/** Asks, and says who drew how often. */
async function drew(path: string, body: object): Promise<{ status: number; by: [rough: number, fine: number] }> {
  const count = () => [rough, fine].map(({ log }) => log.filter((line) => line.startsWith('begin')).length) as [number, number];
  const before = count();
  const { status } = await api(path, body);
  return { status, by: count().map((n, i) => n - before[i]!) as [number, number] };
}
const small = { prompt: 'a fox', width: 64, height: 64 };

test("OpenAI's door", async () => {
  const { json } = await api<{ data: { id: string }[] }>('/v1/models');
  expect(json.data.map(({ id }) => id)).toEqual(['fake', 'org/fine']);
  for (const path of ['/v1/models/org/fine', '/v1/models/org%2Ffine', '/v1/models/sd1'])
    expect((await api<object>(path)).json).toMatchObject({ id: 'org/fine' });
  const ask = (more: object) => drew('/v1/images/generations', { prompt: 'a fox', size: '64x64', ...more });
  expect(await ask({})).toEqual({ status: 200, by: [1, 0] });
  expect(await ask({ model: 'org/fine', steps: 20 })).toEqual({ status: 200, by: [0, 1] });
  expect(await ask({ model: 'org/fine', steps: 4 })).toEqual({ status: 400, by: [0, 0] });
  expect(await ask({ steps: 20 })).toEqual({ status: 400, by: [0, 0] });
  expect((await api('/v1/images/generations', { prompt: 'a fox', model: 'org/fien' })).json.error).toMatchObject({
    message: 'there is no model "org/fien" here: did you mean org/fine? There are fake, org/fine',
    code: 'model_not_found',
    param: 'model',
  });
  const unlike = await api('/v1/images/generations', { prompt: 'a fox', model: 'dall-e-3' });
  expect([unlike.status, unlike.json.error.message]).toEqual([
    404,
    'there is no model "dall-e-3" here: this server draws with fake, org/fine',
  ]);
  expect((await api('/v1/images/generations', { prompt: 'a fox', model: 3 })).json.error.code).toBe('options.type');
  const form = new FormData();
  form.set('prompt', 'a fox');
  form.set('model', 'none');
  form.set('image', new File(['x'], 'x.png'));
  expect((await fetch(`${server.url}/v1/images/edits`, { method: 'POST', body: form })).status).toBe(404);
});

test("AUTOMATIC1111's: for all from now on, or for one request", async () => {
  const { json: cards } = await api<{ title: string; model_name: string }[]>('/sdapi/v1/sd-models');
  expect(cards.map(({ model_name }) => model_name)).toEqual(['fake', 'org/fine']);
  const ask = (more: object = {}) => drew('/sdapi/v1/txt2img', { ...small, ...more });
  expect(await ask()).toEqual({ status: 200, by: [1, 0] });
  expect(await ask({ override_settings: { sd_model_checkpoint: 'org/fine' } })).toEqual({ status: 200, by: [0, 1] });
  expect(await ask()).toEqual({ status: 200, by: [1, 0] });
  await api('/sdapi/v1/options', { sd_model_checkpoint: cards[1]!.title });
  expect((await api<object>('/sdapi/v1/options')).json).toMatchObject({ sd_model_checkpoint: cards[1]!.title });
  expect((await api<object>('/sdapi/v1/prompt-styles')).json).toMatchObject([{ name: 'oil' }]);
  expect(await ask({ negative_prompt: 'rain', cfg_scale: 5 })).toEqual({ status: 200, by: [0, 1] });
  expect(fine.last()!.negative).toBe('rain');
  await api('/sdapi/v1/options', { sd_model_checkpoint: 'fake.safetensors' });
  expect(await ask()).toEqual({ status: 200, by: [1, 0] });
  const { status, json } = await api('/sdapi/v1/options', { sd_model_checkpoint: 'org/fined' });
  expect([status, json.errors]).toEqual([404, 'there is no model "org/fined" here: did you mean org/fine? There are fake, org/fine']);
});

test('the tools of assistants', async () => {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)));
  const call = (name: string, given: Record<string, unknown> = {}) =>
    client.callTool({ name, arguments: given }) as Promise<{ content: { text: string }[] }>;
  expect(JSON.parse((await call('list_models')).content[0]!.text)).toMatchObject({
    models: [
      { name: 'fake', styles: ['flat'] },
      { name: 'org/fine', styles: ['oil'], abilities: ['negative', 'guidance'] },
    ],
  });
  await call('generate_image', { ...small, model: 'org/fine', style: 'oil', steps: 10 });
  expect(fine.last()).toMatchObject({ style: 'oil', steps: 10 });
  expect((await call('generate_image', { ...small, model: 'fakes' })).content[0]!.text).toContain('did you mean fake?');
  await client.close();
});

test("the studio's: what each model is, and the Peels that are for it", async () => {
  const { json } = await api<{ models: { model: { name: string }; peels: string[] }[]; limits: { steps: number[] } }>('/host.json');
  expect(json.models.map(({ model, peels }) => [model.name, peels])).toEqual([
    ['fake', []], // the one that there is is for another
    ['org/fine', []],
  ]);
  expect(json.limits.steps).toEqual([1, 2, 4, 10, 20]);
  expect(await drew('/api/draw', { ...small, model: 'org/fine', steps: 20 })).toEqual({ status: 200, by: [0, 1] });
  expect((await api('/api/draw', { ...small, model: 'finest' })).json.error.code).toBe('model_not_found');
});

test('jobs, also when the model is gone at the next start', async () => {
  type Job = { id: string; status: string; error?: { code: string } };
  const until = (id: string, status: string) => soon(async () => expect((await api<Job>(`/api/jobs/${id}`)).json.status).toBe(status));
  const { json } = await api<Job>('/api/jobs', { ...small, model: 'org/fine', steps: 20 });
  await until(json.id, 'done');
  expect(fine.last()!.steps).toBe(20);
  expect((await api('/api/jobs', { ...small, model: 'org/fine', steps: 4 })).status).toBe(400);
  expect((await api('/api/jobs', { ...small, model: 'fined' })).status).toBe(404);
  const { json: held } = await api<Job>('/api/jobs', { ...small, prompt: 'hold', model: 'org/fine' });
  await until(held.id, 'drawing');
  await server.close({ patience: 0 });
  server = await serve(rough, { port: 0, jobs: folder });
  await until(held.id, 'failed');
  expect((await api<Job>(`/api/jobs/${held.id}`)).json.error!.code).toBe('model.unknown');
});

test('two of one name cannot be told apart', async () => {
  await expect(serve([rough, fakeBanana()], { port: 0 })).rejects.toMatchObject({ code: 'model.twice' });
});
