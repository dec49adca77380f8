// The layers of a picture as they were arranged: where each lies, its pixels, what stays when the next picture is drawn. An arrangement is
// of one picture, named by its recipe, so that it does not follow another one. Back to front; places in pixels of the picture. Pure.
import { visibleBox, type BoxShares, type Image, type ImageEvent, type ObjectRequest, type Size, type Tile } from 'banana-sdk/web';
import { keepPicture, pictureAt } from './pictures.ts';

/** A layer where it lies. */
export interface Placed {
  /** Tells it from the others of the arrangement. */
  readonly id: number;
  /** Which thing of the prompt; 0 is what is behind everything. */
  readonly slot: number;
  /** Words of its own; '' for what the prompt of the picture says. */
  readonly words: string;
  /** Its pixels: a layer that was drawn, or a picture of the book (pictures.ts). */
  readonly pixels: { readonly drawn: number } | { readonly picture: number };
  /** Where the corner of its pixels lies. */
  readonly x: number;
  readonly y: number;
  readonly scale: number;
  readonly hidden: boolean;
  /** Whether it stays when another picture is drawn. */
  readonly kept: boolean;
}

/** A layer that stayed from an earlier picture. */
export interface Held {
  readonly slot: number;
  readonly words: string;
  readonly picture: number;
  readonly box: BoxShares;
}

export interface Arrangement {
  /** The recipe of the picture that it is of. */
  readonly picture: string;
  /** What was asked for (askedOf in wish.ts), and with which layers of earlier pictures. */
  readonly asked: string;
  readonly held: readonly Held[];
  readonly size: Size;
  readonly layers: readonly Placed[];
}

export type Drawn = Pick<ImageEvent, 'recipe' | 'layers' | 'image'>;

/** What an arrangement is of. */
export const pictureOf = ({ recipe }: Pick<ImageEvent, 'recipe'>): string => JSON.stringify(recipe);

/** The layers as they lie: as they were arranged, or as they were drawn, with those that were held. */
export function placed(drawn: Drawn, arrangement: Arrangement | undefined, held: readonly Held[]): readonly Placed[] {
  if (arrangement?.picture === pictureOf(drawn)) return arrangement.layers;
  return (drawn.layers ?? []).map(({ slot, x, y }, i): Placed => {
    const plain = { id: i, slot, words: '', pixels: { drawn: i }, x, y, scale: 1, hidden: false, kept: false };
    const own = held.find((one) => one.slot === slot);
    if (!own) return plain;
    const place = fitted(pictureAt(own.picture), tileOf(own.box, drawn.image));
    const kept = { ...plain, words: own.words, kept: true };
    return place.scale > 1.01 ? kept : { ...kept, pixels: { picture: own.picture }, ...place }; // larger than it was: as it was drawn
  });
}

/** The pixels of a layer. */
export const pixelsOf = ({ pixels }: Placed, { layers = [] }: Pick<ImageEvent, 'layers'>): Image =>
  'drawn' in pixels ? layers[pixels.drawn]!.image : pictureAt(pixels.picture);

/** What is visible of a layer, in the picture. */
export const artOf = (one: Placed, drawn: Drawn): Tile => artWith(one, pixelsOf(one, drawn));

function artWith(one: Placed, pixels: Image): Tile {
  const art = one.slot === 0 ? { x: 0, y: 0, width: pixels.width, height: pixels.height } : artIn(pixels);
  return { x: one.x + art.x * one.scale, y: one.y + art.y * one.scale, width: art.width * one.scale, height: art.height * one.scale };
}

const arts = new WeakMap<Image, Tile>();

function artIn(pixels: Image): Tile {
  const art = arts.get(pixels) ?? visibleBox(pixels);
  arts.set(pixels, art);
  return art;
}

/** Where pixels lie whose art fills a box, as large as fits, in its middle. */
export function fitted(pixels: Image, { x, y, width, height }: Tile): Pick<Placed, 'x' | 'y' | 'scale'> {
  const art = artIn(pixels);
  const scale = Math.min(width / art.width, height / art.height);
  const middle = (from: number, room: number, at: number, size: number) => from + room / 2 - (at + size / 2) * scale;
  return { x: middle(x, width, art.x, art.width), y: middle(y, height, art.y, art.height), scale };
}

export const sharesOf = ({ x, y, width, height }: Tile, of: Size): BoxShares => [
  x / of.width,
  y / of.height,
  width / of.width,
  height / of.height,
];
const tileOf = ([x, y, width, height]: BoxShares, of: Size): Tile => ({
  x: x * of.width,
  y: y * of.height,
  width: width * of.width,
  height: height * of.height,
});

/** A layer whose pixels are in the book, so that they outlive the picture. */
export const owned = (one: Placed, drawn: Drawn): Placed => ({ ...one, pixels: { picture: keepPicture(pixelsOf(one, drawn)) } });

