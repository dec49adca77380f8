import { expect, test } from 'vitest';
import { latentGrid } from '../models/layout.ts';
import { resolveSize, tilesOf } from './size.ts';
import { ASPECTS, type SizeOptions } from './request.ts';

test('sizes: nothing, one side, both, an aspect ratio', () => {
  expect(resolveSize()).toEqual({ width: 512, height: 512 });
  expect(resolveSize({ width: 640 })).toEqual({ width: 640, height: 640 });
  expect(resolveSize({ height: 300, width: 777 })).toEqual({ width: 777, height: 300 });
  expect(resolveSize({ width: 1024, aspect: '16:9' })).toEqual({ width: 1024, height: 576 });
  expect(resolveSize({ height: 512, aspect: '1:8' })).toEqual({ width: 64, height: 512 });
  expect(resolveSize({ width: 1280, height: 720, aspect: '16:9' })).toEqual({ width: 1280, height: 720 });
});

test.each<[SizeOptions, string]>([
  [{ width: 100, aspect: '1:1' }, '100x100'],
  [{ width: 100 }, '100x100'],
  [{ height: 333 }, '333x333'],
  [{ width: 1000, aspect: '16:9' }, '1000x563'],
  [{ height: 1001, aspect: '3:2' }, '1502x1001'],
  [{ width: 71, aspect: '1:1' }, '71x71'],
])('the side that follows from %o is exact to the pixel', (asked, size) => {
  const { width, height } = resolveSize(asked);
  expect(`${width}x${height}`).toBe(size);
});

test('every aspect ratio has about the area of 512x512', () => {
  const sizes = ASPECTS.map((aspect) => {
    const { width, height } = resolveSize({ aspect });
    const [w, h] = aspect.split(':').map(Number) as [number, number];
    expect(Math.abs(width / height / (w / h) - 1), aspect).toBeLessThan(0.03);
    expect(Math.abs((width * height) / 512 ** 2 - 1), aspect).toBeLessThan(0.03);
    return `${width}x${height}`;
  });
  expect(sizes.join(' ')).toMatchInlineSnapshot(
    `"512x512 624x416 416x624 440x592 592x440 456x576 576x456 384x680 680x384 784x336 256x1024 1024x256 184x1448 1448x184"`,
  );
});

test.each<[object, string]>([
  [{ width: 0 }, 'width 0: expected a whole number of pixels from 64 to 4096'],
  [{ height: 100000 }, 'height 100000: expected'],
  [{ width: 512.5 }, 'width 512.5: expected'],
  [{ width: NaN }, 'width NaN: expected'],
  [{ aspect: '7:5' }, 'unknown aspect ratio "7:5": choose one of 1:1, 3:2'],
  [{ width: 4096, aspect: '1:8' }, 'aspect 1:8 makes the height 32768: expected'],
  [{ width: 512, height: 512, aspect: '16:9' }, '512x512 is not 16:9'],
])('%o is refused', (options, message) => {
  expect(() => resolveSize(options as SizeOptions)).toThrow(message);
});

test('the latent grid follows the shape and keeps the number of tokens', () => {
  const grid = (width: number, height: number, tokens = 64) => Object.values(latentGrid({ width, height }, tokens)).join('x');
  expect([grid(512, 512), grid(4096, 4096), grid(64, 64), grid(512, 512, 16), grid(512, 512, 256)]).toEqual([
    '8x8',
    '8x8',
    '8x8',
    '4x4',
    '16x16',
  ]);
  expect([grid(680, 384), grid(384, 680), grid(1448, 184), grid(184, 1448)]).toEqual(['6x11', '11x6', '3x23', '23x3']);
  expect([grid(4096, 64, 16), grid(64, 4096, 16)]).toEqual(['1x49', '49x1']);
});

test('tiles cover a picture exactly once', () => {
  const [width, height] = [1000, 601];
  const seen = new Uint8Array(width * height);
  for (const t of tilesOf({ width, height }, { width: 512, height: 256 }))
    for (let y = t.y; y < t.y + t.height; y++) for (let x = t.x; x < t.x + t.width; x++) seen[y * width + x]!++;
  expect(seen.every((n) => n === 1)).toBe(true);
});
