// OpenAI's interface, asked by its stock client: nothing of it is changed but the base URL.
import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fakeBanana, pictureOf } from '../../test/fake-banana.ts';
import { MODEL } from '../../test/fake-model.ts';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { narrowed } from '../draw/request.ts';
import { readRecipe } from '../draw/recipe.ts';
import { image, type Image } from '../image/image.ts';
import { serve, type BananaServer } from './listen.ts';

const banana = fakeBanana();
let server: BananaServer;
let client: OpenAI;
beforeAll(async () => {
  server = await serve(banana, { port: 0, limits: narrowed({ count: 10 }) });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 });
});
afterAll(() => server.close());

const small = { prompt: 'a red fox', size: '96x64' } as const;
const bytesOf = (base64: string | undefined) => new Uint8Array(Buffer.from(base64!, 'base64'));
const fileOf = async (one: Image, name = 'x.png') => toFile(await encodeImage(one, 'png'), name, { type: 'image/png' });
const white = image(36, 24, new Uint8ClampedArray(36 * 24 * 4).fill(255));

test('the models', async () => {
  const models = await client.models.list();
  expect(models.data).toEqual([{ id: 'fake', object: 'model', created: expect.any(Number), owned_by: 'banana-sdk' }]);
  expect((await client.models.retrieve('fake')).id).toBe('fake');
  await expect(client.models.retrieve('gpt-image-1')).rejects.toThrow(OpenAI.NotFoundError);
});

describe('pictures', () => {
  test('as base64, each with its seed and its recipe inside', async () => {
    const answer = await client.images.generate({ ...small, n: 2, seed: 7 } as OpenAI.ImageGenerateParamsNonStreaming);
    expect(answer).toMatchObject({
      size: '96x64',
      output_format: 'png',
      quality: 'auto',
      background: 'opaque',
      usage: { input_tokens: 5, output_tokens: 2 * MODEL.tokens },
    });
    expect(answer.data!.map((one) => (one as { seed?: number }).seed)).toEqual([7, 8]);
    for (const [i, { b64_json, revised_prompt }] of answer.data!.entries()) {
      expect(await decodeImage(bytesOf(b64_json))).toEqual(pictureOf(7 + i, 96, 64));
      expect(readRecipe(bytesOf(b64_json))).toMatchObject({ prompt: 'a red fox', seed: 7 + i });
      expect(revised_prompt).toBe('a red fox');
    }
  });

  test('by address, of any format', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const answer = await client.images.generate({ ...small, output_format: format, output_compression: 50, response_format: 'url' });
      const found = await fetch(answer.data![0]!.url!);
      expect([found.status, found.headers.get('content-type')]).toEqual([200, `image/${format}`]);
      const bytes = new Uint8Array(await found.arrayBuffer());
      expect(await decodeImage(bytes)).toMatchObject({ width: 96, height: 64 });
      expect(readRecipe(bytes)).toMatchObject({ prompt: 'a red fox' });
    }
  });

  test('without a recipe and the mark of a model where that is asked for', async () => {
    const answer = await client.images.generate({ ...small, metadata: false } as OpenAI.ImageGenerateParamsNonStreaming);
    expect(readRecipe(bytesOf(answer.data![0]!.b64_json))).toBeUndefined();
  });

  test.each<[object, object]>([
    [{ size: 'auto' }, { size: { width: 512, height: 512 } }],
    [{ size: '1536x1024' }, { size: { width: 1536, height: 1024 } }],
    [{ quality: 'low' }, { steps: 1 }],
    [{ quality: 'medium' }, { steps: 2 }],
    [{ quality: 'hd', steps: 1 }, { steps: 1 }],
    [{ background: 'transparent' }, { background: 'transparent' }],
    [{ style: 'flat' }, { style: 'flat' }],
    [{ prompt: 'a fox <lora:ink:0.8>' }, { prompt: 'a fox', peels: [{ name: 'ink', weight: 0.8 }] }],
    [
      { peels: [{ name: 'ink' }], guidance: 2 },
      { peels: [{ name: 'ink' }], guidance: 2 },
    ],
  ])('%o is drawn as %o', async (given, expected) => {
    await client.images.generate({ ...small, ...given } as OpenAI.ImageGenerateParamsNonStreaming);
    expect(banana.last()).toMatchObject(expected);
  });

  test('what changes nothing here is taken, and null is as good as left out', async () => {
    const vain = {
      user: 'me',
      moderation: 'low',
      style: 'vivid',
      safety_identifier: 'x',
      background: null,
      n: null,
      stream: null,
    } as const;
    await client.images.generate({ ...small, ...vain } as OpenAI.ImageGenerateParamsNonStreaming);
    expect(banana.last()).not.toHaveProperty('style');
  });
});

