// Low-rank adaptation (Hu et al. 2021) as side inputs: a product x W also gets (x A) B, with A (in, r) and B (r, out) fed
// beside it and r a symbol. No weight is edited: an adapter goes on and off by feeding other matrices, several are laid side by
// side along r, and it works the same on quantized weights. The strength is folded into B when feeding.
import { add, matmul } from '../graph/ops.ts';
import { input, type Value } from '../graph/value.ts';
import type { Product, Specs, Traits } from '../nn/scope.ts';
import { float32, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';

/** Names of the side inputs of a weight: PEFT's, so that a file's keys are the inputs' names. */
export const loraNames = (path: string) => {
  const module = path.replace(/\.weight$/, '');
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
};

export interface LoraProductOptions {
  /** A symbol, or a number to train at. */
  readonly rank?: string | number;
  /** Which weights get side inputs; default: all that adapters can change. */
  readonly where?: (traits: Traits) => boolean;
  /** Gets the side inputs that were made, by the weight's path. */
  readonly sides?: Map<string, { a: Value; b: Value }>;
}

/** Wraps a way to multiply so that products get side inputs. */
export function loraProduct(inner: Product, { rank = 'r', where = isAdaptable, sides = new Map() }: LoraProductOptions = {}): Product {
  return (x, weight, path, traits) => {
    const plain = inner(x, weight, path, traits);
    if (!where(traits)) return plain;
    const [width, out] = weight.shape as [number, number];
    const names = loraNames(path);
    let side = sides.get(path);
    if (!side) sides.set(path, (side = { a: input(names.a, [width, rank]), b: input(names.b, [rank, out]) }));
    return add(plain, matmul(matmul(x, side.a), side.b));
  };
}

/** An adapter: its matrices by input name, A (in, r) and B (r, out), and the strength it is used at. */
export interface Applied {
  readonly tensors: Tensors;
  /** 1 is as trained; may be negative; 0 is off. */
  readonly strength: number;
}

/**
 * The side inputs for some adapters at once, for all weights that have them; weights that no adapter touches get rank-`least`
 * zeros (0, or 1 where an engine cannot take empty matrices). All weights get one common rank.
 */
export function loraFeeds(specs: Specs, adapters: readonly Applied[], { least = 0 }: { least?: number } = {}): Tensors {
  const products = [...specs].filter(([, spec]) => isAdaptable(spec));
  const ranks = adapters.map(({ tensors }) =>
    Math.max(
      0,
      ...Object.entries(tensors)
        .filter(([k]) => k.endsWith('lora_A.weight'))
        .map(([, t]) => t.shape[1]!),
    ),
  );
  const rank = Math.max(
    least,
    ranks.reduce((sum, r) => sum + r, 0),
  );
  const feeds: Tensors = {};
  for (const [path, { shape }] of products) {
    const [width, out] = shape as [number, number];
    const names = loraNames(path);
    const a = zeros('float32', [width, rank]);
    const b = zeros('float32', [rank, out]);
    let at = 0;
    adapters.forEach(({ tensors, strength }, i) => {
      const [sideA, sideB] = [tensors[names.a], tensors[names.b]];
      if (sideA && sideB) place(path, a, b, at, sideA, sideB, strength);
      at += ranks[i]!;
    });
    feeds[names.a] = a;
    feeds[names.b] = b;
  }
  return feeds;
}

/** Whether adapters can change a weight. */
export const isAdaptable = ({ adapt }: Traits): boolean => adapt !== undefined;

function place(path: string, a: Tensor<'float32'>, b: Tensor<'float32'>, at: number, sideA: Tensor, sideB: Tensor, strength: number): void {
  const [width, rank] = a.shape as [number, number];
  const out = b.shape[1]!;
  const r = sideA.shape[1]!;
  if (sideA.shape[0] !== width || sideB.shape[0] !== r || sideB.shape[1] !== out)
    throw new InputError(
      'lora.shape',
      `adapter for "${path}": A [${sideA.shape}] and B [${sideB.shape}] do not fit a weight [${width},${out}]; was it made for another model?`,
    );
  for (let i = 0; i < width; i++) a.data.set((sideA.data as Float32Array).subarray(i * r, (i + 1) * r), i * rank + at);
  for (let i = 0; i < r * out; i++) b.data[at * out + i] = (sideB.data[i] as number) * strength;
}

/** The weight with an adapter baked in: W + strength A B. */
export function mergeLora(weight: Tensor<'float32'>, a: Tensor<'float32'>, b: Tensor<'float32'>, strength: number): Tensor<'float32'> {
  const [width, out] = weight.shape as [number, number];
  const r = a.shape[1]!;
  const data = weight.data.slice();
  for (let i = 0; i < width; i++)
    for (let k = 0; k < r; k++) {
      const factor = strength * a.data[i * r + k]!;
      for (let j = 0; j < out; j++) data[i * out + j]! += factor * b.data[k * out + j]!;
    }
  return float32([width, out], data);
}
