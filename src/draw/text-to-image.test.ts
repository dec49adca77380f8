// One untrained tiny model through the whole pipeline: what it draws is noise, but every promise about it can be held.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ortNode } from '../runtime/ort-node.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import { NO_PEELS } from '../adapters/stack.ts';
import { psnr, tensorToImage, WHITE, type Image } from '../image/image.ts';
import { random } from '../util/random.ts';
import type { GenerateEvent, ImageEvent } from './events.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import type { Painter } from '../models/family.ts';
import { openPainter } from '../models/layers/painter.ts';
import { noiseOf, numbersOf } from '../models/layout.ts';
import { TILE, tilesOf, type Size } from './size.ts';
import { openPipeline, type Pipeline } from './text-to-image.ts';
import type { GenerateOptions } from './request.ts';

const model = tinyLayersModel({ said: ['a fox, flat style, transparent background, white background'] });

let painter: Painter;
let pipeline: Pipeline;
beforeAll(async () => {
  painter = await openPainter(model, await ortNode({ threads: 1 }), { hash: 'hash' });
  pipeline = openPipeline(painter);
});
afterAll(() => pipeline.release());

async function all(options: Partial<GenerateOptions>, from = pipeline): Promise<GenerateEvent[]> {
  const events: GenerateEvent[] = [];
  for await (const event of from.generate({ prompt: 'a fox', seed: 7, width: 64, height: 64, preview: 0, ...options })) events.push(event);
  return events;
}
const images = (events: GenerateEvent[]): ImageEvent[] => events.filter((e) => e.type === 'image');
const draw = async (options: Partial<GenerateOptions>): Promise<Image> => images(await all(options))[0]!.image;

test('events come in order', async () => {
  const events = await all({ steps: 2, count: 2, preview: 32, width: 600, height: 300 });
  const one = ['step', 'preview', 'step', 'preview', ...Array(10).fill('render'), 'image']; // 5 x 2 tiles of 128 x 256
  expect(events.map((e) => e.type)).toEqual(['text', ...one, ...one, 'done']);
  expect(events[0]).toMatchObject({ text: 'a fox', truncated: 0 });
  expect(events[2]).toMatchObject({ index: 0, step: 1, steps: 2, image: { width: 32, height: 16 } });
  expect(events.at(-1)).toMatchObject({ count: 2, seconds: { denoise: expect.any(Number) } });
});

test('the same request gives the same bytes; another seed, prompt, step or guidance gives others', async () => {
  const first = await draw({});
  expect(new Set(first.data).size).toBeGreaterThan(50); // it does show something
  expect(await draw({})).toEqual(first);
  expect(await draw({ preview: 64 })).toEqual(first);
  for (const other of [
    { seed: 8 },
    { seed: 0 },
    { prompt: 'a cat' },
    { steps: 1 },
    { background: 'transparent' as const },
    { style: 'flat' },
  ])
    expect((await draw(other)).data, JSON.stringify(other)).not.toEqual(first.data);
});

test('picture i of a batch is the picture of seed + i', async () => {
  const batch = images(await all({ seed: 0, count: 3 }));
  expect(batch.map((e) => e.recipe.seed)).toEqual([0, 1, 2]);
  expect(batch[2]!.image).toEqual(await draw({ seed: 2 }));
});

test('a seed is drawn and reported when none is given', async () => {
  const seeds = await Promise.all([1, 2].map(async () => images(await all({ seed: undefined }))[0]!.recipe.seed));
  expect(seeds[0]).not.toBe(seeds[1]);
  for (const seed of seeds) expect(Number.isSafeInteger(seed) && seed >= 0).toBe(true);
});

test.each([
  [64, 64],
  [65, 131],
  [200, 64],
  [64, 512],
  [700, 300],
])('%i x %i pixels', async (width, height) => {
  const picture = await draw({ width, height, steps: 1 });
  expect([picture.width, picture.height, picture.data.length]).toEqual([width, height, width * height * 4]);
});

test('opaque on white, or transparent when asked', async () => {
  const alpha = ({ data }: Image) => data.filter((_, i) => i % 4 === 3);
  expect(new Set(alpha(await draw({})))).toEqual(new Set([255]));
  const [white] = images(await all({ background: 'white' }));
  expect(new Set(alpha(white!.image))).toEqual(new Set([255]));
  expect(white).toMatchObject({ text: 'a fox, white background', recipe: { background: 'white' } });
  const [event] = images(await all({ background: 'transparent', style: 'Flat' }));
  expect(new Set(alpha(event!.image)).size).toBeGreaterThan(2);
  expect(event!.text).toBe('a fox, flat style, transparent background');
  expect(event!.recipe).toMatchObject({
    prompt: 'a fox',
    style: 'flat',
    background: 'transparent',
    model: { name: 'tiny-untrained', hash: 'hash' },
  });
});

