// A sprite sheet against the layers that it was made of.
import { expect, test } from 'vitest';
import { cutImage, image } from '../image/image.ts';
import { spriteSheet } from './sprites.ts';

/** A picture with a filled rectangle in it. */
function block(width: number, height: number, at: { x: number; y: number; width: number; height: number }, value: number) {
  const one = image(width, height);
  for (let y = at.y; y < at.y + at.height; y++)
    for (let x = at.x; x < at.x + at.width; x++) one.data.set([value, value, value, 255], (y * width + x) * 4);
  return one;
}

test('each layer is a cell without its margins, and the atlas says where it is and where it was', () => {
  const arts = [
    { x: 0, y: 0, width: 9, height: 7 },
    { x: 2, y: 1, width: 3, height: 4 },
    { x: 1, y: 1, width: 5, height: 2 },
  ];
  const layers = arts.map((art, i) => ({ name: `layer ${i}`, slot: i, x: 10 * i, y: -i, image: block(9, 7, art, 50 * i + 1) }));
  const { image: sheet, atlas } = spriteSheet(layers, image(40, 30), 'a.png');
  expect(atlas.meta).toMatchObject({ image: 'a.png', size: { w: sheet.width, h: sheet.height } });
  expect(Object.keys(atlas.frames)).toEqual(['0-layer 0', '1-layer 1', '2-layer 2']);
  for (const [i, { frame, spriteSourceSize, sourceSize }] of Object.values(atlas.frames).entries()) {
    const { x, y, w: width, h: height } = frame;
    expect(cutImage(sheet, { x, y, width, height })).toEqual(cutImage(layers[i]!.image, arts[i]!));
    expect(spriteSourceSize).toEqual({ x: 10 * i + arts[i]!.x, y: arts[i]!.y - i, w: width, h: height });
    expect(sourceSize).toEqual({ w: 40, h: 30 });
  }
  const seen = Array.from(sheet.data).filter((x, i) => i % 4 === 3 && x > 0).length;
  expect(seen).toBe(arts.reduce((sum, { width, height }) => sum + width * height, 0)); // none lies over another
});

test('a sheet of nothing is a picture of nothing', () => {
  expect(spriteSheet([], image(4, 4)).atlas.frames).toEqual({});
});
