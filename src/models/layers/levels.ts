// Pixels of level maps, computed here and not by a graph (banana/level-sets.ts has it as it is trained): a graph makes all K colours of
// every pixel, and nearly every pixel shows one. So colours are read of levels alone of which something is seen, which is most of a
// picture's time saved (docs/log.md).
// Legend: K levels, a x b cells of the padded thumbnail.
import type { Tile } from '../../image/image.ts';
import { MARGIN } from '../banana/level-sets.ts';

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

/** A level this much below the highest, in nats, is not seen: all of them together are a tenth of one of 255 steps. */
const UNSEEN = 10;

/**
 * Pixels (H, W, 4) of a tile (its corner in pixels from the thumbnail's, fractions allowed) at `scale` pixels to a cell: premultiplied RGBA
 * in [-1, 1], no colour above its alpha. `sharpness`: what logits are multiplied by at one pixel to a cell.
 */
export function drawLevels(map: LevelMap, tile: Tile, scale: number, sharpness: number): Float32Array<ArrayBuffer> {
  const { width: W, height: H } = tile;
  const [a, b] = [map.height + 2 * MARGIN, map.width + 2 * MARGIN];
  const K = map.logits.length / (4 * a * b);
  const out = new Float32Array(W * H * 4);
  const [rows, fineRows] = [taps(tile.y, H, scale, a, 1), taps(tile.y, H, scale, a, 2)];
  const [columns, fineColumns] = [taps(tile.x, W, scale, b, 1), taps(tile.x, W, scale, b, 2)];
  const colours = new Float32Array(b * 4 * K);
  const logits = new Float32Array(2 * b * K);
  const level = new Float32Array(K);
  for (let y = 0; y < H; y++) {
    mixRows(map.colours, colours, rows, y, columns, 4 * K, 1);
    mixRows(map.logits, logits, fineRows, y, fineColumns, K, scale * sharpness);
    drawRow(out.subarray(y * W * 4, (y + 1) * W * 4), { colours, logits, columns, fineColumns, level });
  }
  return out;
}

/** The two cells that each pixel of an axis reads: the first, and the share of the second. */
interface Taps {
  readonly cells: number;
  readonly first: Int32Array;
  readonly share: Float32Array;
}

/** Taps of `n` pixels from `start` over `cells` cells, each cut in `finer`. */
function taps(start: number, n: number, scale: number, cells: number, finer: number): Taps {
  const all = cells * finer;
  const first = new Int32Array(n);
  const share = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const at = Math.min(all - 1, Math.max(0, ((start + i + 0.5) / scale + MARGIN) * finer - 0.5));
    first[i] = Math.min(all - 2, Math.floor(at));
    share[i] = at - first[i]!;
  }
  return { cells: all, first, share };
}

/** Two rows of a map as row y of a tile reads them, in the columns that it reads, times a number. `N` numbers a cell. */
function mixRows(map: Float32Array, line: Float32Array, rows: Taps, y: number, columns: Taps, N: number, times: number): void {
  const upper = rows.first[y]! * columns.cells * N;
  const lower = upper + columns.cells * N;
  const [below, above] = [rows.share[y]! * times, (1 - rows.share[y]!) * times];
  const end = (columns.first.at(-1)! + 2) * N;
  for (let i = columns.first[0]! * N; i < end; i++) line[i] = map[upper + i]! * above + map[lower + i]! * below;
}

interface Lines {
  readonly colours: Float32Array;
  readonly logits: Float32Array;
  readonly columns: Taps;
  readonly fineColumns: Taps;
  /** Room for K numbers. */
  readonly level: Float32Array;
}

/** The pixels of a row: the mean of the levels' colours by the softmax of their logits. */
function drawRow(out: Float32Array, { colours, logits, columns, fineColumns, level }: Lines): void {
  const K = level.length;
  for (let x = 0, o = 0; o < out.length; x++, o += 4) {
    const fine = fineColumns.first[x]! * K;
    const fineRight = fineColumns.share[x]!;
    const right = columns.share[x]!;
    const at = columns.first[x]! * 4 * K;
    let highest = -Infinity;
    for (let k = 0; k < K; k++) {
      const one = logits[fine + k]!;
      const l = one + (logits[fine + K + k]! - one) * fineRight;
      level[k] = l;
      if (l > highest) highest = l;
    }
    let red = 0; // no lists here: they cost more than all else
    let green = 0;
    let blue = 0;
    let alpha = 0;
    let sum = 0;
    for (let k = 0; k < K; k++) {
      const under = level[k]! - highest;
      if (under < -UNSEEN) continue;
      const weight = under === 0 ? 1 : Math.exp(under);
      const p = at + 4 * k;
      const q = p + 4 * K;
      sum += weight;
      red += weight * (colours[p]! + (colours[q]! - colours[p]!) * right);
      green += weight * (colours[p + 1]! + (colours[q + 1]! - colours[p + 1]!) * right);
      blue += weight * (colours[p + 2]! + (colours[q + 2]! - colours[p + 2]!) * right);
      alpha += weight * (colours[p + 3]! + (colours[q + 3]! - colours[p + 3]!) * right);
    }
    const most = Math.min(2, Math.max(0, alpha / sum));
    out[o] = Math.min(most, Math.max(0, red / sum)) - 1;
    out[o + 1] = Math.min(most, Math.max(0, green / sum)) - 1;
    out[o + 2] = Math.min(most, Math.max(0, blue / sum)) - 1;
    out[o + 3] = most - 1;
  }
}
