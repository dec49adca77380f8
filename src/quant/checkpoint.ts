// The parameters of a graph from a checkpoint: floats, or what a quantized product asks for, made of what the files hold - a matrix as
// PyTorch keeps it, or blocks that were rounded before (stream.ts). One weight is in memory as float32 at a time.
import type { Graph } from '../graph/value.ts';
import type { Specs } from '../nn/scope.ts';
import { heldWeights } from '../runtime/runtime.ts';
import { float32, sizeOf, transposed, type Tensor, type Tensors } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';
import { InputError } from '../util/errors.ts';
import { kindOf, type Kind } from './bind.ts';
import { dequantizeBlocks, type Blocks } from './blocks.ts';
import { blockNames, KERNEL_BITS, unpackBlocks } from './int4.ts';

type Held = Tensor<'float32'> | (Blocks & { readonly bits: number });

/** What a weight is in place of what the file has, a matrix (in, out) or as a kernel; undefined where it stays. */
export type ChangeWeight = (path: string, weight: () => Tensor<'float32'>) => Tensor<'float32'> | undefined;

/** A part of a checkpoint: of a file that holds several networks, the one under `prefix` ("model.diffusion_model."). */
export function under(weights: Weights, prefix: string): Weights {
  return {
    ...weights,
    source: `${weights.source} ${prefix}`,
    names: weights.names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)),
    outline: (name) => weights.outline(prefix + name),
    read: (name, rows) => weights.read(prefix + name, rows),
  };
}

/**
 * Every parameter of a graph by name; `specs` are the weights that its layers asked for; `change` may set others, before they are rounded. Throws InputError `weights.missing` or
 * `weights.shape` for what the checkpoint does not have so, `file.read` when it cannot be read any more.
 */
export const checkpointWeights = (g: Graph, specs: Specs, weights: Weights, change?: ChangeWeight): Promise<Tensors> =>
  heldWeights(() => checkpointStream(g, specs, weights, change));

/** The same one after the other, so that they need not be in memory at once. */
export async function* checkpointStream(
  g: Graph,
  specs: Specs,
  weights: Weights,
  change?: ChangeWeight,
): AsyncGenerator<[name: string, weight: Tensor]> {
  const names = new Set(weights.names);
  const heldAs = async (path: string): Promise<Held> => {
    const found = await held(path, specs, weights, names);
    return change?.(path, () => whole(found)) ?? found;
  };
  const done = new Set<string>();
  for (const { op, name = '' } of g.inputs) {
    if (op !== 'Parameter' || done.has(name)) continue; // scales come with their values
    const found = names.has(name) ? undefined : kindOf(name);
    const bound: Tensors = found
      ? made(found.kind, found.path, await heldAs(found.path))
      : { [name]: specs.has(name) ? whole(await heldAs(name)) : await weights.read(name) };
    for (const one of Object.entries(bound)) {
      done.add(one[0]);
      yield one;
    }
  }
}

const whole = (weight: Held): Tensor<'float32'> => ('scales' in weight ? dequantizeBlocks(weight) : weight);

/** What a kernel wants, of the blocks as they are where they have its bits. */
function made(kind: Kind, path: string, weight: Held): Tensors {
  const fits = 'scales' in weight && (kind.bits === undefined || kind.bits === weight.bits);
  return kind.make(path, fits ? weight : whole(weight));
}

/** A weight as (in, out), or as a kernel: from its tensor, or from its blocks. */
async function held(path: string, specs: Specs, weights: Weights, names: ReadonlySet<string>): Promise<Held> {
  const { shape, turned } = specs.get(path)!;
  const bits = names.has(path) ? undefined : KERNEL_BITS.find((count) => names.has(blockNames(path, count).values));
  if (bits !== undefined) {
    const packed = blockNames(path, bits);
    const [values, scales] = [await weights.read(packed.values), await weights.read(packed.scales)];
    return { ...unpackBlocks({ values: values as Tensor<'uint8'>, scales: scales as Tensor<'float32'> }, bits, shape[0]!), bits };
  }
  const found = await weights.read(path);
  const wanted = turned ? [...shape].reverse() : shape;
  const lies = found.shape.slice(0, wanted.length); // a matrix may be kept as a convolution of one point
  if (found.dtype !== 'float32' || lies.join() !== wanted.join() || sizeOf(lies) !== sizeOf(found.shape))
    throw new InputError('weights.shape', `${weights.source}: "${path}" is ${found.dtype}[${found.shape}], expected float32[${wanted}]`);
  const t = float32(lies, found.data as Float32Array);
  return turned ? transposed(t) : t;
}
