// Products on the block kernel MatMulNBits: 4 (or 2, or 8) bits, blocks of 128 along the input. It runs on the CPU, in WASM and
// on WebGPU, and reads the weight as it lies in the file. The packed weight is a parameter of the graph named after its path,
// PATH.q4 and PATH.q4.scale, so that one set of float weights serves every kind of product (see bind.ts).
// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits
import { matmul } from '../graph/ops.ts';
import { apply, parameter, type Value } from '../graph/value.ts';
import type { Product } from '../nn/scope.ts';
import { tensor, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { fromHalf, toHalf } from '../util/float16.ts';
import { BLOCK, quantizeBlocks, wholeBlocks, type Blocks } from './blocks.ts';
import type { Plan } from './plan.ts';

/** Widths that the kernel takes. */
export const KERNEL_BITS = [2, 4, 8] as const;

/** Names of a packed weight and its scales. */
export const blockNames = (path: string, bits: number) => ({ values: `${path}.q${bits}`, scales: `${path}.q${bits}.scale` });

export interface PackedBlocks {
  /** uint8 (out, blocks, 128 * bits / 8): whole numbers + 2^(bits-1), the lowest bits first. */
  readonly values: Tensor<'uint8'>;
  /** float32 (out * blocks) */
  readonly scales: Tensor<'float32'>;
}

/** int8 blocks (in, out) in the kernel's layout. What pads the last block stands for zero. */
export function packBlocks({ values, scales }: Blocks & { values: Tensor<'int8'> }, bits: number): PackedBlocks {
  const [rows, columns] = values.shape as [number, number];
  const blocks = Math.ceil(rows / BLOCK);
  const bytes = (BLOCK * bits) / 8;
  const zero = 2 ** (bits - 1);
  const each = 8 / bits; // numbers in a byte
  const packed = new Uint8Array(columns * blocks * bytes);
  for (let r = 0, i = 0; r < blocks * BLOCK; r++) {
    const at = Math.floor(r / each); // in a column, whose blocks lie one after the other
    const shift = bits * (r % each);
    if (r < rows) for (let c = 0, o = at; c < columns; c++, i++, o += blocks * bytes) packed[o]! |= (values.data[i]! + zero) << shift;
    else for (let c = 0, o = at; c < columns; c++, o += blocks * bytes) packed[o]! |= zero << shift;
  }
  const factors = new Float32Array(columns * blocks);
  for (let b = 0; b < blocks; b++) for (let c = 0; c < columns; c++) factors[c * blocks + b] = fromHalf(scales.data[b * columns + c]!);
  return { values: tensor('uint8', [columns, blocks, bytes], packed), scales: tensor('float32', [columns * blocks], factors) };
}

/** Columns that are written side by side, so that what is written lies together. */
const TOGETHER = 64;

/** The blocks of a packed weight with `rows` inputs. */
export function unpackBlocks({ values, scales }: PackedBlocks, bits: number, rows: number): Blocks & { values: Tensor<'int8'> } {
  const [columns, blocks, bytes] = values.shape as [number, number, number];
  const each = 8 / bits;
  const whole = zeros('int8', [rows, columns]);
  const halves = zeros('float16', [blocks, columns]);
  const [from, to, stride, mask, half] = [values.data, whole.data, blocks * bytes, 2 ** bits - 1, 2 ** (bits - 1)];
  for (let first = 0; first < columns; first += TOGETHER) {
    const last = Math.min(columns, first + TOGETHER);
    for (let r = 0; r < rows; r++) {
      const [at, shift] = [Math.floor(r / each), bits * (r % each)];
      for (let c = first; c < last; c++) to[r * columns + c] = ((from[c * stride + at]! >> shift) & mask) - half;
    }
  }
  for (let c = 0; c < columns; c++) for (let b = 0; b < blocks; b++) halves.data[b * columns + c] = toHalf(scales.data[c * blocks + b]!);
  return { values: whole, scales: halves };
}

/** The parameters of a weight by name, from its float32 matrix or its blocks. */
export function blockTensors(path: string, weight: Tensor<'float32'> | Blocks, bits: number): Tensors {
  const names = blockNames(path, bits);
  const { values, scales } = packBlocks('scales' in weight ? wholeBlocks(weight) : quantizeBlocks(weight, bits), bits);
  return { [names.values]: values, [names.scales]: scales };
}

export interface BlockProductOptions {
  /** Weights that it does not name are multiplied as floats. */
  readonly plan: Plan;
  /** 4: activations are rounded to 8 bits in blocks of 128, twice as fast on the CPU. 0: they stay float. */
  readonly accuracy?: 0 | 4;
}

/** Products by MatMulNBits, with the bits of the plan. */
export function nbitsProduct({ plan, accuracy = 4 }: BlockProductOptions): Product {
  const made = new Map<Value, [Value, Value]>();
  return (x, weight, path) => {
    const bits = plan[path];
    if (bits === undefined) return matmul(x, weight);
    const [K, N] = weight.shape as [number, number];
    const blocks = Math.ceil(K / BLOCK);
    const names = blockNames(path, bits);
    let packed = made.get(weight);
    if (!packed)
      made.set(
        weight,
        (packed = [parameter(names.values, [N, blocks, (BLOCK * bits) / 8], 'uint8'), parameter(names.scales, [N * blocks])]),
      );
    return apply('MatMulNBits', [x, ...packed], { K, N, bits, block_size: BLOCK, accuracy_level: accuracy });
  };
}
