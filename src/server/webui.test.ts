// AUTOMATIC1111's interface: drawing is asked by a stock client (node-sd-webui), the rest as clients ask it.
// @ts-expect-error: it has types, but the exports of its package.json do not name them
import sdwebui from 'node-sd-webui';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workFolder } from '../../test/command.ts';
import { fakeBanana, pictureOf, soon } from '../../test/fake-banana.ts';
import { tinyPeel } from '../../test/tiny-peel.ts';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { narrowed } from '../draw/request.ts';
import { image } from '../image/image.ts';
import { serve, type BananaServer } from './listen.ts';

interface Client {
  txt2img(options: object): Promise<{ images: string[]; parameters: object; info: string }>;
  img2img(options: object): Promise<{ images: string[] }>;
  pngInfo(options: { imageData: string }): Promise<object>;
}

const banana = fakeBanana();
const { folder, remove } = workFolder();
let server: BananaServer;
let client: Client;
beforeAll(async () => {
  await tinyPeel(folder, 'outline');
  server = await serve(banana, { port: 0, limits: narrowed({ count: 10 }), peels: folder });
  client = (sdwebui as (props: { apiUrl: string }) => Client)({ apiUrl: server.url });
});
afterAll(async () => {
  await server.close({ patience: 0 });
  remove();
});

const small = { prompt: 'a red fox', width: 96, height: 64 };
const decoded = (base64: string) => decodeImage(Buffer.from(base64, 'base64'));
const file = async (width: number, height: number) => Buffer.from(await encodeImage(pictureOf(5, width, height), 'png')).toString('base64');

async function api<T>(path: string, body?: unknown): Promise<{ status: number; json: T }> {
  const asked = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`${server.url}/sdapi/v1/${path}`, asked);
  return { status: response.status, json: (await response.json()) as T };
}

test('pictures from words, as a stock client asks for them', async () => {
  const options = {
    ...small,
    seed: 9,
    batchSize: 2,
    batchCount: 2,
    steps: 20,
    cfgScale: 5,
    negativePrompt: 'ugly',
    samplingMethod: 'Euler a',
    restoreFaces: false,
  };
  const { images, info, parameters } = await client.txt2img({ ...options, prompt: 'a red fox <lora:outline:0.8>' });
  expect(images.length).toBe(4);
  expect(await decoded(images[2]!)).toEqual(pictureOf(11, 96, 64));
  expect(banana.last()).toMatchObject({
    prompt: 'a red fox',
    peels: [{ name: 'outline', weight: 0.8 }],
    steps: 4,
    guidance: 5,
    size: { width: 96, height: 64 },
  });
  expect(JSON.parse(info)).toMatchObject({
    seed: 9,
    all_seeds: [9, 10, 11, 12],
    width: 96,
    height: 64,
    sampler_name: 'LCM',
    steps: 4,
    sd_model_name: 'fake',
  });
  expect(parameters).toMatchObject({ seed: 9, steps: 20, negative_prompt: 'ugly' });
  expect(await client.pngInfo({ imageData: images[0]! })).toMatchObject({
    prompt: 'a red fox',
    steps: 4,
    samplingMethod: 'LCM',
    seed: 9,
    width: 96,
    height: 64,
  });
});

test('a picture that says nothing of itself, by their setting and by ours', async () => {
  for (const quiet of [{ override_settings: { enable_pnginfo: false } }, { metadata: false }]) {
    const { json } = await api<{ images: string[]; info: string }>('txt2img', { ...small, ...quiet });
    expect((await api('png-info', { image: json.images[0] })).json).toEqual({ info: '', items: {}, parameters: {} });
    expect(json.info).toContain('a red fox'); // the answer still tells
  }
});

test('what is left out is as there: 512 x 512, a seed at random', async () => {
  const { images, info } = await client.txt2img({ prompt: 'a fox' });
  expect(await decoded(images[0]!)).toMatchObject({ width: 512, height: 512 });
  expect((JSON.parse(info) as { seed: number }).seed).toBeGreaterThanOrEqual(0);
  const none = await api<{ images: string[] }>('txt2img', {
    ...small,
    seed: -1,
    send_images: false,
    styles: ['none', 'flat'],
    alwayson_scripts: {},
    override_settings: {},
  });
  expect([none.json.images, banana.last()!.style]).toEqual([[], 'flat']);
});

