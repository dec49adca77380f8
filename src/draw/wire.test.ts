import { expect, expectTypeOf, test } from 'vitest';
import { image } from '../image/image.ts';
import { checkOptions } from './check.ts';
import { narrowed, type GenerateOptions } from './request.ts';
import { checkWire, fromWire, requestSchema, toWire, type WireRequest } from './wire.ts';

test('the JSON schema says what may be, what is used when it is left out, and nothing that only a program may give', () => {
  const schema = requestSchema(narrowed({ side: 1024, count: 4 })) as { properties: Record<string, { items: { properties: object } }> };
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['prompt'],
    additionalProperties: false,
    properties: {
      prompt: { type: 'string', description: expect.any(String) },
      strength: { description: 'how much of the picture may change; left out: 0.6, with a mask 0.9' },
      background: { type: 'string', enum: ['white', 'transparent'] },
      width: { type: 'integer', minimum: 64, maximum: 1024 },
      steps: { type: 'integer', minimum: 1, maximum: 100 },
      count: { type: 'integer', minimum: 1, maximum: 4, default: 1 },
      guidance: { type: 'number', minimum: 0, maximum: 20 },
      image: { type: 'string', contentEncoding: 'base64', contentMediaType: 'image/*' },
      objects: {
        type: 'array',
        maxItems: 7,
        items: {
          properties: { keep: { type: 'string', contentEncoding: 'base64' }, box: { prefixItems: Array(4).fill({ type: 'number' }) } },
        },
      },
      references: { type: 'array', maxItems: 5, items: { required: ['slot', 'image'], additionalProperties: false } },
    },
  });
  expect(Object.keys(schema.properties.peels!.items.properties)).toEqual(['name', 'weight', 'force']);
  expect(Object.values(schema.properties).every((one) => 'description' in one)).toBe(true);
});

test.each<[unknown, string, string]>([
  [{ prompt: 'x', peels: [{ path: '/etc/passwd' }] }, 'peels[0].path', 'no option "path" in peels[0]: there are name, weight, force'],
  [{ prompt: 'x', peels: [{ bytes: 'AAAA' }] }, 'peels[0].bytes', 'no option "bytes" in peels[0]'],
  [{ prompt: 'x', signal: {} }, 'signal', 'no option "signal"'],
  [
    { prompt: 'x', image: { width: 1, height: 1, data: [0, 0, 0, 0] } },
    'image',
    'image is an object: expected the file of a picture in base64',
  ],
  [{ prompt: 'x', mask: 'A'.repeat(2000) }, 'mask', 'mask of 2000 characters: expected the file of a picture in base64, at most 999 bytes'],
  [
    { prompt: '<1>', references: [{ slot: 1, image: 5 }] },
    'references[0].image',
    'references[0].image is 5: expected the file of a picture in base64',
  ],
  [{ prompt: 'x', n: 2 }, 'n', 'no option "n": it is count here'],
  [{ prompt: 'x', seed: '7' }, 'seed', 'seed is the text "7": expected a number; write 7 without quotes'],
  [{}, 'prompt', 'there is no prompt: say what to draw'],
  [JSON.parse('{ "prompt": "x", "__proto__": { "count": 9 } }'), '__proto__', 'no option "__proto__"'],
  ['a fox', '', 'the request is the text "a fox"'],
])('%j is refused', (body, path, message) => {
  const limits = narrowed({ pictureBytes: 999 });
  expect(() => checkWire(body, limits)).toThrow(
    expect.objectContaining({ name: 'InputError', message: expect.stringContaining(message), ...(path && { path }) }),
  );
});

test('pictures are decoded, all else is as it came', async () => {
  const body = {
    prompt: 'a <2>',
    count: 2,
    image: 'aW1hZ2U=',
    mask: 'bWFzaw==',
    references: [{ slot: 2, image: 'Zm94' }],
    objects: [{ slot: 1, box: [0, 0, 0.5, 1], keep: 'a2VlcA==' }, { reference: 'cmVm' }, { prompt: 'an owl' }],
    peels: [{ name: 'ink', weight: 0.5 }],
  };
  const white = image(8, 8, new Uint8ClampedArray(256).fill(255));
  const seen: string[] = [];
  const request = await fromWire(checkWire(body), async (base64) => (seen.push(Buffer.from(base64, 'base64').toString()), white));
  expect(seen.sort()).toEqual(['fox', 'image', 'keep', 'mask', 'ref']);
  const objects = [{ slot: 1, box: [0, 0, 0.5, 1], keep: white }, { reference: white }, { prompt: 'an owl' }];
  expect(request).toEqual({ ...body, image: white, mask: white, references: [{ slot: 2, image: white }], objects });
  const { image: _image, mask: _mask, ...drawn } = request; // objects are not drawn into a picture to start from
  expect(checkOptions(drawn)).toMatchObject({ prompt: 'a <2>', peels: [{ name: 'ink', weight: 0.5 }] });
  expectTypeOf<WireRequest['aspect']>().toEqualTypeOf<GenerateOptions['aspect']>();
});

test('a request there and back is the same; what only a program may give stays behind', async () => {
  const white = image(8, 8, new Uint8ClampedArray(256).fill(255));
  const given: GenerateOptions = {
    prompt: 'a <2>',
    seed: 3,
    image: white,
    mask: white,
    references: [{ slot: 2, image: white }],
    objects: [
      { slot: 1, keep: white },
      { slot: 2, reference: white },
      { slot: 3, prompt: 'an owl' },
    ],
    peels: [{ name: 'ink', weight: 0.5 }],
  };
  const pictures = new Map<string, typeof white>();
  const encode = async (picture: typeof white) => {
    pictures.set(`cGljdHVyZQ${pictures.size}`, picture);
    return [...pictures.keys()].at(-1)!;
  };
  const sent = await toWire({ ...given, preview: 64, signal: new AbortController().signal }, encode);
  expect(checkWire(JSON.parse(JSON.stringify(sent)))).toEqual(sent);
  expect(await fromWire(sent, async (text) => pictures.get(text)!)).toEqual(given);
  expect(pictures.size).toBe(5);
});
