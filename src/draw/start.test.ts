// Pictures from pictures with untrained tiny models, one that draws in layers and one that does not: what is drawn means nothing, what is kept can be checked exactly.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixturesOf } from '../../test/open-weights.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { loadPainter } from '../node/load.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { image, psnr, type Image } from '../image/image.ts';
import { random } from '../util/random.ts';
import type { ImageEvent } from './events.ts';
import { gridNoise } from '../sampling/noise.ts';
import { cover, feathered, hashOf, sizeOf, startFrom } from './start.ts';
import type { Painter } from '../models/family.ts';
import { openPainter } from '../models/layers/painter.ts';
import { openPipeline, type Pipeline } from './text-to-image.ts';
import { checkOptions } from './check.ts';
import type { GenerateOptions } from './request.ts';

const FAMILIES: Readonly<Record<string, () => Promise<Painter>>> = {
  'in one piece': async () => (await loadPainter({ model: fixturesOf('stable-diffusion').path('turbo'), threads: 1 })).painter,
  'in layers': async () => openPainter(tinyLayersModel({ abilities: ['image'] }), await ortNode({ threads: 1 }), { hash: 'hash' }),
};
let pipeline: Pipeline;
const opens = (open: () => Promise<Painter>): void => {
  beforeAll(async () => void (pipeline = openPipeline(await open())), 60_000);
  afterAll(() => pipeline.release());
};

async function draw(options: Partial<GenerateOptions>): Promise<ImageEvent> {
  for await (const event of pipeline.generate({ prompt: 'a fox', seed: 7, preview: 0, ...options }))
    if (event.type === 'image') return event;
  throw new Error('nothing was drawn');
}
const rng = random(3);
const colours = (width: number, height: number, alpha = 255): Image =>
  image(
    width,
    height,
    Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? alpha : rng.integer(256))),
  );
const input = colours(96, 72);
/** White where `inside` says so. */
const paint = (width: number, height: number, inside: (x: number, y: number) => boolean): Image =>
  image(
    width,
    height,
    Uint8Array.from({ length: width * height * 4 }, (_, i) =>
      i % 4 === 3 || inside((i >> 2) % width, Math.floor((i >> 2) / width)) ? 255 : 0,
    ),
  );
const right = paint(96, 72, (x) => x >= 48);