test('a picture from a picture, with a mask either way round', async () => {
  await client.img2img({ ...small, imageData: [await file(96, 64)], steps: 2 });
  expect(banana.last()).toMatchObject({ image: { width: 96, height: 64 }, strength: 0.75, steps: 2 });
  const half = image(96, 64, new Uint8ClampedArray(96 * 64 * 4).fill(255));
  half.data.fill(0, 0, 3);
  const mask = `data:image/png;base64,${Buffer.from(await encodeImage(half, 'png')).toString('base64')}`;
  for (const [inpainting_mask_invert, first] of [
    [0, [0, 0, 0, 255, 255]],
    [1, [255, 255, 255, 255, 0]],
  ] as const) {
    await api('img2img', { ...small, init_images: [await file(96, 64)], mask, inpainting_mask_invert, denoising_strength: 0.4 });
    expect([...banana.last()!.mask!.data.slice(0, 5)]).toEqual(first);
    expect(banana.last()!.strength).toBe(0.4);
  }
});

test('progress, and interrupting gives what is there', async () => {
  expect((await api<object>('progress')).json).toMatchObject({ progress: 0, state: { job_count: 0 }, current_image: null });
  const drawing = client.txt2img({ prompt: 'hold', width: 64, height: 64, batchCount: 3 });
  await soon(async () => expect((await api<object>('progress')).json).toMatchObject({ state: { job_count: 3, job_no: 0 } }));
  banana.release();
  await soon(async () => {
    const { json } = await api<{ progress: number; current_image: string }>('progress');
    expect(json).toMatchObject({ progress: expect.closeTo(1 / 3), state: { job_no: 1 } });
    expect(await decoded(json.current_image)).toHaveProperty('width');
  });
  await api('interrupt', {});
  expect((await drawing).images.length).toBe(1);
  expect((await api<object>('progress')).json).toMatchObject({ progress: 0 });
});

test('what there is', async () => {
  expect((await api<object>('sd-models')).json).toMatchObject([{ model_name: 'fake', filename: 'fake.safetensors' }]);
  expect((await api<{ name: string; path: string }[]>('loras')).json.map(({ name, path }) => [name, path])).toContainEqual([
    'outline',
    'outline.safetensors',
  ]);
  expect((await api<object>('prompt-styles')).json).toEqual([{ name: 'flat', prompt: '', negative_prompt: '' }]);
  expect((await api<object>('options')).json).toMatchObject({ sd_model_checkpoint: expect.stringContaining('fake') });
  for (const [name, first] of [
    ['samplers', 'LCM'],
    ['schedulers', 'automatic'],
    ['upscalers', 'None'],
  ] as const)
    expect((await api<{ name: string }[]>(name)).json[0]!.name).toBe(first);
  expect(await api('options', { sd_model_checkpoint: 'fake', CLIP_stop_at_last_layers: 2 })).toEqual({ status: 200, json: null });
});

test.each<[string, unknown, number, string]>([
  ['txt2img', {}, 400, 'prompt.empty'],
  ['txt2img', { prompt: 'x', width: 10 }, 400, 'size.side'],
  ['txt2img', { prompt: 'x', batch_size: 10, n_iter: 10 }, 400, 'options.count'],
  ['txt2img', { prompt: 'lose' }, 503, 'engine.lost'],
  ['img2img', { prompt: 'x' }, 400, 'image.missing'],
  ['img2img', { prompt: 'x', init_images: ['http://127.0.0.1:1/'] }, 400, 'picture.url'],
  ['img2img', { prompt: 'x', init_images: ['QUJD'] }, 400, 'codec.decode'],
  ['png-info', { image: 'QUJD' }, 400, 'png.signature'],
  ['png-info', {}, 400, 'image.missing'],
  ['options', { sd_model_checkpoint: 'other' }, 404, 'model.unknown'],
  ['nothing', {}, 404, 'server.route'],
])('%s of %j is refused with %i %s, in the words of its clients', async (path, body, status, code) => {
  expect(await api(path, body)).toMatchObject({ status, json: { error: code, detail: expect.any(String) } });
});
