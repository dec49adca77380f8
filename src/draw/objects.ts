// The things of a picture in layers, as far as a request knows them: where one stands, what it is, which pixels are kept. What is known is
// clamped while the picture is drawn (sampling/clamp.ts), so that what is drawn fits it; a layer that is kept then has its own pixels again.
// A thing with words of its own is drawn by itself first, and then known. Not here: numbers of latents (models/family.ts), the loop.
import {
  common,
  image,
  imageToTensor,
  cutImage,
  placeImage,
  resizeImage,
  sharesOf,
  tensorToImage,
  visibleBox,
  type Image,
  type Tile,
} from '../image/image.ts';
import { composite } from '../models/composite.ts';
import type { Condition, Drawing, KnownLayer, LayerDrawing, Layering, AskedLayers, Painter, Seen } from '../models/family.ts';
import { noiseOf, type Layout } from '../models/layout.ts';
import type { Known } from '../sampling/clamp.ts';
import { InputError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';
import type { PictureLayer } from './events.ts';
import type { BoxShares, KnownObject, ObjectRequest, UsedObject } from './object-options.ts';
import { checkPrompt } from './prompt.ts';
import type { Background } from './request.ts';
import { TILE, tilesOf, type Size } from './size.ts';
import { cover } from './start.ts';

const wrong = (code: 'slot' | 'canvas' | 'both', path: string, why: string) =>
  new InputError(`objects.${code}`, `${path} ${why}`, { path });

/** Objects with their slots. Throws InputError for those that do not fit one another. */
export function checkObjects(objects: readonly ObjectRequest[]): KnownObject[] {
  const plain = objects.map(unwrapped);
  const taken = new Set<number>();
  plain.forEach(({ slot }, i) => {
    if (slot === undefined) return;
    if (taken.has(slot)) throw wrong('slot', `objects[${i}]`, `is a second one for slot ${slot}: give each a slot of its own`);
    taken.add(slot);
  });
  return plain.map((one, i) => {
    const slot = one.slot ?? firstFree(taken);
    taken.add(slot);
    checkObject({ ...one, slot }, `objects[${i}]`);
    return { ...one, slot };
  });
}

/** An object with the pixels of its layer, and what the layer says where the object does not. */
function unwrapped({ keep, ...said }: ObjectRequest): Omit<KnownObject, 'slot'> & { slot?: number } {
  if (!keep) return said;
  if (!('image' in keep)) return { ...said, keep };
  const { slot, box, z } = keep;
  return { ...(slot !== undefined && { slot }), ...(box && { box }), ...(z !== undefined && { z }), ...said, keep: keep.image };
}

function firstFree(taken: ReadonlySet<number>): number {
  let slot = 1;
  while (taken.has(slot)) slot++;
  return slot;
}

function checkObject({ slot, prompt, box, z, keep, reference }: KnownObject, path: string): void {
  const shown = Object.entries({ prompt, keep, reference }).filter(([, value]) => value !== undefined);
  if (shown.length > 1) throw wrong('both', path, `has ${shown.map(([name]) => name).join(' and ')}: one of them says what it is`);
  if (prompt !== undefined) checkPrompt(prompt, `${path}.prompt`);
  const placed = slot === 0 && !keep && (box || z !== undefined);
  if (slot === 0 && (prompt !== undefined || placed))
    throw wrong('canvas', path, 'is the canvas, slot 0: it can be kept or have a reference; it covers the picture, and the prompt says it');
}

/** What objects come to for one picture. */
export interface Plan {
  readonly known: Known;
  /** A latent in which what was drawn into a box fits into it: only then is its shape known. */
  settle(latent: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>>;
  /** The picture with the pixels of what is kept. */
  restore(drawing: Drawing): Drawing;
}

export interface Ground {
  readonly painter: Painter;
  readonly size: Size;
  readonly layout: Layout;
  /** Draws what these words say, by itself and on nothing. */
  readonly sticker: (words: string, rng: Random) => Promise<Image>;
}

/** Which layers are asked for. Who keeps an object changes a picture that there is: no others are to come into it. */
export function layersAsked(objects: readonly Pick<KnownObject, 'slot' | 'keep'>[] = [], background?: Background): AskedLayers {
  const least = Math.max(0, ...objects.map(({ slot }) => slot));
  const more = least === 0 || objects.every(({ slot, keep }) => slot === 0 || !keep);
  return { least, more, ...(background && { canvas: background !== 'transparent' }) };
}

/** Looks at the objects of a picture. Throws InputError for one that the picture has no place for. */
export async function planOf(objects: readonly KnownObject[], { painter, size, layout, sticker }: Ground, rng: Random): Promise<Plan> {
  const layering = painter.layering!;
  const kept: LayerDrawing[] = [];
  const known: KnownLayer[] = [];
  for (const [i, one] of objects.entries()) {
    const { slot, prompt, z } = one;
    if (!layout.some((part) => part.slot === slot))
      throw wrong('slot', `objects[${i}]`, 'is the canvas, slot 0: this picture is transparent behind its objects; leave it out');
    const place = one.keep && placeOf(one.keep, one, size);
    if (place) kept.push(pixelLayer(one.keep!, { slot, ...(z !== undefined && { z }), place, size }, layering));
    const shown = one.keep ?? one.reference ?? (prompt === undefined ? undefined : await sticker(prompt, rng.split(slot)));
    const box = place && slot > 0 ? boxIn(artAt(one.keep!, place), size) : shown ? fitted(shown, one.box, size) : one.box;
    const pixels = shown && slot === 0 ? cover(shown, size) : shown;
    known.push({ slot, ...(box && { box: boxOf(box) }), ...(z !== undefined && { z }), ...(pixels && { image: pixels }) });
  }
  const boxed = objects.flatMap(({ slot, box, keep, reference, prompt }) =>
    box && !keep && !reference && prompt === undefined ? [{ slot, box }] : [],
  );
  return {
    known: layering.known(known, layout, size),
    settle: async (latent) => (boxed.length === 0 ? latent : refitted(boxed, latent, { painter, size, layout })),
    restore: ({ layers = [], render }) =>
      kept.length === 0 ? { layers, render } : composite(layers.map((layer) => kept.find(({ slot }) => slot === layer.slot) ?? layer)),
  };
}

const boxOf = ([x, y, width, height]: BoxShares) => ({ x, y, width, height });
const boxIn = (tile: Tile, size: Size): BoxShares => {
  const { x, y, width, height } = sharesOf(tile, size);
  return [x, y, width, height];
};

/** The part of a box that art of this shape fills: as large as fits, in its middle. */
function fitted(shown: Image, box: BoxShares | undefined, { width: W, height: H }: Size): BoxShares | undefined {
  if (!box) return undefined;
  const art = visibleBox(shown);
  const scale = Math.min((box[2] * W) / art.width, (box[3] * H) / art.height);
  const [width, height] = [(art.width * scale) / W, (art.height * scale) / H];
  return [box[0] + (box[2] - width) / 2, box[1] + (box[3] - height) / 2, width, height];
}

/** The box of a frame that puts art into a box, where that art is what a frame of this box itself gives. */
function reframed(art: Tile, box: BoxShares, { width: W, height: H }: Size): BoxShares {
  const room = { x: box[0] * W, y: box[1] * H, width: box[2] * W, height: box[3] * H };
  const scale = Math.min(room.width / art.width, room.height / art.height);
  const longer = scale * Math.max(room.width, room.height);
  const middle = (at: Tile) => [at.x + at.width / 2, at.y + at.height / 2] as const;
  const [[x, y], [artX, artY]] = [middle(room), middle(art)];
  return [(x + scale * (x - artX) - longer / 2) / W, (y + scale * (y - artY) - longer / 2) / H, longer / W, longer / H];
}

/** Longer side of the picture in which shapes are looked at, in pixels. */
const LOOK = 256;

/** A latent with things moved and scaled so that each fits into its box. */
async function refitted(
  boxed: readonly { slot: number; box: BoxShares }[],
  latent: Float32Array<ArrayBuffer>,
  { painter, size, layout }: Omit<Ground, 'sticker'>,
): Promise<Float32Array<ArrayBuffer>> {
  const { layers = [] } = await painter.decode(latent, layout);
  const scale = LOOK / Math.max(size.width, size.height);
  const small = { width: side(size.width * scale), height: side(size.height * scale) };
  const known: KnownLayer[] = [];
  for (const { slot, box } of boxed) {
    const layer = layers.find((one) => one.slot === slot)!;
    const shown = await renderWhole(layer, layer.box(small), { of: small });
    known.push({ slot, box: boxOf(reframed(artAt(shown, layer.box(small)), box, small)) });
  }
  const { truth, mask } = painter.layering!.known(known, layout, size);
  return latent.map((v, i) => (mask[i] ? truth[i]! : v));
}

/** Where the pixels of a kept layer lie, in whole pixels; undefined where only the model can tell. Less than half a pixel of change is none. */
function placeOf(keep: Image, { slot, box }: KnownObject, size: Size): Tile | undefined {
  const at = (x: number, y: number, scale: number) => ({ x, y, width: side(keep.width * scale), height: side(keep.height * scale) });
  if (slot === 0) {
    const scale = Math.max(size.width / keep.width, size.height / keep.height);
    const same = keep.width - size.width < 4 && keep.height - size.height < 4 && scale <= 1; // an edge that was rounded outwards
    const by = same ? 1 : scale;
    return at(Math.floor((size.width - keep.width * by) / 2), Math.floor((size.height - keep.height * by) / 2), by);
  }
  if (!box) return isShaped(keep, size) ? { x: 0, y: 0, ...size } : undefined;
  const art = visibleBox(keep);
  const [x, y, width, height] = fitted(keep, box, size)!;
  const exact = (width * size.width) / art.width;
  const scale = Math.abs(exact - 1) * Math.max(art.width, art.height) < 0.5 ? 1 : exact;
  const [left, top] = [(x + width / 2) * size.width, (y + height / 2) * size.height];
  return at(Math.round(left - (art.x + art.width / 2) * scale), Math.round(top - (art.y + art.height / 2) * scale), scale);
}

const side = (n: number): number => Math.max(1, Math.round(n));

/** Whether a picture has the shape of a size, but for rounding. */
const isShaped = ({ width, height }: Size, size: Size): boolean =>
  Math.abs((width * size.height) / height - size.width) < 1 || Math.abs((height * size.width) / width - size.height) < 1;

/** What is visible of pixels that lie in a place. */
function artAt(one: Image, { x, y, width, height }: Tile): Tile {
  const art = visibleBox(one);
  const [across, down] = [width / one.width, height / one.height];
  return { x: x + art.x * across, y: y + art.y * down, width: art.width * across, height: art.height * down };
}

/** A layer of given pixels: as they are, averaged where it is smaller, drawn sharp where it is larger. */
function pixelLayer(
  given: Image,
  { slot, z, place, size: full }: { slot: number; z?: number; place: Tile; size: Size },
  { sharpen }: Layering,
): LayerDrawing {
  const placeIn = ({ width, height }: Size): Tile => {
    const [across, down] = [width / full.width, height / full.height];
    return {
      x: Math.round(place.x * across),
      y: Math.round(place.y * down),
      width: side(place.width * across),
      height: side(place.height * down),
    };
  };
  let smaller: Image | undefined; // the last one
  let large: Drawing | undefined;
  return {
    slot,
    ...(z !== undefined && { z }),
    box: placeIn,
    async render(tile, size) {
      const box = placeIn(size);
      if (box.width > given.width || box.height > given.height) return (large ??= sharpen(given)).render(tile, box);
      if (smaller?.width !== box.width || smaller.height !== box.height) smaller = resizeImage(given, box.width, box.height);
      return imageToTensor(cutImage(smaller, tile));
    },
    image: (size) => {
      const { width, height } = placeIn(size);
      return width === given.width && height === given.height ? given : undefined;
    },
  };
}

/** All of a drawing, or of a layer, at a size. */
export async function renderWhole(drawing: Pick<Drawing, 'render'>, size: Size, { of = size }: { of?: Size } = {}): Promise<Image> {
  const whole = image(size.width, size.height);
  await renderPart(drawing, { x: 0, y: 0, width: size.width, height: size.height }, whole, { of });
  return whole;
}

/** A part of a drawing, or of a layer, at a size into the picture of all of it. */
async function renderPart(
  drawing: Pick<Drawing, 'render'>,
  { x, y, ...part }: Tile,
  into: Image,
  { of, before = async () => {} }: { of: Size; before?: (() => Promise<void>) | undefined },
): Promise<void> {
  for (const piece of tilesOf(part, TILE)) {
    await before();
    const tile = { ...piece, x: x + piece.x, y: y + piece.y };
    placeImage(into, tile, tensorToImage(await drawing.render(tile, of)));
  }
}

/** Side of what is drawn by words of its own, in pixels. */
const STICKER = 256;

/** Draws one thing by itself. */
export async function drawSticker(
  painter: Painter,
  condition: Condition,
  { steps, guidance, signal }: { steps: number; guidance: number; signal?: AbortSignal | undefined },
  rng: Random,
): Promise<Image> {
  const size = { width: STICKER, height: STICKER };
  const layout = condition.layout(size, 1, { least: 1, more: false, canvas: false });
  const velocity = condition.velocity(layout, { guidance, ...(signal && { signal }) });
  let latent: Float32Array<ArrayBuffer> | undefined;
  for await (const step of painter.sampler(velocity, noiseOf(rng.split('noise'), layout), painter.times(steps), rng.split('steps')))
    latent = step.latent;
  const { layers = [] } = await painter.decode(latent!, layout);
  const [thing] = layers.filter(({ slot }) => slot > 0);
  return renderWhole(thing!, thing!.box(size), { of: size });
}

/** The layer of a picture in one piece: itself. */
export const onlyLayer = (picture: Image): PictureLayer => ({ name: 'canvas', slot: 0, box: [0, 0, 1, 1], x: 0, y: 0, image: picture });

/** Images of a picture's layers, put together while it is drawn, so that nothing is drawn twice. */
export interface LayerImages {
  /** To be told of what is drawn of each layer. */
  readonly seen: Seen;
  /** All of a layer, once the whole picture was drawn: what reaches beyond it is drawn now. */
  of(layer: LayerDrawing): Promise<Image>;
}

/** The images of layers of a picture of this size. `before` is awaited between tiles. */
export function layerImages(size: Size, before?: () => Promise<void>): LayerImages {
  const drawn = new Map<LayerDrawing, Image>();
  const whole = (layer: LayerDrawing): Image => {
    const { width, height } = layer.box(size);
    const found = drawn.get(layer) ?? image(width, height);
    drawn.set(layer, found);
    return found;
  };
  return {
    seen: (layer, tile, pixels) => layer.image?.(size) ?? placeImage(whole(layer), tile, tensorToImage(pixels)),
    async of(layer) {
      const given = layer.image?.(size);
      if (given) return given;
      const box = layer.box(size);
      for (const part of outside(box, size)) await renderPart(layer, part, whole(layer), { of: size, before });
      return whole(layer);
    },
  };
}

/** The parts of a box, from its own corner, that lie beyond a picture: above, below, and beside it. */
function outside(box: Tile, { width, height }: Size): Tile[] {
  const inside = common(box, { x: 0, y: 0, width, height });
  if (!inside) return [{ ...box, x: 0, y: 0 }];
  const [left, top] = [inside.x - box.x, inside.y - box.y];
  const [right, bottom] = [left + inside.width, top + inside.height];
  const parts = [
    { x: 0, y: 0, width: box.width, height: top },
    { x: 0, y: bottom, width: box.width, height: box.height - bottom },
    { x: 0, y: top, width: left, height: inside.height },
    { x: right, y: top, width: box.width - right, height: inside.height },
  ];
  return parts.filter((part) => part.width > 0 && part.height > 0);
}

/** Every layer of a picture as an image of its own. */
export async function layersOf(
  { layers = [] }: Drawing,
  size: Size,
  objects: readonly UsedObject[] | undefined,
  images: LayerImages,
): Promise<PictureLayer[]> {
  const found: PictureLayer[] = [];
  for (const layer of layers) {
    const { slot, z } = layer;
    const box = layer.box(size);
    const shown = await images.of(layer);
    const art = slot === 0 ? { x: 0, y: 0, ...size } : artAt(shown, box);
    const name = objects?.find((one) => one.slot === slot)?.prompt ?? (slot === 0 ? 'canvas' : `object ${slot}`);
    found.push({ name, slot, box: boxIn(art, size), ...(z !== undefined && { z }), x: box.x, y: box.y, image: shown });
  }
  return found;
}
