// Pixels of level maps, computed by a loop of our own and not by a graph (level-sets.ts has it as it is trained): a graph reads maps
// by products with tables that are nearly all zeros (docs/log.md).
// Legend: K levels, a x b cells of the padded thumbnail.
import type { Tile } from '../../image/image.ts';
import { MARGIN } from './level-sets.ts';
import { called } from './kernel.ts';

/** Level maps of a thumbnail. */
export interface LevelMap {
  /** (2a, 2b, K) */
  readonly logits: Float32Array;
  /** (a, b, 4K): premultiplied RGBA plus 1 of each level. */
  readonly colours: Float32Array;
  /** Cells without the margin. */
  readonly width: number;
  readonly height: number;
}

/**
 * Pixels (H, W, 4) of a tile (its corner in pixels from the thumbnail's, fractions allowed) at `scale` pixels to a cell: premultiplied RGBA
 * in [-1, 1], no colour above its alpha. `sharpness`: what logits are multiplied by at one pixel to a cell.
 */
export function drawLevels(map: LevelMap, tile: Tile, scale: number, sharpness: number): Float32Array<ArrayBuffer> {
  const { width: W, height: H } = tile;
  const [a, b] = [map.height + 2 * MARGIN, map.width + 2 * MARGIN];
  const K = map.logits.length / (4 * a * b);
  const rows = { start: tile.y, pixels: H, scale, cells: a };
  const columns = { start: tile.x, pixels: W, scale, cells: b };
  const [top, bottom] = cellsRead(rows);
  const [left, right] = cellsRead(columns);
  const line = 4 * (2 * b * Math.ceil(K / 4) * 4 + 4 * b * K + Math.ceil(K / 4) * 4); // bytes
  return called(
    'draw',
    [W, H, K, b, left, right, scale * sharpness],
    [
      map.logits.subarray(top * 4 * b * K, bottom * 4 * b * K),
      map.colours.subarray(top * 4 * b * K, bottom * 4 * b * K),
      taps(rows, 1, top),
      taps(columns, 1),
      taps(rows, 2, 2 * top),
      taps(columns, 2),
      line,
    ],
    W * H * 4,
  );
}

/** Pixels from `start` along an axis of cells. */
interface Axis {
  readonly start: number;
  readonly pixels: number;
  readonly scale: number;
  readonly cells: number;
}

/** Where pixel i lies among the middles of cells, each cut in `finer`. */
function middle({ start, scale, cells }: Axis, i: number, finer: number): number {
  return Math.min(cells * finer - 1, Math.max(0, ((start + i + 0.5) / scale + MARGIN) * finer - 0.5));
}

const firstOf = (at: number, cells: number): number => Math.min(cells - 2, Math.floor(at));

/** The cells that an axis reads: from the first to before the second. Whatever is read of cells cut in two lies in them. */
function cellsRead(axis: Axis): [from: number, to: number] {
  const first = (i: number) => firstOf(middle(axis, i, 1), axis.cells);
  return [first(0), first(axis.pixels - 1) + 2];
}

/** The two cells that each pixel of an axis reads, as the kernel wants them: the first, from `base`, and as a float the share of the second. */
function taps(axis: Axis, finer: number, base = 0): Int32Array {
  const found = new Int32Array(2 * axis.pixels);
  const shares = new Float32Array(found.buffer);
  for (let i = 0; i < axis.pixels; i++) {
    const at = middle(axis, i, finer);
    const first = firstOf(at, axis.cells * finer);
    found[2 * i] = first - base;
    shares[2 * i + 1] = at - first;
  }
  return found;
}
