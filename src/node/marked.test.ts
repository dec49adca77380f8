// What a file says of how it was made, read by a reader that is not ours (ExifReader), and that it can be left out.
import ExifReader from 'exifreader';
import { expect, test } from 'vitest';
import { fakeBanana } from '../../test/fake-banana.ts';
import type { Drawn } from '../draw/events.ts';
import { readRecipe } from '../draw/recipe.ts';
import { encodePng } from '../image/png-encode.ts';
import { image } from '../image/image.ts';
import { pngWith } from '../sdk/banana.ts';
import { drawnFiles, pictureFile } from './index.ts';
import { openRaster } from './layers.ts';
import { photoshop } from './psd.ts';
import { svgOf } from './svg.ts';

const SOURCE = 'http://cv.iptc.org/newscodes/digitalsourcetype/';
const request = { prompt: 'a fox & "friends" <3 🦊', seed: 3, width: 64, height: 64 };

/** A file of a request in each way that files are made. */
const WAYS: Readonly<Record<string, (drawn: Drawn) => Promise<Uint8Array>>> = {
  png: (drawn) => pictureFile(drawn, 'png'),
  jpeg: (drawn) => pictureFile(drawn, 'jpeg'),
  webp: (drawn) => pictureFile(drawn, 'webp'),
  'png in a browser': (drawn) => pngWith(encodePng, drawn),
  'png while it is drawn': streamed,
};

async function streamed(drawn: Drawn): Promise<Uint8Array> {
  const files = drawnFiles(true);
  files.see({ type: 'render', index: 0, tile: 1, tiles: 1, rows: { y: 0, of: 64, image: drawn.image } });
  return files.file({ type: 'image', index: 0, ...drawn }, 'png');
}

const tagsOf = (file: Uint8Array) => ExifReader.load(Buffer.from(file), { expanded: true });

test.each(Object.entries(WAYS))('%s: made by a model, and how, unless that is left out', async (_, fileOf) => {
  const drawn = await fakeBanana().picture(request);
  const file = await fileOf(drawn);
  const { xmp, exif, png } = tagsOf(file);
  expect(xmp?.['DigitalSourceType']?.value).toBe(`${SOURCE}trainedAlgorithmicMedia`);
  expect(xmp?.['CreatorTool']?.value).toMatch(/^banana-sdk \d/);
  expect(readRecipe(file)).toEqual(drawn.recipe);
  if (xmp?.['recipe']) expect(JSON.parse(xmp['recipe'].description)).toEqual(drawn.recipe);
  expect(Buffer.from(await fileOf(await fakeBanana().picture({ ...request, metadata: true }))).equals(file)).toBe(true);

  const bare = await fileOf(await fakeBanana().picture({ ...request, metadata: false }));
  const none = tagsOf(bare);
  expect([none.xmp, none.exif, none.png?.['parameters']]).toEqual([undefined, undefined, undefined]);
  expect(`${JSON.stringify(png?.['parameters'] ?? exif?.['UserComment'])}`).toContain('Steps: 4, ');
  for (const word of ['banana', 'fox', 'trainedAlgorithmicMedia']) expect(Buffer.from(bare).includes(word), word).toBe(false);
});

test('a part of a given picture is told from all of one', async () => {
  const drawn = await fakeBanana().picture(request);
  const masked = { ...drawn, recipe: { ...drawn.recipe, image: { hash: 'a', strength: 0.9, mask: 'b' } } };
  for (const format of ['png', 'webp'] as const)
    expect(tagsOf(await pictureFile(masked, format)).xmp?.['DigitalSourceType']?.value).toBe(
      `${SOURCE}compositeWithTrainedAlgorithmicMedia`,
    );
});

test('layers are marked too, and vectors', async () => {
  const one = image(8, 8);
  const drawn = { image: one, layers: [{ slot: 0, name: 'canvas', x: 0, y: 0, box: [0, 0, 1, 1] as const, image: one }] };
  const marks = async (metadata?: false) => {
    const given = { ...drawn, ...(metadata === false && { metadata }) };
    const files = [await openRaster(given), await photoshop(given), await svgOf(given)];
    return files.map(
      (file) =>
        Buffer.from(file as Uint8Array)
          .toString('latin1')
          .split('trainedAlgorithmicMedia').length - 1,
    );
  };
  expect([await marks(), await marks(false)]).toEqual([
    [3, 1, 1],
    [0, 0, 0],
  ]);
});