/** The layers of an arrangement that stay when another picture is drawn, each with a slot of its own. */
export function keptIn({ layers, size }: Arrangement): Held[] {
  const found: Held[] = [];
  for (const one of layers) {
    if (!one.kept || one.hidden || !('picture' in one.pixels)) continue;
    const slot = slotFor(one.slot, found);
    if (slot === undefined) continue;
    const { picture } = one.pixels;
    found.push({ slot, words: one.words, picture, box: sharesOf(artWith(one, pictureAt(picture)), size) });
  }
  return found;
}

/** Most things in a picture beside what is behind them. */
const THINGS = 6;

function slotFor(wanted: number, taken: readonly { readonly slot: number }[]): number | undefined {
  const free = (slot: number) => taken.every((one) => one.slot !== slot);
  if (free(wanted)) return wanted;
  return wanted === 0 ? undefined : Array.from({ length: THINGS }, (_, i) => i + 1).find(free);
}

/** What a request says of layers that are held: the picture is drawn around them. */
export const objectsOf = (held: readonly Held[]): ObjectRequest[] =>
  held.map(({ slot, picture, box }) => ({ slot, reference: pictureAt(picture), ...(slot > 0 && { box }) }));

/** What a request for one layer says of the others: they are kept, as they lie. */
export function othersOf(list: readonly Placed[], without: Placed, drawn: Drawn): ObjectRequest[] {
  const found: { slot: number; keep: Image; box?: BoxShares; z?: number }[] = [];
  for (const [i, one] of list.entries()) {
    if (one.id === without.id || one.hidden || one.slot === without.slot || found.some(({ slot }) => slot === one.slot)) continue;
    const box = one.slot > 0 && { box: sharesOf(artOf(one, drawn), drawn.image), z: i / Math.max(1, list.length - 1) };
    found.push({ slot: one.slot, keep: pixelsOf(one, drawn), ...box });
  }
  return found;
}

/** A list with one thing moved up (towards the front) or down. */
export function moved<T>(list: readonly T[], from: number, by: 1 | -1): T[] {
  const to = Math.min(list.length - 1, Math.max(0, from + by));
  return list.toSpliced(from, 1).toSpliced(to, 0, list[from]!);
}

/** A list with a copy of one layer before it, a little aside. */
export function duplicated(list: readonly Placed[], at: number, aside: number): Placed[] {
  const one = list[at]!;
  return list.toSpliced(at + 1, 0, { ...one, id: newId(list), x: one.x + aside, y: one.y + aside });
}

const newId = (list: readonly Placed[]): number => Math.max(...list.map(({ id }) => id)) + 1;

/** A layer made larger or smaller around the middle of what is visible. */
export function scaled(one: Placed, by: number, drawn: Drawn): Placed {
  const art = artOf(one, drawn);
  const [x, y] = [art.x + art.width / 2, art.y + art.height / 2];
  return { ...one, scale: one.scale * by, x: x - (x - one.x) * by, y: y - (y - one.y) * by };
}

/** The foremost layer at a point of the picture that is no background. */
export function layerAt(list: readonly Placed[], x: number, y: number, drawn: Drawn): Placed | undefined {
  return list.findLast((one) => {
    if (one.hidden || one.slot === 0) return false;
    const { width, height, data } = pixelsOf(one, drawn);
    const [column, row] = [Math.floor((x - one.x) / one.scale), Math.floor((y - one.y) / one.scale)];
    return column >= 0 && row >= 0 && column < width && row < height && data[(row * width + column) * 4 + 3]! > 16;
  });
}

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Paints layers over one another: on white, where what is behind them is there and was not asked to be transparent. */
export function paintLayers(context: Context, list: readonly Placed[], drawn: Drawn): void {
  const { width, height } = drawn.image;
  context.clearRect(0, 0, width, height);
  const white = drawn.recipe.background !== 'transparent' && list.some(({ slot, hidden }) => slot === 0 && !hidden);
  context.fillStyle = 'white';
  if (white) context.fillRect(0, 0, width, height);
  for (const one of list) {
    const pixels = pixelsOf(one, drawn);
    if (!one.hidden) context.drawImage(bitmapOf(pixels), one.x, one.y, pixels.width * one.scale, pixels.height * one.scale);
  }
}

/** The picture of arranged layers. */
export function composed(list: readonly Placed[], drawn: Drawn): Image {
  const { width, height } = drawn.image;
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  paintLayers(context, list, drawn);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

const bitmaps = new WeakMap<Image, OffscreenCanvas>();

function bitmapOf(image: Image): OffscreenCanvas {
  const { width, height, data } = image;
  const canvas = bitmaps.get(image) ?? new OffscreenCanvas(width, height);
  if (!bitmaps.has(image)) canvas.getContext('2d')!.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  bitmaps.set(image, canvas);
  return canvas;
}
