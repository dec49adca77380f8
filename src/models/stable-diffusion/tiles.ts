// The large decoder in tiles: its memory grows with the picture's area (0.9 GB for 64 x 64 cells), and that of its attention with the square
// of it. Tiles overlap and fade into each other, for each is normalised by its own numbers; a picture of one tile is what it is whole.
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { cutCells } from '../stage.ts';

/** Cells along the side of a tile at most, and cells in which two fade into each other. 128 cells, SDXL's own, are two tiles. */
const MOST = 72;
const OVERLAP = 16;

/** Tiles along an axis: where they begin, all of one length, as few as may be. */
interface Spans {
  readonly starts: readonly number[];
  readonly length: number;
}

function spansOf(size: number, most: number, overlap = OVERLAP): Spans {
  const count = size <= most ? 1 : Math.ceil((size - overlap) / (most - overlap));
  const length = Math.ceil((size + overlap * (count - 1)) / count);
  return { starts: Array.from({ length: count }, (_, i) => (count > 1 ? Math.round((i * (size - length)) / (count - 1)) : 0)), length };
}

/** The picture (1, 3, H, W) of a latent (1, h, w, C), by what decodes tiles of at most so many cells, each `side` pixels wide. */
export async function decodedInTiles(
  latent: Tensor,
  side: number,
  decode: (latent: Tensor) => Promise<Tensor<'float32'>>,
  most = MOST,
): Promise<Tensor<'float32'>> {
  const [, h, w] = latent.shape as [number, number, number, number];
  const [down, across] = [spansOf(h, most), spansOf(w, most)];
  if (down.starts.length * across.starts.length === 1) return decode(latent);
  const [rows, columns] = [sharesOf(down, h * side, side), sharesOf(across, w * side, side)];
  const pixels = new Float32Array(3 * h * w * side ** 2);
  for (const [i, top] of down.starts.entries())
    for (const [j, left] of across.starts.entries()) {
      const tile = await decode(cutCells(latent, [top, top + down.length, left, left + across.length]));
      addTile(pixels, w * side, tile, { top: top * side, left: left * side, rows: rows[i]!, columns: columns[j]! });
    }
  return float32([1, 3, h * side, w * side], pixels);
}

/** How much of each of its pixels along an axis a tile is: rising and falling in the overlaps; all tiles of a pixel are one together. */
function sharesOf({ starts, length }: Spans, size: number, side: number): Float64Array[] {
  const [span, fade] = [length * side, OVERLAP * side];
  const raw = starts.map((_, i) => {
    const rise = (p: number, open: boolean) => (open ? Math.min(1, (p + 0.5) / fade) : 1);
    return Float64Array.from({ length: span }, (_, p) => Math.min(rise(p, i > 0), rise(span - 1 - p, i < starts.length - 1)));
  });
  const sums = new Float64Array(size);
  for (const [i, shares] of raw.entries()) shares.forEach((share, p) => (sums[starts[i]! * side + p]! += share));
  return raw.map((shares, i) => shares.map((share, p) => share / sums[starts[i]! * side + p]!));
}

/** Adds a tile (1, 3, rows, columns) in its shares to planes of pixels so wide. */
function addTile(pixels: Float32Array, width: number, { data, shape }: Tensor<'float32'>, { top, left, rows, columns }: Place): void {
  const [, C, H, W] = shape as [number, number, number, number];
  const plane = pixels.length / C;
  for (let c = 0; c < C; c++)
    for (let y = 0; y < H; y++)
      for (let x = 0, to = c * plane + (top + y) * width + left, from = (c * H + y) * W; x < W; x++)
        pixels[to + x]! += data[from + x]! * rows[y]! * columns[x]!;
}

interface Place {
  readonly top: number;
  readonly left: number;
  readonly rows: Float64Array;
  readonly columns: Float64Array;
}
