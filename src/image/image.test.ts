import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { contactSheet, fitImage, flatten, image, psnr, resizeImage, sheetLayout } from './image.ts';
import { imagesToTensor, imageToTensor, premultipliedToTensor, tensorToImage } from './image.ts';
import type { Image } from './image.ts';
import { float32, int64 } from '../tensor/tensor.ts';

const red = image(1, 1, Uint8Array.of(255, 0, 0, 255));
const nothing = image(1, 1);

const anyImage = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .chain(([w, h]) => fc.uint8Array({ minLength: w * h * 4, maxLength: w * h * 4 }).map((data): Image => image(w, h, data)));

/** What can be seen of a picture: no colour where alpha is 0. */
function seen(one: Image): number[] {
  return [...one.data].map((v, i) => (one.data[i - (i % 4) + 3] ? v : 0));
}

describe('tensors', () => {
  it('are premultiplied and in [-1, 1]', () => {
    const half = image(2, 1, Uint8Array.of(255, 0, 51, 255, 255, 0, 51, 51)); // alpha 1 and 0.2
    const { shape, data } = imageToTensor(half);
    expect(shape).toEqual([1, 1, 2, 4]);
    [1, -1, -0.6, 1, -0.6, -1, -0.92, -0.6].forEach((v, i) => expect(data[i]).toBeCloseTo(v, 6));
  });

  it('give the same picture back', () => {
    fc.assert(
      fc.property(anyImage, (one) => {
        expect([...tensorToImage(imageToTensor(one)).data]).toEqual(seen(one));
      }),
    );
  });

  it('hold a batch of one size', () => {
    const batch = imagesToTensor([nothing, red]);
    expect(batch.shape).toEqual([2, 1, 1, 4]);
    expect([...tensorToImage(batch, { index: 1 }).data]).toEqual([255, 0, 0, 255]);
    expect(() => imagesToTensor([red, image(2, 1)])).toThrow(InputError);
    expect(() => tensorToImage(batch, { index: 2 })).toThrow(InputError);
    expect(() => tensorToImage(int64([1], [1]))).toThrow(InputError);
  });

  it('take premultiplied pixels', () => {
    const one = image(1, 1, Uint8Array.of(255, 0, 255, 51));
    const direct = premultipliedToTensor(1, 1, Uint8Array.of(51, 0, 51, 51));
    direct.data.forEach((v, i) => expect(v).toBeCloseTo(imageToTensor(one).data[i]!, 6));
  });

  it('are clamped: a network says anything', () => {
    const wild = float32([1, 1, 3, 4], [9, -9, 0, 9, 1, 1, 1, -7, NaN, 5, 0.2, 0]);
    expect([...tensorToImage(wild).data]).toEqual([255, 0, 128, 255, 0, 0, 0, 0, 0, 255, 255, 128]);
  });

  it('can be laid over a background', () => {
    const values = imageToTensor(image(2, 1, Uint8Array.of(255, 0, 0, 51, 9, 9, 9, 0)));
    expect([...tensorToImage(values, { background: [0, 100, 255] }).data]).toEqual([51, 80, 204, 255, 0, 100, 255, 255]);
    const below = float32([1, 1, 1, 4], [-1.2, -1.1, -1, -1.3]); // as a decoder gives it where nothing is
    expect([...tensorToImage(below, { background: [255, 100, 255] }).data]).toEqual([255, 100, 255, 255]);
    fc.assert(
      fc.property(anyImage, (one) => {
        const direct = flatten(one, [10, 200, 30]).data;
        const { data } = tensorToImage(imageToTensor(one), { background: [10, 200, 30] });
        data.forEach((v, i) => expect(Math.abs(v - direct[i]!)).toBeLessThanOrEqual(1));
      }),
    );
  });
});

describe('sizes', () => {
  it('are averaged by area, in premultiplied colour', () => {
    const two = image(2, 1, Uint8Array.of(200, 0, 0, 255, 0, 255, 0, 0));
    expect([...resizeImage(two, 1, 1).data]).toEqual([200, 0, 0, 128]);
    const three = image(3, 1, Uint8Array.of(0, 0, 0, 255, 90, 0, 0, 255, 240, 0, 0, 255));
    expect([...resizeImage(three, 2, 1).data]).toEqual([30, 0, 0, 255, 190, 0, 0, 255]); // 2/3 and 1/3 of each
    expect([...resizeImage(red, 2, 2).data]).toEqual([255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255]);
  });

  it('keep the mean of an opaque picture', () => {
    fc.assert(
      fc.property(anyImage, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (one, w, h) => {
        const opaque = flatten(one);
        const mean = (i: Image) => Array.from(i.data).reduce((s, v) => s + v, 0) / i.data.length;
        expect(Math.abs(mean(resizeImage(opaque, w, h)) - mean(opaque))).toBeLessThan(0.5);
      }),
    );
  });

  it('are checked', () => {
    for (const [w, h] of [
      [0, 1],
      [1.5, 1],
      [-1, 1],
      [NaN, 1],
    ] as const)
      expect(() => resizeImage(red, w, h)).toThrow(InputError);
    expect(() => image(2, 2, Uint8Array.of(1))).toThrow(InputError);
    expect(fitImage(image(100, 50), 10, 10)).toMatchObject({ width: 10, height: 5 });
    expect(fitImage(image(1000, 1), 10, 10)).toMatchObject({ width: 10, height: 1 });
    expect(fitImage(red, 10, 10)).toBe(red);
  });
});

it('puts pictures in a grid', () => {
  const sheet = contactSheet([red, nothing, red], { columns: 2, cell: 2, gap: 1, footer: 1, background: [0, 0, 9] });
  expect(sheet).toMatchObject({ width: 7, height: 9 });
  const reds = Array.from({ length: 63 }, (_, p) => p).filter((p) => sheet.data[p * 4] === 255);
  expect(reds).toEqual([1 * 7 + 1, 5 * 7 + 1]);
  expect([...sheet.data.subarray(0, 4)]).toEqual([0, 0, 9, 255]);
  expect(sheetLayout(0)).toMatchObject({ height: 144 });
});

it('measures noise in dB', () => {
  expect(psnr(red, red)).toBe(Infinity);
  expect(psnr(nothing, image(1, 1, Uint8Array.of(9, 9, 9, 0)))).toBe(Infinity); // not to be seen
  expect(psnr(red, image(1, 1, Uint8Array.of(0, 0, 0, 255)))).toBeCloseTo(10 * Math.log10(4), 6);
  expect(() => psnr(red, image(2, 1))).toThrow(InputError);
});
