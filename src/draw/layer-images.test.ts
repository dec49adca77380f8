// Images of layers that are put together while their picture is drawn: all of each, and no pixel drawn twice.
import { expect, test } from 'vitest';
import { image, placeImage, tensorToImage, type Tile } from '../image/image.ts';
import { composite } from '../models/composite.ts';
import type { LayerDrawing } from '../models/family.ts';
import { float32 } from '../tensor/tensor.ts';
import { layerImages } from './objects.ts';
import { TILE, tilesOf } from './size.ts';

const size = { width: TILE.width + 40, height: TILE.height + 30 };

/** A layer of which every pixel is another one, and how many of them were drawn. */
function layer(slot: number, box: Tile): LayerDrawing & { drawn: number; whole: () => ReturnType<typeof image> } {
  const pixels = ({ x, y, width, height }: Tile) =>
    float32(
      [1, height, width, 4],
      Array.from({ length: width * height }, (_, i) => {
        const at = (y + Math.floor(i / width)) * box.width + x + (i % width);
        return [((at % 97) / 97) * 2 - 1, ((at % 89) / 89) * 2 - 1, -1, 1];
      }).flat(),
    );
  return {
    slot,
    drawn: 0,
    box: () => box,
    async render(tile) {
      this.drawn += tile.width * tile.height;
      return pixels(tile);
    },
    whole: () => tensorToImage(pixels({ ...box, x: 0, y: 0 })),
  };
}

test.each([
  ['the canvas', { x: 0, y: 0, ...size }],
  ['inside', { x: 20, y: 30, width: 140, height: 50 }],
  ['beyond every side', { x: -7, y: -5, width: size.width + 20, height: size.height + 11 }],
  ['beyond a corner', { x: 100, y: 250, width: 300, height: 300 }],
  ['outside', { x: -50, y: 0, width: 40, height: 40 }],
])('%s', async (_, box) => {
  const [below, one] = [layer(0, { x: 0, y: 0, ...size }), layer(1, box)];
  const images = layerImages(size);
  const drawing = composite([below, one]);
  const picture = image(size.width, size.height);
  for (const tile of tilesOf(size, TILE)) placeImage(picture, tile, tensorToImage(await drawing.render(tile, size, images.seen)));
  expect(await images.of(one)).toEqual(one.whole());
  expect(await images.of(below)).toEqual(below.whole());
  expect(one.drawn).toBe(box.width * box.height);
  expect(below.drawn).toBe(size.width * size.height);
});
