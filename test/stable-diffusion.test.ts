// Models of Stable Diffusion's family behind the SDK's face, as our own are: the same contract, the same bytes twice, pictures to start
// from, masks, live typing, cancelling. And what cannot be drawn with: one clear line each.
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../src/cli/run.ts';
import { image, type Image } from '../src/image/image.ts';
import { importModel } from '../src/node/import.ts';
import * as node from '../src/node/index.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import { float32 } from '../src/tensor/tensor.ts';
import * as web from '../src/web/index.ts';
import { built } from './build.ts';
import './built-engine.ts';
import { workFolder } from './command.ts';
import { keepsContract } from './contract.ts';
import { webWorker } from './web-worker.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });
const MODELS = fileURLToPath(new URL('fixtures/open-weights/stable-diffusion', import.meta.url));
const { folder, remove } = workFolder();
afterAll(remove);
const open = (model: string) => node.openBanana({ model, inProcess: true, threads: 1 });

const FACES = {
  'a child process': () => node.openBanana({ model: join(MODELS, 'turbo'), threads: 1 }),
  'in process': () => open(join(MODELS, 'turbo')),
  async 'a worker of the web, imported'() {
    const file = join(folder, 'turbo.safetensors');
    if (!existsSync(file)) await importModel(join(MODELS, 'turbo'), file, 8);
    const model = new Uint8Array(readFileSync(file));
    return web.openBananaWorker(webWorker(built('src/web/worker.ts')), { model, runtime: 'wasm', threads: 1 });
  },
};

describe.each(Object.entries(FACES))('a distilled model keeps the contract: %s', (_, open) => keepsContract(open));

describe('every layout', () => {
  const small = { prompt: 'a fox', seed: 1, width: 64, height: 64, steps: 4 } as const;
  test.each(['sd1', 'turbo', 'sdxl', 'single'])('%s: the same bytes twice, others for another prompt, seed or guidance', async (name) => {
    const banana = await open(join(MODELS, name));
    const drawn = async (change: object) => Buffer.from((await banana.picture({ ...small, ...change })).image.data).toString('base64');
    const all = name === 'single' ? [{}] : [{}, { prompt: 'a horse' }, { seed: 2 }, { guidance: 3 }]; // it is slow: 4096 tokens
    const found = await Promise.all(all.map(drawn));
    expect(await drawn({})).toBe(found[0]);
    expect(new Set(found).size).toBe(all.length);
    await banana.close();
  });

  test('a negative prompt leads away from it, where there is guidance', async () => {
    const banana = await open(join(MODELS, 'sdxl'));
    const drawn = async (change: object) => await banana.picture({ ...small, ...change });
    const bytes = async (change: object) => Buffer.from((await drawn(change)).image.data).toString('base64');
    const plain = await bytes({});
    expect(await bytes({ negative: '' })).toBe(plain);
    expect(await bytes({ negative: 'a horse' })).not.toBe(plain);
    expect((await drawn({ negative: 'a horse' })).recipe.negative).toBe('a horse');
    await expect(drawn({ negative: 'a horse', guidance: 1 })).rejects.toMatchObject({ code: 'options.negative', path: 'negative' });
    await banana.close();
  });

  test('one that draws in one step says so', async () => {
    const banana = await open(join(MODELS, 'sdxs'));
    expect(banana.model).toMatchObject({
      family: 'stable-diffusion',
      name: 'sdxs',
      steps: [1],
      guidance: 1,
      abilities: ['peels', 'image'],
    });
    await expect(banana.picture({ ...small, steps: 2 })).rejects.toMatchObject({ code: 'options.steps' });
    await expect(banana.picture({ ...small, steps: 1, guidance: 2 })).rejects.toMatchObject({ code: 'model.ability' });
    await expect(banana.picture({ ...small, steps: 1, negative: 'a' })).rejects.toMatchObject({ code: 'model.ability', path: 'negative' });
    await banana.close();
  });

  test('the command draws with one, and the file says which', async () => {
    let [out, err] = ['', ''];
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
    const path = join(folder, 'fox.png');
    const code = await run(['generate', 'a fox', '--model', join(MODELS, 'sdxs'), '-o', path, '-W', '64', '-H', '64', '--seed', '1'], io);
    expect({ code, err, out }).toEqual({ code: 0, err: '', out: expect.stringContaining('64x64  seed 1') });
    expect(readFileSync(path).includes('Model: sdxs-sd1')).toBe(true);
  });
});

