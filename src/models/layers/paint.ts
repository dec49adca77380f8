// From a latent to pixels: each layer's thumbnail drawn through its frame at its own scale, and laid over the others.
// Pixels are premultiplied RGBA in [-1, 1], as everywhere between networks and files.
import type { Size, Tile } from '../../image/image.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Drawing, LayerDrawing } from '../family.ts';
import { split, type Layout as Parts } from '../layout.ts';
import { FILL, OBJECTS, PATCH } from './config.ts';
import { frameOf, type Frame } from './frame.ts';
import type { LayerNetworks, Maps, Pixels } from './networks.ts';
import { decodeTokens, type Basis } from './thumbnail.ts';

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
  const found = parts.flatMap(({ slot, rows, columns }): Layer[] => {
    if (slot > OBJECTS) return [];
    const [width, height] = [columns * PATCH, rows * PATCH];
    const frame = numbers.get(OBJECTS + slot);
    return [
      {
        slot,
        pixels: decodeTokens(numbers.get(slot)!, width, height, basis),
        width,
        height,
        ...(slot > 0 && { frame: frameOf(frame!) }),
      },
    ];
  });
  return found.sort((a, b) => (a.frame?.height ?? -Infinity) - (b.frame?.height ?? -Infinity));
}

/** Where a layer's thumbnail lies in a picture: its corner and its side (width, for the canvas), in pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

export function placeOf({ frame, width, height }: Layer, { width: W, height: H }: Size): Place {
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
  const piece = (layer: Layer, tile: Tile, { x, y, side }: Place) =>
    networks.pixels(maps.get(layer)!, { ...tile, x: tile.x - x, y: tile.y - y }, side / layer.width);
  return {
    layers: layers.map(
      (layer): LayerDrawing => ({
        slot: layer.slot,
        box: (size) => boxOf(layer, placeOf(layer, size)),
        async render(tile, size) {
          const box = boxOf(layer, placeOf(layer, size));
          return piece(layer, { ...tile, x: tile.x + box.x, y: tile.y + box.y }, placeOf(layer, size));
        },
      }),
    ),
    async render(tile, size) {
      const out = new Float32Array(tile.width * tile.height * 4).fill(-1);
      for (const layer of layers) {
        const place = placeOf(layer, size);
        const covered = common(tile, boxOf(layer, place));
        if (covered) over(out, tile, covered, await piece(layer, covered, place));
      }
      return float32([1, tile.height, tile.width, 4], out);
    },
  };
}

/** The whole pixels that a layer touches. */
function boxOf({ width, height }: Layer, { x, y, side }: Place): Tile {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  return { x: left, y: top, width: Math.ceil(x + side) - left, height: Math.ceil(y + (side * height) / width) - top };
}

/** What two rectangles share, if anything. */
function common(a: Tile, b: Tile): Tile | undefined {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  const [width, height] = [Math.min(a.x + a.width, b.x + b.width) - x, Math.min(a.y + a.height, b.y + b.height) - y];
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
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
