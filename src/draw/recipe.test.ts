import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { encodeImage } from '../disk/codec.ts';
import { image } from '../image/image.ts';
import { readPngText, removePngText, writePngText } from '../image/png-text.ts';
import { parametersOf, readRecipe, VERSION, writeRecipe, type Recipe } from './recipe.ts';

const recipe: Recipe = {
  prompt: 'een rode vos, "één"\nin de sneeuw 🦊',
  style: 'flat',
  seed: 0,
  steps: 2,
  guidance: 3.5,
  width: 64,
  height: 32,
  model: { name: 'tiny', version: '1', hash: 'fc910ce113aaf503' },
  sdk: VERSION,
};
const png = await encodeImage(image(64, 32), 'png');

test('a recipe travels in a PNG, and its pixels stay', () => {
  const written = writeRecipe(png, recipe, 'text');
  expect(readRecipe(written)).toEqual(recipe);
  expect(removePngText(written)).toEqual(new Uint8Array(png));
  expect(writeRecipe(png, recipe, 'text')).toEqual(written);
});

test('the texts that other programs read', () => {
  expect(parametersOf(recipe, 'a red fox, flat style')).toBe(
    `a red fox, flat style\nSteps: 2, Sampler: LCM, CFG scale: 3.5, Seed: 0, Size: 64x32, Model hash: fc910ce113, Model: tiny-1, Version: banana-sdk ${VERSION}`,
  );
  const written = writeRecipe(png, recipe, 'text');
  expect(readPngText(written)['XML:com.adobe.xmp']).toContain(
    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"',
  );
  expect(Buffer.from(written).toString('latin1')).toContain('iTXtXML:com.adobe.xmp\0\0\0\0\0<?xpacket');
});

test('a foreign PNG has none, a damaged recipe is told', () => {
  expect(readRecipe(png)).toBeUndefined();
  for (const text of ['{', 'null', '7', '{}', JSON.stringify({ ...recipe, seed: 'x' })])
    expect(() => readRecipe(writePngText(png, { banana: text })), text).toThrow('the recipe inside this picture is damaged');
});

test.each<[string, object]>([
  ['seed', { seed: -1 }],
  ['width', { width: 64.5 }],
  ['guidance', { guidance: null }],
  ['style', { style: 5 }],
  ['image.hash', { image: { strength: 1 } }],
  ['references[0].slot', { references: [{ slot: '1', hash: 'x' }] }],
  ['peels', { peels: 'ink' }],
  [
    'peels[1].weight',
    {
      peels: [
        { name: 'ink', weight: 1, hash: 'x' },
        { name: 'felt', hash: 'y' },
      ],
    },
  ],
  ['model.version', { model: { name: 'tiny', hash: '' } }],
  ['sdk', { sdk: undefined }],
])('a damaged recipe says where: %s', (path, change) => {
  const file = writePngText(png, { banana: JSON.stringify({ ...recipe, ...change }) });
  expect(() => readRecipe(file)).toThrow(`the recipe inside this picture is damaged at ${path}`);
});

test('what a later version adds is kept', () => {
  const later = { ...recipe, peels: [{ name: 'ink', weight: 1, hash: 'x', since: 2 }], layers: [] };
  expect(readRecipe(writePngText(png, { banana: JSON.stringify(later) }))).toEqual(later);
});

test("the version is the package's", () => {
  expect(JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version).toBe(VERSION);
});
