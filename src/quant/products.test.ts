// The quantized products against the float product of the matrix that they stand for, on the reference and on ONNX Runtime.
import { beforeAll, describe, expect, test } from 'vitest';
import { matmul } from '../graph/ops.ts';
import { graph, input } from '../graph/value.ts';
import { rootScope, type Product, type Specs } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { float32, sizeOf, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { expectClose } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { quantizedWeights } from './bind.ts';
import { dequantizeBlocks, quantizeBlocks, roundedTo, toNibbles } from './blocks.ts';
import { blockTensors, nbitsProduct, packBlocks, unpackBlocks } from './int4.ts';
import { columnsOfBlocks, dequantizeColumns, int8IsExact, int8Product, quantizeColumns } from './int8.ts';
import { relativeError } from './plan.ts';

const rng = random(3);
const normal = (shape: number[], name = shape.join()) => float32(shape, rng.split(name).normals(sizeOf(shape)));
const plan = { 'a.weight': 4, 'b.weight': 8 };

/** x times the weights a and b (both K x N) in a scope with this product; `a` is used twice, as a shared layer is. */
function build(shape: number[], N: number, product?: Product) {
  const specs: Specs = new Map();
  const s = rootScope(specs, product);
  const x = input('x', ['B', ...shape.slice(1)]);
  const y = (name: string) => s.in(name).product(x, 'weight', [shape.at(-1)!, N], { deviation: 1 });
  return { specs, g: graph('g', { a: y('a'), again: y('a'), b: y('b'), c: y('c') }) };
}

async function run(runtime: Runtime, shape: number[], N: number, weights: Tensors, product?: Product): Promise<Tensors> {
  const { g } = build(shape, N, product);
  const session = await runtime.compile(g, { weights: { ...weights, ...quantizedWeights(g, weights) } });
  const results = await session.run({ x: normal(shape, 'x') });
  await session.release();
  return results;
}

const SHAPES: [shape: number[], N: number][] = [
  [[5, 128], 16],
  [[2, 3, 64], 40],
  [[1, 7, 300], 33],
  [[1, 2, 2, 256], 8],
];
const RUNTIMES = { reference: async () => referenceRuntime(), 'onnxruntime-node': () => ortNode({ threads: 1 }) };

describe.each(Object.entries(RUNTIMES))('%s', (_, open) => {
  let runtime: Runtime;
  beforeAll(async () => void (runtime = await open()));

  test.each(SHAPES)('x %j, %i outputs', async (shape, N) => {
    const weights = Object.fromEntries(['a', 'b', 'c'].map((name) => [`${name}.weight`, normal([shape.at(-1)!, N], name)]));
    const of = (change: (w: Tensor<'float32'>, path: string) => Tensor) =>
      Object.fromEntries(Object.entries(weights).map(([path, w]) => [path, change(w, path)]));
    const exact = await run(referenceRuntime(), shape, N, weights);

    // Float activations: the product with the rounded matrix.
    const bits = plan as Record<string, number>;
    const rounded = await run(
      referenceRuntime(),
      shape,
      N,
      of((w, path) => (bits[path] ? roundedTo(w, bits[path]) : w)),
    );
    const block = await run(runtime, shape, N, weights, nbitsProduct({ plan, accuracy: 0 }));
    for (const key of ['a', 'again', 'b', 'c']) expectClose(block[key]!, rounded[key]!, { rtol: 1e-5, atol: 2e-5 }, key);
    expect(relativeError(block.a!.data as Float32Array, exact.a!.data as Float32Array)).toBeLessThan(0.02);

    // Activations in 8-bit blocks, and as one 8-bit tensor: as the reference says, and not far from the exact product.
    for (const [product, most] of [
      [nbitsProduct({ plan, accuracy: 4 }), 1e-4],
      [int8Product({ plan }), 5e-4],
    ] as const) {
      const found = await run(runtime, shape, N, weights, product);
      const expected = await run(referenceRuntime(), shape, N, weights, product);
      for (const key of ['a', 'b', 'c']) expectClose(found[key]!, expected[key]!, { rtol: 1e-4, atol: 1e-4 }, key);
      expect(relativeError(found.b!.data as Float32Array, exact.b!.data as Float32Array)).toBeLessThan(most);
      expect(found.c).toEqual(block.c); // not in the plan: float
    }
  });
});

test.each([
  [128, 4],
  [300, 4],
  [70, 8],
  [129, 2],
])('%i rows of %i bits: packed and back', (rows, bits) => {
  const blocks = quantizeBlocks(normal([rows, 5]), bits);
  const packed = packBlocks(blocks, bits);
  expect(packed.values.shape).toEqual([5, Math.ceil(rows / 128), 16 * bits]);
  expect(unpackBlocks(packed, bits, rows)).toEqual(blocks);
});

test('columns: every weight within half a step; zeros stay zeros', () => {
  const weight = normal([50, 3]);
  for (let r = 0; r < 50; r++) weight.data[r * 3 + 1] = 0;
  const columns = quantizeColumns(weight);
  dequantizeColumns(columns).data.forEach((x, i) =>
    expect(Math.abs(x - weight.data[i]!)).toBeLessThanOrEqual(i % 3 === 1 ? 0 : columns.scales.data[i % 3]! * 0.501),
  );
});

test('an 8-bit column holds what 4 bits hold, nearly', () => {
  const four = roundedTo(normal([512, 64]), 4);
  expect(relativeError(dequantizeColumns(quantizeColumns(four)).data, four.data)).toBeLessThan(1e-4);
});

test.each([
  [128, 7, 4],
  [300, 7, 4],
  [300, 8, 4],
  [333, 8, 8],
])('%i x %i of %i bits: what is made from blocks is what is made from their matrix', (rows, columns, bits) => {
  const weight = normal([rows, columns]);
  for (let r = 0; r < rows; r++) weight.data[r * columns + 2] = 0;
  const { values, scales } = quantizeBlocks(weight, bits);
  const stored = { values: bits === 4 ? toNibbles(values) : values, scales };
  const matrix = dequantizeBlocks(stored);
  expect(blockTensors('w', stored, bits)).toEqual(blockTensors('w', matrix, bits));
  const [made, expected] = [columnsOfBlocks(stored), quantizeColumns(matrix)];
  expect(made.scales).toEqual(expected.scales);
  made.values.data.forEach((q, i) => expect(Math.abs(q - expected.values.data[i]!)).toBeLessThanOrEqual(1)); // halves are rounded otherwise
  expect(relativeError(dequantizeColumns(made).data, matrix.data)).toBeLessThan(2e-4);
});

test('a weight that is in no plan is the plain product', () => {
  const { g } = build([2, 128], 8, nbitsProduct({ plan: {} }));
  const plain = build([2, 128], 8, matmul);
  expect(g.inputs.map((v) => v.name)).toEqual(plain.g.inputs.map((v) => v.name));
});

test('an 8-bit kernel that overflows, or is missing, is found', async () => {
  const reference = referenceRuntime();
  expect(await int8IsExact(reference)).toBe(true);
  const overflowing: Runtime = {
    ...reference,
    compile: async (g, options) => {
      const session = await reference.compile(g, options);
      return {
        ...session,
        run: async (feeds) =>
          Object.fromEntries(
            Object.entries(await session.run(feeds)).map(([key, t]) => [
              key,
              float32(
                t.shape,
                (t.data as Float32Array).map((x) => x / 2),
              ),
            ]),
          ),
      };
    },
  };
  expect(await int8IsExact(overflowing)).toBe(false);
  expect(await int8IsExact({ ...reference, compile: () => Promise.reject(new Error('no such kernel')) })).toBe(false);
});
