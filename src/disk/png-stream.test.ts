import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { decodeImage } from './codec.ts';
import { image, type Image } from '../image/image.ts';
import { pngStream } from './png-stream.ts';

const [width, height] = [37, 50];
const rng = random(1);
const whole = image(width, height, Uint8Array.from({ length: width * height * 4 }, () => rng.integer(256)));
const rows = (y: number, n: number): Image => image(width, n, whole.data.slice(y * width * 4, (y + n) * width * 4));

test.each([[[50]], [[16, 16, 18]], [[1, 1, 48]]])('in pieces of %j rows: the picture back', async (pieces) => {
  const png = pngStream(whole, false);
  let y = 0;
  for (const n of pieces) {
    const piece = rows(y, n);
    png.write(piece);
    piece.data.fill(0); // it may change afterwards
    y += n;
  }
  const { data, ...size } = await decodeImage(await png.finish());
  expect(size).toEqual({ width, height });
  expect(Buffer.compare(Buffer.from(data), Buffer.from(whole.data))).toBe(0);
});

test('an opaque one has no alpha channel', async () => {
  const png = pngStream(whole, true);
  png.write(whole);
  const file = await png.finish();
  expect(file[25]).toBe(2); // RGB
  const { data } = await decodeImage(file);
  data.forEach((x, i) => expect(x).toBe(i % 4 === 3 ? 255 : whole.data[i]));
});
