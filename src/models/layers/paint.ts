// From a latent to pixels: each layer's thumbnail drawn through its frame at its own scale, and laid over the others.
// Pixels are premultiplied RGBA in [-1, 1], as everywhere between networks and files.
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { levelTables } from '../banana/level-sets.ts';
import { FRAME_NUMBERS, PATCH, THUMBNAIL, type LayersConfig } from './config.ts';
import { frameOf, type Frame } from './frame.ts';
import { CELLS_PER_OBJECT, type Layout } from './layout.ts';
import type { LayerNetworks, Maps } from './networks.ts';
import { decodeTokens, type Basis } from './thumbnail.ts';

/** Share of a thumbnail's side that the longer side of its art fills (data/drawings.ts draws them so). */
const FILL = 0.94;

/** A layer of a picture: a thumbnail and where it lies. */
export interface Layer {
  /** Its slot: 1 to 6 as the prompt mentions objects; 0 is the canvas. */
  readonly slot: number;
  /** Premultiplied RGBA -1 to 1. */
  readonly thumbnail: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Where an object stands; the canvas has none. */
  readonly frame?: Frame | undefined;
}

/** The layers of a latent, back to front: the canvas, then objects by their height. */
export function layersOf(latent: Float32Array, { objects, canvas }: Layout, { channels }: LayersConfig, basis: Basis): Layer[] {
  const content = latent.subarray(objects * FRAME_NUMBERS);
  const cells = CELLS_PER_OBJECT * channels;
  const stacked = Array.from({ length: objects }, (_, k): Layer & { frame: Frame } => ({
    slot: k + 1,
    thumbnail: decodeTokens(content.subarray(k * cells, (k + 1) * cells), THUMBNAIL, THUMBNAIL, basis),
    width: THUMBNAIL,
    height: THUMBNAIL,
    frame: frameOf(latent, k * FRAME_NUMBERS),
  })).sort((a, b) => a.frame.height - b.frame.height);
  if (!canvas) return stacked;
  const [width, height] = [canvas.columns * PATCH, canvas.rows * PATCH];
  return [{ slot: 0, thumbnail: decodeTokens(content.subarray(objects * cells), width, height, basis), width, height }, ...stacked];
}

/** Where a layer's thumbnail lies in a picture of W x H pixels: its corner and its side (width, for the canvas), in pixels. */
export function placeOf({ frame, width, height }: Layer, [W, H]: readonly [number, number]): { x: number; y: number; side: number } {
  if (!frame) {
    const scale = Math.max(W / width, H / height);
    return { x: (W - width * scale) / 2, y: (H - height * scale) / 2, side: width * scale };
  }
  const shorter = Math.min(W, H);
  const side = (frame.size * shorter) / FILL;
  return { x: W / 2 + frame.x * shorter - side / 2, y: H / 2 + frame.y * shorter - side / 2, side };
}

/** The picture of layers: (1, H, W, 4). */
export async function paint(networks: LayerNetworks, layers: readonly Layer[], size: readonly [width: number, height: number]): Promise<Tensor> {
  const [W, H] = size;
  const out = new Float32Array(W * H * 4).fill(-1);
  for (const layer of layers) over(out, W, await drawLayer(networks, layer, await networks.maps(layer.thumbnail, layer.width, layer.height, false), size));
  return float32([1, H, W, 4], out);
}

interface Piece {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** The part of a layer that lies in the picture. */
async function drawLayer(networks: LayerNetworks, layer: Layer, maps: Maps, [W, H]: readonly [number, number]): Promise<Piece | undefined> {
  const { x, y, side } = placeOf(layer, [W, H]);
  const tall = (side * layer.height) / layer.width;
  const [left, top] = [Math.max(0, Math.floor(x)), Math.max(0, Math.floor(y))];
  const [width, height] = [Math.min(W, Math.ceil(x + side)) - left, Math.min(H, Math.ceil(y + tall)) - top];
  if (width <= 0 || height <= 0) return undefined;
  const { feeds, cells, fine } = levelTables({ x: left - x, y: top - y, width, height }, side / layer.width, { rows: layer.height, columns: layer.width });
  const pixels = await networks.pixels(maps, feeds, cells, fine);
  return { x: left, y: top, width, height, pixels: pixels.data as Float32Array };
}

/** Lays a piece over a picture of width W, premultiplied. */
function over(out: Float32Array, W: number, piece: Piece | undefined): void {
  if (!piece) return;
  for (let y = 0; y < piece.height; y++)
    for (let x = 0; x < piece.width; x++) {
      const from = (y * piece.width + x) * 4;
      const to = ((piece.y + y) * W + piece.x + x) * 4;
      const rest = 1 - (piece.pixels[from + 3]! + 1) / 2;
      for (let c = 0; c < 4; c++) out[to + c] = (out[to + c]! + 1) * rest + piece.pixels[from + c]!;
    }
}
