// Pictures as a page has them - files that were dropped, canvases, bitmaps - as pixels, by the browser's own decoders. Here
// and not in the worker, because only a page can draw SVG. Sizes are bounded before pixels are.
import { image, type Image } from '../image/image.ts';
import { InputError } from '../util/errors.ts';

/** Pixels, or something that the browser can draw. */
export type WebImage = Image | ImageData | ImageBitmap | HTMLCanvasElement | OffscreenCanvas | Blob;

const PIXELS_MAX = 2 ** 26;
/** Longer side at which a drawing (SVG) is rasterised. */
const SVG_SIDE = 768;

/** The pixels of a picture, upright, in sRGB, straight alpha. Throws InputError for what the browser cannot read. */
export async function imageFrom(source: WebImage): Promise<Image> {
  if ('data' in source) return image(source.width, source.height, new Uint8ClampedArray(source.data));
  if (!(source instanceof Blob)) return pixelsOf(source, source);
  const svg = source.type === 'image/svg+xml';
  if (svg) return drawing(source);
  const bitmap = await createImageBitmap(source, { premultiplyAlpha: 'none' }).catch((cause: unknown) => {
    throw new InputError('codec.decode', `cannot read ${named(source)}: it is no picture that this browser knows`, { cause });
  });
  try {
    return pixelsOf(bitmap, bitmap);
  } finally {
    bitmap.close();
  }
}

const named = (source: Blob) => ('name' in source ? String(source.name) : 'the picture');

function pixelsOf(source: CanvasImageSource, { width, height }: { width: number; height: number }): Image {
  if (!(width > 0 && height > 0 && width * height <= PIXELS_MAX))
    throw new InputError('codec.size', `a picture of ${width} x ${height}: expected at most ${PIXELS_MAX} pixels`);
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })!;
  context.drawImage(source, 0, 0, width, height);
  return image(width, height, new Uint8ClampedArray(context.getImageData(0, 0, width, height).data));
}

/** As an <img>, a drawing runs no scripts and loads nothing. */
async function drawing(source: Blob): Promise<Image> {
  if (typeof document === 'undefined')
    throw new InputError('codec.decode', `cannot read ${named(source)}: SVG needs a page, a worker cannot draw it`);
  const url = URL.createObjectURL(source);
  try {
    const element = document.createElement('img');
    element.src = url;
    await element.decode().catch((cause: unknown) => {
      throw new InputError('codec.decode', `cannot read ${named(source)}: it is no drawing that this browser knows`, { cause });
    });
    const [w, h] = [element.naturalWidth || SVG_SIDE, element.naturalHeight || SVG_SIDE];
    const scale = SVG_SIDE / Math.max(w, h);
    return pixelsOf(element, { width: Math.max(1, Math.round(w * scale)), height: Math.max(1, Math.round(h * scale)) });
  } finally {
    URL.revokeObjectURL(url);
  }
}