describe.each(Object.entries(FAMILIES))('%s', (name, open) => {
  opens(open);

  describe('image to image', () => {
    test('the size of the input; the recipe names it by its pixels', async () => {
      const { image: drawn, recipe } = await draw({ image: input, strength: 0.6, steps: 2 });
      expect([drawn.width, drawn.height]).toEqual([96, 72]);
      expect(recipe).toMatchObject({ width: 96, height: 72, image: { hash: await hashOf(input), strength: 0.6 } });
      expect(recipe.image).not.toHaveProperty('mask');
    });

    test('the strength says how far it goes: from the input alone to the noise alone', async () => {
      const options = { image: input, steps: 2 };
      const [none, little, much, all] = await Promise.all(
        [0, 0.1, 0.9, 1].map(async (strength) => (await draw({ ...options, strength })).image),
      );
      expect((await draw({ ...options, strength: 0, prompt: 'a cat', seed: 1 })).image).toEqual(none); // neither prompt nor noise counts
      expect(psnr(little!, none!)).toBeGreaterThan(psnr(much!, none!));
      expect(psnr(all!, (await draw({ ...options, image: colours(96, 72), strength: 1 })).image)).toBe(Infinity); // nothing of the input is left
      expect((await draw({ ...options, strength: 0.9 })).image).toEqual(much);
    });

    test('another input or strength gives another picture, also right after one another', async () => {
      const pictures = [];
      for (const options of [{ image: input }, { image: colours(96, 72) }, { image: input, strength: 0.5 }, { image: input, seed: 8 }])
        pictures.push((await draw({ steps: 1, ...options })).image.data.join());
      expect(new Set(pictures).size).toBe(4);
    });

    test.each([
      [10, 300, 64, 1920],
      [5000, 3000, 4096, 2458],
      [1, 1, 64, 64],
      [65, 4096, 65, 4096],
    ])('%i x %i is drawn as %i x %i', (w, h, width, height) => {
      expect(sizeOf({ width: w, height: h, data: new Uint8Array() })).toEqual({ width, height });
    });

    test('a size of its own takes the middle', async () => {
      expect((await draw({ image: input, width: 64, height: 100, steps: 1 })).image).toMatchObject({ width: 64, height: 100 });
      expect(
        cover(
          paint(30, 10, (x) => x >= 10 && x < 20),
          { width: 5, height: 5 },
        ).data.every((v) => v === 255),
      ).toBe(true);
    });
  });

  describe('repaint', () => {
    test.each(name === 'in layers' ? ['opaque', 'transparent'] : ['opaque'])(
      "outside the mask every byte is the input's, %s",
      async (background) => {
        const given = background === 'opaque' ? input : colours(96, 72, 130);
        const { image: drawn, recipe } = await draw({
          image: given,
          mask: right,
          steps: 2,
          ...(background === 'transparent' && { background: 'transparent' }),
        });
        let [kept, changed] = [0, 0];
        for (let i = 0; i < drawn.data.length; i++) {
          const same = drawn.data[i] === given.data[i];
          if ((i >> 2) % 96 < 48) kept += Number(same);
          else changed += Number(!same);
        }
        expect(kept).toBe(48 * 72 * 4);
        expect(changed).toBeGreaterThan(48 * 72 * 2);
        expect(recipe.image).toEqual({ hash: await hashOf(given), strength: 0.9, mask: await hashOf(right) });
      },
    );

    test('what is drawn inside knows the outside: other surroundings, another picture', async () => {
      const other = image(
        96,
        72,
        input.data.map((v, i) => ((i >> 2) % 96 < 48 && i % 4 < 3 ? 255 - v : v)),
      );
      const inside = async (given: Image) =>
        (await draw({ image: given, mask: right, steps: 2 })).image.data.filter((_, i) => (i >> 2) % 96 > 90);
      expect(await inside(input)).not.toEqual(await inside(other));
    });

    test('previews keep the outside too; a mask of another size but the same shape will do', async () => {
      const small = paint(48, 36, (x) => x >= 24);
      const left = ({ data }: Image) => data.filter((_, i) => (i >> 2) % 96 < 48);
      for await (const event of pipeline.generate({ prompt: 'x', seed: 1, image: input, mask: small, steps: 2, preview: 96 }))
        if (event.type === 'preview' || event.type === 'image') expect(left(event.image)).toEqual(Uint8ClampedArray.from(left(input)));
    });

    test("fades in from what is kept, not from the picture's edge", () => {
      const line = (m: number[], feather: number) =>
        [...feathered(Float32Array.from(m), { width: m.length, height: 1 }, feather)].map((x) => Number(x.toFixed(2)));
      expect(line([0, 0, 1, 1, 1, 1, 1], 2)).toEqual([0, 0, 0.33, 0.67, 1, 1, 1]);
      expect(line([1, 1, 1], 4)).toEqual([1, 1, 1]);
      expect(line([0.5, 0.5, 0], 1)).toEqual([0.5, 0.25, 0]);
    });
  });
});

