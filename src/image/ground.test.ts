import { describe, expect, test } from 'vitest';
import { cutOut, withoutGround } from './ground.ts';
import { image, type Color, type Image } from './image.ts';

const WHITE = [255, 255, 255, 255];
/** A picture of which each pixel is what `at` says. */
const drawn = (width: number, height: number, at: (x: number, y: number) => number[]): Image =>
  image(width, height, Uint8Array.from(Array.from({ length: width * height }, (_, p) => at(p % width, Math.floor(p / width))).flat()));
const alphas = ({ data }: Image) => Array.from({ length: data.length / 4 }, (_, p) => data[p * 4 + 3]).join(' ');

test('what has the colour of the edge and can be reached from there is nothing; a hole in the art is not', () => {
  const ring = drawn(5, 5, (x, y) => (Math.max(Math.abs(x - 2), Math.abs(y - 2)) === 1 ? [200, 0, 0, 255] : WHITE));
  expect(alphas(withoutGround(ring))).toBe(['0 0 0 0 0', '0 255 255 255 0', '0 255 255 255 0', '0 255 255 255 0', '0 0 0 0 0'].join(' '));
});

test('a ground need not be quite of one colour', () => {
  const noisy = drawn(4, 4, (x, y) => (x === 2 && y === 2 ? [0, 0, 0, 255] : [250 - x, 255 - y, 240 + x, 255]));
  expect(alphas(withoutGround(noisy)).match(/255/g)).toHaveLength(1);
});

test('a bust stands on the edge', () => {
  const bust = drawn(6, 6, (x, y) => (y > 1 && x > 0 && x < 5 ? [0, 90, 0, 255] : WHITE));
  expect(alphas(withoutGround(bust)).match(/255/g)).toHaveLength(16);
});

test.each<[string, (x: number, y: number) => number[]]>([
  ['one that can be seen through', (x) => (x === 1 ? [0, 0, 0, 255] : [255, 255, 255, 254])],
  ['one whose edge has two colours', (x) => (x < 2 ? [0, 0, 90, 255] : WHITE)],
  ['one that would be nothing', () => WHITE],
])('%s is itself', (_, at) => {
  const one = drawn(4, 4, at);
  expect(withoutGround(one)).toBe(one);
});

/** A disc of one colour, its rim blended, on a ground. */
function disc(side: number, colour: Color, ground: Color): Image {
  const one = image(side, side);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const share = Math.min(1, Math.max(0, side / 3 - Math.hypot(x - side / 2, y - side / 2)));
      one.data.set([...[0, 1, 2].map((c) => share * colour[c]! + (1 - share) * ground[c]!), 255], (y * side + x) * 4);
    }
  return one;
}
const pixel = ({ width, data }: Image, x: number, y: number) => [...data.subarray((y * width + x) * 4, (y * width + x) * 4 + 4)];

describe('a drawing on a plain ground', () => {
  test('is cut out: the ground is nothing, the inside as it was, the rim of its own colour and half seen through', () => {
    const cut = cutOut(disc(60, [200, 30, 30], [29, 79, 156]))!;
    expect(cut.ground).toEqual([29, 79, 156]);
    expect(pixel(cut.object, 0, 0)).toEqual([0, 0, 0, 0]);
    expect(pixel(cut.object, 30, 30)).toEqual([200, 30, 30, 255]);
    const half = Array.from({ length: 60 }, (_, x) => pixel(cut.object, x, 22)).filter(([, , , a]) => a! > 60 && a! < 220);
    expect(half.length).toBeGreaterThan(0);
    for (const [r, g, b] of half) expect(Math.max(Math.abs(r! - 200), Math.abs(g! - 30), Math.abs(b! - 30))).toBeLessThan(12);
  });

  test('what has the colour of the ground inside stays', () => {
    const one = disc(60, [0, 0, 0], [255, 255, 255]);
    for (let y = 26; y < 34; y++) for (let x = 26; x < 34; x++) one.data.set([255, 255, 255, 255], (y * 60 + x) * 4);
    expect(pixel(cutOut(one)!.object, 30, 30)).toEqual([255, 255, 255, 255]);
  });

  test('noise of a JPEG does not make it another', () => {
    const one = disc(60, [20, 160, 20], [240, 240, 240]);
    for (let i = 0; i < one.data.length; i += 4) one.data[i]! -= (i * 7) % 9;
    expect(pixel(cutOut(one)!.object, 3, 50)[3]).toBe(0);
  });
});
