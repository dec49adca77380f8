// A picture's layers as files: a folder of PNGs with a table of where they lie, or one OpenRaster file, which GIMP, Krita and others open.
// https://www.openraster.org
import { mkdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { encodeImage } from '../disk/codec.ts';
import { writeFileWhole } from '../disk/files.ts';
import type { PictureLayer } from '../draw/events.ts';
import { resizeImage, type Image } from '../image/image.ts';
import { zipOf } from '../image/zip.ts';
import { InputError } from '../util/errors.ts';

/** A picture with its layers, back to front. */
export interface Layered {
  readonly image: Image;
  readonly layers: readonly PictureLayer[];
}

/** Longer side of the small picture inside an OpenRaster file. */
const THUMBNAIL = 256;

const nameOf = ({ slot }: PictureLayer): string => (slot === 0 ? 'canvas' : `object ${slot}`);

/** Throws InputError for a path that layers cannot be written to. */
export function checkLayersPath(path: string): void {
  const kind = extname(path).toLowerCase();
  if (kind !== '' && kind !== '.ora')
    throw new InputError('options.separate', `--layers ${path}: expected a folder, or a file that ends in .ora`);
}

/** Writes layers: to an OpenRaster file where the path ends in .ora, else to a folder. Returns the files. */
export async function writeLayers(path: string, picture: Layered): Promise<string[]> {
  checkLayersPath(path);
  if (extname(path).toLowerCase() === '.ora') {
    await writeFileWhole(path, await openRaster(picture));
    return [path];
  }
  await mkdir(path, { recursive: true });
  const files = picture.layers.map((layer, i) => `${String(i).padStart(2, '0')}-${nameOf(layer).replace(' ', '-')}.png`);
  for (const [i, { image }] of picture.layers.entries()) await writeFileWhole(join(path, files[i]!), await encodeImage(image, 'png'));
  const { width, height } = picture.image;
  const table = {
    width,
    height,
    layers: picture.layers.map(({ slot, x, y, image }, i) => ({ file: files[i]!, slot, x, y, width: image.width, height: image.height })),
  };
  await writeFileWhole(join(path, 'layers.json'), `${JSON.stringify(table, undefined, 2)}\n`);
  return [...files, 'layers.json'].map((file) => join(path, file));
}

/** The bytes of an OpenRaster file. */
export async function openRaster({ image, layers }: Layered): Promise<Uint8Array<ArrayBuffer>> {
  const line = (layer: PictureLayer, i: number) =>
    `<layer name="${nameOf(layer)}" src="data/layer${i}.png" x="${layer.x}" y="${layer.y}" opacity="1.0" visibility="visible" composite-op="svg:src-over"/>`;
  const stack = layers.map(line).reverse().join(''); // the topmost first
  const xml = `<?xml version="1.0" encoding="UTF-8"?><image version="0.0.3" w="${image.width}" h="${image.height}"><stack>${stack}</stack></image>`;
  const scale = Math.min(1, THUMBNAIL / Math.max(image.width, image.height));
  const small = resizeImage(image, Math.max(1, Math.round(image.width * scale)), Math.max(1, Math.round(image.height * scale)));
  const text = (words: string) => new TextEncoder().encode(words);
  const drawn = await Promise.all(layers.map(async (layer, i) => [`data/layer${i}.png`, await encodeImage(layer.image, 'png')] as const));
  return zipOf([
    ['mimetype', text('image/openraster')], // first, and stored: so that a file's first bytes say what it is
    ['stack.xml', text(xml)],
    ...drawn,
    ['mergedimage.png', await encodeImage(image, 'png')],
    ['Thumbnails/thumbnail.png', await encodeImage(small, 'png')],
  ]);
}
