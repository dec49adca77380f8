// Products on the 8-bit kernel DynamicQuantizeMatMul, the fastest on CPU and WASM: weights are s8 with a scale a column, made at
// load from whatever the file holds; activations become u8 at each run, one scale and zero point for the whole tensor.
// It does not run on WebGPU. On x86 without VNNI the kernel adds pairs of products in 16 bits, which overflow: `int8IsExact` tells.
// (Weights as u8 with a zero point do not, but took 2.3 times as long here: 5.6 against 2.5 ms for 256x768x2048, one thread.)
import { matmul } from '../graph/ops.ts';
import { apply, constant, graph, input, parameter, type Value } from '../graph/value.ts';
import type { Product } from '../nn/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { float32, tensor, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { fromHalves } from '../util/float16.ts';
import { BLOCK, roundToEven, wholeNumbers, type Blocks } from './blocks.ts';
import type { Plan } from './plan.ts';

/** The largest whole number of an 8-bit weight. */
export const LEVELS = 127;

/** Names of the 8-bit weight and its scales. */
export const columnNames = (path: string) => ({ values: `${path}.s8`, scales: `${path}.s8.scale` });

export interface Columns {
  /** int8 (in, out), -127 to 127 */
  readonly values: Tensor<'int8'>;
  /** float32 (out) */
  readonly scales: Tensor<'float32'>;
}

/** Rounds a float32 matrix (in, out) to 8 bits, each column by its own scale. */
export function quantizeColumns({ shape, data }: Tensor<'float32'>): Columns {
  const [rows, columns] = shape as [number, number];
  const scales = new Float32Array(columns);
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < columns; c++, i++) {
      const x = Math.abs(data[i]!);
      if (x > scales[c]!) scales[c] = x;
    }
  const factors = Float64Array.from(scales, (largest) => LEVELS / (largest || 1)); // a column of zeros stays zeros
  for (let c = 0; c < columns; c++) scales[c] = 1 / factors[c]!;
  const values = new Int8Array(rows * columns);
  for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < columns; c++, i++) values[i] = roundToEven(data[i]! * factors[c]!);
  return { values: tensor('int8', [rows, columns], values), scales: float32([columns], scales) };
}

/** Fraction bits of the ratios below: 128 * 127 * 2^16 still fits into 31 bits. */
const FRACTION = 16;
const ONE = 1 << FRACTION;
const HALF = ONE / 2;

/**
 * The same from the blocks of a file, in one pass and without the float32 matrix between them; halves are rounded up. In blocks
 * the number of largest magnitude is the lowest whole number (blocks.ts), so steps alone tell the largest of a column.
 */
export function columnsOfBlocks({ values, scales: halves }: Blocks): Columns {
  const [rows, columns] = values.shape as [number, number];
  const steps = fromHalves(halves.data); // (n, out)
  const pairs = values.dtype === 'int4' && columns % 2 === 0; // else a byte holds numbers of two rows
  const whole = pairs ? new Int8Array(rows * columns) : wholeNumbers({ values, scales: halves });
  const lowest = pairs
    ? lowestOf(values.data, 16, (byte) => Math.min((byte << 28) >> 28, (byte << 24) >> 28))
    : lowestOf(whole, 256, (q) => q);
  const scales = new Float32Array(columns);
  for (let i = 0, c = 0; i < steps.length; i++, c = c + 1 < columns ? c + 1 : 0) {
    const largest = -lowest * Math.abs(steps[i]!);
    if (largest > scales[c]!) scales[c] = largest;
  }
  const factors = Float64Array.from(scales, (x) => LEVELS / (x || 1)); // a column of zeros stays zeros
  for (let c = 0; c < columns; c++) scales[c] = 1 / factors[c]!;
  const ratios = new Int32Array(columns);
  for (let from = 0, i = 0; from < rows; from += BLOCK) {
    for (let c = 0; c < columns; c++, i++) ratios[c] = Math.round(steps[i]! * factors[c]! * ONE);
    const to = Math.min(rows, from + BLOCK);
    if (pairs) scalePairs(values.data as Uint8Array, whole, ratios, from, to);
    else scaleNumbers(whole, ratios, from, to);
  }
  return { values: tensor('int8', [rows, columns], whole), scales: float32([columns], scales) };
}

