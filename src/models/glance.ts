// A rough picture of a latent in next to no time, for previews: each cell one colour, by a line through what the model's own decoder makes of
// noise. So it needs no numbers from elsewhere, and serves every decoder; the large one takes longer than a step.
import type { Grid } from '../sampling/noise.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';

/** The pixels (1, 3, H, W) of a latent (1, h, w, C). */
type Decode = (latent: Tensor<'float32'>) => Promise<Tensor>;

/** Cells along the side of the noise for each number of a cell, squared: three times as many as there are numbers to find, and more. */
const CELLS = 4;
const LEAST = 8;
/** What keeps numbers that nothing depends on at zero. */
const RIDGE = 1e-3;

/** What gives the pixels (1, 3, h, w) of a latent (1, h, w, C), one a cell. The decoder is run when it is first asked, and never again. */
export function glancer(channels: number, decode: Decode): (latent: Float32Array, grid: Grid) => Promise<Tensor> {
  let colours: Promise<Float64Array[]> | undefined;
  return async (latent, { rows, columns }) => {
    const each = await (colours ??= coloursOf(channels, decode));
    const cells = rows * columns;
    const pixels = new Float32Array(3 * cells);
    for (let cell = 0; cell < cells; cell++)
      for (let c = 0; c < 3; c++) {
        let sum = each[channels]![c]!;
        for (let k = 0; k < channels; k++) sum += latent[cell * channels + k]! * each[k]![c]!;
        pixels[c * cells + cell] = sum;
      }
    return float32([1, 3, rows, columns], pixels);
  };
}

/** The colour that one of each number of a cell adds, and last that of none: least squares, x' x w = x' y. */
async function coloursOf(channels: number, decode: Decode): Promise<Float64Array[]> {
  const side = Math.max(LEAST, Math.ceil(Math.sqrt(CELLS * (channels + 1))));
  const noise = random(0).normals(side * side * channels);
  const found = await decode(float32([1, side, side, channels], noise));
  const size = channels + 1;
  const system = Array.from({ length: size }, (_, i) => Float64Array.from({ length: size + 3 }, (_, j) => (i === j ? RIDGE : 0)));
  for (let cell = 0; cell < side * side; cell++) {
    const x = [...noise.subarray(cell * channels, (cell + 1) * channels), 1];
    const row = [...x, ...meanColour(found, side, cell)];
    for (const [i, xi] of x.entries()) row.forEach((y, j) => (system[i]![j]! += xi * y));
  }
  return solved(system);
}

/** The mean colour of a cell's pixels. */
function meanColour({ shape, data }: Tensor, side: number, cell: number): number[] {
  const [, , H, W] = shape as [number, number, number, number];
  const pixels = W / side;
  const [top, left] = [Math.floor(cell / side) * pixels, (cell % side) * pixels];
  return [0, 1, 2].map((c) => {
    let sum = 0;
    for (let y = top; y < top + pixels; y++) for (let x = left; x < left + pixels; x++) sum += Number(data[(c * H + y) * W + x]);
    return sum / pixels ** 2;
  });
}

/** The right sides of a positive definite system, each row with its own, once its left is the identity (Gauss and Jordan). */
function solved(system: Float64Array[]): Float64Array[] {
  const size = system.length;
  for (let i = 0; i < size; i++) {
    const row = system[i]!;
    row.set(row.map((x) => x / row[i]!));
    for (const other of system) {
      const by = other[i]!;
      if (other !== row) for (let j = i; j < row.length; j++) other[j]! -= by * row[j]!;
    }
  }
  return system.map((row) => row.slice(size));
}
