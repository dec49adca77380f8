// The noise that a picture begins with. A coarser latent grid gets the finer grid's noise averaged and brought back to
// variance 1, so that a picture drawn with fewer tokens (a preview under load) has the layout of the same seed's full one.
import type { Random } from '../util/random.ts';

/** Tokens in rows and columns. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Standard normal noise for `grid`, rows first, `channels` each; of `rng`, drawn for the finer grid `full`. */
export function gridNoise(rng: Random, full: Grid, grid: Grid, channels: number): Float32Array<ArrayBuffer> {
  const fine = rng.normals(full.rows * full.columns * channels);
  if (grid.rows === full.rows && grid.columns === full.columns) return fine;
  const [rows, columns] = [shares(full.rows, grid.rows), shares(full.columns, grid.columns)];
  const coarse = new Float32Array(grid.rows * grid.columns * channels);
  rows.forEach((row, y) =>
    columns.forEach((column, x) => {
      let power = 0;
      const at = (y * grid.columns + x) * channels;
      for (const [r, a] of row)
        for (const [c, b] of column) {
          power += (a * b) ** 2;
          for (let k = 0; k < channels; k++) coarse[at + k]! += a * b * fine[(r * full.columns + c) * channels + k]!;
        }
      for (let k = 0; k < channels; k++) coarse[at + k]! /= Math.sqrt(power); // independent terms: variances add
    }),
  );
  return coarse;
}

/** For each of `to` cells along an axis of `from`: the cells under it and how much of each. */
function shares(from: number, to: number): [index: number, share: number][][] {
  return Array.from({ length: to }, (_, cell) => {
    const [begin, end] = [(cell * from) / to, ((cell + 1) * from) / to];
    const under: [number, number][] = [];
    for (let i = Math.floor(begin); i < Math.min(from, end); i++) {
      const share = Math.min(i + 1, end) - Math.max(i, begin);
      if (share > 1e-9) under.push([i, share]);
    }
    return under;
  });
}
