// Layers laid over one another, back to front, premultiplied: the picture of a stack of layers, any tile at any size.
import { common, type Size, type Tile } from '../image/image.ts';
import { float32 } from '../tensor/tensor.ts';
import type { Drawing, LayerDrawing } from './family.ts';

/** The drawing of layers, back to front. */
export const composite = (layers: readonly LayerDrawing[]): Drawing => ({
  layers,
  async render(tile, size, seen) {
    let out: Float32Array | undefined;
    for (const layer of layers) {
      const box = layer.box(size);
      const covered = common(tile, box);
      if (!covered) continue;
      const own = { ...covered, x: covered.x - box.x, y: covered.y - box.y };
      const pixels = await layer.render(own, size);
      seen?.(layer, own, pixels);
      const data = pixels.data as Float32Array;
      const all = covered.width === tile.width && covered.height === tile.height;
      if (!out && all)
        out = data; // over nothing it is itself
      else over((out ??= nothing(tile)), tile, covered, data);
    }
    return float32([1, tile.height, tile.width, 4], out ?? nothing(tile));
  },
});

const nothing = ({ width, height }: Size): Float32Array => new Float32Array(width * height * 4).fill(-1);

/** Lays a piece over a tile, premultiplied. Unrolled, since millions of pixels pass here, most of them transparent. */
function over(out: Float32Array, tile: Tile, piece: Tile, pixels: Float32Array): void {
  for (let y = 0; y < piece.height; y++) {
    let from = y * piece.width * 4;
    let to = ((piece.y - tile.y + y) * tile.width + piece.x - tile.x) * 4;
    for (const end = from + piece.width * 4; from < end; from += 4, to += 4) {
      const alpha = pixels[from + 3]!;
      if (alpha <= -1) continue;
      const rest = (1 - alpha) / 2;
      out[to] = (out[to]! + 1) * rest + pixels[from]!;
      out[to + 1] = (out[to + 1]! + 1) * rest + pixels[from + 1]!;
      out[to + 2] = (out[to + 2]! + 1) * rest + pixels[from + 2]!;
      out[to + 3] = (out[to + 3]! + 1) * rest + alpha;
    }
  }
}
