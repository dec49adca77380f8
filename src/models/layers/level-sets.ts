// The renderer of thumbnails: a small picture (premultiplied RGBA, S x S) at any size, in tiles, with edges that stay sharp.
// A few convolutions give two maps: logits of K levels on a grid twice as fine, and K colours a cell, each a correction to the
// thumbnail's own. A pixel reads both bilinearly and takes the mean of its K colours by the softmax of its logits, which are
// multiplied by the number of pixels to a cell: the line on which two levels are equal is an edge, and however large the picture is
// drawn it is as wide as a pixel. Nothing is computed a pixel but two readings and a softmax (docs/log.md has what it was measured
// against: a local image function's MLP, and a palette head on one).
// Legend: B batch, a x b cells of the padded thumbnail that a tile reads, H x W pixels, C width, K levels.
import { mulDims, type Dim } from '../../graph/dim.ts';
import { silu } from '../../graph/functions.ts';
import { add, concat, exp, matmul, mul, reshape, slice, softmax, sum, unsqueeze } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import type { Tile } from '../../image/image.ts';
import { depthToSpace } from '../../nn/depth.ts';
import { linear, mix3x3 } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import type { Cells } from '../stage.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';

/** Transparent cells around a thumbnail: as far as the convolutions see, so that a drawing may end at its border. */
export const MARGIN = 7;

export interface LevelSizes {
  /** Channels C of the convolutions. */
  readonly width: number;
  /** Residual convolutions after the first. */
  readonly depth: number;
  /** Colours K that a pixel may choose from. */
  readonly levels: number;
}

/** Logarithm of the first sharpness a pixel to a cell: e at four, as it was trained (docs/log.md). */
const SHARPNESS = 1 - Math.log(4);

/** Trained on 592 drawings: 108 thousand weights (docs/log.md). */
export const LEVELS: LevelSizes = { width: 48, depth: 5, levels: 5 };

/** What is drawn from, once a thumbnail. */
export interface LevelMaps {
  /** (B, 2a, 2b, K) */
  readonly logits: Value;
  /** (B, a, b, 4K), premultiplied RGBA of each level, 0 to 2 where a thumbnail is -1 to 1. */
  readonly colours: Value;
}

/**
 * Maps of thumbnails (B, h, w, 5): premultiplied RGBA plus 1, so that transparent is 0, and a plane that says 0 for an exact thumbnail,
 * 1 for one that was cut, noisy or sampled. MARGIN transparent cells stand around the picture.
 */
export function levelMaps(s: Scope, thumbnails: Value, { width, depth, levels }: LevelSizes = LEVELS): LevelMaps {
  const conv = (name: Scope, x: Value) => silu(mix3x3(name, x, width, { bias: true }));
  let h = conv(s.in('in'), thumbnails); // (B, h, w, C)
  for (let i = 0; i < depth; i++) h = add(h, conv(s.in('blocks').in(i), h));
  const logits = depthToSpace(linear(s.in('logits'), h, 4 * levels, { bias: true }), 2); // (B, 2h, 2w, K)
  const corrections = linear(s.in('colours'), h, 4 * levels, { bias: true, deviation: 0.3 / Math.sqrt(width) }); // (B, h, w, 4K)
  const colour = slice(thumbnails, -1, 0, 4);
  return { logits, colours: add(corrections, concat(Array<Value>(levels).fill(colour), -1)) };
}

/** What a tile reads: maps cut to its cells, weights of the cells for each row and column of pixels (`levelTables`). */
export interface LevelTile extends LevelMaps {
  /** (B, H, a) and (B, W, b) over the colours' cells. */
  readonly rows: Value;
  readonly columns: Value;
  /** (B, H, 2a) and (B, W, 2b) over the logits' cells. */
  readonly fineRows: Value;
  readonly fineColumns: Value;
  /** (B, 1): pixels to a cell. */
  readonly scale: Value;
}