describe('adapters of other tools', () => {
  const adapter = (name: string) => join(MODELS, 'adapters', name);
  const request = { prompt: 'a fox', seed: 1, width: 64, height: 64, steps: 4, guidance: 1 } as const;
  const library = join(folder, 'library');

  /** The command in this process. */
  async function banana(...args: string[]) {
    let [out, err] = ['', ''];
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
    const code = await run(['peel', ...args, '--library', library], io);
    return { code, out, err };
  }

  test('taken into the library for a model that they fit, shown, verified; refused where they do not', async () => {
    const model = ['--model', join(MODELS, 'sd1')];
    expect(await banana('add', adapter('kohya.safetensors'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('--model says which'),
    });
    expect(await banana('add', adapter('kohya.safetensors'), ...model)).toMatchObject({ code: 0, err: '' });
    expect(await banana('add', adapter('peft'), ...model)).toMatchObject({ code: 0, err: '' });
    const refused = await banana('add', adapter('kohya-xl.safetensors'), ...model);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('does not fit: unet 1 match, 6 are no layer of it') });
    expect(refused.err).toContain('--force takes it as far as it fits');
    expect((await banana('list')).out).toMatch(/kohya +stable diffusion 1 +2 .*ink style/);
    expect((await banana('show', 'kohya')).out).toMatch(/pictures said +ink style, a fox/);
    expect((await banana('verify', 'kohya', ...model)).out).toContain('and fits sd1 sd1');
    expect((await banana('verify', 'kohya', ...model)).out).toContain(
      'unet 6 match; text_encoder 3 match; it was made for stable diffusion 1',
    );
  });

  test('drawn with by name or path, in the words of any tool, with its own words said; off again, the same bytes', async () => {
    const opened = await node.openBanana({ model: join(MODELS, 'sd1'), inProcess: true, threads: 1, peels: library });
    const drawn = async (change: object) => {
      const { image, text, recipe } = await opened.picture({ ...request, ...change });
      return { bytes: Buffer.from(image.data).toString('base64'), text, recipe };
    };
    const plain = await drawn({});
    const named = await drawn({ prompt: 'a fox <lora:kohya:0.8>' });
    expect(named).toMatchObject({ text: 'a fox, ink style', recipe: { prompt: 'a fox', peels: [{ name: 'kohya', weight: 0.8 }] } });
    expect((await drawn({ peels: [{ path: adapter('kohya.safetensors'), weight: 0.8 }] })).bytes).toBe(named.bytes);
    const folder = await drawn({ peels: [{ path: adapter('peft') }] });
    expect((await drawn({ prompt: 'a fox <peel:peft>' })).bytes).toBe(folder.bytes);
    expect(new Set([plain, named, folder].map(({ bytes }) => bytes)).size).toBe(3);
    const { name } = await opened.addPeel(adapter('lokr.safetensors'));
    expect((await drawn({ peels: [{ name }] })).bytes).not.toBe(plain.bytes);
    expect((await drawn({})).bytes).toBe(plain.bytes);
    const other = { path: adapter('kohya-xl.safetensors') };
    await expect(drawn({ peels: [other] })).rejects.toMatchObject({ code: 'peel.layers' });
    expect((await drawn({ peels: [{ ...other, force: true }] })).bytes).not.toBe(plain.bytes); // one layer of it fits
    await opened.close();
  });
});

describe('from a picture', () => {
  let banana: node.NodeBanana;
  beforeAll(async () => void (banana = await open(join(MODELS, 'sd1'))));
  afterAll(() => banana.close());
  const given = image(
    64,
    64,
    Uint8ClampedArray.from({ length: 64 * 64 * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 251)),
  );
  const request = { prompt: 'a fox', seed: 1, steps: 4, image: given } as const;
  const differs = (a: Image, b: Image) => [...a.data].reduce((sum, x, i) => sum + Math.abs(x - b.data[i]!), 0);

  test('the more strength, the farther from it; a preview after each step', async () => {
    const drawn = async (strength: number) => (await banana.picture({ ...request, strength })).image;
    const [none, little, much] = [await drawn(0), await drawn(0.05), await drawn(1)];
    expect(differs(none, little)).toBeGreaterThan(0);
    expect(differs(none, little)).toBeLessThan(differs(none, much));
    const seen: number[] = [];
    for await (const event of banana.generate({ ...request, preview: 32 })) if (event.type === 'preview') seen.push(event.image.width);
    expect(seen).toEqual([32, 32, 32, 32]);
  });

  test('outside a mask every pixel stays', async () => {
    const mask = image(
      64,
      64,
      Uint8ClampedArray.from({ length: 64 * 64 * 4 }, (_, i) => (i % 4 === 3 || (i >> 2) % 64 >= 32 ? 255 : 0)),
    );
    const { image: found } = await banana.picture({ ...request, mask });
    const half = (from: number) =>
      Array.from({ length: 64 * 32 }, (_, i) => {
        const at = 4 * (Math.floor(i / 32) * 64 + from + (i % 32));
        return [...found.data.subarray(at, at + 3)].join() === [...given.data.subarray(at, at + 3)].join();
      });
    expect(half(0).every(Boolean)).toBe(true);
    expect(half(32).filter(Boolean).length).toBeLessThan(64);
  });
});

