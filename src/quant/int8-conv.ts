// Convolutions on the 8-bit kernel: the picture becomes u8 (one scale and zero point for all of it), each pixel's neighbours are laid
// side by side while they are bytes, and one integer product does the rest. Weights are s8 with a scale an output, as in int8.ts.
// Measured, with what was tried besides (ConvInteger, QLinearConv, floats laid side by side): docs/log.md, seventh session.
import {
  cast,
  concat,
  conv2d,
  div,
  max,
  maximum,
  min,
  minimum,
  neg,
  pad,
  round,
  slice,
  sub,
  transpose,
  type ConvOptions,
} from '../graph/ops.ts';
import { END } from '../graph/rules.ts';
import { apply, constant, parameter, type Value } from '../graph/value.ts';
import type { Convolve } from '../nn/scope.ts';
import { float32, tensor, type Tensor } from '../tensor/tensor.ts';
import { roundToEven } from './blocks.ts';
import { columnNames, LEVELS, type Columns } from './int8.ts';

/** Channels from which it pays: with fewer, moving the bytes costs what the product saves. */
const CHANNELS = 256;
/** Smallest step of the 8-bit picture: one that is all zero has none of its own. */
const STEP = 1e-20;

/**
 * Convolutions in 8 bits where a layer declared bits for its weight, the kernel moves by single pixels over all channels, and there are
 * enough of these; others stay float.
 */
export const int8Convolve: Convolve = (x, weight, path, { bits }, options) => {
  const { stride = 1, groups = 1 } = options;
  const pays = bits !== undefined && stride === 1 && groups === 1 && (weight.shape[1] as number) >= CHANNELS;
  return pays ? inBytes(x, weight, path, options) : conv2d(x, weight, options);
};

function inBytes(x: Value, weight: Value, path: string, { pads: [top, left, bottom, right] = [0, 0, 0, 0], bias }: ConvOptions): Value {
  const [out, inner, rows, columns] = weight.shape as [number, number, number, number];
  const low = min(minimum(x), 0);
  const step = max(div(sub(max(maximum(x), 0), low), 255), STEP);
  const zero = cast(round(div(neg(low), step)), 'uint8');
  const bytes = apply('QuantizeLinear', [pad(x, [0, 0, top, left, 0, 0, bottom, right]), step, zero]);
  const pixels = transpose(bytes, [0, 2, 3, 1]); // (B, h + pads, w + pads, in)
  const from = (start: number, size: number) => [start, start + 1 === size ? END : start + 1 - size] as const;
  const view = (i: number, j: number) => slice(slice(pixels, 1, ...from(i, rows)), 2, ...from(j, columns));
  const views = Array.from({ length: rows * columns }, (_, k) => view(Math.floor(k / columns), k % columns));
  const names = columnNames(path);
  const matrix = parameter(names.values, [rows * columns * inner, out], 'int8');
  const none = constant(tensor('int8', [], Int8Array.of(0)));
  const product = [concat(views, 3), matrix, step, parameter(names.scales, [out]), zero, none, ...(bias ? [bias] : [])];
  return transpose(apply('MatMulIntegerToFloat', product), [0, 3, 1, 2]); // (B, out, h', w')
}

/** Outputs that are written side by side, so that what is written lies together. */
const TOGETHER = 64;

/** A kernel (out, in, rows, columns) as 8-bit columns (rows * columns * in, out), as the pixels lie side by side. */
export function kernelColumns({ shape, data }: Tensor<'float32'>): Columns {
  const [out, inner, rows, columns] = shape as [number, number, number, number];
  const [places, each] = [rows * columns, inner * rows * columns];
  const scales = Float32Array.from({ length: out }, (_, o) => largest(data, o * each, (o + 1) * each) / LEVELS);
  const whole = new Int8Array(data.length); // (out, in, places)
  for (let o = 0, i = 0; o < out; o++) {
    const factor = 1 / (scales[o]! || 1); // an output of zeros stays zeros
    for (const end = i + each; i < end; i++) whole[i] = roundToEven(data[i]! * factor);
  }
  const values = new Int8Array(data.length); // (places, in, out)
  for (let first = 0; first < out; first += TOGETHER) {
    const last = Math.min(out, first + TOGETHER);
    for (let c = 0; c < inner; c++)
      for (let k = 0; k < places; k++)
        for (let o = first, to = (k * inner + c) * out + first, from = first * each + c * places + k; o < last; o++, to++, from += each)
          values[to] = whole[from]!;
  }
  return { values: tensor('int8', [each, out], values), scales: float32([out], scales) };
}

function largest(data: Float32Array, from: number, to: number): number {
  let found = 0;
  for (let i = from; i < to; i++) found = Math.max(found, Math.abs(data[i]!));
  return found;
}
