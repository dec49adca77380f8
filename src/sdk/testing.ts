// What tests of graphs need, exported as banana-sdk/testing: one tolerance helper that names the first differing element
// and its path, random feeds, and a search for the first node at which two runtimes differ. No test framework here.
import { numbersOf } from '../graph/elements.ts';
import { bindSymbols } from '../graph/evaluate.ts';
import { evaluateDim } from '../graph/dim.ts';
import { print } from '../graph/print.ts';
import { nodesOf, type Graph } from '../graph/value.ts';
import { int64, sizeOf, tensor, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { BananaError } from '../util/errors.ts';
import type { Random } from '../util/random.ts';

/** |actual - expected| may be atol + rtol * |expected|. */
export interface Tolerance {
  rtol?: number;
  atol?: number;
}

/** Two results differ; the message names the first differing element and its path. */
export class DifferenceError extends BananaError {}

/** Anything that holds numbers, nested in objects and lists as it comes. */
export type Numbers = number | bigint | Tensor | ArrayLike<number | bigint> | { readonly [key: string]: Numbers } | readonly Numbers[];

/** Throws DifferenceError at the first number outside the tolerance, or where types, shapes, lengths or keys differ. NaN equals NaN. */
export function expectClose(actual: Numbers, expected: Numbers, { rtol = 1e-5, atol = 1e-6 }: Tolerance = {}, path = ''): void {
  const differ = (why: string): never => {
    throw new DifferenceError('testing.differs', `${path || 'value'}: ${why}`);
  };
  if (isTensor(expected)) {
    if (!isTensor(actual)) return differ('found no tensor where one is expected');
    const type = (t: Tensor) => `${t.dtype}[${t.shape}]`;
    if (type(actual) !== type(expected)) differ(`found ${type(actual)}, expected ${type(expected)}`);
    closeLists(numbersOf(actual), numbersOf(expected), { rtol, atol }, path, (i) => indexOf(i, expected.shape));
  } else if (typeof expected === 'number' || typeof expected === 'bigint') {
    if (typeof actual !== 'number' && typeof actual !== 'bigint') return differ(`found ${typeof actual}, expected a number`);
    closeLists([Number(actual)], [Number(expected)], { rtol, atol }, path, () => '');
  } else if (ArrayBuffer.isView(expected) || (Array.isArray(expected) && expected.every((x) => typeof x === 'number'))) {
    closeLists(actual as ArrayLike<number>, expected as ArrayLike<number>, { rtol, atol }, path, (i) => `[${i}]`);
  } else {
    const [a, e] = [actual, expected] as [Record<string, Numbers>, Record<string, Numbers>];
    const [found, wanted] = [Object.keys(a).sort(), Object.keys(e).sort()];
    if (found.join() !== wanted.join()) differ(`found [${found}], expected [${wanted}]`);
    for (const key of Object.keys(e)) expectClose(a[key]!, e[key]!, { rtol, atol }, path ? `${path}.${key}` : key);
  }
}

function isTensor(x: Numbers): x is Tensor {
  return typeof x === 'object' && 'dtype' in x && 'data' in x;
}

function closeLists(
  a: ArrayLike<number | bigint>,
  e: ArrayLike<number | bigint>,
  { rtol, atol }: Required<Tolerance>,
  path: string,
  at: (i: number) => string,
): void {
  const where = path || 'value';
  if (a.length !== e.length) throw new DifferenceError('testing.differs', `${where}: found ${a.length} elements, expected ${e.length}`);
  let [first, count, worst, worstAt] = [-1, 0, 0, 0];
  for (let i = 0; i < e.length; i++) {
    const [x, y] = [Number(a[i]), Number(e[i])];
    if (Object.is(x, y) || x === y || Math.abs(x - y) <= atol + rtol * Math.abs(y)) continue;
    if (first < 0) first = i;
    count++;
    const difference = Number.isNaN(x - y) ? Infinity : Math.abs(x - y);
    if (difference > worst) [worst, worstAt] = [difference, i];
  }
  if (first < 0) return;
  const more = count > 1 ? `; ${count} of ${e.length} differ, most at ${at(worstAt)} by ${worst.toPrecision(3)}` : '';
  throw new DifferenceError(
    'testing.differs',
    `${where}${at(first)}: found ${a[first]}, expected ${e[first]} (rtol ${rtol}, atol ${atol})${more}`,
  );
}

/** Position `i` of row-major data as an index: "[0,2,1]". */
function indexOf(i: number, shape: readonly number[]): string {
  const index = shape.map((d, axis) => Math.floor(i / sizeOf(shape.slice(axis + 1))) % d);
  return shape.length === 0 ? '' : `[${index}]`;
}

/**
 * Feeds for every input of a graph: standard normal floats, whole numbers in [0, below), bits for bool.
 * `sizes` gives each symbol of the inputs' shapes its number.
 */
export function randomFeeds(
  g: Graph,
  random: Random,
  { sizes = {}, below = 2 }: { sizes?: Readonly<Record<string, number>>; below?: number } = {},
): Tensors {
  const feed = (v: Graph['inputs'][number]): Tensor => {
    const shape = v.shape.map((d) => evaluateDim(d, sizes));
    const stream = random.split(v.name!);
    const n = sizeOf(shape);
    if (v.dtype === 'float32') return tensor('float32', shape, stream.normals(n));
    if (v.dtype === 'int64')
      return int64(
        shape,
        Array.from({ length: n }, () => stream.integer(below)),
      );
    const { data } = zeros(v.dtype, shape);
    for (let i = 0; i < data.length; i++) (data as Uint8Array)[i] = stream.integer(v.dtype === 'bool' ? 2 : below);
    return tensor(v.dtype, shape, data);
  };
  return Object.fromEntries(g.inputs.map((v) => [v.name!, feed(v)]));
}

/** What `compare` needs of a runtime. */
interface Runs {
  compile(g: Graph): Promise<{ run(feeds: Tensors): Promise<Tensors>; release?(): Promise<void> }>;
}

/** The first node at which two runtimes differ. */
export interface Difference {
  /** The node's line of the graph's text form. */
  readonly line: string;
  /** Which element, what each found. */
  readonly message: string;
}

/**
 * Runs a graph on two runtimes with every intermediate value as an output, and names the first node whose values differ by
 * more than the tolerance; undefined when none does. Runtimes may fuse less than usual when every value is wanted.
 */
export async function compare(
  g: Graph,
  feeds: Tensors,
  a: Runs,
  b: Runs,
  tolerance: Tolerance = { rtol: 1e-4, atol: 1e-5 },
): Promise<Difference | undefined> {
  bindSymbols(g, feeds); // names a feed that does not fit before any engine does
  const nodes = nodesOf(g);
  const every: Graph = { ...g, outputs: Object.fromEntries(nodes.map((v, i) => [`node${i}`, v])) };
  const [found, expected] = [await runOnce(a, every, feeds), await runOnce(b, every, feeds)];
  for (const i of nodes.keys())
    try {
      expectClose(found[`node${i}`]!, expected[`node${i}`]!, tolerance, `%${i}`);
    } catch (error) {
      const line = print(g)
        .split('\n')
        .find((text) => text.startsWith(`  %${i} = `))!;
      return { line: line.trim(), message: (error as Error).message };
    }
  return undefined;
}

async function runOnce(runtime: Runs, g: Graph, feeds: Tensors): Promise<Tensors> {
  const session = await runtime.compile(g);
  try {
    return await session.run(feeds);
  } finally {
    await session.release?.();
  }
}
