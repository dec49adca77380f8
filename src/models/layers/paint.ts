// From a latent to pixels: each layer's thumbnail drawn through its frame at its own scale, and laid over the others.
// Pixels are premultiplied RGBA in [-1, 1], as everywhere between networks and files.
import type { Size, Tile } from '../../image/image.ts';
import { composite } from '../composite.ts';
import type { Drawing, LayerDrawing } from '../family.ts';
import { split, type Layout as Parts } from '../layout.ts';
import { FILL, OBJECTS, PATCH } from './config.ts';
import { frameOf, type Frame } from './frame.ts';
import { canvasPlace } from './layout.ts';
import type { LayerNetworks, Pixels } from './networks.ts';
import type { LevelMap } from './levels.ts';
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
    const { x, y, width: side } = canvasPlace({ width: W, height: H }, { rows: height, columns: width });
    return { x, y, side };
  }
  const shorter = Math.min(W, H);
  const side = (frame.size * shorter) / FILL;
  return { x: W / 2 + frame.x * shorter - side / 2, y: H / 2 + frame.y * shorter - side / 2, side };
}

/** Layers ready to be drawn, any tile at any size. */
export async function drawingOf(networks: LayerNetworks, layers: readonly Layer[]): Promise<Drawing> {
  const maps = new Map<Layer, LevelMap>();
  for (const around of ['nothing', 'edge'] as const) {
    const alike = layers.filter(({ frame }) => (frame === undefined) === (around === 'edge'));
    (await networks.maps(alike, { exact: false, around })).forEach((found, i) => maps.set(alike[i]!, found));
  }
  const piece = (layer: Layer, tile: Tile, { x, y, side }: Place) =>
    networks.pixels(maps.get(layer)!, { ...tile, x: tile.x - x, y: tile.y - y }, side / layer.width);
  const objects = layers.filter(({ frame }) => frame);
  return composite(
    layers.map(
      (layer): LayerDrawing => ({
        slot: layer.slot,
        ...(layer.frame && { z: objects.indexOf(layer) / Math.max(1, objects.length - 1) }), // as in the data
        box: (size) => boxOf(layer, placeOf(layer, size)),
        async render(tile, size) {
          const box = boxOf(layer, placeOf(layer, size));
          return piece(layer, { ...tile, x: tile.x + box.x, y: tile.y + box.y }, placeOf(layer, size));
        },
      }),
    ),
  );
}

/** The whole pixels that a layer touches. */
function boxOf({ width, height }: Layer, { x, y, side }: Place): Tile {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  return { x: left, y: top, width: Math.ceil(x + side) - left, height: Math.ceil(y + (side * height) / width) - top };
}
