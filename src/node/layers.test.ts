import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzip } from 'unzipit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeImage } from '../disk/codec.ts';
import { writeSafetensors } from '../disk/files.ts';
import type { Image } from '../image/image.ts';
import { layersPreset, PATCH_NUMBERS } from '../models/layers/config.ts';
import { layersSpecs, packLayers } from '../models/layers/file.ts';
import { initialize } from '../nn/scope.ts';
import { float32 } from '../tensor/tensor.ts';
import { trainTokenizer } from '../tokenizer/tokenizer.ts';
import { random } from '../util/random.ts';
import { openBanana, type NodeBanana, type NodePicture } from './index.ts';
import { openRaster, writeLayers } from './layers.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-layers-'));
const config = layersPreset('tiny');
let banana: NodeBanana;
let picture: NodePicture;

/** Random weights in which nothing is hidden by a zero start, in a file. */
async function tinyLayers(path: string): Promise<void> {
  const rng = random(5);
  const weights = Object.fromEntries(
    Object.entries(initialize(layersSpecs(config), rng)).map(([name, w]) => [
      name,
      name.includes('-out')
        ? float32(
            w.shape,
            rng
              .split(name)
              .normals(w.data.length)
              .map((v) => v * 0.2),
          )
        : w,
    ]),
  );
  const matrix = rng
    .split('basis')
    .normals(PATCH_NUMBERS * config.channels)
    .map((v) => v / Math.sqrt(PATCH_NUMBERS));
  const basis = { channels: config.channels, mean: new Float32Array(PATCH_NUMBERS), matrix, scale: 0.05 };
  const manifest = {
    name: 'tiny-layers',
    version: '0',
    preset: 'tiny',
    styles: ['flat'],
    steps: [1, 2],
    licence: 'none',
    training: 'none: random weights',
  };
  const { tensors, metadata } = packLayers({ config, weights, basis, tokenizer: trainTokenizer([], 264), manifest });
  await writeSafetensors(path, tensors, metadata);
}

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
function composed({ image: { width, height }, layers = [] }: Pick<NodePicture, 'image' | 'layers'>): Float32Array {
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

test('the layers, laid over one another, are the picture', () => {
  expect(banana.model).toMatchObject({ family: 'layers', abilities: ['transparent', 'layers'] });
  expect(picture.layers!.length).toBeGreaterThan(1);
  expect(picture.layers![0]).toMatchObject({ slot: 0 });
  const found = composed(picture);
  let worst = 0;
  for (let i = 0; i < 96 * 64; i++)
    for (let c = 0; c < 3; c++) worst = Math.max(worst, Math.abs(found[i * 3 + c]! - picture.image.data[i * 4 + c]!));
  expect(worst).toBeLessThan(1.51); // a level, and the rounding of each layer's alpha
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
      slot: 0,
      x,
      y,
      image: (await decodeImage(new Uint8Array(await entries[src]!.arrayBuffer()))) as Image,
    })),
  );
  expect(composed({ image: picture.image, layers })).toEqual(composed(picture));
  expect((await decodeImage(new Uint8Array(await entries['mergedimage.png']!.arrayBuffer()))).data).toEqual(picture.image.data);
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
