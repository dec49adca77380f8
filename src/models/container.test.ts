// A model's one file: what is rounded, what is kept, the texts; and that its weights come back.
import { expect, test } from 'vitest';
import { graph, input } from '../graph/value.ts';
import { linear } from '../nn/layers.ts';
import { rootScope, type Specs } from '../nn/scope.ts';
import { relativeError } from '../quant/plan.ts';
import { checkpointWeights } from '../quant/checkpoint.ts';
import { bytesRanges } from '../tensor/ranges.ts';
import { encodeSafetensors, decodeSafetensors } from '../tensor/safetensors.ts';
import { float32, sizeOf, type Tensor } from '../tensor/tensor.ts';
import { safetensorsWeights } from '../tensor/weights.ts';
import { random } from '../util/random.ts';
import { containedText, containerBytes, isContainer, type ContainerBits } from './container.ts';
import { fileOf } from './open.ts';
import { weightsUnder } from './weights-under.ts';

const normal = (...shape: number[]) => float32(shape, random(sizeOf(shape)).normals(sizeOf(shape)));
const tensors = { 'a/matrix.weight': normal(64, 256), 'a/table': normal(128, 64), 'a/norm': normal(64), 'b/conv': normal(8, 64, 3, 3) };

async function contained(bits: ContainerBits) {
  const weights = await safetensorsWeights(bytesRanges(Buffer.concat(encodeSafetensors(tensors)), 'x'));
  const chunks: Uint8Array[] = [];
  const texts = new Map([['a/config.json', '{"width": 256}']]);
  const options = { bits, roundable: new Set(['a/matrix.weight']), texts, about: { name: 'x' } };
  for await (const chunk of containerBytes(weights, options)) chunks.push(chunk);
  return decodeSafetensors(Buffer.concat(chunks), 'made');
}

test('its head says what it is, and has the texts', async () => {
  const made = await contained(4);
  expect(isContainer(made.metadata)).toBe(true);
  expect(made.metadata).toMatchObject({ name: 'x', bits: '4' });
  expect(containedText(made.metadata, 'a/config.json')).toBe('{"width": 256}');
  expect(fileOf(made).text('a/config.json')).toBe('{"width": 256}');
  expect(containedText(made.metadata, 'b/config.json')).toBeUndefined();
});

test.each([
  [4, ['a/matrix.weight.q4', 'a/matrix.weight.q4.scale'], 0.02],
  [8, ['a/matrix.weight.q8', 'a/matrix.weight.q8.scale'], 1e-4],
  [16, ['a/matrix.weight'], 1e-6],
] as const)(
  'in %i bits: the matrix is rounded, large floats are halves, small ones stay; a network reads it',
  async (bits, names, most) => {
    const made = await contained(bits);
    expect(Object.keys(made.tensors).sort()).toEqual([...names, 'a/norm', 'a/table', 'b/conv']);
    expect(made.tensors['a/norm']).toEqual(tensors['a/norm']);
    for (const name of ['a/table', 'b/conv']) expect(made.tensors[name]!.dtype).toBe('float16');
    const specs: Specs = new Map();
    const g = graph('g', { y: linear(rootScope(specs).in('matrix').declare({ turned: true }), input('x', ['B', 256]), 64) });
    const found = (await checkpointWeights(g, specs, weightsUnder(fileOf(made), 'a/', 'made')))['matrix.weight'] as Tensor<'float32'>;
    const [out, inner] = [64, 256];
    const expected = Float32Array.from(
      { length: out * inner },
      (_, i) => tensors['a/matrix.weight'].data[(i % out) * inner + Math.floor(i / out)]!,
    );
    expect(relativeError(found.data, expected)).toBeLessThan(most);
  },
);

test('rows of a tensor are read alone', async () => {
  const weights = weightsUnder(fileOf(await contained(16)), 'a/', 'made');
  expect((await weights.read('table', [5, 7])).shape).toEqual([2, 64]);
  expect((await weights.read('table', [5, 7])).data[3]).toBeCloseTo(tensors['a/table'].data[5 * 64 + 3]!, 2);
  expect(() => weights.outline('nothing')).toThrow('made: has no tensor "nothing"');
});