/** The lowest number, at least -levels/2: once that is found, nothing more is looked at. */
function lowestOf(data: Int8Array | Uint8Array, levels: number, read: (x: number) => number): number {
  let lowest = 0;
  for (let i = 0; i < data.length && lowest > -levels / 2; i++) lowest = Math.min(lowest, read(data[i]!));
  return lowest;
}

/** Rows [from, to) of two numbers in a byte, times the ratio of each column. */
function scalePairs(bytes: Uint8Array, into: Int8Array, ratios: Int32Array, from: number, to: number): void {
  const columns = ratios.length;
  for (let r = from, i = from * columns; r < to; r++)
    for (let c = 0; c < columns; c += 2, i += 2) {
      const byte = bytes[i >> 1]!;
      into[i] = (Math.imul((byte << 28) >> 28, ratios[c]!) + HALF) >> FRACTION;
      into[i + 1] = (Math.imul((byte << 24) >> 28, ratios[c + 1]!) + HALF) >> FRACTION;
    }
}

/** Rows [from, to) of numbers, times the ratio of each column. */
function scaleNumbers(whole: Int8Array, ratios: Int32Array, from: number, to: number): void {
  const columns = ratios.length;
  for (let r = from, i = from * columns; r < to; r++)
    for (let c = 0; c < columns; c++, i++) whole[i] = (Math.imul(whole[i]!, ratios[c]!) + HALF) >> FRACTION;
}

/** The float32 matrix that 8-bit columns stand for. */
export function dequantizeColumns({ values, scales }: Columns): Tensor<'float32'> {
  const columns = scales.data.length;
  return float32(
    values.shape,
    Float32Array.from(values.data, (q, i) => q * scales.data[i % columns]!),
  );
}

/** The parameters of a weight by name, from its float32 matrix or its blocks. */
export const columnTensors = (path: string, weight: Tensor<'float32'> | Blocks): Tensors =>
  namedColumns(path, 'scales' in weight ? columnsOfBlocks(weight) : quantizeColumns(weight));

export function namedColumns(path: string, { values, scales }: Columns): Tensors {
  const names = columnNames(path);
  return { [names.values]: values, [names.scales]: scales };
}

/** Products by DynamicQuantizeMatMul for the weights of a plan, whatever their bits; others are multiplied as floats. */
export function int8Product({ plan }: { plan: Plan }): Product {
  const made = new Map<Value, [Value, Value]>();
  return (x, weight, path) => {
    if (plan[path] === undefined) return matmul(x, weight);
    const names = columnNames(path);
    let packed = made.get(weight);
    if (!packed)
      made.set(
        weight,
        (packed = [parameter(names.values, weight.shape as number[], 'int8'), parameter(names.scales, [weight.shape[1] as number])]),
      );
    return apply('DynamicQuantizeMatMul', [x, ...packed]);
  };
}

/** Whether a runtime has the kernel and adds up its largest products without overflow. */
export async function int8IsExact(runtime: Runtime): Promise<boolean> {
  const [rows, K, N] = [8, 64, 32];
  const full = (shape: number[], x: number) => float32(shape, new Float32Array(shape[0]! * (shape[1] ?? 1)).fill(x));
  const { values, scales } = quantizeColumns(full([K, N], LEVELS));
  const g = graph('int8', { y: apply('DynamicQuantizeMatMul', [input('x', [rows, K]), constant(values), constant(scales)]) });
  try {
    const session = await runtime.compile(g);
    const { y } = await session.run({ x: full([rows, K], 255) });
    await session.release();
    return (y!.data as Float32Array).every((x) => Math.abs(x / (K * 255 * LEVELS) - 1) < 1e-3);
  } catch {
    return false;
  }
}
