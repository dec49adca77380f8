import { expect, test } from 'vitest';
import { withoutGround } from './ground.ts';
import { image, type Image } from './image.ts';

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

test.each<[string, (x: number, y: number) => number[]]>([
  ['one that can be seen through', (x) => (x === 1 ? [0, 0, 0, 255] : [255, 255, 255, 254])],
  ['one whose edge has two colours', (x) => (x < 2 ? [0, 0, 90, 255] : WHITE)],
  ['one that would be nothing', () => WHITE],
])('%s is itself', (_, at) => {
  const one = drawn(4, 4, at);
  expect(withoutGround(one)).toBe(one);
});
