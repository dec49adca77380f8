// Number against number: what training computes is what the kernels compute.
import { describe, expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { gradients } from '../graph/grad.ts';
import { check } from '../graph/check.ts';
import { matmul, mul, sum } from '../graph/ops.ts';
import { forTraining } from '../graph/passes/optimize.ts';
import { graph, input, parameter, type Value } from '../graph/value.ts';
import { rootScope, type Product } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { float32, scalar, sizeOf, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { expectClose } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { quantizedWeights } from './bind.ts';
import { roundedTo } from './blocks.ts';
import { fakeActivationBlocks, fakeBlocks, fakeProduct, fakeTensor, levelsOf } from './fake-quant.ts';
import { nbitsProduct } from './int4.ts';
import { dequantizeColumns, int8Product, quantizeColumns } from './int8.ts';
import { relativeError } from './plan.ts';

const rng = random(5);
/** Normal, with a few that stick out and a block of zeros. */
function rough(shape: readonly number[], name = shape.join()): Tensor<'float32'> {
  const r = rng.split(name);
  const data = r.normals(sizeOf(shape));
  for (let i = 0; i < data.length; i += 97) data[i]! *= 6;
  if (shape.length === 2) for (let i = 0; i < Math.min(128, shape[0]!); i++) data[i * shape[1]!] = 0;
  return float32(shape, data);
}
const runtime = await ortNode({ threads: 1 });
async function run(outputs: Record<string, Value>, feeds: Tensors, weights: Tensors = {}): Promise<Tensors> {
  const g = forTraining(graph('g', outputs));
  const session = await runtime.compile(g, { weights: { ...weights, ...quantizedWeights(g, weights) } });
  const results = await session.run(feeds);
  await session.release();
  return results;
}

describe.each([
  [300, 9],
  [128, 4],
  [60, 5],
  [256, 3],
])('a %i x %i matrix', (rows, columns) => {
  const w = rough([rows, columns]);
  test.each([8, 6, 4, 2])('at %i bits is what the file holds, bit for bit', async (bits) => {
    const value = parameter('w', [rows, columns]);
    const levels = input('levels', []);
    const { fixed, fed } = await run(
      { fixed: fakeBlocks(value, levelsOf(bits)), fed: fakeBlocks(value, levels) },
      { w, levels: scalar(levelsOf(bits)) },
    );
    expect(Array.from(fixed!.data as Float32Array, (x) => x + 0)).toEqual(Array.from(roundedTo(w, bits).data, (x) => x + 0));
    expect(fed).toEqual(fixed);
  });
});

/** One product through a scope. */
const through = (product: Product, x: Value, shape: [number, number]) =>
  rootScope(new Map(), product).in('a').product(x, 'weight', shape, { deviation: 1 });

describe.each([
  [1, 5, 300, 12],
  [1, 3, 128, 7],
  [1, 64, 192, 16],
])('activations (%i, %i, %i)', (B, L, K, N) => {
  const feeds = { x: rough([B, L, K]) };
  const weights = { 'a.weight': rough([K, N]) };
  const x = input('x', ['B', 'L', K]);
  const plan = { 'a.weight': 4 };

  test('in blocks: as MatMulNBits at accuracy 4', async () => {
    const { y } = await run({ y: through(nbitsProduct({ plan, accuracy: 4 }), x, [K, N]) }, feeds, weights);
    const { fake } = await run({ fake: through(fakeProduct({ plan, activations: 'block' }), x, [K, N]) }, feeds, weights);
    expectClose(fake!, y!, { rtol: 1e-5, atol: 1e-4 });
  });

  test('none: as MatMulNBits at accuracy 0', async () => {
    const { y } = await run({ y: through(nbitsProduct({ plan, accuracy: 0 }), x, [K, N]) }, feeds, weights);
    const { fake } = await run({ fake: through(fakeProduct({ plan, activations: 'none' }), x, [K, N]) }, feeds, weights);
    expectClose(fake!, y!, { rtol: 1e-5, atol: 1e-4 });
  });

  test('as one tensor: as DynamicQuantizeMatMul', async () => {
    const { y } = await run({ y: through(int8Product({ plan }), x, [K, N]) }, feeds, weights);
    const columns = { w: dequantizeColumns(quantizeColumns(weights['a.weight'])) };
    const { fake } = await run({ fake: matmul(fakeTensor(x), parameter('w', [K, N])) }, feeds, columns);
    expectClose(fake!, y!, { rtol: 1e-5, atol: 1e-4 });
  });

  test('4-bit weights and 8-bit activations: what the 8-bit kernel makes of a 4-bit file', async () => {
    const four = { 'a.weight': roundedTo(weights['a.weight'], 4) };
    const { y } = await run({ y: through(int8Product({ plan }), x, [K, N]) }, feeds, four);
    const { fake } = await run({ fake: through(fakeProduct({ plan, activations: 'tensor' }), x, [K, N]) }, feeds, weights);
    expect(relativeError(y!.data as Float32Array, fake!.data as Float32Array)).toBeLessThan(3e-4); // columns of 8 bits round what 4 bits hold once more
  });
});

test('each picture of a batch is rounded by itself; a tensor of zeros stays', async () => {
  const x = float32([3, 2, 4], [...rough([1, 2, 4], 'a').data, ...rough([1, 2, 4], 'b').data.map((v) => v * 1000), ...new Float32Array(8)]);
  const three = input('x', [3, 2, 4]);
  const { y, z } = evaluate(graph('g', { y: fakeTensor(three), z: fakeActivationBlocks(three) }), { x });
  const alone = evaluate(graph('g', { y: fakeTensor(input('x', [1, 2, 4])) }), { x: float32([1, 2, 4], x.data.slice(0, 8)) });
  expect((y!.data as Float32Array).slice(0, 8)).toEqual(alone.y!.data);
  for (const t of [y!, z!]) expect([...(t.data as Float32Array).slice(16)].every((v) => v === 0)).toBe(true);
});

test('gradients pass straight through: as for the plain product of the rounded numbers', async () => {
  const [K, N] = [160, 6];
  const [x, w] = [input('x', [2, 5, K]), parameter('a.weight', [K, N])];
  const product = fakeProduct({ plan: { 'a.weight': 4 }, activations: 'tensor' });
  const seed = input('seed', [2, 5, N]);
  const grads = (y: Value, wrt: Value[]) => gradients(sum(mul(y, seed)), wrt);
  const [gx, gw] = grads(product(x, w, 'a.weight', {}), [x, w]);
  const [rx, rw] = [input('rx', [2, 5, K]), parameter('rw', [K, N])];
  const [ex, ew] = grads(matmul(rx, rw), [rx, rw]);
  const feeds = { x: rough([2, 5, K]), 'a.weight': rough([K, N]), seed: rough([2, 5, N]) };
  const g = check(graph('g', { gx: gx!, gw: gw!, rounded: fakeTensor(x) }), { trainable: true });
  const found = evaluate(g, feeds);
  const expected = evaluate(graph('g', { gx: ex!, gw: ew! }), {
    rx: found.rounded!,
    rw: roundedTo(feeds['a.weight'], 4),
    seed: feeds.seed,
  });
  for (const key of ['gx', 'gw']) expectClose(found[key]!, expected[key]!, { rtol: 1e-5, atol: 1e-4 }, key);
});

test('levels are lowered by feeding, but never below the plan', () => {
  const [w, least] = [parameter('a.weight', [128, 3]), input('least', [])];
  const one = float32([1, 128], new Float32Array(128).fill(1));
  const sums = (bits: number, fed: number) => {
    const y = fakeProduct({ plan: { 'a.weight': bits }, activations: 'none', least })(input('x', [1, 128]), w, 'a.weight', {});
    return evaluate(graph('g', { y }), { x: one, 'a.weight': rough([128, 3]), least: scalar(fed) }).y!;
  };
  const of = (bits: number) =>
    evaluate(graph('g', { y: matmul(input('x', [1, 128]), w) }), { x: one, 'a.weight': roundedTo(rough([128, 3]), bits) }).y!;
  for (const [bits, fed, as] of [
    [4, 32, 6],
    [4, 8, 4],
    [4, 1, 4],
    [8, 8, 8],
  ] as const)
    expectClose(sums(bits, fed), of(as), { rtol: 1e-6, atol: 1e-6 });
});
