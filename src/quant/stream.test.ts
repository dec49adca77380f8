// What the stream writes is what rounding the whole matrix gives, and what graphs ask for; other tensors come back as they were.
import { expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input, parameter } from '../graph/value.ts';
import { bytesRanges } from '../tensor/ranges.ts';
import { encodeHead } from '../tensor/safetensors.ts';
import { FLOATS, NARROW } from '../tensor/floats.ts';
import { joined } from '../tensor/store.ts';
import { float32, int64, toBytes, transposed, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { safetensorsWeights, type Weights } from '../tensor/weights.ts';
import { random } from '../util/random.ts';
import { blockTensors, nbitsProduct } from './int4.ts';
import { relativeError } from './plan.ts';
import { roundedFile, type BitsOf } from './stream.ts';

const drawn = (shape: number[], count: number) => float32(shape, random(count).normals(count));
/** Numbers that bfloat16 holds exactly. */
const brain = ({ shape, data }: Tensor<'float32'>) => float32(shape, FLOATS.BF16!.widen(NARROW.BF16!(data)));

/** A checkpoint with a wide matrix of bfloat16, larger than a piece, and a few tensors that stay. */
async function checkpoint(): Promise<{ weights: Weights; wide: Tensor<'float32'>; others: Tensors }> {
  const wide = brain(drawn([150, 200], 150 * 200));
  const others = { bias: drawn([5], 5), ids: int64([2], [1, 2]), kernel: drawn([2, 3, 3, 3], 54), scalar: float32([], [2.5]) };
  const outlines = { ...others, wide: { ...wide, stored: 'BF16' } };
  const { head, names } = encodeHead(outlines);
  const bytes = joined([head, ...names.map((name) => (name === 'wide' ? NARROW.BF16!(wide.data) : toBytes(outlines[name as 'bias'])))]);
  return { weights: await safetensorsWeights(bytesRanges(bytes, 'c')), wide, others };
}

const fourBits: BitsOf = () => 4;

test('rounded some rows at a time as in one piece; the rest as it was', async () => {
  const { weights, wide, others } = await checkpoint();
  const chunks: Uint8Array[] = [];
  for await (const chunk of roundedFile(weights, fourBits, { metadata: { k: 'v' }, piece: 2 ** 13 })) chunks.push(chunk);
  expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThan(6000); // pieces of 2^13 numbers, in 4 bits
  const few = await safetensorsWeights(bytesRanges(joined(chunks), 'few'));
  expect(few.metadata).toEqual({ k: 'v' });
  expect([...few.names].sort()).toEqual(['bias', 'ids', 'kernel', 'scalar', 'wide.q4', 'wide.q4.scale']);
  for (const [name, t] of Object.entries(others)) expect(await few.read(name)).toEqual(t);
  const whole = blockTensors('wide', transposed(wide), 4);
  for (const [name, t] of Object.entries(whole)) expect(await few.read(name)).toEqual(t);
  const product = nbitsProduct({ plan: { wide: 4 }, accuracy: 0 });
  const x = input('x', [1, 200]);
  const feeds = { x: drawn([1, 200], 200), 'wide.q4': await few.read('wide.q4'), 'wide.q4.scale': await few.read('wide.q4.scale') };
  const { y } = evaluate(graph('g', { y: product(x, parameter('wide', [200, 150]), 'wide', {}) }, [x]), feeds);
  const exact = Float32Array.from({ length: 150 }, (_, o) => feeds.x.data.reduce((sum, v, i) => sum + v * wide.data[o * 200 + i]!, 0));
  expect(relativeError(y!.data as Float32Array, exact)).toBeLessThan(0.02); // 4 bits of normal numbers: 1 %
});
