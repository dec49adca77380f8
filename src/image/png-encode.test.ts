import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { decodeImage } from '../disk/codec.ts';
import { image } from './image.ts';
import { encodePng } from './png-encode.ts';

test.each([
  [1, 1],
  [33, 7],
  [300, 200],
])('sharp reads %i x %i back, pixel by pixel', async (width, height) => {
  const rng = random(1);
  const one = image(
    width,
    height,
    Uint8ClampedArray.from({ length: width * height * 4 }, () => rng.integer(256)),
  );
  expect(Array.from((await decodeImage(await encodePng(one))).data)).toEqual(Array.from(one.data));
  const opaque = image(width, height, one.data.map((x, i) => (i % 4 === 3 ? 255 : x)) as Uint8ClampedArray);
  expect(Array.from((await decodeImage(await encodePng(opaque))).data)).toEqual(Array.from(opaque.data));
});
