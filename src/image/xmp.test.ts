// XMP in files of an encoder that writes none: sharp and our own reader find it, and the pixels are what they were.
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import { readRecipe, recipeMetadata, type Recipe } from '../draw/recipe.ts';
import { image } from './image.ts';
import { withXmp } from './xmp.ts';

const recipe: Recipe = {
  prompt: 'een vos & "één" huis',
  ...{ seed: 7, steps: 2, guidance: 1, width: 7, height: 5, sdk: '0.1.0' },
  model: { name: 'm', version: '1', hash: '' },
};
const { xmp } = recipeMetadata({ recipe, text: 'een vos' });
const opaque = image(7, 5, new Uint8ClampedArray(7 * 5 * 4).fill(255));
const clear = image(7, 5); // an alpha channel makes another kind of WebP

test.each([
  ['jpeg', opaque],
  ['webp', opaque],
  ['webp', clear],
] as const)('%s', async (format, picture) => {
  const plain = await encodeImage(picture, format);
  const file = withXmp(plain, xmp!, picture);
  expect(readRecipe(file)).toEqual(recipe);
  const { xmp: found, width, height } = await sharp(file).metadata();
  expect([found!.toString(), width, height]).toEqual([xmp, 7, 5]);
  expect([...(await decodeImage(file)).data]).toEqual([...(await decodeImage(plain)).data]);
});

test('another file is refused', () => {
  expect(() => withXmp(new Uint8Array(9), '', opaque)).toThrow(expect.objectContaining({ code: 'codec.format' }));
});
