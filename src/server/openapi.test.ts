// The document describes what is there, and whatever is sent, by its words or not, nobody gets a 500.
import fc from 'fast-check';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { fakeBanana } from '../../test/fake-banana.ts';
import { narrowed } from '../draw/request.ts';
import { bananaApp } from './app.ts';
import type { Jobs } from './jobs.ts';
import { openStudio } from './studio.ts';

const limits = narrowed({ side: 512, count: 2 });
const studio = openStudio([fakeBanana({ limits })], { limits, room: 64, timeout: 60 });
const log = pino({ enabled: false });
const app = bananaApp(studio, { log, peels: '/nowhere', hide: [], hosts: [], origins: [], jobs: {} as Jobs });
const asked = (path: string, more: RequestInit = {}) =>
  app.request(path, { ...more, headers: { host: 'localhost', ...(more.headers as object) } });

interface Document {
  paths: Record<
    string,
    Record<string, { requestBody?: { content: Record<string, { schema: { properties: Record<string, object>; required?: string[] } }> } }>
  >;
}
const document = (await (await asked('/openapi.json')).json()) as Document;

test('it has every route, and no other', () => {
  const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  const routes = app.routes
    .filter(({ path, method }) => !path.endsWith('*') && method !== 'ALL')
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)(\{[^}]*\})?/g, '{$1}')}`);
  expect(described.filter((one) => !routes.includes(one))).toEqual([]);
  const silent = routes.filter((one) => !described.includes(one));
  expect(silent.filter((one) => !/\/sdapi\/v1\//.test(one))).toEqual(['get /mcp', 'delete /mcp']);
});

test('it says what each request may hold', () => {
  const { schema } = document.paths['/v1/images/generations']!['post']!.requestBody!.content['application/json']!;
  expect(schema).toMatchObject({
    required: ['prompt'],
    additionalProperties: false,
    properties: { n: { maximum: 2 }, stream: { type: 'boolean' }, size: { pattern: expect.any(String) } },
  });
  const { schema: form } = document.paths['/v1/images/edits']!['post']!.requestBody!.content['multipart/form-data']!;
  expect(form).toMatchObject({ required: ['prompt', 'image'], properties: { image: { maxItems: 16 }, mask: { type: 'string' } } });
  expect(document.paths['/api/jobs']!['post']!.requestBody!.content['application/json']!.schema.properties).not.toHaveProperty('path');
});

const POSTS = ['/api/draw', '/v1/images/generations', '/sdapi/v1/txt2img', '/sdapi/v1/img2img', '/sdapi/v1/options', '/sdapi/v1/png-info'];
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.integer({ min: -2, max: 600 }),
  fc.constantFrom(
    'auto',
    '64x64',
    '1x1',
    'png',
    'url',
    '',
    'data:image/png;base64,AAAA',
    'file:///etc/passwd',
    '<peel:x>',
    '<1>',
    '__proto__',
    null,
    true,
    [{}],
    ['AAAA'],
    1e308,
    -0,
    2 ** 53,
  ),
);

test.each(POSTS)('%s answers anything at all', async (path) => {
  const { properties = {} } = document.paths[path]!['post']!.requestBody!.content['application/json']!.schema;
  const names = [...Object.keys(properties), 'sd_model_checkpoint', '__proto__', 'constructor', ''];
  const body = fc.oneof(
    { weight: 9, arbitrary: fc.dictionary(fc.constantFrom(...names), value) },
    { weight: 1, arbitrary: fc.jsonValue() },
  );
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom('a fox', 'a fox <1>', undefined), async (given, prompt) => {
      const sent = JSON.stringify(typeof given === 'object' && given !== null && prompt ? { prompt, ...given } : given);
      const response = await asked(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: sent });
      expect(response.status, `${sent} ${await response.text()}`).toBeLessThan(500);
    }),
    { numRuns: 60 },
  );
});

test('a form answers anything at all', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom('prompt', 'n', 'size', 'stream', 'image', 'image[]', 'mask', 'references', 'peels', 'x'), fc.string()),
      fc.uint8Array(),
      async (fields, file) => {
        const body = new FormData();
        for (const [name, text] of Object.entries(fields)) body.append(name, text);
        if (file.length > 0) body.append('image', new File([new Uint8Array(file)], 'x.png'));
        const response = await asked('/v1/images/edits', { method: 'POST', body });
        expect(response.status, JSON.stringify(fields)).toBeLessThan(500);
      },
    ),
    { numRuns: 60 },
  );
});
