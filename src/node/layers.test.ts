import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import Psd, { type Layer } from '@webtoon/psd';
import { unzip } from 'unzipit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeImage } from '../disk/codec.ts';
import { run } from '../cli/run.ts';
import { psnr, type Image } from '../image/image.ts';
import { tinyLayers } from '../../test/tiny-layers.ts';
import { openBanana, readRecipe, type NodeBanana, type NodePicture, type ObjectRequest, type PictureLayer } from './index.ts';
import { openRaster, readLayers, writeLayers } from './layers.ts';
import { readObjects } from './objects.ts';
import { svgOf } from './svg.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-layers-'));
let banana: NodeBanana;
let picture: NodePicture;

beforeAll(async () => {
  await tinyLayers(join(folder, 'tiny.safetensors'));
  banana = await openBanana({ model: join(folder, 'tiny.safetensors'), inProcess: true, threads: 1 });
  picture = await banana.picture({ prompt: 'a fox', seed: 2, width: 96, height: 64, layers: true });
}, 60_000);
afterAll(async () => {
  await banana.close();
  rmSync(folder, { recursive: true });
});

/** Layers laid over one another, straight alpha, on white. */
function composed({
  image: { width, height },
  layers = [],
}: {
  image: Image;
  layers?: readonly Pick<PictureLayer, 'x' | 'y' | 'image'>[] | undefined;
}): Float32Array {
  const out = new Float32Array(width * height * 3).fill(255);
  for (const { x, y, image } of layers)
    for (let row = 0; row < image.height; row++)
      for (let column = 0; column < image.width; column++) {
        const [px, py] = [x + column, y + row];
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
        const from = (row * image.width + column) * 4;
        const alpha = image.data[from + 3]! / 255;
        for (let c = 0; c < 3; c++)
          out[(py * width + px) * 3 + c] = out[(py * width + px) * 3 + c]! * (1 - alpha) + image.data[from + c]! * alpha;
      }
  return out;
}

/** Levels by which a picture is at most something else than its layers. */
function farthest({ image, layers }: Pick<NodePicture, 'image' | 'layers'>): number {
  const found = composed({ image, layers });
  return Math.max(...found.map((v, i) => Math.abs(Math.round(v) - image.data[Math.floor(i / 3) * 4 + (i % 3)]!)));
}

test('the layers, laid over one another, are the picture', () => {
  expect(banana.model).toMatchObject({ family: 'layers', abilities: ['peels', 'transparent', 'layers'] });
  expect(picture.layers!.length).toBeGreaterThan(1);
  expect(picture.layers![0]).toMatchObject({ slot: 0 });
  expect(farthest(picture)).toBeLessThanOrEqual(1);
});

test('without being asked for there are none, and the picture is the same', async () => {
  const plain = await banana.picture({ prompt: 'a fox', seed: 2, width: 96, height: 64 });
  expect(plain.layers).toBeUndefined();
  expect(plain.image.data).toEqual(picture.image.data);
});

test('a transparent picture has no canvas', async () => {
  const { layers } = await banana.picture({ prompt: 'a fox', seed: 2, background: 'transparent', width: 64, height: 64, layers: true });
  expect(layers!.every(({ slot }) => slot > 0)).toBe(true);
});

