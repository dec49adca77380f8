// Convolutions in 8 bits against the float ones, on the reference and on ONNX Runtime; and which stay float.
import { beforeAll, describe, expect, test } from 'vitest';
import { graph, input, nodesOf } from '../graph/value.ts';
import { conv, type ConvLayerOptions } from '../nn/layers.ts';
import { initialize, rootScope, type Convolve, type Specs } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { expectClose } from '../sdk/testing.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { quantizedWeights } from './bind.ts';
import { int8Convolve } from './int8-conv.ts';
import { relativeError } from './plan.ts';

interface Options extends ConvLayerOptions {
  bits?: number;
  channels?: number;
}

function build({ bits = 8, channels = 256, ...options }: Options, convolve?: Convolve) {
  const specs: Specs = new Map();
  const x = input('x', ['B', channels, '2*h', '2*w']);
  const s = rootScope(specs, undefined, convolve)
    .in('part')
    .declare({ bits: bits || undefined });
  return { specs, g: graph('g', { y: conv(s, x, 8, options) }, [x]) };
}

const picture = float32(
  [1, 256, 2, 4],
  random(5)
    .normals(256 * 8)
    .map((v) => Math.max(v, -0.3)),
); // lopsided, as after SiLU

async function run(runtime: Runtime, options: Options, convolve?: Convolve, x = picture): Promise<Tensor> {
  const { specs, g } = build(options, convolve);
  const weights = initialize(specs, random(2));
  weights['part.bias'] = float32([8], [1, 2, 3, 4, 5, 6, 7, 8]);
  const session = await runtime.compile(g, { weights: { ...weights, ...quantizedWeights(g, weights) } });
  const { y } = await session.run({ x });
  await session.release();
  return y!;
}

const RUNTIMES = { reference: async () => referenceRuntime(), 'onnxruntime-node': () => ortNode({ threads: 1 }) };

describe.each(Object.entries(RUNTIMES))('%s', (_, open) => {
  let runtime: Runtime;
  beforeAll(async () => void (runtime = await open()));

  test.each<[string, Options]>([
    ['3x3', {}],
    ['one point', { kernel: 1 }],
    ['zeros at the right and bottom only', { pads: [0, 0, 1, 1] }],
  ])('%s', async (__, options) => {
    const exact = await run(referenceRuntime(), options);
    const found = await run(runtime, options, int8Convolve);
    expect(found.shape).toEqual(exact.shape);
    const [error, power] = [found, exact].map((t) =>
      (t.data as Float32Array).map((v, i) => v - 1 - (Math.floor(i / (t.shape[2]! * t.shape[3]!)) % 8)),
    );
    expect(relativeError(error!, power!)).toBeLessThan(2e-4); // -37 dB, the bias taken away
    expectClose({ y: found }, { y: await run(referenceRuntime(), options, int8Convolve) }, { rtol: 1e-4, atol: 1e-4 });
  });

  test('a picture of zeros is the bias', async () => {
    const y = await run(runtime, {}, int8Convolve, float32([1, 256, 2, 2], new Float32Array(1024)));
    expect([...(y.data as Float32Array)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8].flatMap((b) => [b, b, b, b]));
  });
});

test('few channels, groups, strides, and weights that nobody declared stay float', () => {
  const ops = (options: Options) => nodesOf(build(options, int8Convolve).g).map((v) => v.op);
  expect(ops({})).not.toContain('Conv');
  for (const options of [{ channels: 128 }, { groups: 2 }, { stride: 2 }, { bits: 0 }]) expect(ops(options)).toEqual(['Conv']);
});
