// One pipeline for all families: a second one, ten lines in a folder (fixtures/families/gradient), is opened by its file, drawn, previewed,
// cancelled, typed to and served by what draws with our own. It is a name in the list of families here and nowhere else: in this process by
// a mock of that list, in the engine's and the worker's by entries of their own. The product has no door for it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../src/cli/run.ts';
import { readRecipe } from '../src/draw/recipe.ts';
import * as node from '../src/node/index.ts';
import { serve } from '../src/server/listen.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import * as web from '../src/web/index.ts';
import { built } from './build.ts';
import { workFolder } from './command.ts';
import { keepsContract } from './contract.ts';
import { gradientFile } from './fixtures/families/gradient/family.ts';
import { webWorker } from './web-worker.ts';

vi.mock(import('../src/models/families.ts'), async (original) => {
  const [{ FAMILIES }, { gradient }] = await Promise.all([original(), import('./fixtures/families/gradient/family.ts')]);
  return { FAMILIES: [...FAMILIES, gradient] };
});
vi.mock(import('../src/node/entry.ts'), async () => {
  const { built } = await import('./build.ts');
  return { ENTRY: built('test/fixtures/families/gradient/engine.ts') };
});
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 }); // processes on a busy machine

const { folder, remove } = workFolder();
const model = join(folder, 'sunset.safetensors');
beforeAll(() => writeFileSync(model, gradientFile()));
afterAll(remove);

const bytes = () => ({ model: new Uint8Array(readFileSync(model)), runtime: 'reference' }) as const;
const WORKER = built('test/fixtures/families/gradient/worker.ts');
const FACES = {
  'a child process': () => node.openBanana({ model, threads: 1 }),
  'in process': () => node.openBanana({ model, inProcess: true, threads: 1 }),
  'the web, in process': () => web.openBanana(bytes()),
  'the web, a worker': () => web.openBananaWorker(webWorker(WORKER), bytes()),
};

describe.each(Object.entries(FACES))('another family keeps the contract: %s', (_, open) => keepsContract(open));

describe('another family', () => {
  let banana: node.NodeBanana;
  beforeAll(async () => void (banana = await FACES['in process']()));
  afterAll(() => banana.close());
  const request = { prompt: 'red', width: 96, height: 64, seed: 4 } as const;

  test('says what it is, and draws in its own steps, with a preview after each', async () => {
    expect(banana.model).toMatchObject({ family: 'gradient', name: 'sunset', steps: [2, 3, 5], defaultSteps: 3, abilities: [] });
    const seen: string[] = [];
    for await (const event of banana.generate({ ...request, preview: 32 }))
      if (event.type === 'preview') seen.push(`${event.step}/${event.steps} ${event.image.width}x${event.image.height}`);
    expect(seen).toEqual(['1/3 32x21', '2/3 32x21', '3/3 32x21']);
  });

  test('is a gradient: the prompt tells the left, the seed the right, any size the same picture', async () => {
    const ends = async (options: object, width = 96) => {
      const { data } = (await banana.picture({ ...request, width, ...options })).image;
      return [data.subarray(0, 3), data.subarray(4 * (width - 1), 4 * width - 1)].map((colour) =>
        [...colour].map((v) => Math.round(v / 32)).join(),
      );
    };
    const [left, right] = await ends({});
    expect(await ends({ height: 512 }, 512)).toEqual([left, right]);
    const [sameLeft, otherRight] = await ends({ seed: 5 });
    const [otherLeft] = await ends({ prompt: 'blue' });
    expect([sameLeft === left, otherRight === right, otherLeft === left]).toEqual([true, false, false]);
  });

  test('a live session: previews in the fewest steps, then the full picture', async () => {
    const live = banana.live({ ...request, rest: 0, fps: 0 });
    live.end();
    const frames: string[] = [];
    for await (const { kind, event } of live.frames) frames.push(`${kind} ${event.recipe.steps}`);
    expect(frames).toEqual(['preview 2', 'settled 3']);
  });

  test.each([
    [{ steps: 4 }, 'options.steps', 'steps 4: choose one of 2, 3, 5'],
    [{ guidance: 2 }, 'model.ability', 'model "sunset" has no guidance: leave guidance out'],
    [{ background: 'transparent' }, 'model.ability', 'draws no transparent background'],
    [{ image: { width: 64, height: 64, data: new Uint8ClampedArray(2 ** 14) } }, 'model.ability', 'cannot start from a picture'],
    [{ peels: [{ name: 'ink' }] }, 'model.ability', 'takes no Peels'],
    [{ objects: [{ box: [0, 0, 1, 1] }] }, 'model.ability', 'model "sunset" does not draw in layers: leave objects out'],
    [
      { prompt: '<1>', references: [{ slot: 1, image: { width: 1, height: 1, data: new Uint8ClampedArray(4) } }] },
      'model.references',
      'not trained with',
    ],
  ] as const)('%j is refused', async (options, code, message) => {
    await expect(banana.picture({ ...request, ...options })).rejects.toMatchObject({
      name: 'InputError',
      code,
      message: expect.stringContaining(message),
    });
  });

  test('is served: listed, and drawn by the word for a quality', async () => {
    const server = await serve(banana, { port: 0 });
    try {
      const ask = async (path: string, body?: object) =>
        (
          await fetch(
            `${server.url}/v1/${path}`,
            body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
          )
        ).json();
      expect((await ask('models')).data[0].id).toBe('sunset');
      const answer = await ask('images/generations', { prompt: 'red', size: '96x64', quality: 'high', seed: 4 });
      expect(readRecipe(Buffer.from(answer.data[0].b64_json, 'base64'))).toMatchObject({
        prompt: 'red',
        steps: 5,
        model: { name: 'sunset' },
      });
    } finally {
      await server.close();
    }
  });
});

