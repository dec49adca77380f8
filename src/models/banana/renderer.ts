// The renderer: a local image function (LIIF, Chen et al. 2021; CLIF in Image Neural Field Diffusion Models, 2024). Each
// pixel reads the feature map at its place, learns where it is inside its cell and how large it is, and passes a very
// small MLP. It draws any size, in tiles, from one latent. Two things make it cheap: bilinear reading is two products
// with sparse host-made matrices (rows, then columns) and commutes with the first layer, so that layer runs once a cell;
// the position part of that layer is a row term plus a column term. The rest is about 450 multiplications a pixel.
// Legend: B batch, a x b cells of the tile, H x W pixels, K hidden width.
import { mulDims, type Dim } from '../../graph/dim.ts';
import { concat, exp, expand, matmul, mul, relu, reshape, unsqueeze } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import type { Tile } from '../../image/image.ts';
import { linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import { CELLS, type Config } from './config.ts';

/** Numbers in the position code of a row or column. */
export const POSITION_CODE = 4;

/** What a tile is drawn from: see `samplingTables` for the host side. */
export interface RenderInputs {
  /** (B, a, b, K) features after the first layer. */
  readonly features: Value;
  /** (B, H, a) and (B, W, b): weights of the cells that each pixel row and column reads. */
  readonly rows: Value;
  readonly columns: Value;
  /** (B, H, 4) and (B, W, 4): place inside the cell. */
  readonly rowCode: Value;
  readonly columnCode: Value;
  /** (B, 1): log2 of pixels to a cell. */
  readonly scale: Value;
}

/** Pixels of a tile: (B, H, W, 4), premultiplied RGBA around [-1, 1]; what lies outside is clipped when shown. */
export function renderer(s: Scope, { features, rows, columns, rowCode, columnCode, scale }: RenderInputs, { autoencoder }: Config): Value {
  const [first, second] = autoencoder.render;
  const [B, a, b, K] = features.shape as [Dim, Dim, Dim, number];
  const [H, W] = [rows.shape[1]!, columns.shape[1]!];
  // Edges are level sets of the features: a steeper slope where pixels are small keeps them one pixel wide.
  const gain = exp(linear(s.in('gain'), scale, first, { bias: true, deviation: 0 })); // (B, K), positive: relu(g x) = g relu(x)

  // The row term and the column layer's weights stand beside the b cells as 1 + 4 more, so that one product does it all:
  // bilinear reading, plus rowCode Wr, plus columnCode Wc, all scaled while they are still few.
  const read = reshape(matmul(rows, reshape(features, [B, a, mulDims(b, K)])), [B, H, b, K]);
  const rowTerm = unsqueeze(linear(s.in('row'), rowCode, first), 2); //                         (B, H, 1, K)
  const columnWeight = s.in('column').parameter('weight', [POSITION_CODE, first], { deviation: 1 / Math.sqrt(POSITION_CODE) });
  const columnTerm = expand(reshape(columnWeight, [1, 1, POSITION_CODE, first]), [B, H, POSITION_CODE, first]);
  const cells = mul(concat([read, rowTerm, columnTerm], 2), unsqueeze(unsqueeze(gain, 1), 1)); // (B, H, b+5, K)
  const one = expand(constant(float32([1, 1, 1], [1])), [B, W, 1]);
  const place = unsqueeze(concat([columns, one, columnCode], 2), 1); //                         (B, 1, W, b+5)
  let x = reshape(relu(matmul(place, cells)), [mulDims(B, H, W), first]); //                    a row a pixel
  x = relu(linear(s.in('hidden'), x, second, { bias: true, deviation: Math.sqrt(2 / first) }));
  return reshape(linear(s.in('out'), x, 4, { bias: true }), [B, H, W, 4]);
}

/** One axis of a tile: which cells it reads, with which weights, and the position codes. */
export interface AxisTable {
  /** First cell that is read, and one past the last. */
  readonly from: number;
  readonly to: number;
  /** (n, to - from), row-major. */
  readonly weights: Float32Array<ArrayBuffer>;
  /** (n, 4) */
  readonly code: Float32Array<ArrayBuffer>;
}

/**
 * Tables for `n` pixels from `start` (may be fractional) of an axis of `size` pixels over `cells` feature cells.
 * `whole` reads all cells, not only the ones in reach: fixed shapes for training.
 */
export function samplingAxis(start: number, n: number, size: number, cells: number, whole = false): AxisTable {
  const at = Float64Array.from({ length: n }, (_, i) => ((start + i + 0.5) / size) * cells - 0.5); // in cells, 0 is the first centre
  const clamp = (c: number) => Math.min(cells - 1, Math.max(0, c));
  const from = whole ? 0 : Math.floor(clamp(at[0]!));
  const to = whole ? cells : Math.min(cells, Math.floor(clamp(at[n - 1]!)) + 2);
  const span = to - from;
  const weights = new Float32Array(n * span);
  const code = new Float32Array(n * POSITION_CODE);
  for (let i = 0; i < n; i++) {
    const c = clamp(at[i]!);
    const low = Math.floor(c);
    const fraction = c - low;
    weights[i * span + low - from]! += 1 - fraction;
    if (fraction > 0) weights[i * span + low + 1 - from]! += fraction;
    const turn = 2 * Math.PI * at[i]!;
    code.set([Math.sin(turn), Math.cos(turn), Math.sin(2 * turn), Math.cos(2 * turn)], i * POSITION_CODE);
  }
  return { from, to, weights, code };
}

/** Feeds of one tile of a width x height picture (batch 1), and the cells that it reads: [rows from, to, columns from, to]. */
export function samplingTables(
  tile: Tile,
  width: number,
  height: number,
  cells: { rows: number; columns: number },
): { feeds: Record<'rows' | 'columns' | 'rowCode' | 'columnCode' | 'scale', Tensor>; rows: AxisTable; columns: AxisTable } {
  const rows = samplingAxis(tile.y, tile.height, height, cells.rows);
  const columns = samplingAxis(tile.x, tile.width, width, cells.columns);
  return {
    rows,
    columns,
    feeds: {
      rows: float32([1, tile.height, rows.to - rows.from], rows.weights),
      columns: float32([1, tile.width, columns.to - columns.from], columns.weights),
      rowCode: float32([1, tile.height, POSITION_CODE], rows.code),
      columnCode: float32([1, tile.width, POSITION_CODE], columns.code),
      scale: float32([1, 1], [Math.log2(Math.sqrt((width * height) / (cells.rows * cells.columns)))]),
    },
  };
}

/** Cells of the feature map of an h x w latent. */
export function cellsOf(h: number, w: number): { rows: number; columns: number } {
  return { rows: h * CELLS, columns: w * CELLS };
}
