// The inputs of a step, drawn as a plan says (plan.ts): the same seed and step give the same numbers, so a run that goes on draws what
// it would have drawn. tools/cuda/data.py does the same on another machine, with other streams.
import type { Port } from '../runtime/runtime.ts';
import { sizeOf, zeros, type DType, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { random, type Random } from '../util/random.ts';
import type { Plan, Source } from './plan.ts';

/** Straight lines through [x, y] points; flat beyond the ends. */
export function schedule(points: readonly (readonly [number, number])[], x: number): number {
  for (let i = 1; i < points.length; i++) {
    const [[x0, y0], [x1, y1]] = [points[i - 1]!, points[i]!];
    if (x < x1) return y0 + (y1 - y0) * Math.min(1, Math.max(0, (x - x0) / (x1 - x0)));
  }
  return points.at(-1)![1];
}

/** Where a run stands. */
export interface Moment {
  readonly step: number;
  /** Share of the run that is done, 0 to 1. */
  readonly done: number;
}

/** How a kind of source draws `count` numbers. */
type Draw<K extends Source['kind']> = (source: Extract<Source, { kind: K }>, count: number, rng: Random, at: Moment) => ArrayLike<number>;

const each = (count: number, make: () => number): number[] => Array.from({ length: count }, make);
const normals = ({ mean = 0, deviation = 1 }: { mean?: number; deviation?: number }, count: number, rng: Random) =>
  rng.normals(count).map((x) => mean + deviation * x);

const DRAWS: { readonly [K in Exclude<Source['kind'], 'data'>]: Draw<K> } = {
  normal: normals,
  'logit-normal': (source, count, rng) => normals(source, count, rng).map((x) => 1 / (1 + Math.exp(-x))),
  uniform: ({ low = 0, high = 1 }, count, rng) => each(count, () => low + (high - low) * rng.uniform()),
  integer: ({ low = 0, below }, count, rng) => each(count, () => low + rng.integer(below - low)),
  constant: ({ value }, count) => each(count, () => value),
  table: (source, count, _, { step, done }) => {
    const value =
      'values' in source
        ? source.values[Math.min(step, source.values.length - 1)]!
        : schedule(source.points, source.by === 'step' ? step : done);
    return each(count, () => value);
  },
};

/** Rows of a table of tensors in batches: shuffled anew each time through, by the seed alone. */
export function batchesOf(rows: Tensors, size: number, seed: number): (step: number) => (key: string) => Tensor {
  const count = Object.values(rows)[0]!.shape[0]!;
  const orders = new Map<number, number[]>();
  const order = (epoch: number) =>
    orders.get(epoch) ?? orders.set(epoch, shuffled(count, random(seed).split(`epoch ${epoch}`))).get(epoch)!;
  return (step) => {
    const picked = Array.from({ length: size }, (_, i) => step * size + i).map((at) => order(Math.floor(at / count))[at % count]!);
    return (key) => picking(rows[key]!, picked);
  };
}

function shuffled(count: number, rng: Random): number[] {
  const list = [...Array(count).keys()];
  for (let i = count - 1; i > 0; i--) {
    const j = rng.integer(i + 1);
    [list[i], list[j]] = [list[j]!, list[i]!];
  }
  return list;
}

function picking({ dtype, shape, data }: Tensor, picked: readonly number[]): Tensor {
  const of = shape.slice(1);
  const width = sizeOf(of);
  const out = zeros(dtype, [picked.length, ...of]);
  picked.forEach((row, i) => out.data.set(data.subarray(row * width, (row + 1) * width) as never, i * width));
  return out;
}

/** The inputs of a step among `ports`: whatever is drawn is converted to the input's type. */
export function drawInputs({ inputs }: Plan, ports: readonly Port[], seed: number, at: Moment, row: (key: string) => Tensor): Tensors {
  const rng = random(seed).split(`step ${at.step}`);
  const wanted = ports.filter(({ name }) => inputs[name]);
  return Object.fromEntries(
    wanted.map(({ name, dtype, shape }) => {
      const source = inputs[name]!;
      const count = sizeOf(shape as number[]);
      const drawn =
        source.kind === 'data'
          ? row(source.key).data
          : (DRAWS[source.kind] as unknown as Draw<never>)(source as never, count, rng.split(name), at);
      return [name, converted(dtype, shape as number[], drawn)];
    }),
  );
}

function converted(dtype: DType, shape: readonly number[], from: ArrayLike<number | bigint>): Tensor {
  const out = zeros(dtype, shape);
  const own = dtype === 'int64' ? (x: number | bigint) => BigInt(x) : Number;
  for (let i = 0; i < out.data.length; i++) out.data[i] = own(from[i]!);
  return out;
}
