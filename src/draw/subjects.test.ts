// Subjects with an untrained tiny model: what is drawn means nothing, but whether a picture, its slot and its place count does.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { flatten, image, placeImage, type Image } from '../image/image.ts';
import { random } from '../util/random.ts';
import { bananaOf } from '../sdk/banana.ts';
import type { ImageEvent } from './events.ts';
import { openPainter } from '../models/layers/painter.ts';
import { hashOf } from './start.ts';
import { asReference, slotsIn, smallReferences } from './subjects.ts';
import { openPipeline, type Pipeline } from './text-to-image.ts';
import { checkOptions } from './check.ts';
import type { Sent } from './pictures.ts';
import type { GenerateOptions } from './request.ts';

let runtime: Runtime;
let pipeline: Pipeline;
beforeAll(async () => {
  runtime = await ortNode({ threads: 1 });
  pipeline = openPipeline(await openPainter(tinyLayersModel({ abilities: ['references', 'image'] }), runtime, { hash: 'hash' }));
}, 60_000);
afterAll(() => pipeline.release());

async function draw(options: Partial<GenerateOptions>): Promise<ImageEvent> {
  for await (const event of pipeline.generate({ prompt: 'a fox', seed: 7, width: 64, height: 64, steps: 1, preview: 0, ...options }))
    if (event.type === 'image') return event;
  throw new Error('nothing was drawn');
}
const pixels = async (options: Partial<GenerateOptions>) => (await draw(options)).image.data.join();
const rng = random(3);
const colours = (width: number, height: number, alpha = 255): Image =>
  image(
    width,
    height,
    Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? alpha : rng.integer(256))),
  );
const [fox, cat] = [colours(96, 96), colours(200, 120)];
const [one, two] = [
  { slot: 1, image: fox },
  { slot: 2, image: cat },
];

describe('a subject', () => {
  test('counts: whether there is one, its picture and its slot; not the order in which they come', async () => {
    const plain = await pixels({ prompt: 'a fox' });
    const first = await pixels({ prompt: '<1> a fox', references: [one] });
    const others = await Promise.all([
      pixels({ prompt: '<1> a fox', references: [{ slot: 1, image: cat }] }),
      pixels({ prompt: '<1> a fox <2>', references: [one, two] }),
      pixels({
        prompt: '<1> a fox <2>',
        references: [
          { slot: 2, image: fox },
          { slot: 1, image: cat },
        ],
      }),
    ]);
    expect(new Set([plain, first, ...others]).size).toBe(5);
    expect(await pixels({ prompt: '<1> a fox', references: [one] })).toBe(first);
    const [a, b] = [
      await draw({ prompt: '<1> a fox <2>', references: [one, two] }),
      await draw({ prompt: '<1> a fox <2>', references: [two, one] }),
    ];
    expect(Math.max(...a.image.data.map((x, i) => Math.abs(x - b.image.data[i]!)))).toBeLessThanOrEqual(1);
    expect(await pixels({ prompt: 'a fox' })).toBe(plain); // nothing stays behind
  });

  test('the recipe names it by the hash of its picture, and by nothing else', async () => {
    const { recipe } = await draw({ prompt: '<3> runs', references: [{ slot: 3, image: cat }] });
    expect(recipe.references).toEqual([{ slot: 3, hash: await hashOf(cat) }]);
    expect((await draw({ prompt: 'runs' })).recipe).not.toHaveProperty('references');
  });

  test('five of them, in a wide picture that starts from another', async () => {
    const references = [1, 2, 3, 4, 5].map((slot) => ({ slot, image: colours(40, 50) }));
    const { image: drawn } = await draw({
      prompt: '<1> <2> <3> <4> <5>',
      references,
      width: 160,
      height: 90,
      steps: 2,
      image: fox,
      strength: 0.8,
    });
    expect([drawn.width, drawn.height]).toEqual([160, 90]);
  });

  test('it can come to a batch, previews and a transparent background', async () => {
    const events = [];
    for await (const event of pipeline.generate({
      prompt: '<1>',
      references: [one],
      seed: 1,
      count: 2,
      steps: 2,
      preview: 32,
      background: 'transparent',
    }))
      events.push(event.type);
    expect(events.filter((type) => type === 'image' || type === 'preview')).toEqual([
      'preview',
      'preview',
      'image',
      'preview',
      'preview',
      'image',
    ]);
  });

  test('a subject is a thing of the picture, and one on a plain ground is the one on nothing', async () => {
    const references = [1, 2, 3].map((slot) => ({ slot, image: colours(40, 50, 200) }));
    const { layers } = await draw({ prompt: '<1> <2> <3>', references, layers: true });
    expect(layers!.filter(({ slot }) => slot > 0).length).toBeGreaterThanOrEqual(3);
    const cut = image(64, 64);
    placeImage(
      cut,
      { x: 10, y: 20 },
      image(
        30,
        30,
        Uint8Array.from({ length: 30 * 30 * 4 }, (_, i) => [200, 80, 20, 255][i % 4]!),
      ),
    );
    const [onWhite, onNothing] = [flatten(cut), cut];
    expect(await pixels({ prompt: '<1>', references: [{ slot: 1, image: onWhite }] })).toBe(
      await pixels({ prompt: '<1>', references: [{ slot: 1, image: onNothing }] }),
    );
  });

  describe('the picture of a subject', () => {
    test('becomes a square with all of it in the middle: on white, or on nothing when it has holes', () => {
      const opaque = asReference(
        image(
          64,
          32,
          new Uint8Array(64 * 32 * 4).map((_, i) => (i % 4 === 3 ? 255 : 0)),
        ),
        32,
      );
      const at = ({ width, data }: Image, x: number, y: number) => [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];
      expect([opaque.width, opaque.height]).toEqual([32, 32]);
      expect([at(opaque, 16, 2), at(opaque, 16, 16), at(opaque, 0, 8), at(opaque, 31, 23), at(opaque, 0, 24)]).toEqual([
        [255, 255, 255, 255],
        [0, 0, 0, 255],
        [0, 0, 0, 255],
        [0, 0, 0, 255],
        [255, 255, 255, 255],
      ]);
      expect(at(asReference(colours(64, 32, 100), 32), 16, 2)).toEqual([0, 0, 0, 0]);
      expect(asReference(opaque, 32)).toBe(opaque);
    });

    test('is sent small, with the hash of the whole, and made small once', async () => {
      const large = colours(300, 200);
      const [a] = await smallReferences([{ slot: 1, image: large }], 32);
      const [b] = await smallReferences([{ slot: 4, image: large }], 32);
      expect([a!.image.width, a!.hash, b!.slot]).toEqual([32, await hashOf(large), 4]);
      expect(b!.image).toBe(a!.image);
      let sent: Sent | undefined;
      const banana = bananaOf(
        { ...pipeline, start: (request) => ((sent = request), pipeline.serve(request)), close: async () => {} },
        async () => new Uint8Array(),
      );
      const { recipe } = await banana.picture({ prompt: '<1>', references: [{ slot: 1, image: large }], width: 64, height: 64, steps: 1 });
      expect(sent!.references![0]!.image.width).toBe(pipeline.model.referencePixels);
      expect(recipe.references).toEqual([{ slot: 1, hash: await hashOf(large) }]);
    });
  });

  test('typing: a subject counts from the moment that the prompt names it', async () => {
    const live = bananaOf({ ...pipeline, start: pipeline.serve, close: async () => {} }, async () => new Uint8Array()).live({
      prompt: 'a',
      seed: 1,
      width: 64,
      height: 64,
      steps: 1,
      references: [one],
      rest: 0,
      fps: 0,
    });
    const seen: string[] = [];
    for await (const { kind, event } of live.frames) {
      if (kind !== 'settled') continue;
      seen.push(JSON.stringify(event.recipe.references ?? []));
      if (seen.length === 1) {
        expect(() => live.update({ prompt: 'a <2>' })).toThrow(/says <2>, but no picture/);
        live.update({ prompt: 'a <1>' });
      } else live.end();
    }
    expect(seen).toEqual(['[]', JSON.stringify([{ slot: 1, hash: await hashOf(fox) }])]);
  });
});

