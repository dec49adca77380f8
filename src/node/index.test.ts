import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { tinyModel, workFolder } from '../../test/command.ts';
import { openBanana, readRecipe, type GenerateEvent, type NodeBanana } from './index.ts';

const { folder, remove } = workFolder();
let model: string;
let banana: NodeBanana;
beforeAll(async () => {
  model = await tinyModel(folder);
  banana = await openBanana({ model, threads: 1 });
}, 120_000);
afterAll(async () => {
  await banana.close();
  remove();
});
const request = { prompt: 'a fox', seed: 3, steps: 2, width: 96, height: 64 };

test('events come across, a picture is saved with its recipe', async () => {
  const events = banana.generate({ ...request, preview: 32 });
  expectTypeOf(events).toEqualTypeOf<AsyncGenerator<GenerateEvent, void, void>>();
  const types: string[] = [];
  for await (const event of events) types.push(event.type);
  expect(types).toEqual(['text', 'step', 'preview', 'step', 'preview', 'render', 'image', 'done']);
  const picture = await banana.picture(request);
  expect(picture.image.data.length).toBe(96 * 64 * 4);
  await picture.save(join(folder, 'a.png'));
  expect(readRecipe(readFileSync(join(folder, 'a.png')))).toEqual(picture.recipe);
  expect(await banana.peakRssBytes()).toBeGreaterThan(2 ** 26);
});

test('the child process and this one draw the same bytes', async () => {
  const here = await openBanana({ model, inProcess: true, threads: 1 });
  expect(here.model).toEqual(banana.model);
  expect(await (await here.picture(request)).png()).toEqual(await (await banana.picture(request)).png());
  await here.close();
});

test('cancelling rejects at once, and the next picture comes', async () => {
  const stop = new AbortController();
  let aborted = 0;
  const run = async () => {
    for await (const event of banana.generate({ ...request, count: 1000, width: 512, height: 512, signal: stop.signal }))
      if (event.type === 'image' && event.index === 1) [aborted] = [performance.now(), stop.abort()];
  };
  await expect(run()).rejects.toMatchObject({ name: 'AbortError' });
  const rejected = performance.now() - aborted;
  await banana.picture({ ...request, steps: 1 });
  expect(rejected).toBeLessThan(250); // milliseconds; a few when the machine is idle
});

test('several pictures are asked for by their own name, and can be saved', async () => {
  await expect(banana.picture({ ...request, count: 2 })).rejects.toMatchObject({
    code: 'options.count',
    message: 'picture() draws one picture: ask pictures() for 2',
  });
  const pictures = await banana.pictures({ ...request, count: 2 });
  expect(pictures.map(({ recipe }) => recipe.seed)).toEqual([3, 4]);
  await pictures[1]!.save(join(folder, 'b.webp'));
  expect(readRecipe(readFileSync(join(folder, 'b.webp')))).toEqual(pictures[1]!.recipe);
  expect(await pictures[0]!.png()).toEqual(await (await banana.picture({ ...request, count: 1 })).png());
});

test.each([['a fox'], [undefined], [{ prompt: 'x', signal: {} }], [{ prompt: 'x', image: 'x.png' }]])(
  '%o is refused by its type',
  async (options) => {
    for (const draw of [banana.picture, banana.pictures, (given: never) => banana.generate(given).next()])
      await expect(draw(options as never)).rejects.toMatchObject({ name: 'InputError', code: 'options.type' });
  },
);

test.each<[object, string, string]>([
  [{ modle: 'pico' }, 'options.unknown', 'no option "modle": did you mean model?'],
  [{ preset: 'pico' }, 'options.unknown', 'no option "preset": it is model here'],
  [{ device: 'webgpu' }, 'options.unknown', 'no option "device": it is runtime here'],
  [{ dtype: 'q4' }, 'options.unknown', 'no option "dtype": it is precision here'],
  [{ runtime: 'tpu' }, 'runtime.unknown', 'unknown runtime "tpu": choose one of auto, cpu, wasm, webgpu, reference'],
  [{ precision: 'q4' }, 'options.precision', 'unknown precision "q4": choose one of float32, int8, int4'],
  [{ threads: '2' }, 'options.type', 'threads is the text "2": expected a number; write 2 without quotes'],
  [{ threads: 0 }, 'options.threads', 'threads 0: expected a whole number from 1 to 256'],
  [{ model: new Uint8Array(8) }, 'options.type', 'model is bytes: expected a text'],
  [{ limits: { count: 0 } }, 'options.limits', 'count 0: expected a whole number from 1 to 1000'],
])('openBanana(%j) is refused before a process is started', async (options, code, message) => {
  await expect(openBanana(options as never)).rejects.toMatchObject({ name: 'InputError', code, message: expect.stringContaining(message) });
});

test('wrong options are refused here; wrong models before a process is started', async () => {
  await expect(banana.picture({ ...request, steps: 3 })).rejects.toMatchObject({ name: 'InputError', code: 'options.steps' });
  await expect(banana.picture({ ...request, style: 'oil' })).rejects.toMatchObject({ name: 'InputError', code: 'prompt.style' });
  await expect(openBanana({ model: join(folder, 'none.safetensors') })).rejects.toMatchObject({ code: 'model.missing' });
  await expect(openBanana({ model, signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
}, 60_000);