/** Pixels of a tile: (B, H, W, 4), premultiplied RGBA plus 1; what lies outside 0 to 2 is clipped when shown. */
export function levelPixels(s: Scope, { logits, colours, rows, columns, fineRows, fineColumns, scale }: LevelTile): Value {
  const K = logits.shape[3] as number;
  const [B, H, W] = [rows.shape[0]!, rows.shape[1]!, columns.shape[1]!];
  const sharpness = mul(scale, exp(s.parameter('sharpness', [1], { constant: SHARPNESS }))); // (B, 1), in strict proportion to the scale
  const chosen = softmax(mul(read(logits, fineRows, fineColumns), unsqueeze(unsqueeze(sharpness, 1), 1))); // (B, H, W, K)
  const painted = reshape(read(colours, rows, columns), [B, H, W, K, 4]);
  return sum(mul(painted, unsqueeze(chosen, -1)), { axes: [3] });
}

/** Bilinear reading of a map (B, a, b, N) by rows (B, H, a) and columns (B, W, b): (B, H, W, N). */
function read(map: Value, rows: Value, columns: Value): Value {
  const [B, a, b, N] = map.shape as [Dim, Dim, Dim, number];
  const lines = reshape(matmul(rows, reshape(map, [B, a, mulDims(b, N)])), [B, rows.shape[1]!, b, N]); // (B, H, b, N)
  return matmul(unsqueeze(columns, 1), lines);
}

/** One axis of a tile: which cells it reads, with which weights. */
export interface AxisTable {
  /** First cell that is read, and one past the last. */
  readonly from: number;
  readonly to: number;
  /** (n, to - from), row-major. */
  readonly weights: Float32Array<ArrayBuffer>;
}

/**
 * Bilinear weights of `n` pixels from `start` (may be fractional) of an axis of `size` pixels over `cells` cells.
 * `whole` reads all cells, not only the ones in reach: fixed shapes for training.
 */
export function samplingAxis(start: number, n: number, size: number, cells: number, whole = false): AxisTable {
  const at = Float64Array.from({ length: n }, (_, i) => ((start + i + 0.5) / size) * cells - 0.5); // in cells, 0 is the first centre
  const clamp = (c: number) => Math.min(cells - 1, Math.max(0, c));
  const from = whole ? 0 : Math.floor(clamp(at[0]!));
  const to = whole ? cells : Math.min(cells, Math.floor(clamp(at[n - 1]!)) + 2);
  const span = to - from;
  const weights = new Float32Array(n * span);
  for (let i = 0; i < n; i++) {
    const c = clamp(at[i]!);
    const low = Math.floor(c);
    const fraction = c - low;
    weights[i * span + low - from]! += 1 - fraction;
    if (fraction > 0) weights[i * span + low + 1 - from]! += fraction;
  }
  return { from, to, weights };
}

/** Feeds of a tile (its corner in pixels from the thumbnail's, fractions allowed) at `scale` pixels to a cell, and which cells of each map it reads. */
export function levelTables(
  tile: Tile,
  scale: number,
  thumbnail: { readonly rows: number; readonly columns: number },
): { feeds: Record<'rows' | 'columns' | 'fineRows' | 'fineColumns' | 'scale', Tensor>; cells: Cells; fine: Cells } {
  const axis = (start: number, n: number, cells: number, finer: number) => {
    const padded = cells + 2 * MARGIN;
    return samplingAxis(start + MARGIN * scale, n, padded * scale, padded * finer);
  };
  const both = (finer: number) =>
    [axis(tile.y, tile.height, thumbnail.rows, finer), axis(tile.x, tile.width, thumbnail.columns, finer)] as const;
  const [[rows, columns], [fineRows, fineColumns]] = [both(1), both(2)];
  const table = (n: number, { from, to, weights }: typeof rows) => float32([1, n, to - from], weights);
  return {
    feeds: {
      rows: table(tile.height, rows),
      columns: table(tile.width, columns),
      fineRows: table(tile.height, fineRows),
      fineColumns: table(tile.width, fineColumns),
      scale: float32([1, 1], [scale]),
    },
    cells: [rows.from, rows.to, columns.from, columns.to],
    fine: [fineRows.from, fineRows.to, fineColumns.from, fineColumns.to],
  };
}