describe('what cannot be drawn with is told in one line', () => {
  const copy = (name: string, from = 'sd1') => {
    const path = join(folder, name);
    cpSync(join(MODELS, from), path, { recursive: true });
    return path;
  };
  const changed = (path: string, file: string, change: object) => {
    const at = join(path, file);
    writeFileSync(at, JSON.stringify({ ...(JSON.parse(readFileSync(at, 'utf8')) as object), ...change }));
  };
  const UNET = 'unet/diffusion_pytorch_model';
  const single = (shape: readonly number[]) =>
    Buffer.concat(
      encodeSafetensors({
        'model.diffusion_model.input_blocks.0.0.weight': float32(shape, new Float32Array(shape.reduce((a, b) => a * b))),
      }),
    );

  test.each<[string, (path: string) => void, string, string]>([
    ['a truncated file', (path) => truncateSync(join(path, `${UNET}.safetensors`), 50_000), 'safetensors.range', `${UNET}.safetensors: `],
    ['a missing part', (path) => rmSync(join(path, 'vae'), { recursive: true }), 'hub.weights', 'no weights that can be read in vae'],
    [
      'a shard of two',
      (path) => {
        cpSync(join(path, `${UNET}.safetensors`), join(path, `${UNET}-00001-of-00002.safetensors`));
        rmSync(join(path, `${UNET}.safetensors`));
      },
      'hub.shards',
      'says 2 files, here are 1 of them',
    ],
    [
      'a page',
      (path) => writeFileSync(join(path, `${UNET}.safetensors`), '<!doctype html><html>'),
      'safetensors.header',
      'is an HTML page (a sign-in',
    ],
    [
      'weights of another network',
      (path) => cpSync(join(MODELS, 'turbo', `${UNET}.safetensors`), join(path, `${UNET}.safetensors`)),
      'weights.',
      '/unet: ',
    ],
    ['inpainting', (path) => changed(path, 'unet/config.json', { in_channels: 9 }), 'model.format', 'for inpainting alone, which is not'],
    [
      'another pipeline',
      (path) => changed(path, 'model_index.json', { _class_name: 'StableDiffusion3Pipeline' }),
      'model.format',
      '3Pipeline',
    ],
    [
      'a noise without signal',
      (path) => changed(path, 'scheduler/scheduler_config.json', { rescale_betas_zero_snr: true }),
      'model.manifest',
      'scheduler_config.json: "rescale_betas_zero_snr" is true',
    ],
    ['settings that are none', (path) => writeFileSync(join(path, 'unet/config.json'), '<html>'), 'model.manifest', 'is no JSON object'],
    ['no vocabulary', (path) => rmSync(join(path, 'tokenizer/vocab.json')), 'model.missing', 'has no tokenizer/vocab.json'],
  ])('%s', async (name, damage, code, message) => {
    const path = copy(name.replaceAll(' ', '-'));
    damage(path);
    const error = await open(path).catch((reason: unknown) => reason as Error & { code: string });
    expect(error).toMatchObject({ name: 'InputError', code: expect.stringContaining(code), message: expect.stringContaining(message) });
    expect((error as Error).message).not.toContain('\n');
  });

  test.each<[string, string, Uint8Array, string, string]>([
    ['a U-Net alone', 'unet.safetensors', single([8, 4, 3, 3]), 'model.missing', 'a U-Net without text encoder and autoencoder'],
    ['a zip', 'zip.ckpt', Buffer.from('PK\x03\x04 and more'), 'safetensors.header', 'is a zip or a PyTorch checkpoint'],
    ['a checkpoint with code', 'old.ckpt', Buffer.from('\x80\x02cos\nsystem\n', 'latin1'), 'safetensors.header', 'may run code'],
  ])('%s', async (_, file, bytes, code, message) => {
    writeFileSync(join(folder, file), bytes);
    await expect(open(join(folder, file))).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
