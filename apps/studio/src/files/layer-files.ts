// A picture with its layers as a file, as they were arranged: vectors, OpenRaster, PSD, a sprite sheet. What writes is loaded when it is
// first needed.
import {
  openRaster,
  photoshopWith,
  pngOf,
  spriteSheet,
  vectorsWith,
  zipOf,
  type Image,
  type Layered,
  type PictureLayer,
} from 'banana-sdk/web';
import { artOf, pixelsOf, placed, sharesOf, type Drawn, type Placed } from '../state/layers.ts';
import type { finished } from '../studio.ts';
import { nameOf } from '../words/layer-names.ts';

export type Finished = NonNullable<typeof finished.value>;

interface LayerFormat {
  readonly type: string;
  /** Ending of the file's name. */
  readonly end: string;
  /** Whether there is nothing to write without layers. */
  readonly layered: boolean;
  write(picture: Finished): Promise<BlobPart>;
}

export const LAYER_FORMATS = {
  svg: { type: 'image/svg+xml', end: 'svg', layered: false, write: vectors },
  ora: { type: 'image/openraster', end: 'ora', layered: true, write: (picture) => openRaster(layeredOf(picture)) },
  psd: { type: 'image/vnd.adobe.photoshop', end: 'psd', layered: true, write: photoshop },
  sprites: { type: 'application/zip', end: 'zip', layered: true, write: sprites },
} as const satisfies Readonly<Record<string, LayerFormat>>;

export type LayerFormatName = keyof typeof LAYER_FORMATS;

export async function layerFile(picture: Finished, format: LayerFormatName): Promise<Blob> {
  const { type, write } = LAYER_FORMATS[format];
  return new Blob([await write(picture)], { type });
}

/** The picture with its visible layers, at the size and place that each has, back to front. */
function layeredOf({ image, event, layers = placed(event, undefined, []) }: Finished): Layered {
  const taken = new Set<number>();
  return { image, layers: layers.filter(({ hidden }) => !hidden).map((one) => layerOf(one, event, taken)) };
}

function layerOf(one: Placed, event: Drawn, taken: Set<number>): PictureLayer {
  let { slot } = one;
  while (taken.has(slot)) slot++;
  taken.add(slot);
  const box = sharesOf(artOf(one, event), event.image);
  return { name: nameOf(one), slot, box, x: Math.round(one.x), y: Math.round(one.y), image: scaledTo(pixelsOf(one, event), one.scale) };
}

/** Pixels at another scale. */
function scaledTo(image: Image, scale: number): Image {
  if (scale === 1) return image;
  const from = new OffscreenCanvas(image.width, image.height);
  from.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(image.data), image.width, image.height), 0, 0);
  const [width, height] = [Math.max(1, Math.round(image.width * scale)), Math.max(1, Math.round(image.height * scale))];
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  Object.assign(context, { imageSmoothingQuality: 'high' });
  context.drawImage(from, 0, 0, width, height);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

/** Colours that a layer is told apart in, and how small a path may be. */
const TRACING = { numberofcolors: 24, pathomit: 8, ltres: 0.5, qtres: 0.5, roundcoords: 1, strokewidth: 0.5, colorsampling: 2 };

async function vectors(picture: Finished): Promise<string> {
  const { default: tracer } = await import('imagetracerjs');
  const { layers: _, ...event } = picture.event;
  const traced = { ...event, image: picture.image, ...(picture.event.layers && { layers: layeredOf(picture).layers }) };
  return vectorsWith(traced, (image) => tracer.imagedataToSVG(image, TRACING));
}

async function photoshop(picture: Finished): Promise<BlobPart> {
  const { writePsdUint8Array } = await import('ag-psd');
  return photoshopWith(layeredOf(picture), writePsdUint8Array) as Uint8Array<ArrayBuffer>;
}

async function sprites(picture: Finished): Promise<BlobPart> {
  const { layers } = layeredOf(picture);
  const { image, atlas } = spriteSheet(layers, picture.image);
  const json = new TextEncoder().encode(`${JSON.stringify(atlas, undefined, 2)}\n`);
  return zipOf([
    ['sheet.png', await pngOf({ ...picture.event, image })],
    ['sheet.json', json],
  ]);
}
