// A network under PyTorch's names with the weights of a checkpoint, plain and rounded before, for every kind of product.
import { expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input } from '../graph/value.ts';
import { reshape, transpose } from '../graph/ops.ts';
import { conv, layerNorm, linear } from '../nn/layers.ts';
import { rootScope, type Convolve, type Product, type Specs } from '../nn/scope.ts';
import { bytesRanges } from '../tensor/ranges.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import { joined } from '../tensor/store.ts';
import { float32, sizeOf, type Tensors } from '../tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../tensor/weights.ts';
import { random } from '../util/random.ts';
import { checkpointWeights, under } from './checkpoint.ts';
import { nbitsProduct } from './int4.ts';
import { planOf, relativeError } from './plan.ts';
import { CONVOLUTIONS, PRODUCTS } from './precision.ts';
import { roundedFile } from './stream.ts';

const CHANNELS = 256;
const drawn = (shape: number[]) =>
  float32(
    shape,
    random(4)
      .split(shape.join())
      .normals(sizeOf(shape))
      .map((v) => v / 16),
  );
const CHECKPOINT: Tensors = {
  'net.conv.weight': drawn([CHANNELS, CHANNELS, 3, 3]),
  'net.conv.bias': drawn([CHANNELS]),
  'net.norm.weight': drawn([CHANNELS]),
  'net.norm.bias': drawn([CHANNELS]),
  'net.up.weight': drawn([300, CHANNELS]),
  'net.up.bias': drawn([300]),
  'net.proj.weight': drawn([32, 300, 1, 1]),
  'other.weight': drawn([3]),
};
const X = drawn([1, CHANNELS, 2, 3]);

function network(product?: Product, convolve?: Convolve) {
  const specs: Specs = new Map();
  const s = rootScope(specs, product, convolve).declare({ turned: true, bits: 4 });
  const x = input('x', X.shape);
  const rows = transpose(reshape(conv(s.in('conv'), x, CHANNELS), [1, CHANNELS, 6]), [0, 2, 1]); // (1, 6, C)
  const up = linear(s.in('up'), layerNorm(s.in('norm').declare({ bits: undefined }), rows), 300, { bias: true });
  return { specs, g: graph('g', { y: linear(s.in('proj'), up, 32) }, [x]) };
}

async function run(weights: Weights, product?: Product, convolve?: Convolve): Promise<Float32Array> {
  const { specs, g } = network(product, convolve);
  return evaluate(g, { x: X, ...(await checkpointWeights(g, specs, under(weights, 'net.'))) }).y!.data as Float32Array;
}

const plain = () => safetensorsWeights(bytesRanges(joined(encodeSafetensors(CHECKPOINT)), 'c'));
async function rounded(): Promise<Weights> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of roundedFile(await plain(), (name) => (name.includes('up') ? 4 : undefined))) chunks.push(chunk);
  return safetensorsWeights(bytesRanges(joined(chunks), 'rounded'));
}

test('every kind of product gives about the same, from the checkpoint and from its rounded file', async () => {
  const plan = planOf(network().specs);
  expect(Object.keys(plan)).toEqual(['up.weight', 'proj.weight']);
  const exact = await run(await plain());
  const four = nbitsProduct({ plan, accuracy: 0 });
  const errorOf = async (weights: Weights, ...how: [Product?, Convolve?]) => relativeError(await run(weights, ...how), exact);
  expect(await errorOf(await plain(), PRODUCTS.int8(plan), CONVOLUTIONS.int8)).toBeLessThan(1e-3);
  for (const weights of [await plain(), await rounded()]) expect(await errorOf(weights, four)).toBeLessThan(0.04); // 4 bits twice
  expect(await errorOf(await rounded())).toBeLessThan(0.02); // floats of the blocks
  expect(await errorOf(await rounded(), PRODUCTS.int8(plan))).toBeLessThan(0.02); // 8 bits of the blocks
});

test('a transposed matrix is what PyTorch multiplies with', async () => {
  const specs: Specs = new Map();
  const x = input('x', [1, CHANNELS]);
  const g = graph('g', { y: linear(rootScope(specs).in('up').declare({ turned: true }), x, 300) }, [x]);
  const feeds = { x: drawn([1, CHANNELS]), ...(await checkpointWeights(g, specs, under(await plain(), 'net.'))) };
  const w = CHECKPOINT['net.up.weight']!.data as Float32Array;
  const first = feeds.x.data.reduce((sum, v, i) => sum + v * w[CHANNELS + i]!, 0); // x . second row
  expect(evaluate(g, feeds).y!.data[1]).toBeCloseTo(first, 5);
});

test('what is missing or of another shape is said in one line', async () => {
  const { g, specs } = network();
  const without = { ...(await plain()), names: [] };
  await expect(checkpointWeights(g, specs, without)).rejects.toThrow(/^c: has no tensor "conv.weight" among its 8/);
  const other = joined(encodeSafetensors({ ...CHECKPOINT, 'net.up.weight': drawn([CHANNELS, 300]) }));
  const wrong = under(await safetensorsWeights(bytesRanges(other, 'c')), 'net.');
  await expect(checkpointWeights(g, specs, wrong)).rejects.toThrow('c net.: "up.weight" is float32[256,300], expected float32[300,256]');
});
