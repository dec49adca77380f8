import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import { decodeFile, decodeImage, encodeImage, formatOf } from './codec.ts';
import { contactSheet, flatten, image, psnr } from '../image/image.ts';
import { crc32, readPngText, removePngText, writePngText } from '../image/png-text.ts';
import { labelledSheet, wrap } from './sheet.ts';

const draw = random(0);
const noise = image(
  9,
  7,
  Uint8Array.from({ length: 9 * 7 * 4 }, () => draw.integer(256)),
);
const smooth = image(
  16,
  16,
  Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : ((i >> 2) % 16) * 10)),
);
const png = await encodeImage(noise, 'png');
const anyText = fc.array(fc.integer({ min: 0, max: 0x10ffff })).map((points) => String.fromCodePoint(...points));
const utf8 = (text: string) => new TextEncoder().encode(text);

describe('codec', () => {
  it('keeps every pixel in PNG, and gives the same bytes again', async () => {
    expect([...(await decodeImage(png)).data]).toEqual([...noise.data]);
    expect([...(await decodeImage(await encodeImage(flatten(noise), 'png'))).data]).toEqual([...flatten(noise).data]);
    expect(await encodeImage(noise, 'png')).toEqual(png);
    expect([...(await decodeImage(await encodeImage(noise, 'png', { quick: true }))).data]).toEqual([...noise.data]);
  });

  it('keeps pictures nearly in WebP and JPEG', async () => {
    for (const format of ['webp', 'jpeg'] as const)
      expect(psnr(await decodeImage(await encodeImage(smooth, format, { quality: 95 })), smooth)).toBeGreaterThan(35);
    const transparent = await decodeImage(await encodeImage(image(4, 4), 'webp'));
    expect(transparent.data.every((v, i) => i % 4 !== 3 || v === 0)).toBe(true);
    expect([...(await decodeImage(await encodeImage(image(1, 1), 'jpeg'))).data]).toEqual([255, 255, 255, 255]);
  });

  it('reads grey, 16-bit and palette pictures as RGBA', async () => {
    const raw = sharp(flatten(noise).data, { raw: { width: 9, height: 7, channels: 4 } });
    const deepPng = raw.clone().toColourspace('rgb16').png();
    for (const other of [raw.clone().greyscale().png(), deepPng, raw.clone().png({ palette: true }), raw.clone().gif()]) {
      const { width, height, data } = await decodeImage(await other.toBuffer());
      expect([width, height, data.length]).toEqual([9, 7, 9 * 7 * 4]);
    }
    const deep = await decodeImage(await deepPng.clone().toBuffer());
    expect(psnr(deep, flatten(noise))).toBeGreaterThan(45);
  });

  it('refuses other files in one line', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>';
    for (const bytes of [new Uint8Array(0), utf8('hello'), utf8(svg), png.subarray(0, 60)]) {
      const error: unknown = await decodeImage(bytes).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toMatch(/^cannot read the picture: [^\n]+$/);
    }
    await expect(decodeImage(png, { maxPixels: 10 })).rejects.toThrow(InputError);
    await expect(encodeImage(noise, 'bmp' as 'png')).rejects.toThrow(InputError);
    await expect(encodeImage(noise, 'webp', { quality: 0 })).rejects.toThrow(InputError);
  });

  it('knows formats by name', () => {
    expect(['a.PNG', 'b.jpg', 'c.jpeg', 'd.webp', 'e.bmp', 'png'].map(formatOf)).toEqual([
      'png',
      'jpeg',
      'jpeg',
      'webp',
      undefined,
      undefined,
    ]);
  });
});

