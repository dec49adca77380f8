// A picture's layers as one OpenRaster file, which GIMP, Krita and others open: a zip of PNGs and a list of where they lie. How pixels become
// a PNG is handed in. https://www.openraster.org
import { fitImage, type Image } from '../image/image.ts';
import { zipOf } from '../image/zip.ts';
import { escapeAttribute } from '../util/xml.ts';
import type { Layered, PictureLayer } from './events.ts';
import { markOf } from './recipe.ts';

/** Longer side of the small picture inside the file. */
const THUMBNAIL = 256;

/** The bytes of a PNG, with XMP where there is some. */
export type MarkedPng = (image: Image, mark: { xmp?: string }) => Promise<Uint8Array>;

/** The bytes of an OpenRaster file. */
export async function openRasterWith({ image, layers, ...rest }: Layered, encode: MarkedPng): Promise<Uint8Array<ArrayBuffer>> {
  const source = ({ slot }: PictureLayer) => `data/slot${slot}.png`;
  const line = (layer: PictureLayer) =>
    `<layer name="${escapeAttribute(layer.name)}" src="${source(layer)}" x="${layer.x}" y="${layer.y}" opacity="1.0" visibility="visible" composite-op="svg:src-over"/>`;
  const stack = layers.map(line).reverse().join(''); // the topmost first
  const xml = `<?xml version="1.0" encoding="UTF-8"?><image version="0.0.3" w="${image.width}" h="${image.height}"><stack>${stack}</stack></image>`;
  const text = (words: string) => new TextEncoder().encode(words);
  const png = (one: Image) => encode(one, markOf(rest));
  const drawn = await Promise.all(layers.map(async (layer) => [source(layer), await png(layer.image)] as const));
  return zipOf([
    ['mimetype', text('image/openraster')], // first, and stored: so that a file's first bytes say what it is
    ['stack.xml', text(xml)],
    ...drawn,
    ['mergedimage.png', await png(image)],
    ['Thumbnails/thumbnail.png', await png(fitImage(image, THUMBNAIL, THUMBNAIL))],
  ]);
}
