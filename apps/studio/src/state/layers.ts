// Where the layers of a picture lie after they were moved: of one picture only, named by its recipe, so that it does not follow another one.
// Back to front. Pure: what is shown is laid together from the layers themselves.
import type { Image, ImageEvent, PictureLayer } from 'banana-sdk/web';

/** A layer of the picture: which one, and what became of it. */
export interface Placed {
  /** Its number among the layers of the picture. */
  readonly at: number;
  /** Pixels that it was moved by. */
  readonly dx: number;
  readonly dy: number;
  readonly scale: number;
  readonly hidden: boolean;
}

export interface Arrangement {
  readonly picture: string;
  readonly layers: readonly Placed[];
}

type Drawn = Pick<ImageEvent, 'recipe' | 'layers' | 'image'>;

/** What an arrangement is of. */
export const pictureOf = ({ recipe }: Pick<ImageEvent, 'recipe'>): string => JSON.stringify(recipe);

/** The layers as they lie: as they were drawn, or as they were arranged. */
export function placed(drawn: Drawn, arrangement: Arrangement | undefined): readonly Placed[] {
  if (arrangement?.picture === pictureOf(drawn)) return arrangement.layers;
  return (drawn.layers ?? []).map((_, at) => ({ at, dx: 0, dy: 0, scale: 1, hidden: false }));
}

/** A list with one thing moved up (towards the front) or down. */
export function moved<T>(list: readonly T[], from: number, by: 1 | -1): T[] {
  const to = Math.min(list.length - 1, Math.max(0, from + by));
  return list.toSpliced(from, 1).toSpliced(to, 0, list[from]!);
}

/** The picture of arranged layers; the picture itself where nothing was arranged. */
export function composed(drawn: Drawn, arrangement: Arrangement | undefined): Image {
  if (arrangement?.picture !== pictureOf(drawn)) return drawn.image;
  const { width, height } = drawn.image;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  for (const { at, dx, dy, scale, hidden } of arrangement.layers) {
    const layer = drawn.layers![at]!;
    if (!hidden) context.drawImage(bitmapOf(layer), layer.x + dx, layer.y + dy, layer.image.width * scale, layer.image.height * scale);
  }
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

const bitmaps = new WeakMap<PictureLayer, OffscreenCanvas>();

function bitmapOf(layer: PictureLayer): OffscreenCanvas {
  const { width, height, data } = layer.image;
  const canvas = bitmaps.get(layer) ?? new OffscreenCanvas(width, height);
  if (!bitmaps.has(layer)) canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  bitmaps.set(layer, canvas);
  return canvas;
}
