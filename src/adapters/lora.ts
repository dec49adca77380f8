// Low-rank adaptation (Hu et al. 2021) as side inputs: a product x W also gets (x A) B, with A (in, r) and B (r, out) fed
// beside it and r a symbol. No weight is edited: an adapter goes on and off by feeding other matrices, several are laid side by
// side along r, and it works the same on quantized weights. The strength is folded into B when feeding.
import { add, conv2d, matmul } from '../graph/ops.ts';
import { input, type Value } from '../graph/value.ts';
import type { Convolve, Product, Specs, Traits } from '../nn/scope.ts';
import { float32, scaled, sizeOf, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';

/** Names of the side inputs of a weight: PEFT's, so that a file's keys are the inputs' names. */
export const loraNames = (path: string) => {
  const module = path.replace(/\.weight$/, '');
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` };
};

export interface LoraProductOptions {
  /** To train at; left out: a symbol of each weight's own. */
  readonly rank?: number;
  /** Which weights get side inputs; default: all that adapters can change. */
  readonly where?: (traits: Traits) => boolean;
  /** Gets the side inputs that were made, by the weight's path. */
  readonly sides?: Map<string, { a: Value; b: Value }>;
}

/** Wraps a way to multiply so that products get side inputs. */
export function loraProduct(inner: Product, { rank, where = isAdaptable, sides = new Map() }: LoraProductOptions = {}): Product {
  return (x, weight, path, traits) => {
    const plain = inner(x, weight, path, traits);
    if (!where(traits)) return plain;
    const [width, out] = weight.shape as [number, number];
    const names = loraNames(path);
    const r = rank ?? `r${sides.size}`;
    let side = sides.get(path);
    if (!side) sides.set(path, (side = { a: input(names.a, [width, r]), b: input(names.b, [r, out]) }));
    return add(plain, matmul(matmul(x, side.a), side.b));
  };
}

/** The same for convolutions (LoCon): one with A (r, in, rows, columns), then one of single points with B (out, r, 1, 1). */
export function loraConvolve(inner: Convolve): Convolve {
  let count = 0;
  return (x, weight, path, traits, options) => {
    const plain = inner(x, weight, path, traits, options);
    if (!isAdaptable(traits)) return plain;
    const [out, ...window] = weight.shape as [number, number, number, number];
    const [names, r] = [loraNames(path), `c${count++}`];
    const { bias: _, ...how } = options;
    return add(plain, conv2d(conv2d(x, input(names.a, [r, ...window]), how), input(names.b, [out, r, 1, 1])));
  };
}

/** An adapter: its matrices by input name, A (in, r) and B (r, out), and the strength it is used at. */
export interface Applied {
  readonly tensors: Tensors;
  /** 1 is as trained; may be negative; 0 is off. */
  readonly strength: number;
}

export interface FeedsOptions {
  /** Least rank: 0, or 1 where an engine cannot take empty matrices. */
  readonly least?: number;
  /** What stands before a path in the adapters' own names. */
  readonly prefix?: string;
}

/**
 * The side inputs for some adapters at once, for all weights that have them: of each weight those that touch it lie side by side along
 * the rank; where none does, there are zeros of rank `least`. Throws InputError `lora.shape`.
 */
export function loraFeeds(specs: Specs, adapters: readonly Applied[], { least = 0, prefix = '' }: FeedsOptions = {}): Tensors {
  const feeds: Tensors = {};
  for (const [path, spec] of specs) {
    if (!isAdaptable(spec)) continue;
    const names = loraNames(path);
    const sides = adapters.flatMap(({ tensors, strength }) => {
      const [a, b] = [tensors[prefix + names.a], tensors[prefix + names.b]];
      return a && b ? [{ a, b, strength }] : [];
    });
    const { a, b } = sideBySide(path, spec.shape, sides, least);
    feeds[names.a] = a;
    feeds[names.b] = b;
  }
  return feeds;
}

type Side = Readonly<Record<'a' | 'b', Tensor>> & { readonly strength: number };

interface Lay {
  /** The axis of the rank in A and in B. */
  readonly a: number;
  readonly b: number;
  /** Of A and B, for a rank. */
  shapes(weight: readonly number[], r: number): readonly [number[], number[]];
}

/** How A and B lie, by how many axes the weight has. */
const LAYS: Readonly<Record<number, Lay>> = {
  2: {
    a: 1,
    b: 0,
    shapes: ([width, out], r) => [
      [width!, r],
      [r, out!],
    ],
  },
  4: {
    a: 0,
    b: 1,
    shapes: ([out, ...window], r) => [
      [r, ...window],
      [out!, r, 1, 1],
    ],
  },
};

/** A and B of a weight, of several adapters along the rank; the strengths are in B. */
function sideBySide(path: string, weight: readonly number[], sides: readonly Side[], least: number) {
  const lay = LAYS[weight.length]!;
  for (const side of sides) checkSide(path, weight, lay, side);
  const [only] = sides;
  if (sides.length === 1 && only!.a.shape[lay.a]! >= least) return { a: only!.a, b: scaled(only!.b as Tensor<'float32'>, only!.strength) };
  const rank = sides.reduce((sum, { a }) => sum + a.shape[lay.a]!, 0);
  const [a, b] = lay.shapes(weight, Math.max(least, rank)).map((shape) => zeros('float32', shape)) as [
    Tensor<'float32'>,
    Tensor<'float32'>,
  ];
  let at = 0;
  for (const side of sides) {
    place(a, side.a, lay.a, at, 1);
    place(b, side.b, lay.b, at, side.strength);
    at += side.a.shape[lay.a]!;
  }
  return { a, b };
}

function checkSide(path: string, weight: readonly number[], { a, shapes }: Lay, side: Side): void {
  const wanted = shapes(weight, side.a.shape[a]!);
  if (side.a.shape.join() !== wanted[0].join() || side.b.shape.join() !== wanted[1].join())
    throw new InputError(
      'lora.shape',
      `adapter for "${path}": A [${side.a.shape}] and B [${side.b.shape}] do not fit a weight [${weight}]; was it made for another model?`,
    );
}

/** Copies numbers, times a factor, to where they begin along an axis. */
function place(into: Tensor<'float32'>, { shape, data }: Tensor, axis: number, at: number, factor: number): void {
  const inner = sizeOf(shape.slice(axis + 1));
  const [run, stride] = [shape[axis]! * inner, into.shape[axis]! * inner];
  for (let from = 0, to = at * inner; from < data.length; from += run, to += stride) {
    const numbers = (data as Float32Array).subarray(from, from + run);
    if (factor === 1) into.data.set(numbers, to);
    else for (let i = 0; i < run; i++) into.data[to + i] = numbers[i]! * factor;
  }
}

/** Whether adapters can change a weight. */
export const isAdaptable = ({ adapt }: Traits): boolean => adapt !== undefined;

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
