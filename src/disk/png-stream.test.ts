import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { decodeImage } from './codec.ts';
import { image, type Image } from '../image/image.ts';
import { pngStream } from './png-stream.ts';

const [width, height] = [37, 50];
const rng = random(1);
const whole = image(
  width,
  height,
  Uint8Array.from({ length: width * height * 4 }, () => rng.integer(256)),
);
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

test('the same pixels give the same bytes, however the rows come and whenever they are packed', async () => {
  const [width, height] = [256, 400];
  const noisy = image(
    width,
    height,
    Uint8Array.from({ length: width * height * 4 }, (_, i) => (i % 7 ? rng.integer(32) : i >> 8)),
  );
  const inStrips = async (strip: number, pause?: () => Promise<unknown>): Promise<Buffer> => {
    const png = pngStream(noisy, false);
    for (let y = 0; y < height; y += strip) {
      const n = Math.min(strip, height - y);
      png.write(image(width, n, noisy.data.slice(y * width * 4, (y + n) * width * 4)));
      await pause?.();
    }
    return Buffer.from(await png.finish());
  };
  const first = await inStrips(height);
  const wait = () => new Promise((resolve) => setTimeout(resolve, 5));
  for (const again of [inStrips(64), inStrips(64, wait), inStrips(13), inStrips(1), inStrips(7, () => new Promise(setImmediate))])
    expect(first.equals(await again)).toBe(true);
  const sizes = [...first.toString('latin1').matchAll(/IDAT/g)].map(({ index }) => first.readUInt32BE(index - 4));
  expect(sizes.slice(0, -1)).toEqual(Array(sizes.length - 1).fill(2 ** 16));
  expect(sizes.length).toBeGreaterThan(2);
});
