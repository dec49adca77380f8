// Layers laid over one another, back to front, premultiplied: the picture of a stack of layers, any tile at any size.
import type { Tile } from '../image/image.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import type { Drawing, LayerDrawing } from './family.ts';

/** The drawing of layers, back to front. */
export const composite = (layers: readonly LayerDrawing[]): Drawing => ({
  layers,
  async render(tile, size) {
    const out = new Float32Array(tile.width * tile.height * 4).fill(-1);
    for (const layer of layers) {
      const box = layer.box(size);
      const covered = common(tile, box);
      if (covered) over(out, tile, covered, await layer.render({ ...covered, x: covered.x - box.x, y: covered.y - box.y }, size));
    }
    return float32([1, tile.height, tile.width, 4], out);
  },
});

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