describe('in layers, besides', () => {
  opens(FAMILIES['in layers']!);

  test('a picture that was started from is one layer: itself', async () => {
    const { image: drawn, layers } = await draw({ image: input, mask: right, steps: 1, layers: true });
    expect(layers).toEqual([{ name: 'canvas', slot: 0, box: [0, 0, 1, 1], x: 0, y: 0, image: drawn }]);
  });

  test('any shape: what is kept at strength 0 lies where it was', async () => {
    const marked = paint(128, 300, (x, y) => x >= 64 && y < 150);
    const { image: drawn } = await draw({ image: marked, strength: 0, steps: 1, width: 64, height: 150 });
    const { image: other } = await draw({ image: paint(128, 300, () => false), strength: 0, steps: 1, width: 64, height: 150 });
    const differs = (x: number, y: number) => [0, 1, 2].some((c) => drawn.data[(y * 64 + x) * 4 + c] !== other.data[(y * 64 + x) * 4 + c]);
    expect([differs(50, 30), differs(50, 130), differs(10, 60)]).toEqual([true, false, false]);
  });

  test('a latent that reaches beyond the picture sees its edges go on, and all else in its place', async () => {
    const rows = image(
      4,
      4,
      Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 3 ? 255 : 50 * Math.floor(i / 16))),
    );
    let seen: number[] = [];
    const encode = async ({ data }: Tensor) => (
      (seen = Array.from(data as Float32Array, (v) => Math.round((v + 1) * 127.5))), new Float32Array(24)
    );
    await startFrom(
      { image: rows, strength: 1 },
      {
        layout: [{ rows: 6, columns: 4, channels: 1, slot: 0, box: { x: 0, y: -0.25, width: 1, height: 1.5 } }],
        size: { width: 64, height: 64 },
        opaque: true,
        encoder: { pixels: 1, layout: () => [], encode },
      },
    );
    expect([0, 1, 2, 3, 4, 5].map((y) => seen[y * 16])).toEqual([0, 0, 50, 100, 150, 150]);
  });
});

describe('noise of a coarser grid', () => {
  opens(FAMILIES['in one piece']!);
  const full = { rows: 8, columns: 6 };
  test("has the finer one's layout and variance 1", () => {
    const [fine, half] = [full, { rows: 4, columns: 3 }].map((grid) => gridNoise(random(5), full, grid, 2));
    expect(fine).toEqual(random(5).normals(96));
    const block = (x: number, y: number, c: number) => [0, 1, 6, 7].reduce((sum, d) => sum + fine![(y * 12 + x * 2 + d) * 2 + c]!, 0) / 2;
    for (const [x, y, c] of [
      [0, 0, 0],
      [2, 3, 1],
      [1, 2, 0],
    ] as const)
      expect(half![(y * 3 + x) * 2 + c]).toBeCloseTo(block(x, y, c), 5);
    for (const grid of [
      { rows: 5, columns: 5 },
      { rows: 3, columns: 2 },
    ]) {
      const many = gridNoise(random(6), full, grid, 2000);
      expect(many.reduce((sum, x) => sum + x * x, 0) / many.length).toBeCloseTo(1, 1);
    }
  });

  test('a picture that keeps nothing of its input is the one without it', async () => {
    const size = { steps: 2, width: 96, height: 72 };
    expect((await draw({ ...size, image: input, strength: 1 })).image).toEqual((await draw(size)).image);
  });

  test('less detail is another picture of the same request, and the recipe says so', async () => {
    const { image: coarse, recipe } = await draw({ steps: 1, detail: 0.25, width: 64, height: 64 });
    expect(recipe.detail).toBe(0.25);
    expect(coarse).not.toEqual((await draw({ steps: 1, width: 64, height: 64 })).image);
  });
});

test.each<[Partial<GenerateOptions>, string]>([
  [{ strength: 0.5 }, 'a strength without a picture to start from'],
  [{ mask: right }, 'a mask without a picture to repaint'],
  [{ image: input, strength: 1.1 }, 'strength 1.1: expected a number from 0 to 1'],
  [{ image: input, strength: NaN }, 'strength NaN: expected'],
  [{ image: input, mask: paint(72, 96, () => true) }, 'the mask is 72x96, the picture 96x72: expected the same shape'],
  [{ image: input, mask: paint(96, 72, () => false) }, 'the mask is black'],
  [{ image: { width: 4, height: 4, data: new Uint8Array(3) } }, 'the picture of 4x4 has 3 bytes, expected 64'],
  [{ image: input, objects: [{ box: [0, 0, 1, 1] }] }, 'a picture to start from is drawn in one piece, without objects'],
  [{ detail: 0 }, 'detail 0: expected a number from 0.0625 to 1'],
])('%# is refused', (options, message) => {
  expect(() => checkOptions({ prompt: 'x', ...options })).toThrow(message);
});