test('things of the picture, with files in base64', async () => {
  const keep = Buffer.from(await encodeImage(white, 'png')).toString('base64');
  const given = { ...small, objects: [{ slot: 2, box: [0, 0, 0.5, 1], keep }, { prompt: 'an owl' }] };
  await client.images.generate(given as OpenAI.ImageGenerateParamsNonStreaming);
  expect(banana.last()!.objects).toMatchObject([
    { slot: 2, box: [0, 0, 0.5, 1], keep: { width: 36 } },
    { slot: 1, prompt: 'an owl' },
  ]);
  const wrong = { ...small, objects: [{ keep: 'AAAA' }] } as OpenAI.ImageGenerateParamsNonStreaming;
  await expect(client.images.generate(wrong)).rejects.toMatchObject({ status: 400, param: 'objects[0].keep' });
});

describe('edits', () => {
  test('a picture to start from, and subjects after it', async () => {
    await client.images.edit({ ...small, prompt: 'a fox', image: await fileOf(white) });
    expect(banana.last()).toMatchObject({ image: { width: 36, height: 24 }, size: { width: 96, height: 64 } });
    await client.images.edit({
      prompt: '<1> beside <2>',
      image: [await fileOf(white), await fileOf(pictureOf(1, 8, 8)), await fileOf(pictureOf(2, 8, 8))],
      n: 1,
    });
    expect(banana.last()!.references!.map(({ slot }) => slot)).toEqual([1, 2]);
    expect(banana.last()!.size).toEqual({ width: 96, height: 64 });
  });

  test('their mask is transparent where to repaint, ours is white', async () => {
    const mask = image(36, 24, new Uint8ClampedArray(36 * 24 * 4).fill(255));
    mask.data.fill(0, 0, 4);
    await client.images.edit({
      ...small,
      prompt: 'a fox',
      image: await fileOf(white),
      mask: await fileOf(mask),
      strength: 0.5,
    } as OpenAI.ImageEditParamsNonStreaming);
    expect([...banana.last()!.mask!.data.slice(0, 8)]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
    expect(banana.last()!.strength).toBe(0.5);
    await expect(client.images.edit({ ...small, image: await fileOf(white), mask: await fileOf(white) })).rejects.toMatchObject({
      status: 400,
      param: 'mask',
    });
  });

  test('variations draw the prompt of a picture that was drawn here; another has none', async () => {
    const { data } = await client.images.generate({ ...small, prompt: 'an owl' });
    await client.images.createVariation({ image: await toFile(bytesOf(data![0]!.b64_json), 'x.png'), n: 2, size: '256x256' });
    expect(banana.last()).toMatchObject({ prompt: 'an owl', image: { width: 96, height: 64 }, size: { width: 256, height: 256 } });
    await expect(client.images.createVariation({ image: await fileOf(white) })).rejects.toMatchObject({ status: 400, param: 'prompt' });
  });
});

describe('events', () => {
  test.each([0, 1, 2, 3])('%i previews, then the picture', async (partial_images) => {
    const events: OpenAI.ImageGenStreamEvent[] = [];
    for await (const event of await client.images.generate({ ...small, stream: true, partial_images })) events.push(event);
    const expected = Array.from({ length: partial_images }, (_, i) => ['image_generation.partial_image', i]);
    expect(events.map((event) => [event.type, 'partial_image_index' in event ? event.partial_image_index : undefined])).toEqual([
      ...expected,
      ['image_generation.completed', undefined],
    ]);
    for (const { b64_json } of events) expect(await decodeImage(bytesOf(b64_json))).toHaveProperty('width');
    expect(events.at(-1)).toMatchObject({
      size: '96x64',
      quality: 'auto',
      background: 'opaque',
      output_format: 'png',
      usage: { total_tokens: 5 + MODEL.tokens },
      created_at: expect.any(Number),
    });
  });

  test('of an edit', async () => {
    const types: string[] = [];
    for await (const { type } of await client.images.edit({ ...small, image: await fileOf(white), stream: true, partial_images: 1 }))
      types.push(type);
    expect(types).toEqual(['image_edit.partial_image', 'image_edit.completed']);
  });

  test('what cannot be drawn has its status, what fails while it is drawn its event', async () => {
    await expect(client.images.generate({ ...small, prompt: '', stream: true })).rejects.toThrow(OpenAI.BadRequestError);
    const events = await client.images.generate({ ...small, prompt: 'lose', stream: true });
    const read = async () => {
      for await (const _ of events);
    };
    await expect(read()).rejects.toThrow(/the engine ended/);
  });

  test('leaving the loop stops the drawing', async () => {
    for await (const _ of await client.images.generate({
      ...small,
      prompt: 'left',
      stream: true,
      partial_images: 3,
      n: 9,
      seed: 0,
    } as OpenAI.ImageGenerateParamsStreaming))
      break;
    await expect.poll(() => banana.log.filter((line) => /left/.test(line)).length % 2, { timeout: 30_000 }).toBe(0);
    await expect
      .poll(async () => (await (await fetch(`${server.url}/metrics`)).text()).includes('banana_requests_running 0\n'), { timeout: 30_000 })
      .toBe(true);
    expect(banana.log).not.toContain('begin left 8');
  });
});

test.each<[object, number, string, string | null]>([
  [{ prompt: '' }, 400, 'prompt.empty', 'prompt'],
  [{ prompt: undefined }, 400, 'prompt.empty', 'prompt'],
  [{ model: 'gpt-image-1' }, 404, 'model_not_found', 'model'],
  [{ size: '64x63' }, 400, 'size.side', 'height'],
  [{ size: 'huge' }, 400, 'options.openai', 'size'],
  [{ n: 11 }, 400, 'options.openai', 'n'],
  [{ n: 1.5 }, 400, 'options.openai', 'n'],
  [{ output_format: 'svg' }, 400, 'options.openai', 'output_format'],
  [{ output_format: 'jpeg', background: 'transparent' }, 400, 'options.openai', 'output_format'],
  [{ steps: 3 }, 400, 'options.steps', 'steps'],
  [{ negative_prompt: 'x' }, 400, 'options.unknown', 'negative_prompt'],
])('%o is refused as %i %s', async (given, status, code, param) => {
  const error = await client.images.generate({ ...small, ...given } as OpenAI.ImageGenerateParamsNonStreaming).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OpenAI.APIError);
  expect(error).toMatchObject({ status, code, param, type: 'invalid_request_error', requestID: expect.stringMatching(/^[0-9a-f-]{36}$/) });
});

test.each<[string, (spaces: string) => object]>([
  ['prompt', (spaces) => ({ prompt: `a${spaces}!` })],
  ['references', (image) => ({ prompt: '<1>', references: [{ slot: 1, image }] })],
  ['size', (size) => ({ size })],
  ['quality', (quality) => ({ quality })],
  ['peels', (name) => ({ peels: [{ name }] })],
])('eight million spaces as %s are refused as soon as they are read', async (_, given) => {
  const asked = { ...small, ...given(`${' '.repeat(8_000_000)}!`) } as OpenAI.ImageGenerateParamsNonStreaming;
  const error: unknown = await client.images.generate(asked).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ status: 400 });
  expect((error as Error).message.length).toBeLessThan(1100);
});
