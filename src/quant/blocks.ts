// Weights in few bits: symmetric whole numbers in blocks of 128 along the input axis, one scale a block and output.
// w (in, out) = q (in, out) * scale (ceil(in / 128), out). Rounding is to nearest; the largest value of a block is exact
// up to rounding. Not here: which layers (plan.ts), the 4-bit kernels' packed layout, training with it (fake-quant.ts).
import { fromHalf, toHalf } from '../util/float16.ts';
import { float32, tensor, type Tensor } from '../tensor/tensor.ts';

/** Inputs that share a scale. */
export const BLOCK = 128;

export interface Blocks {
  /** int8 (in, out) */
  readonly values: Tensor<'int8'>;
  /** float16 (ceil(in / 128), out) */
  readonly scales: Tensor<'float16'>;
}

/** Rounds a float32 matrix (in, out) to `bits` bits (2 to 8). */
export function quantizeBlocks(weight: Tensor<'float32'>, bits = 8): Blocks {
  const [rows, columns] = weight.shape as [number, number];
  const limit = 2 ** (bits - 1) - 1;
  const blocks = Math.ceil(rows / BLOCK);
  const scales = new Uint16Array(blocks * columns);
  const values = new Int8Array(rows * columns);
  for (let b = 0; b < blocks; b++) {
    const end = Math.min(rows, (b + 1) * BLOCK);
    for (let c = 0; c < columns; c++) {
      let largest = 0;
      for (let r = b * BLOCK; r < end; r++) largest = Math.max(largest, Math.abs(weight.data[r * columns + c]!));
      scales[b * columns + c] = toHalf(largest / limit);
      const scale = fromHalf(scales[b * columns + c]!); // divide by what will multiply
      if (scale === 0) continue;
      for (let r = b * BLOCK; r < end; r++)
        values[r * columns + c] = Math.max(-limit, Math.min(limit, Math.round(weight.data[r * columns + c]! / scale)));
    }
  }
  return { values: tensor('int8', [rows, columns], values), scales: tensor('float16', [blocks, columns], scales) };
}

/** The float32 matrix that blocks stand for. */
export function dequantizeBlocks({ values, scales }: Blocks): Tensor<'float32'> {
  const [rows, columns] = values.shape as [number, number];
  const factors = Float32Array.from(scales.data, fromHalf);
  const data = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const block = Math.floor(r / BLOCK) * columns;
    for (let c = 0; c < columns; c++) data[r * columns + c] = values.data[r * columns + c]! * factors[block + c]!;
  }
  return float32([rows, columns], data);
}
