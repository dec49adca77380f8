// A scope names weights and decides how they come to be. Layers are functions (scope, x, options): they ask the scope
// for a parameter or for a product with one, and never know whether the weight is plain, quantized or carries a Peel.
// A weight's name is its path, so the program, the file and the graph agree without a table.
import { conv2d, matmul, type ConvOptions } from '../graph/ops.ts';
import { parameter, type Value } from '../graph/value.ts';
import { float32, sizeOf, type Tensors } from '../tensor/tensor.ts';
import { ShapeError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';

/** How a weight begins: a constant, or normal with the given standard deviation. */
export type Init = { readonly constant: number } | { readonly deviation: number };

/** What may be done to a weight, declared where a layer asks for it. */
export interface Traits {
  /** Bits of each number in a few-bit model, 2 to 8; left out, the weight stays float. Matrices only. */
  readonly bits?: number | undefined;
  /** The group of layers that an adapter trains it with; left out, adapters leave it alone. Products and convolutions only. */
  readonly adapt?: string | undefined;
  /** Whether files hold it as (out, in), as PyTorch does; a scope's own order is (in, out). Products only. */
  readonly turned?: boolean | undefined;
  /** Whether it lies within a stack of residual blocks, not at an end of the network. Products only. */
  readonly inner?: boolean | undefined;
}

export interface Scope {
  /** Path of this scope, dot-separated; '' is the root. */
  readonly path: string;
  /** The scope of a part. */
  in(name: string | number): Scope;
  /** The same scope, whose weights and parts have these traits as well. */
  declare(traits: Traits): Scope;
  /** A weight by name; the same name gives the same value again. */
  parameter(name: string, shape: readonly number[], init: Init): Value;
  /** x (..., in) times the weight `name` (in, out): (..., out). Quantized and adapted scopes compute it their own way. */
  product(x: Value, name: string, shape: readonly [number, number], init: Init): Value;
  /** x (B, in, h, w) convolved with the weight `name` (out, in / groups, rows, columns), as conv2d does. */
  convolve(x: Value, name: string, shape: readonly [number, number, number, number], init: Init, options: ConvOptions): Value;
}

/** What a weight is before it has numbers. */
export interface Spec extends Traits {
  readonly shape: readonly number[];
  readonly init: Init;
  readonly value: Value;
}
export type Specs = Map<string, Spec>;

/** A product as some scope computes it: given the plain way to get the weight. */
export type Product = (x: Value, weight: Value, path: string, traits: Traits) => Value;

/** A convolution as some scope computes it: given the plain way to get the weight. */
export type Convolve = (x: Value, weight: Value, path: string, traits: Traits, options: ConvOptions) => Value;

/** What all scopes of a network share. */
interface Root {
  readonly specs: Specs;
  readonly product: Product;
  readonly convolve: Convolve;
}

/** A root scope; every weight that is asked for is noted in `specs`. `product` and `convolve` replace the plain MatMul and Conv. */
export function rootScope(
  specs: Specs = new Map(),
  product: Product = (x, w) => matmul(x, w),
  convolve: Convolve = (x, w, _, __, options) => conv2d(x, w, options),
): Scope {
  return scopeAt({ specs, product, convolve }, '', {});
}

function scopeAt(root: Root, path: string, traits: Traits): Scope {
  const join = (name: string | number) => (path ? `${path}.${name}` : `${name}`);
  const ask = (name: string, shape: readonly number[], init: Init, own: Traits): Value => {
    const key = join(name);
    const known = root.specs.get(key);
    if (known && known.shape.join() !== shape.join())
      throw new ShapeError('scope.shape', `weight "${key}" is [${known.shape}] in one place and [${shape}] in another`);
    if (known) return known.value;
    const value = parameter(key, shape);
    root.specs.set(key, { ...own, shape, init, value });
    return value;
  };
  return {
    path,
    in: (name) => scopeAt(root, join(name), traits),
    declare: (more) => scopeAt(root, path, { ...traits, ...more }),
    parameter: (name, shape, init) => ask(name, shape, init, { bits: traits.bits }),
    product: (x, name, shape, init) => root.product(x, ask(name, shape, init, traits), join(name), traits),
    convolve: (x, name, shape, init, options) =>
      root.convolve(x, ask(name, shape, init, { bits: traits.bits, adapt: traits.adapt }), join(name), traits, options),
  };
}

/** Starting numbers for every weight: each from its own stream, so that adding a layer leaves the others as they were. */
export function initialize(specs: Specs, rng: Random): Tensors {
  const weights: Tensors = {};
  for (const [path, { shape, init }] of specs) {
    if ('constant' in init) weights[path] = float32(shape, new Float32Array(sizeOf(shape)).fill(init.constant));
    else
      weights[path] = float32(
        shape,
        rng
          .split(path)
          .normals(sizeOf(shape))
          .map((x) => x * init.deviation),
      );
  }
  return weights;
}

/** Number of weights. */
export function countParameters(specs: Specs): number {
  let count = 0;
  for (const { shape } of specs.values()) count += sizeOf(shape);
  return count;
}
