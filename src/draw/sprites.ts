// Layers as a sprite sheet: one a cell, all cells of one size, and an atlas in the JSON that TexturePacker writes and game engines read.
import { cutImage, image, placeImage, visibleBox, type Image } from '../image/image.ts';
import type { PictureLayer } from './events.ts';

/** Pixels between cells and around them, so that no neighbour bleeds in when a sprite is scaled. */
const GAP = 2;

/** A rectangle of the atlas, in pixels. */
interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export interface Atlas {
  readonly frames: Readonly<
    Record<
      string,
      {
        readonly frame: Rectangle;
        readonly rotated: false;
        readonly trimmed: true;
        /** Where it lies in the picture. */
        readonly spriteSourceSize: Rectangle;
        /** The size of the picture. */
        readonly sourceSize: { readonly w: number; readonly h: number };
      }
    >
  >;
  readonly meta: {
    readonly app: string;
    readonly image: string;
    readonly format: 'RGBA8888';
    readonly size: { readonly w: number; readonly h: number };
    readonly scale: '1';
  };
}

/** What is visible of layers, back to front, as cells of a picture that is called `name`, and where each is. */
export function spriteSheet(
  layers: readonly Pick<PictureLayer, 'name' | 'slot' | 'x' | 'y' | 'image'>[],
  { width, height }: Image,
  name = 'sheet.png',
): { image: Image; atlas: Atlas } {
  const arts = layers.map((layer) => ({ layer, art: visibleBox(layer.image) }));
  const [w, h] = [Math.max(1, ...arts.map(({ art }) => art.width)) + GAP, Math.max(1, ...arts.map(({ art }) => art.height)) + GAP];
  const columns = Math.max(1, Math.ceil(Math.sqrt(arts.length)));
  const sheet = image(columns * w + GAP, Math.max(1, Math.ceil(arts.length / columns)) * h + GAP);
  const frames: Record<string, Atlas['frames'][string]> = {};
  for (const [i, { layer, art }] of arts.entries()) {
    const at = { x: GAP + (i % columns) * w, y: GAP + Math.floor(i / columns) * h };
    placeImage(sheet, at, cutImage(layer.image, art));
    const size = { w: art.width, h: art.height };
    frames[`${i}-${layer.name}`] = {
      frame: { ...at, ...size },
      rotated: false,
      trimmed: true,
      spriteSourceSize: { x: layer.x + art.x, y: layer.y + art.y, ...size },
      sourceSize: { w: width, h: height },
    };
  }
  const size = { w: sheet.width, h: sheet.height };
  return { image: sheet, atlas: { frames, meta: { app: 'banana-sdk', image: name, format: 'RGBA8888', size, scale: '1' } } };
}