test('a preview is the picture, small', async () => {
  const events = await all({ steps: 1, preview: 64, width: 64, height: 64 });
  const [preview] = events.filter((e) => e.type === 'preview');
  expect(preview!.image).toEqual(images(events)[0]!.image);
});

describe('tiles', () => {
  const conditionOf = async (size: Size) => {
    const condition = await painter.read('a fox', [], NO_PEELS);
    return { condition, layout: condition.layout(size, 1) };
  };

  test('drawn one by one equal the whole', async () => {
    const size = { width: 203, height: 151 };
    const { layout } = await conditionOf(size);
    const drawing = await painter.decode(random(3).normals(numbersOf(layout)), layout);
    const whole = (await drawing.render({ x: 0, y: 0, ...size }, size)).data as Float32Array;
    let worst = 0;
    for (const tile of tilesOf(size, { width: 64, height: 37 })) {
      const part = (await drawing.render(tile, size)).data as Float32Array;
      for (let y = 0; y < tile.height; y++)
        for (let i = 0; i < tile.width * 4; i++)
          worst = Math.max(worst, Math.abs(part[y * tile.width * 4 + i]! - whole[((tile.y + y) * size.width + tile.x) * 4 + i]!));
    }
    expect(worst).toBeLessThan(1e-5);
  });

  test("the pipeline's picture equals one drawn whole, within one level", async () => {
    const size = { width: TILE.width + 40, height: TILE.height + 30 };
    const { condition, layout } = await conditionOf(size);
    const noise = noiseOf(random(7).split('noise'), layout);
    const v = await condition.velocity(layout, { guidance: 1 })(noise, 1); // one step: x0 = x - v
    const drawing = await painter.decode(
      noise.map((x, i) => x - v[i]!),
      layout,
    );
    const whole = tensorToImage(await drawing.render({ x: 0, y: 0, ...size }, size), { background: WHITE });
    const tiled = await draw({ ...size, steps: 1 });
    expect(Array.from(tiled.data).findIndex((x, i) => Math.abs(x - whole.data[i]!) > 1)).toBe(-1);
  });
});

test('the reference interpreter draws the same picture', async () => {
  const slow = await openPipeline(await openPainter(model, referenceRuntime(), { hash: '' }));
  const options = { steps: 2, objects: [{}], background: 'transparent' } as const; // little to compute
  const [event] = images(await all(options, slow));
  expect(psnr(event!.image, await draw(options))).toBeGreaterThan(60);
});

describe('cancelling', () => {
  test("stops between steps, with the signal's reason", async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const reason = new Error('enough');
    const run = async () => {
      for await (const event of pipeline.generate({ prompt: 'a fox', seed: 1, steps: 4, width: 64, height: 64 }, stop.signal)) {
        seen.push(event.type);
        if (event.type === 'step' && event.step === 2) stop.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(seen).toEqual(['text', 'step', 'preview', 'step']);
  });

  test('stops between tiles, and a timer gets its turn', async () => {
    const stop = new AbortController();
    let tiles = 0;
    const run = async () => {
      for await (const event of pipeline.generate(
        { prompt: 'a fox', seed: 1, steps: 1, width: 4096, height: 1024, preview: 0 },
        stop.signal,
      ))
        if (event.type === 'render' && ++tiles === 1) setTimeout(() => stop.abort(), 1);
    };
    await expect(run()).rejects.toMatchObject({ name: 'AbortError' });
    expect(tiles).toBeLessThan(32);
  });

  test('an aborted signal draws nothing', async () => {
    await expect(pipeline.generate({ prompt: 'a fox' }, AbortSignal.abort()).next()).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test.each<[Partial<GenerateOptions>, string]>([
  [{ prompt: '' }, 'the prompt is empty'],
  [{ steps: 3 }, 'steps 3: choose one of 1, 2, 4'],
  [{ seed: 1.5 }, 'seed 1.5: expected a whole number from 0'],
  [{ seed: -1 }, 'seed -1: expected'],
  [{ seed: 2 ** 53 }, 'seed 9007199254740992: expected'],
  [{ count: 0 }, 'count 0: expected a whole number from 1 to 1000'],
  [{ guidance: NaN }, 'guidance NaN: expected a number from 0 to 20'],
  [{ preview: -1 }, 'preview -1: expected'],
  [{ width: 63 }, 'width 63: expected'],
  [{ style: 'oil' }, 'unknown style "oil": this model knows flat, bold flat'],
])('%o is refused', async (options, message) => {
  await expect(all(options)).rejects.toThrow(message);
});
