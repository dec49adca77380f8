// Tools for assistants, asked by the protocol's stock client: over HTTP, and as a program.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BANANA, tinyModel, workFolder } from '../../test/command.ts';
import { fakeBanana, pictureOf } from '../../test/fake-banana.ts';
import { tinyPeel } from '../../test/tiny-peel.ts';
import { decodeImage } from '../disk/codec.ts';
import { serve, type BananaServer } from './listen.ts';

const banana = fakeBanana();
const { folder, remove } = workFolder();
let server: BananaServer;
let client: Client;
beforeAll(async () => {
  await tinyPeel(folder, 'outline');
  server = await serve(banana, { port: 0, peels: folder });
  client = new Client({ name: 'test', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${server.url}/mcp`)));
});
afterAll(async () => {
  await client.close();
  await server.close({ patience: 0 });
  remove();
});

const call = async (name: string, given: Record<string, unknown> = {}, from = client) =>
  (await from.callTool({ name, arguments: given })) as CallToolResult;
const textOf = ({ content }: CallToolResult, at = 0) => (content[at] as { text: string }).text;

test('the tools, with the options that an assistant can say', async () => {
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['generate_image', 'list_models', 'list_peels']);
  const { properties, required, additionalProperties } = tools[0]!.inputSchema;
  expect([required, additionalProperties]).toEqual([['prompt'], false]);
  expect(properties).toMatchObject({ count: { maximum: 4 }, width: { minimum: 64, maximum: 4096 } });
  for (const name of ['image', 'mask', 'references', 'preview']) expect(properties).not.toHaveProperty(name);
});

test('pictures, with how far it is', async () => {
  const told: number[] = [];
  const given = { prompt: 'a fox <lora:ink:0.5>', width: 96, height: 64, seed: 4, count: 2 };
  const onprogress = ({ progress, total }: { progress: number; total?: number }) => void told.push(progress / total!);
  const found = (await client.callTool({ name: 'generate_image', arguments: given }, undefined, { onprogress })) as CallToolResult;
  expect(found.content.map(({ type }) => type)).toEqual(['image', 'text', 'image', 'text']);
  const { data, mimeType } = found.content[2] as { data: string; mimeType: string };
  expect(mimeType).toBe('image/png');
  expect(await decodeImage(Buffer.from(data, 'base64'))).toEqual(pictureOf(5, 96, 64));
  expect(JSON.parse(textOf(found, 3))).toEqual({ prompt: 'a fox', seed: 5, width: 96, height: 64 });
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.length).toBe(8);
  expect(banana.last()!.peels).toEqual([{ name: 'ink', weight: 0.5 }]);
});

test('what there is', async () => {
  expect(JSON.parse(textOf(await call('list_models')))).toEqual({
    models: [{ name: 'fake', version: '1', styles: ['flat'], abilities: banana.model.abilities }],
  });
  expect((JSON.parse(textOf(await call('list_peels'))) as { peels: { name: string }[] }).peels.map(({ name }) => name)).toContain(
    'outline',
  );
});

test.each<[string, Record<string, unknown>, RegExp]>([
  ['generate_image', {}, /no prompt/],
  ['generate_image', { prompt: 'x', size: '64x64' }, /no option "size": it is width and height here/],
  ['generate_image', { prompt: 'x', count: 5 }, /1 to 4/],
  ['generate_image', { prompt: 'x', peels: [{ path: '/etc/passwd' }] }, /no option "path"/],
  ['generate_image', { prompt: 'lose' }, /the engine ended/],
  ['other', {}, /no tool "other"/],
])('%s of %j says what is wrong', async (name, given, message) => {
  const found = await call(name, given);
  expect([found.isError, textOf(found)]).toEqual([true, expect.stringMatching(message)]);
});

test('who cancels stops the drawing', async () => {
  const stop = new AbortController();
  const drawing = client.callTool({ name: 'generate_image', arguments: { prompt: 'hold', width: 64, height: 64, seed: 1 } }, undefined, {
    signal: stop.signal,
  });
  await expect.poll(() => banana.log.at(-1), { timeout: 30_000 }).toBe('begin hold 1');
  stop.abort('enough');
  await expect(drawing).rejects.toThrow('enough');
});

test('as a program, with a real engine', async () => {
  const [command, ...args] = BANANA as [string, ...string[]];
  args.push('mcp', '--model', await tinyModel(folder), '--threads', '1');
  const own = new Client({ name: 'test', version: '1' });
  await own.connect(new StdioClientTransport({ command, args, cwd: folder, stderr: 'ignore' }));
  const found = await call('generate_image', { prompt: 'a fox', width: 64, height: 64, steps: 1, seed: 2 }, own);
  expect(await decodeImage(Buffer.from((found.content[0] as { data: string }).data, 'base64'))).toMatchObject({ width: 64, height: 64 });
  await own.close();
});