describe('objects', () => {
  const again = (objects: readonly ObjectRequest[], options: object = {}) =>
    banana.picture({ prompt: 'a fox', seed: 9, width: 96, height: 64, layers: true, objects, ...options });
  const at = ({ layers }: NodePicture, slot: number) => layers!.find((one) => one.slot === slot)!;

  test('at least as many are drawn as the list says, each where its box is; no more where one is kept', async () => {
    const drawn = await again([{ box: [0.1, 0.2, 0.3, 0.5] }, {}, { box: [0.5, 0.25, 0.5, 0.5] }, { slot: 6 }]);
    const least = await again([{}]);
    expect(drawn.layers!.map(({ slot }) => slot).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(least.layers!.length).toBe(picture.layers!.length); // what the prompt says
    expect((await again([{ keep: at(least, 1) }])).layers!.length).toBe(2);
    for (const [slot, [x, y, w, h]] of [
      [1, [0.1, 0.2, 0.3, 0.5]],
      [3, [0.5, 0.25, 0.5, 0.5]],
    ] as const) {
      const [left, top, width, height] = at(drawn, slot).box;
      const far = [(left + width / 2 - x - w / 2) * 96, (top + height / 2 - y - h / 2) * 64, (Math.max(width / w, height / h) - 1) * 32];
      expect(Math.max(...far.map(Math.abs))).toBeLessThanOrEqual(1.5); // pixels: in the middle, and as large as fits
    }
    expect(farthest(drawn)).toBeLessThanOrEqual(1);
  });

  test('one is drawn anew, and what is kept is the same bytes at the same place', async () => {
    const before = await again([{}, {}]);
    const after = await again([...before.layers!.filter(({ slot }) => slot !== 2).map((keep) => ({ keep })), { slot: 2 }], { seed: 11 });
    const used = ({ slot, box, z }: PictureLayer) => ({
      slot,
      box,
      ...(z !== undefined && { z }),
      keep: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    for (const slot of [0, 1]) {
      expect(at(after, slot)).toEqual(at(before, slot));
      expect(Buffer.from(at(after, slot).image.data).equals(Buffer.from(at(before, slot).image.data))).toBe(true);
    }
    expect(at(after, 2).image).not.toEqual(at(before, 2).image);
    expect(farthest(after)).toBeLessThanOrEqual(1);
    expect(after.recipe.objects).toEqual([...before.layers!.filter(({ slot }) => slot !== 2).map(used), { slot: 2 }]);
    expect(readRecipe(await after.png())).toEqual(after.recipe);
  });

  test('one is moved: its bytes are the same, elsewhere; made smaller or larger they are drawn again', async () => {
    const before = await again([{}, {}]);
    const [x, y, w, h] = at(before, 1).box;
    const moved = await again([{ keep: at(before, 1), box: [x + 12 / 96, y - 8 / 64, w, h] }, { keep: at(before, 2) }]);
    const [was, is] = [at(before, 1), at(moved, 1)];
    expect([is.x - was.x, is.y - was.y, is.image.data]).toEqual([12, -8, was.image.data]);
    for (const scale of [0.5, 2]) {
      const other = await again([{ keep: at(before, 1), box: [x, y, w * scale, h * scale] }, {}]);
      expect(Math.abs(at(other, 1).image.width - was.image.width * scale)).toBeLessThanOrEqual(1);
      expect(farthest(other)).toBeLessThanOrEqual(1);
    }
  });

  test('words of its own draw one by itself; a reference is drawn at the size it gets', async () => {
    const red: Image = {
      width: 40,
      height: 40,
      data: Uint8ClampedArray.from({ length: 6400 }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : 0)),
    };
    const drawn = await again([{ prompt: 'an owl' }, { reference: red, box: [0.25, 0.25, 0.5, 0.5] }]);
    expect(at(drawn, 1).name).toBe('an owl');
    const other = await again([{ prompt: 'a house' }, { reference: red, box: [0.25, 0.25, 0.5, 0.5] }]);
    expect(at(other, 1).image).not.toEqual(at(drawn, 1).image);
    expect(at(other, 2).image.width).toBe(at(drawn, 2).image.width);
  });

  test('a kept canvas is smaller in a smaller picture, and a picture of the same size lies where it lay', async () => {
    const before = await again([{}]);
    const small = await again([{ keep: at(before, 0) }, {}], { width: 48 * 2 - 32, height: 64 });
    expect(at(small, 0).image.height).toBe(64);
    const whole: Image = { width: 96, height: 64, data: new Uint8ClampedArray(96 * 64 * 4).fill(200) };
    expect(at(await again([{ keep: whole }]), 1)).toMatchObject({ x: 0, y: 0, image: whole });
  });

  test.each<[readonly ObjectRequest[], string, string]>([
    [[{ slot: 1 }, { slot: 1 }], 'objects.slot', 'objects[1] is a second one for slot 1'],
    [[{ slot: 7 }], 'objects.slot', 'objects[0].slot 7: expected a whole number from 0 to 6'],
    [[{ slot: 0, box: [0, 0, 1, 1] }], 'objects.canvas', 'objects[0] is the canvas, slot 0'],
    [[{ box: [0, 0, 0, 1] }], 'objects.box', 'objects[0].box [0, 0, 0, 1]: expected shares of the picture'],
    [[{ box: [10, 20, 100, 100] }], 'objects.box', 'divide pixels by its width and height'],
    [[{ prompt: 'x', reference: { width: 1, height: 1, data: new Uint8Array(4) } }], 'objects.both', 'objects[0] has prompt and reference'],
    [[{ prompt: ' ' }], 'prompt.empty', 'the objects[0].prompt is empty'],
    [[{ keep: 'fox.png' as never }], 'options.type', 'objects[0].keep is the text "fox.png": expected a layer'],
    [[{ z: 2 }], 'objects.z', 'objects[0].z 2'],
    [Array.from({ length: 8 }, () => ({})), 'objects.count', '8 objects: expected at most 7'],
  ])('%j is refused', async (objects, code, message) => {
    await expect(again(objects)).rejects.toMatchObject({ name: 'InputError', code, message: expect.stringContaining(message) });
  });

  test('a canvas that the picture does not have is refused', async () => {
    const canvas = at(picture, 0);
    await expect(again([{ keep: canvas }, {}], { background: 'transparent' })).rejects.toMatchObject({ code: 'objects.slot' });
  });

  test('from files: OpenRaster, a folder and its PNGs give the layers back', async () => {
    const [ora, out] = [join(folder, 'back.ora'), join(folder, 'back')];
    for (const path of [ora, out]) await writeLayers(path, { image: picture.image, layers: picture.layers! });
    for (const path of [ora, out]) {
      const found = await readLayers(path);
      expect(found.map(({ slot, box, image }) => [slot, box, Buffer.from(image.data).toString('base64')])).toEqual(
        picture.layers!.map(({ slot, box, image }) => [slot, box, Buffer.from(image.data).toString('base64')]),
      );
    }
    const json = [
      { slot: 0, keep: 'back.ora' },
      { slot: 1, keep: 'back' },
      { slot: 2, reference: 'back/00-canvas.png' },
    ];
    writeFileSync(join(folder, 'objects.json'), JSON.stringify(json));
    const [first, second, third] = await readObjects(join(folder, 'objects.json'));
    expect(first).toMatchObject({ slot: 0, keep: { slot: 0, box: [0, 0, 1, 1] } });
    expect(second).toMatchObject({ keep: { slot: 1, image: { width: at(picture, 1).image.width } } });
    expect(third!.reference).toMatchObject({ width: at(picture, 0).image.width });
    await expect(readObjects(JSON.stringify([{ slot: 9, keep: ora }]))).rejects.toMatchObject({ code: 'objects.file' });
    await expect(readObjects('[{')).rejects.toMatchObject({ code: 'objects.file', message: expect.stringContaining('--objects: no JSON') });
  });
});

test('an OpenRaster file opens in another reader: its type first, every layer where the stack says', async () => {
  const bytes = await openRaster({ image: picture.image, layers: picture.layers! });
  expect(new TextDecoder().decode(bytes.subarray(30, 54))).toBe('mimetypeimage/openraster');
  const { entries } = await unzip(bytes);
  const stack = await entries['stack.xml']!.text();
  expect(stack).toContain('w="96" h="64"');
  const sources = [...stack.matchAll(/src="([^"]+)" x="(-?\d+)" y="(-?\d+)"/g)]
    .map(([, src, x, y]) => ({ src: src!, x: Number(x), y: Number(y) }))
    .reverse();
  const layers = await Promise.all(
    sources.map(async ({ src, x, y }) => ({
      x,
      y,
      image: (await decodeImage(new Uint8Array(await entries[src]!.arrayBuffer()))) as Image,
    })),
  );
  expect(composed({ image: picture.image, layers })).toEqual(composed(picture));
  expect((await decodeImage(new Uint8Array(await entries['mergedimage.png']!.arrayBuffer()))).data).toEqual(picture.image.data);
});

/** A drawing with soft edges: a disc, half of it in another colour, on a canvas. */
function discs(): Pick<NodePicture, 'image' | 'layers'> {
  const side = 96;
  const made = (colour: (x: number, y: number) => readonly number[]): Image => ({
    width: side,
    height: side,
    data: Uint8ClampedArray.from({ length: side * side * 4 }, (_, i) => colour((i >> 2) % side, Math.floor((i >> 2) / side))[i % 4]!),
  });
  const edge = (x: number, y: number) => 255 * Math.min(1, Math.max(0, 30.5 - Math.hypot(x - 47.5, y - 47.5)));
  const canvas = made(() => [40, 90, 200, 255]);
  const disc = made((x, y) => [230, x < 48 ? 40 : 200, 30, edge(x, y)]);
  const box = [0, 0, 1, 1] as const;
  const layers = [
    { name: 'canvas', slot: 0, box, x: 0, y: 0, image: canvas },
    { name: 'a "red" & yellow <disc>', slot: 1, box, z: 0, x: 8, y: -4, image: disc },
  ];
  const pixels = composed({ image: canvas, layers });
  return { image: made((x, y) => [...pixels.subarray((y * side + x) * 3, (y * side + x) * 3 + 3), 255]), layers };
}

test('a PSD opens in another reader: every layer by its name, with its pixels, where it lies', async () => {
  const path = join(folder, 'picture.psd');
  await writeLayers(path, { image: picture.image, layers: picture.layers! });
  const psd = Psd.parse(new Uint8Array(readFileSync(path)).buffer);
  expect([psd.width, psd.height]).toEqual([96, 64]);
  expect(Buffer.from(await psd.composite()).equals(Buffer.from(picture.image.data))).toBe(true);
  const found = await Promise.all(
    psd.layers.map(async (layer: Layer) => [
      layer.name,
      layer.left,
      layer.top,
      layer.width,
      Buffer.from(await layer.composite(false, false)).toString('base64'),
    ]),
  );
  const given = picture.layers!.map(({ name, x, y, image }) => [name, x, y, image.width, Buffer.from(image.data).toString('base64')]);
  expect(found.reverse()).toEqual(given); // it has the topmost first
});

test('an SVG has a group a layer, and is drawn like the picture; without layers it is one group', async () => {
  const drawing = discs();
  const svg = await svgOf(drawing);
  expect(
    [...svg.matchAll(/<g id="layer-(\d)" transform="translate\((-?\d+) (-?\d+)\)"><title>([^<]*)/g)].map((found) => found.slice(1)),
  ).toEqual([
    ['0', '0', '0', 'canvas'],
    ['1', '8', '-4', 'a "red" &amp; yellow &lt;disc&gt;'],
  ]);
  const drawn = async (text: string) => decodeImage(new Resvg(text).render().asPng());
  expect(psnr(await drawn(svg), drawing.image)).toBeGreaterThan(24);
  const flat = await svgOf({ image: drawing.image });
  expect(flat.match(/<g /g)).toHaveLength(1);
  expect(psnr(await drawn(flat), drawing.image)).toBeGreaterThan(24);
  await picture.save(join(folder, 'picture.svg'));
  const file = readFileSync(join(folder, 'picture.svg'));
  expect([readRecipe(file), (await drawn(file.toString())).width]).toEqual([picture.recipe, 96]);
});

test('the command writes layers and vectors, with objects from files', async () => {
  const [svg, psd] = [join(folder, 'cli.svg'), join(folder, 'cli.psd')];
  await writeLayers(join(folder, 'cli.ora'), { image: picture.image, layers: picture.layers! });
  const objects = JSON.stringify([
    { slot: 0, keep: join(folder, 'cli.ora') },
    { slot: 1, box: [0, 0, 0.5, 1] },
  ]);
  const said: string[] = [];
  const io = { out: () => {}, err: (text: string) => void said.push(text), terminal: false };
  const flags = ['-W', '96', '-H', '64', '--seed', '1', '--steps', '1', '--model', join(folder, 'tiny.safetensors'), '--threads', '1'];
  const code = await run(['a fox', ...flags, '-o', svg, '--layers', psd, '--objects', objects], io);
  expect({ code, said }).toEqual({ code: 0, said: [] });
  expect(readRecipe(readFileSync(svg))?.objects).toMatchObject([{ slot: 0 }, { slot: 1, box: [0, 0, 0.5, 1] }]);
  expect(readFileSync(svg, 'utf8').match(/<g id=/g)).toHaveLength(picture.layers!.length);
  expect(readFileSync(psd).subarray(0, 4).toString()).toBe('8BPS');
});

test('a folder has a PNG a layer and a table; another ending is refused', async () => {
  const out = join(folder, 'out');
  const files = await writeLayers(out, { image: picture.image, layers: picture.layers! });
  expect(readdirSync(out).length).toBe(files.length);
  const table = JSON.parse(readFileSync(join(out, 'layers.json'), 'utf8')) as { layers: { file: string; width: number }[] };
  expect(table.layers.map(({ width }) => width)).toEqual(picture.layers!.map(({ image }) => image.width));
  expect(table.layers[0]!.file).toBe('00-canvas.png');
  await expect(writeLayers(join(folder, 'a.xcf'), { image: picture.image, layers: [] })).rejects.toMatchObject({
    code: 'options.separate',
  });
});
