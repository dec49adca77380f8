// Weights as model files hold them: large matrices as blocks of 8 or 4 bits (values under the weight's name, scales under NAME.scale),
// the rest float16. Of a file a weight is read when it is asked for, each time anew: as float32, exactly the numbers that the block
// kernels compute with, or as its blocks. So a session takes what it needs, and nothing else of the model stays in memory.
import type { LazyTensors } from '../tensor/lazy.ts';
import type { Outline } from '../tensor/safetensors.ts';
import { float32, tensor, type DType, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { fromHalves, toHalf } from '../util/float16.ts';
import type { BlocksOf } from './bind.ts';
import { BLOCK, dequantizeBlocks, heldBlocks } from './blocks.ts';
import type { Plan } from './plan.ts';

/** What the name of a weight's scales ends with. */
export const SCALE = '.scale';

/** The tensors of a file with these weights, those of the plan in so many bits. */
export function packWeights({ names, read }: LazyTensors, plan: Plan): Tensors {
  const tensors: Tensors = {};
  for (const path of names) {
    const weight = read(path);
    const bits = plan[path];
    if (bits !== undefined) {
      const { values, scales } = heldBlocks(weight as Tensor<'float32'>, bits);
      tensors[path] = values;
      tensors[path + SCALE] = scales;
    } else tensors[path] = tensor('float16', weight.shape, Uint16Array.from(weight.data as Float32Array, toHalf));
  }
  return tensors;
}

export interface StoredWeights {
  /** float32 by path, made anew each time one is read. */
  readonly weights: LazyTensors;
  /** Bits of those that are blocks, 4 or 8. */
  readonly plan: Plan;
  readonly blocks: BlocksOf;
}

/** Weights of a file. Throws InputError naming `source` for types that cannot be, scales that do not fit, and numbers that are none. */
export function storedWeights(
  { tensors, read }: { readonly tensors: ReadonlyMap<string, Outline>; read(name: string): Tensor },
  source: string,
): StoredWeights {
  const plan: Record<string, number> = {};
  const outlines = new Map<string, Outline>();
  const blocks: BlocksOf = (path) =>
    plan[path] === undefined
      ? undefined
      : {
          values: read(path) as Tensor<'int8' | 'int4'> as Tensor<'int8'>,
          scales: read(path + SCALE) as Tensor<'float16'>,
          bits: plan[path],
        };
  const half = (path: string) => {
    const { shape, data } = read(path);
    return float32(shape, fromHalves(data as Uint16Array));
  };
  for (const [path, stored] of tensors) {
    if (path.endsWith(SCALE)) continue;
    const bits = BITS[stored.dtype];
    if (bits !== undefined) {
      checkScales(path, stored, tensors.get(path + SCALE), source);
      plan[path] = bits;
      checkNumbers(path + SCALE, read(path + SCALE), source);
    } else if (stored.dtype === 'float16') checkNumbers(path, read(path), source);
    else
      throw new InputError('model.weight', `${source}: weight "${path}" is ${stored.dtype}, expected blocks of int8 or int4, or float16`);
    outlines.set(path, { dtype: 'float32', shape: stored.shape });
  }
  const weights: LazyTensors = {
    names: [...outlines.keys()],
    outline: (path) => outlines.get(path),
    read: (path) => (plan[path] === undefined ? half(path) : dequantizeBlocks(blocks(path)!)),
  };
  return { weights, plan, blocks };
}

/** Bits of the types that are blocks. */
const BITS: { readonly [T in DType]?: number } = { int8: 8, int4: 4 };

function checkScales(path: string, { dtype, shape }: Outline, scales: Outline | undefined, source: string): void {
  const [rows = 0, columns] = shape;
  if (scales?.dtype !== 'float16' || shape.length !== 2 || scales.shape.join() !== `${Math.ceil(rows / BLOCK)},${columns}`)
    throw new InputError('model.weight', `${source}: weight "${path}" ${dtype}[${shape}] has no scales that fit`);
}

/** Bits of a half's exponent: all set in what is infinite or no number. */
const EXPONENT = 0x7c00;

/** Blocks are whole numbers, always finite: what can be infinite or no number are halves. */
function checkNumbers(path: string, { data }: Tensor, source: string): void {
  const halves = data as Uint16Array;
  for (let i = 0; i < halves.length; i++)
    if ((halves[i]! & EXPONENT) === EXPONENT)
      throw new InputError('model.number', `${source}: weight "${path}" has a number that is infinite or none at all; the file is damaged`);
}