test.each<[string, Partial<GenerateOptions>, RegExp]>([
  ['a slot without a picture', { prompt: '<1> and <4>', references: [one] }, /the prompt says <4>, but no picture of it is given/],
  ['no pictures at all', { prompt: 'a <2>' }, /the prompt says <2>, but no picture/],
  ['a picture without a slot', { prompt: 'a fox', references: [two] }, /a picture of <2>, but the prompt does not say <2>/],
  ['an unknown slot', { prompt: '<6>', references: [{ slot: 6, image: fox }] }, /reference slot 6: expected 1 to 5/],
  ['an unknown slot in the prompt', { prompt: '<1> <12>', references: [one] }, /the prompt says <12>: subjects are <1> to <5>/],
  ['half a slot', { prompt: '<1>', references: [{ slot: 1.5, image: fox }] }, /reference slot 1.5/],
  ['two in one slot', { prompt: '<1>', references: [one, { slot: 1, image: cat }] }, /two pictures for <1>/],
  [
    'six',
    { prompt: '<1>', references: [1, 2, 3, 4, 5, 6].map((slot) => ({ slot, image: fox })) },
    /6 reference pictures: expected at most 5/,
  ],
  [
    'a picture that is none',
    { prompt: '<1>', references: [{ slot: 1, image: { width: 9, height: 9, data: new Uint8ClampedArray(4) } }] },
    /references\[0\].image of 9x9 has 4 bytes, expected 324/,
  ],
])('%s cannot be drawn', (_, options, message) => {
  expect(() => checkOptions({ prompt: 'x', ...options })).toThrow(message);
});

test('a model that was not trained with subjects says so', async () => {
  const other = openPipeline(await openPainter(tinyLayersModel(), runtime, { hash: '' }));
  expect([other.model.abilities.includes('references'), other.model.referencePixels]).toEqual([false, 0]);
  await expect(other.generate({ prompt: '<1>', references: [one] }).next()).rejects.toThrow(/not trained with reference subjects/);
  await other.release();
});

test('the slots of a prompt', () => {
  expect(slotsIn('the fox <2>, <1> and <2> again, <peel:x>, 1 < 3')).toEqual([1, 2]);
});