describe('a file from anywhere', () => {
  const readers = { tiff: () => sharp(png).tiff().toBuffer(), avif: () => sharp(png).avif().toBuffer() };
  it.each(Object.entries(readers))('%s is not promised, so not read; sharp itself stays as it was', async (_, made) => {
    const bytes = await made();
    await expect(decodeImage(bytes)).rejects.toThrow('cannot read the picture: it is none of png, jpeg, webp, gif');
    expect((await sharp(bytes).metadata()).width).toBeGreaterThan(0);
  });
  it('an empty one says so', () =>
    expect(decodeImage(new Uint8Array(0))).rejects.toThrow('cannot read the picture: the file is empty, 0 bytes'));
  it('one that is too large says how large', async () => {
    const large = await sharp({ create: { width: 9000, height: 9000, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    await expect(decodeImage(large)).rejects.toThrow('it has 9000x9000 pixels, 81.0 million pixels: expected at most 67.1 million pixels');
  });
  it('is known by its bytes, not its name', async () => {
    expect((await decodeFile(utf8('\ufeff<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"/>'))).width).toBe(
      768,
    );
    expect((await decodeFile(png)).width).toBe(noise.width);
  });
});

describe('PNG text', () => {
  const texts = { parameters: 'a red fox\nSteps: 4, Seed: 0', banana: '{"prompt":"größe"}', Kanji: '狐 🦊' };

  it('comes back, and another reader sees it', async () => {
    const written = writePngText(png, texts);
    expect(readPngText(written)).toEqual(texts);
    expect(readPngText(png)).toEqual({});
    expect([...(await decodeImage(written)).data]).toEqual([...noise.data]);
    const { comments } = await sharp(written).metadata();
    const seen = Object.entries(texts).map(([keyword, text]) => ({ keyword, text }));
    expect(comments).toEqual(expect.arrayContaining(seen));
  });

  it('is replaced and removed by keyword', () => {
    const written = writePngText(writePngText(png, texts), { parameters: 'other' });
    expect(readPngText(written)).toEqual({ ...texts, parameters: 'other' });
    expect(readPngText(removePngText(written, ['parameters', 'Kanji']))).toEqual({ banana: texts.banana });
    expect(removePngText(written)).toEqual(Uint8Array.from(png));
  });

  it('holds any text', () => {
    fc.assert(
      fc.property(anyText, (s) => {
        const text = s.replace(/\p{Surrogate}/gu, '');
        expect(readPngText(writePngText(png, { text }))).toEqual({ text });
      }),
    );
    const long = 'x'.repeat(200_000);
    expect(readPngText(writePngText(png, { long }))).toEqual({ long });
  });

  it('refuses bad keywords and damaged files', () => {
    for (const keyword of ['', ' a', 'a ', 'a  b', 'x'.repeat(80), 'a\0', '狐'])
      expect(() => writePngText(png, { [keyword]: 'x' })).toThrow(/keyword/);
    expect(() => readPngText(utf8('no png at all'))).toThrow(/not a PNG/);
    for (let n = 0; n < png.length; n++) expect(() => readPngText(png.subarray(0, n))).toThrow(InputError);
    const written = writePngText(png, texts);
    fc.assert(
      fc.property(fc.nat(written.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = written.slice();
        bytes[at]! ^= change;
        expect(() => readPngText(bytes)).toThrow(InputError);
      }),
    );
  });

  it('has the CRC of the standard', () => {
    expect(crc32(utf8('123456789'))).toBe(0xcbf43926);
  });
});

describe('labels', () => {
  it('are drawn below the pictures, nowhere else', async () => {
    const pictures = [smooth, flatten(noise)];
    const labelled = await labelledSheet(pictures, ['<a> & "b"', '\0狐'], { cell: 40, columns: 2 });
    const plain = contactSheet(pictures, { cell: 40, columns: 2, footer: 32 });
    expect([labelled.width, labelled.height]).toEqual([plain.width, plain.height]);
    expect([...labelled.data.subarray(0, 48 * plain.width * 4)]).toEqual([...plain.data.subarray(0, 48 * plain.width * 4)]);
  });

  it('are wrapped', () => {
    expect(wrap('a red fox in the snow', 9, 2)).toEqual(['a red fox', 'in the…']);
    expect(wrap('superlongword x', 6, 2)).toEqual(['super…', 'x']);
    expect(wrap('', 6, 2)).toEqual([]);
  });
});
