// Weights in few bits: whole numbers in blocks of 128 along the input axis, one scale a block and output.
// w (in, out) = q (in, out) * scale (ceil(in / 128), out). The number of largest magnitude is exactly the lowest whole number,
// -2^(bits-1), and the scale carries its sign: all 2^bits numbers are used, a step is an eighth (not a seventh) of the largest
// at 4 bits, and rounding what was rounded changes nothing. (llama.cpp's Q4_0 does the same.)
// Not here: which layers (plan.ts), the 4-bit kernels' packed layout (int4.ts), training with it (fake-quant.ts).
import { fromHalf, fromHalves, toHalf } from '../util/float16.ts';
import { float32, sizeOf, tensor, type Tensor } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';

/** Inputs that share a scale. */
export const BLOCK = 128;

export interface Blocks {
  /** (in, out); int4 holds two in a byte. */
  readonly values: Tensor<'int8'> | Tensor<'int4'>;
  /** float16 (ceil(in / 128), out) */
  readonly scales: Tensor<'float16'>;
}

/** 1.5 * 2^52: what is added to it and taken away again is rounded to a whole number, halves to even. */
const MAGIC = 6755399441055744;
export const roundToEven = (x: number): number => x + MAGIC - MAGIC;

/** Rounds a float32 matrix (in, out) to `bits` bits (2 to 8), values as int8. */
export function quantizeBlocks(weight: Tensor<'float32'>, bits = 8): Blocks & { values: Tensor<'int8'> } {
  const [rows, columns] = weight.shape as [number, number];
  const { data } = weight;
  const levels = 2 ** (bits - 1);
  const blocks = Math.ceil(rows / BLOCK);
  const scales = new Uint16Array(blocks * columns);
  const values = new Int8Array(rows * columns);
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  const factors = new Float32Array(columns);
  for (let b = 0; b < blocks; b++) {
    const [from, to] = [b * BLOCK, Math.min(rows, (b + 1) * BLOCK)];
    low.fill(0);
    high.fill(0);
    for (let r = from, i = from * columns; r < to; r++)
      for (let c = 0; c < columns; c++, i++) {
        const x = data[i]!;
        if (x < low[c]!) low[c] = x;
        else if (x > high[c]!) high[c] = x;
      }
    for (let c = 0; c < columns; c++) {
      const half = toHalf((high[c]! >= -low[c]! ? high[c]! : low[c]!) / -levels);
      scales[b * columns + c] = half;
      factors[c] = fromHalf(half) || 1; // divide by what will multiply; a block of zeros stays zeros
    }
    for (let r = from, i = from * columns; r < to; r++)
      for (let c = 0; c < columns; c++, i++) {
        const q = roundToEven(Math.fround(data[i]! / factors[c]!)); // as a float32 graph rounds
        values[i] = Math.max(-levels, Math.min(levels - 1, q));
      }
  }
  return { values: tensor('int8', [rows, columns], values), scales: tensor('float16', [blocks, columns], scales) };
}

/** The float32 matrix that blocks stand for. */
export function dequantizeBlocks({ values, scales }: Blocks): Tensor<'float32'> {
  const [rows, columns] = values.shape as [number, number];
  const whole = values.dtype === 'int4' ? fromNibbles(values) : values.data;
  const factors = fromHalves(scales.data);
  const data = new Float32Array(rows * columns);
  for (let r = 0, i = 0; r < rows; r++) {
    const block = Math.floor(r / BLOCK) * columns;
    for (let c = 0; c < columns; c++, i++) data[i] = whole[i]! * factors[block + c]!;
  }
  return float32([rows, columns], data);
}

/** The whole numbers of blocks (in, out), for the caller to keep. */
export function wholeNumbers({ values }: Blocks): Int8Array<ArrayBuffer> {
  return values.dtype === 'int4' ? fromNibbles(values) : values.data.slice();
}

/** Blocks with a byte for each number. */
export function wholeBlocks(blocks: Blocks): Blocks & { values: Tensor<'int8'> } {
  const { values, scales } = blocks;
  return { values: values.dtype === 'int8' ? values : tensor('int8', values.shape, fromNibbles(values)), scales };
}

/** A matrix as it is after rounding to `bits` bits. */
export function roundedTo(weight: Tensor<'float32'>, bits: number): Tensor<'float32'> {
  return dequantizeBlocks(quantizeBlocks(weight, bits));
}

/** int8 values that fit into 4 bits, two in a byte: for files. */
export function toNibbles({ shape, data }: Tensor<'int8'>): Tensor<'int4'> {
  const bytes = new Uint8Array(Math.ceil(data.length / 2));
  for (let i = 0; i < data.length; i++) {
    if (data[i]! < -8 || data[i]! > 7) throw new InputError('quant.range', `value ${data[i]} does not fit into 4 bits`);
    bytes[i >> 1]! |= (data[i]! & 15) << (4 * (i & 1));
  }
  return tensor('int4', shape, bytes);
}

/** Bits that files and kernels hold a number of `bits` bits in: 4 or 8. */
export const heldBits = (bits: number): 4 | 8 => (bits <= 4 ? 4 : 8);

/** A matrix rounded to `bits` bits as a file holds it: in blocks of 4 bits, or of 8, whose numbers then leave out the steps between. */
export function heldBlocks(weight: Tensor<'float32'>, bits: number): Blocks {
  const held = heldBits(bits);
  const { values, scales } = quantizeBlocks(held === bits ? weight : roundedTo(weight, bits), held);
  return { values: held === 4 ? toNibbles(values) : values, scales };
}

/** int8 values of two in a byte. */
export function fromNibbles({ shape, data }: Tensor<'int4'>): Int8Array<ArrayBuffer> {
  const values = new Int8Array(sizeOf(shape));
  for (let i = 0; i < values.length; i += 2) {
    const byte = data[i >> 1]!;
    values[i] = (byte << 28) >> 28; // sign of the nibble
    values[i + 1] = (byte << 24) >> 28; // beyond the end it is dropped
  }
  return values;
}
