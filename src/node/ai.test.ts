// The AI SDK's generateImage as it comes from npm, of two major versions: with our provider, and with its own for servers like OpenAI's
// against a started server.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateImage as ofSix } from 'ai';
import { generateImage as ofSeven } from 'ai7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { fakeBanana, pictureOf } from '../../test/fake-banana.ts';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { readRecipe } from '../draw/recipe.ts';
import { narrowed } from '../draw/request.ts';
import { image } from '../image/image.ts';
import { serve, type BananaServer } from '../server/listen.ts';
import { createBanana, imageModelOf } from './ai.ts';

(globalThis as { AI_SDK_LOG_WARNINGS?: boolean }).AI_SDK_LOG_WARNINGS = false;
const fake = fakeBanana();
const model = imageModelOf(async () => fake, 'fake');
const VERSIONS = { 'ai 6': ofSix, 'ai 7': ofSeven as unknown as typeof ofSix };
const size = '96x64' as const;

describe.each(Object.entries(VERSIONS))('our provider with %s', (_, generateImage) => {
  test('several pictures, each with its own seed', async () => {
    const banana = { style: 'flat', steps: 2, guidance: 2, metadata: true };
    const { images, warnings, providerMetadata, usage } = await generateImage({
      model,
      prompt: 'a red fox',
      n: 3,
      size,
      seed: 7,
      providerOptions: { banana },
    });
    expect([images.length, images[0]!.mediaType, warnings]).toEqual([3, 'image/png', []]);
    for (const [i, { uint8Array }] of images.entries()) {
      expect(await decodeImage(uint8Array)).toEqual(pictureOf(7 + i, 96, 64));
      expect(readRecipe(uint8Array)).toMatchObject({ prompt: 'a red fox', seed: 7 + i });
    }
    expect(providerMetadata['banana']!.images).toMatchObject([{ seed: 7 }, { seed: 8 }, { seed: 9, width: 96, height: 64 }]);
    expect(usage).toMatchObject({ inputTokens: 5, outputTokens: 3 * fake.model.tokens });
    expect(fake.last()).toMatchObject({ style: 'flat', steps: 2, guidance: 2 });
  });

  test.each<[object, string[], object]>([
    [{ aspectRatio: '16:9' }, [], { size: { width: 680, height: 384 } }],
    [{ aspectRatio: '7:5' }, ['aspectRatio'], { size: { width: 512, height: 512 } }],
    [{ size: '10x10' }, ['size'], { size: { width: 512, height: 512 } }],
    [{ size, aspectRatio: '1:1' }, ['aspectRatio'], { size: { width: 96, height: 64 } }],
    [{ size, seed: -1 }, ['seed'], {}],
  ])('%o: what cannot be is a warning', async (given, features, expected) => {
    const { warnings } = await generateImage({ model, prompt: 'a fox', ...given });
    expect(warnings.map((warning) => warning.type === 'unsupported' && warning.feature)).toEqual(features);
    expect(fake.last()).toMatchObject(expected);
  });

  test('a picture to start from, a subject, a mask; a URL is a warning', async () => {
    const png = await encodeImage(image(96, 64, new Uint8ClampedArray(96 * 64 * 4).fill(255)), 'png');
    const hole = image(96, 64, new Uint8ClampedArray(96 * 64 * 4).fill(255));
    hole.data.fill(0, 0, 4);
    await generateImage({ model, prompt: { text: 'a fox with <1>', images: [png, png], mask: await encodeImage(hole, 'png') } });
    expect(fake.last()).toMatchObject({ image: { width: 96 }, references: [{ slot: 1 }], size: { width: 96, height: 64 } });
    expect([...fake.last()!.mask!.data.slice(0, 8)]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
    const blind = imageModelOf(async () => ({ ...fake, model: { ...fake.model, abilities: [] } }), 'blind');
    expect((await generateImage({ model: blind, prompt: { text: 'a fox', images: [png] }, size })).warnings).toMatchObject([
      { feature: 'files' },
    ]);
  });

  test('other files; what is wrong in our own options is refused; cancelled', async () => {
    const { image: webp } = await generateImage({
      model,
      prompt: 'a fox',
      size,
      providerOptions: { banana: { format: 'webp', metadata: false } },
    });
    expect([webp.mediaType, readRecipe(webp.uint8Array)]).toEqual(['image/webp', undefined]);
    const wrong = generateImage({ model, prompt: 'a fox', providerOptions: { banana: { stepz: 2 } } });
    await expect(wrong).rejects.toMatchObject({ code: 'options.unknown', message: expect.stringContaining('steps') });
    await expect(generateImage({ model, prompt: 'a fox', abortSignal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('a URL is not opened', async () => {
  const options = { prompt: 'a fox', n: 1, size, aspectRatio: undefined, seed: 1, mask: undefined, providerOptions: {} } as const;
  const { warnings } = await model.doGenerate({ ...options, files: [{ type: 'url', url: 'http://127.0.0.1:1/x.png' }] });
  expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'files', details: expect.stringContaining('URL') }]);
});

test('a model by its path is opened when it draws, once', { timeout: 120_000 }, async () => {
  const { folder, remove } = workFolder();
  const path = await tinyModel(folder);
  await using banana = createBanana({ inProcess: true, threads: 1 });
  const options = { prompt: 'a fox', size: '64x64' as const, seed: 3, providerOptions: { banana: { steps: 1 } } };
  const [a, b] = await Promise.all([banana(path), banana.imageModel(path)].map((model) => ofSix({ model, ...options })));
  expect(readRecipe(a!.image.uint8Array)).toMatchObject({ seed: 3, width: 64, model: { name: 'tiny-untrained' } });
  expect(Buffer.from(a!.image.uint8Array).equals(b!.image.uint8Array)).toBe(true);
  await expect(ofSix({ model: banana('none.safetensors'), ...options })).rejects.toMatchObject({ code: 'model.missing' });
  expect(() => banana.languageModel('x')).toThrow('draws pictures');
  remove();
});

describe('@ai-sdk/openai-compatible against a started server', () => {
  let server: BananaServer;
  beforeAll(async () => void (server = await serve(fake, { port: 0, limits: narrowed({ count: 10 }) })));
  afterAll(() => server.close());
  const served = () => createOpenAICompatible({ name: 'local', baseURL: `${server.url}/v1`, apiKey: 'any' }).imageModel('fake');

  test('pictures, with our options beside theirs', async () => {
    const { images } = await ofSix({ model: served(), prompt: 'a red fox', n: 2, size, providerOptions: { local: { seed: 7 } } });
    expect(await Promise.all(images.map(({ uint8Array }) => decodeImage(uint8Array)))).toEqual([
      pictureOf(7, 96, 64),
      pictureOf(8, 96, 64),
    ]);
  });

  test('an edit; a model that is none', async () => {
    const png = await encodeImage(image(96, 64, new Uint8ClampedArray(96 * 64 * 4).fill(255)), 'png');
    await ofSix({ model: served(), prompt: { text: 'at night', images: [png] } });
    expect(fake.last()).toMatchObject({ prompt: 'at night', image: { width: 96, height: 64 } });
    const none = createOpenAICompatible({ name: 'local', baseURL: `${server.url}/v1` }).imageModel('none');
    await expect(ofSix({ model: none, prompt: 'x' })).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('no model "none"'),
    });
  });
});
