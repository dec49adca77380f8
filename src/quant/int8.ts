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

const LEVELS = 127;

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
 * The same from the blocks of a file, without the float32 matrix between them; halves are rounded up. In blocks the number of
 * largest magnitude is the lowest whole number (blocks.ts), so steps alone tell the largest of a column.
 */
export function columnsOfBlocks(blocks: Blocks): Columns {
  const [rows, columns] = blocks.values.shape as [number, number];
  const whole = wholeNumbers(blocks);
  const steps = fromHalves(blocks.scales.data); // (n, out)
  let lowest = 0;
  for (let i = 0; i < whole.length; i++) if (whole[i]! < lowest) lowest = whole[i]!;
  const scales = new Float32Array(columns);
  for (let i = 0; i < steps.length; i++) {
    const largest = -lowest * Math.abs(steps[i]!);
    if (largest > scales[i % columns]!) scales[i % columns] = largest;
  }
  const factors = Float64Array.from(scales, (x) => LEVELS / (x || 1)); // a column of zeros stays zeros
  for (let c = 0; c < columns; c++) scales[c] = 1 / factors[c]!;
  const ratios = new Int32Array(steps.length);
  for (let i = 0; i < steps.length; i++) ratios[i] = Math.round(steps[i]! * factors[i % columns]! * ONE);
  for (let r = 0; r < rows; r++) {
    const from = Math.floor(r / BLOCK) * columns;
    const block = ratios.subarray(from, from + columns);
    const row = whole.subarray(r * columns, (r + 1) * columns);
    for (let c = 0; c < columns; c++) row[c] = (Math.imul(row[c]!, block[c]!) + HALF) >> FRACTION;
  }
  return { values: tensor('int8', [rows, columns], whole), scales: float32([columns], scales) };
}

/** The float32 matrix that 8-bit columns stand for. */
export function dequantizeColumns({ values, scales }: Columns): Tensor<'float32'> {
  const columns = scales.data.length;
  return float32(values.shape, Float32Array.from(values.data, (q, i) => q * scales.data[i % columns]!));
}

/** The parameters of a weight by name, from its float32 matrix or its blocks. */
export function columnTensors(path: string, weight: Tensor<'float32'> | Blocks): Tensors {
  const names = columnNames(path);
  const { values, scales } = 'scales' in weight ? columnsOfBlocks(weight) : quantizeColumns(weight);
  return { [names.values]: values, [names.scales]: scales };
}

/** Products by DynamicQuantizeMatMul for the weights of a plan, whatever their bits; others are multiplied as floats. */
export function int8Product({ plan }: { plan: Plan }): Product {
  const made = new Map<Value, [Value, Value]>();
  return (x, weight, path) => {
    if (plan[path] === undefined) return matmul(x, weight);
    const names = columnNames(path);
    let packed = made.get(weight);
    if (!packed) made.set(weight, (packed = [parameter(names.values, weight.shape as number[], 'int8'), parameter(names.scales, [weight.shape[1] as number])]));
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
