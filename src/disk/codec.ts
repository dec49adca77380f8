// Pictures to and from PNG, JPEG and WebP bytes, through sharp (libvips). Node only; in the browser a canvas does this.
// The same pixels give the same bytes with the same version of sharp: no dates, no randomness. The only file that
// names sharp: sheet.ts asks here for it.
import { InputError, RuntimeError } from '../util/errors.ts';
import { flatten, image, isOpaque } from '../image/image.ts';
import type { Image } from '../image/image.ts';
import { writePngText, XMP } from '../image/png-text.ts';

type Sharp = typeof import('sharp')['default'];
type Picture = ReturnType<Sharp>;

/** sharp, loaded at the first use. Throws RuntimeError `codec.missing` when its native part is not there. */
export async function loadSharp(): Promise<Sharp> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    const message = 'cannot load sharp, which reads and writes pictures; `npm install sharp` brings it';
    throw new RuntimeError('codec.missing', message, { cause: error });
  }
}

export type ImageFormat = 'png' | 'jpeg' | 'webp';

interface EncodeOptions {
  /** 1-100, of JPEG and WebP. */
  quality?: number;
  /** Of PNG: packed in a fifth of the time, and half as large again. For what is looked at once. */
  quick?: boolean;
  /** An XMP packet to write beside the pixels. */
  xmp?: string;
  /** The EXIF comment; what is not ASCII becomes "?" there. */
  comment?: string;
}

const ENCODERS: Record<ImageFormat, (picture: Picture, options: { quality: number; quick: boolean }) => Picture> = {
  png: (picture, { quick }) => picture.png({ compressionLevel: quick ? 1 : 6, adaptiveFiltering: false, palette: false }),
  jpeg: (picture, { quality }) => picture.jpeg({ quality, mozjpeg: false, chromaSubsampling: '4:4:4' }), // flat colours have hard edges
  webp: (picture, { quality }) => picture.webp({ quality, effort: 2, smartSubsample: true }),
};

/** The format that a file name asks for by its ending, or undefined. */
export function formatOf(path: string): ImageFormat | undefined {
  const ending = /\.(png|jpe?g|webp)$/i.exec(path)?.[1]?.toLowerCase();
  return ending === 'jpg' ? 'jpeg' : (ending as ImageFormat | undefined);
}

/** The file's bytes of a picture. JPEG has no transparency: it is laid over white. Opaque pictures get no alpha channel. */
export async function encodeImage(one: Image, format: ImageFormat, options: EncodeOptions = {}): Promise<Uint8Array> {
  const { quality = 90, quick = false, xmp, comment } = options;
  if (!Object.hasOwn(ENCODERS, format))
    throw new InputError('codec.format', `picture format "${format}": expected ${Object.keys(ENCODERS).join(', ')}`);
  if (!(quality >= 1 && quality <= 100)) throw new InputError('codec.quality', `quality ${quality}: expected 1 to 100`);
  const sharp = await loadSharp();
  const shown = format === 'jpeg' ? flatten(one) : one;
  const { width, height, data } = shown;
  let picture = sharp(data, { raw: { width, height, channels: 4 } });
  if (isOpaque(shown)) picture = picture.removeAlpha();
  const apart = format === 'png' && xmp !== undefined; // libvips packs it (zTXt), where readers of XMP do not look
  if (xmp !== undefined && !apart) picture = picture.withXmp(xmp);
  if (comment !== undefined) picture = picture.withExif({ IFD2: { UserComment: comment } });
  const bytes = await ENCODERS[format](picture, { quality: Math.round(quality), quick }).toBuffer();
  return apart ? writePngText(bytes, { [XMP]: xmp }) : bytes;
}

const latin1 = (bytes: Uint8Array, begin: number, end: number) => String.fromCharCode(...bytes.subarray(begin, end));

/**
 * How a file of each format begins. Looked at before sharp is asked, which reads many more formats, some of which name other files.
 * Not sharp.block: that would also take them from a program that uses sharp beside this library.
 */
const READABLE: Readonly<Record<string, (bytes: Uint8Array) => boolean>> = {
  png: (bytes) => latin1(bytes, 0, 8) === '\x89PNG\r\n\x1a\n',
  jpeg: (bytes) => latin1(bytes, 0, 3) === '\xff\xd8\xff',
  webp: (bytes) => latin1(bytes, 0, 4) === 'RIFF' && latin1(bytes, 8, 12) === 'WEBP',
  gif: (bytes) => latin1(bytes, 0, 4) === 'GIF8',
};

/** Whether a file is text with tags, as an SVG is: after a byte order mark and space, "<". */
const isMarkup = (bytes: Uint8Array) => /^(\xef\xbb\xbf)?\s*</.test(latin1(bytes, 0, 256));

/** The pixels of a picture's file, or of an SVG, by its bytes and not by its name: a pipe has none. See decodeImage, decodeDrawing. */
export const decodeFile = (bytes: Uint8Array): Promise<Image> => (isMarkup(bytes) ? decodeDrawing(bytes) : decodeImage(bytes));

const millions = (pixels: number) => `${(pixels / 1e6).toFixed(1)} million pixels`;

/** Throws unless a picture of this size may be unpacked. */
function checkPixels({ width, height }: { width: number; height: number }, most: number): void {
  if (width * height > most)
    throw new Error(`it has ${width}x${height} pixels, ${millions(width * height)}: expected at most ${millions(most)}`);
}

/**
 * The picture in a PNG, JPEG, WebP or GIF (its first frame) file, upright, in sRGB. Throws InputError when the bytes
 * are none of these, are damaged, or hold more than `maxPixels`.
 */
export async function decodeImage(bytes: Uint8Array, options: { maxPixels?: number } = {}): Promise<Image> {
  const { maxPixels = 2 ** 26 } = options;
  const sharp = await loadSharp();
  try {
    if (bytes.length === 0) throw new Error('the file is empty, 0 bytes');
    if (!Object.values(READABLE).some((begins) => begins(bytes))) throw new Error(`it is none of ${Object.keys(READABLE).join(', ')}`);
    checkPixels(await sharp(bytes, { limitInputPixels: false }).metadata(), maxPixels);
    const picture = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' });
    const raw = picture.autoOrient().toColourspace('srgb').ensureAlpha().raw({ depth: 'uchar' });
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength));
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new InputError('codec.decode', `cannot read the picture: ${why}`, { cause: error });
  }
}

/** Longer side in pixels at which a drawing is rasterised. */
const DRAWING_SIDE = 768;

/**
 * An SVG as pixels, its longer side 768. It is handed over as bytes, so that nothing beside it can be named. Throws InputError when
 * the bytes are none.
 */
export async function decodeDrawing(bytes: Uint8Array): Promise<Image> {
  const sharp = await loadSharp();
  try {
    const { width, height, format } = await sharp(bytes, { density: 72, limitInputPixels: false }).metadata();
    if (format !== 'svg') throw new Error(`it is ${format}, expected svg`);
    const density = Math.min(2400, Math.max(1, (72 * DRAWING_SIDE) / Math.max(width, height)));
    const { data, info } = await sharp(bytes, { density, limitInputPixels: 2 ** 24 })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.byteLength));
  } catch (error) {
    throw new InputError('codec.decode', `cannot read the drawing: ${(error as Error).message.split('\n')[0]}`, { cause: error });
  }
}
