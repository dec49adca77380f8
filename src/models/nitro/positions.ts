// Where the cells of a latent are, as E-MMDiT is told it: rows of the file's table of positions, and the same waves computed anew, which
// are added once more after the tokens were compressed. The middle of the table is the middle of every grid.
import type { Grid } from '../../sampling/noise.ts';
import { float32, int64, type Tensor } from '../../tensor/tensor.ts';
import { COMPRESSED, type EmmditConfig } from './emmdit-config.ts';

/** What the network is told of a grid, by the names of its inputs. */
export interface Places {
  /** For each cell its row of the table: (h w). */
  readonly cells: Tensor;
  /** Waves of each cell's place: (1, h w, D). */
  readonly places: Tensor;
  /** Where the cells of each compression stand among the compressed tokens: (h w / 4), (h w / 16). */
  readonly halves: Tensor;
  readonly quarters: Tensor;
}

/** Of a grid whose sides are multiples of SIDE and no longer than the table's. */
export function placesOf({ rows, columns }: Grid, config: Pick<EmmditConfig, 'width' | 'table' | 'cells'>): Places {
  const { width, table, cells: trained } = config;
  const [top, left] = [Math.floor((table - rows) / 2), Math.floor((table - columns) / 2)];
  const cells = Array.from({ length: rows * columns }, (_, i) => (top + Math.floor(i / columns)) * table + left + (i % columns));
  const scale = trained / table / Math.max(Math.floor(trained / 16), 1); // diffusers' base_size and interpolation_scale
  const waves = new Float32Array(cells.length * width);
  const frequencies = Float64Array.from({ length: width / 4 }, (_, i) => 10000 ** (-i / (width / 4)));
  for (const [i, cell] of cells.entries())
    setWaves(waves.subarray(i * width, (i + 1) * width), (cell % table) * scale, Math.floor(cell / table) * scale, frequencies);
  const [halves, quarters] = COMPRESSED.map((side) => cells.length / side ** 2) as [number, number];
  return {
    cells: int64([cells.length], cells),
    places: float32([1, cells.length, width], waves),
    halves: counted(0, halves),
    quarters: counted(halves, quarters),
  };
}

const counted = (from: number, count: number): Tensor =>
  int64(
    [count],
    Array.from({ length: count }, (_, i) => from + i),
  );

/** Sines and cosines of the column, then of the row, a quarter of the width each (Vaswani et al. 2017, in two directions). */
function setWaves(waves: Float32Array, column: number, row: number, frequencies: Float64Array): void {
  const quarter = frequencies.length;
  for (const [i, place] of [column, row].entries())
    for (let k = 0; k < quarter; k++) {
      waves[2 * i * quarter + k] = Math.sin(place * frequencies[k]!);
      waves[(2 * i + 1) * quarter + k] = Math.cos(place * frequencies[k]!);
    }
}
