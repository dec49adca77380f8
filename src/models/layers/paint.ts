// From a latent to pixels: each layer's thumbnail drawn through its frame at its own scale, and laid over the others.
// Pixels are premultiplied RGBA in [-1, 1], as everywhere between networks and files.
import type { Size, Tile } from '../../image/image.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Drawing } from '../family.ts';
import { split, type Layout as Parts } from '../layout.ts';
import { OBJECTS, PATCH } from './config.ts';
import { frameOf, type Frame } from './frame.ts';
import type { LayerNetworks, Maps, Pixels } from './networks.ts';
import { decodeTokens, type Basis } from './thumbnail.ts';

/** Share of a thumbnail's side that the longer side of its art fills (data/drawings.ts draws them so). */
const FILL = 0.94;

/** A layer of a picture: a thumbnail and where it lies. */
export interface Layer extends Pixels {
  /** Its slot: 1 to 6 as the prompt mentions objects; 0 is the canvas. */
  readonly slot: number;
  /** Where an object stands; the canvas has none. */
  readonly frame?: Frame | undefined;
}

/** The layers of a latent, back to front: the canvas, then objects by their height. */
export function layersOf(latent: Float32Array<ArrayBuffer>, parts: Parts, basis: Basis): Layer[] {
  const numbers = new Map(split(latent, parts).map((part, i) => [parts[i]!.slot, part]));
  const found = parts.flatMap(({ slot, rows, columns }, i): Layer[] => {
    if (slot > OBJECTS) return [];
    const [width, height] = [columns * PATCH, rows * PATCH];
    const frame = numbers.get(OBJECTS + slot);
    return [{ slot, pixels: decodeTokens(split(latent, parts)[i]!, width, height, basis), width, height, ...(slot > 0 && { frame: frameOf(frame!) }) }];
  });
  return found.sort((a, b) => (a.frame?.height ?? -Infinity) - (b.frame?.height ?? -Infinity));
}

/** Where a layer's thumbnail lies in a picture: its corner and its side (width, for the canvas), in pixels. */
export function placeOf({ frame, width, height }: Layer, { width: W, height: H }: Size): { x: number; y: number; side: number } {
  if (!frame) {
    const scale = Math.max(W / width, H / height);
    return { x: (W - width * scale) / 2, y: (H - height * scale) / 2, side: width * scale };
  }
  const shorter = Math.min(W, H);
  const side = (frame.size * shorter) / FILL;
  return { x: W / 2 + frame.x * shorter - side / 2, y: H / 2 + frame.y * shorter - side / 2, side };
}

/** Layers ready to be drawn, any tile at any size. */
export async function drawingOf(networks: LayerNetworks, layers: readonly Layer[]): Promise<Drawing> {
  const maps = new Map<Layer, Maps>();
  for (const around of ['nothing', 'edge'] as const) {
    const alike = layers.filter(({ frame }) => (frame === undefined) === (around === 'edge'));
    (await networks.maps(alike, { exact: false, around })).forEach((found, i) => maps.set(alike[i]!, found));
  }
  return {
    async render(tile, size) {
      const out = new Float32Array(tile.width * tile.height * 4).fill(-1);
      for (const layer of layers) {
        const piece = within(tile, placeOf(layer, size), layer);
        if (piece) over(out, tile, piece.tile, await networks.pixels(maps.get(layer)!, piece.own, piece.scale));
      }
      return float32([1, tile.height, tile.width, 4], out);
    },
  };
}

/** The part of a tile that a layer covers: in the picture's pixels, and in the layer's own. */
function within(tile: Tile, place: { x: number; y: number; side: number }, { width, height }: Layer): { tile: Tile; own: Tile; scale: number } | undefined {
  const scale = place.side / width;
  const [left, top] = [Math.max(tile.x, Math.floor(place.x)), Math.max(tile.y, Math.floor(place.y))];
  const right = Math.min(tile.x + tile.width, Math.ceil(place.x + place.side));
  const bottom = Math.min(tile.y + tile.height, Math.ceil(place.y + height * scale));
  if (right <= left || bottom <= top) return undefined;
  const covered = { x: left, y: top, width: right - left, height: bottom - top };
  return { tile: covered, own: { ...covered, x: left - place.x, y: top - place.y }, scale };
}

/** Lays a piece over a tile, premultiplied. */
function over(out: Float32Array, tile: Tile, piece: Tile, { data }: Tensor): void {
  const pixels = data as Float32Array;
  for (let y = 0; y < piece.height; y++) {
    let from = y * piece.width * 4;
    let to = ((piece.y - tile.y + y) * tile.width + piece.x - tile.x) * 4;
    for (let x = 0; x < piece.width; x++, from += 4, to += 4) {
      const rest = 1 - (pixels[from + 3]! + 1) / 2;
      for (let c = 0; c < 4; c++) out[to + c] = (out[to + c]! + 1) * rest + pixels[from + c]!;
    }
  }
}