describe('a folder', () => {
  const inFolder = (name: string, files: Record<string, Uint8Array>) => {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [file, data] of Object.entries(files)) writeFileSync(join(path, file), data);
    return node.openBanana({ model: path, inProcess: true });
  };
  const other = Buffer.concat(encodeSafetensors({}, { format: 'pt' }));

  test('opens the one model in it', async () => {
    const banana = await inFolder('one', {
      'a.safetensors': other,
      'b.safetensors': gradientFile(),
      'c.safetensors': new Uint8Array(9),
      'd.json': new Uint8Array(),
    });
    expect(banana.model.name).toBe('sunset');
    await banana.close();
  });

  test.each([
    ['none', {}, 'model.missing', 'none: no .safetensors file in this folder is a model'],
    [
      'unknown',
      { 'a.safetensors': other },
      'model.format',
      'a.safetensors: a .safetensors file, but no model that is known here (its format is "pt"; known are layers, nitro, stable-diffusion, gradient)',
    ],
    [
      'several',
      { 'b.safetensors': gradientFile(), 'a.safetensors': gradientFile() },
      'model.missing',
      'several models in this folder: name one of a.safetensors, b.safetensors',
    ],
    [
      'flat',
      { 'a.safetensors': Buffer.concat(encodeSafetensors({}, { format: 'banana-model-1' })) },
      'model.format',
      'a.safetensors: a flat model of an earlier version, which this one does not draw with: leave the model out',
    ],
  ])('%s: told in one line', async (name, files, code, message) => {
    await expect(inFolder(name, files)).rejects.toMatchObject({ name: 'InputError', code, message: expect.stringContaining(message) });
  });
});

test('the command opens it by its file', async () => {
  let [out, err] = ['', ''];
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
  const path = join(folder, 'sunset.png');
  const code = await run(['a fox', '--model', model, '-o', path, '-W', '64', '-H', '64', '--seed', '1'], io);
  expect({ code, err, out }).toEqual({ code: 0, err: '', out: expect.stringContaining('64x64  seed 1') });
  expect(readRecipe(readFileSync(path))).toMatchObject({ prompt: 'a fox', steps: 3, model: { name: 'sunset' } });
});
