// What the browser test runs on every runtime, in Node and in the page alike: a graph of many operators, and twenty steps of
// training a small attention network, AdamW within the graph and the new weights fed back.
import { mse } from '../../src/graph/functions.ts';
import * as o from '../../src/graph/ops.ts';
import { forInference, forTraining } from '../../src/graph/passes/optimize.ts';
import { graph, input, parameter, type Graph } from '../../src/graph/value.ts';
import { selfAttention } from '../../src/nn/attention.ts';
import { conv, groupNorm, layerNorm, linear, rmsNorm, swiglu } from '../../src/nn/layers.ts';
import { initialize, rootScope, type Specs } from '../../src/nn/scope.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { float32, int64, scalar, sizeOf, type Tensors } from '../../src/tensor/tensor.ts';
import { adamw } from '../../src/train/optimizer.ts';
import { NEXT, trainStep } from '../../src/train/step.ts';
import { random } from '../../src/util/random.ts';

const ramp = (shape: number[]) =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(1.3 * i + 1)),
  );

/** A block of attention and feed-forward with symbolic sizes, fused as in inference, and some movement of data. */
export function inference(): { graph: Graph; feeds: Tensors; weights: Tensors } {
  const specs: Specs = new Map();
  const s = rootScope(specs);
  const x = input('x', ['B', 'L', 32]);
  const mask = input('bias', ['B', 1, 1, 'L']);
  let h = o.add(x, selfAttention(s.in('attention'), rmsNorm(s.in('a'), x), { groups: 2, share: 2, width: 8 }, { bias: mask }));
  h = o.add(h, swiglu(s.in('mlp'), rmsNorm(s.in('b'), h), 64));
  const table = parameter('table', [5, 32]);
  const picture = input('picture', ['B', 4, '2*y', 6]);
  const g = graph('inference', {
    h,
    unbiased: selfAttention(s.in('unbiased'), x, { groups: 2, share: 2, width: 8 }), // another path on WebGPU
    picked: o.gather(table, input('ids', ['n'], 'int64')),
    moved: o.slice(o.pad(o.transpose(h, [1, 0, 2]), [1, 0, 0, 0, 0, 0]), 0, 0, -1),
    chosen: o.where(o.greater(h, 0), o.tanh(h), o.round(o.mul(x, 4))),
    waves: o.cos(h),
    normal: o.add(layerNorm(s.in('layer'), h), o.gelu(o.erf(h), 'tanh')),
    larger: o.upsample(o.gelu(conv(s.in('conv'), groupNorm(s.in('group'), picture, 2), 6, { groups: 2, stride: 2 }))),
    reduced: o.maximum(o.reshape(h, ['B', '32*L']), { axes: [1] }),
  });
  const weights = { ...initialize(specs, random(1)), table: ramp([5, 32]) };
  const bias = float32([2, 1, 1, 5], [0, 0, 0, -1e4, 0, 0, 0, 0, 0, -1e4]);
  return { graph: forInference(g), weights, feeds: { x: ramp([2, 5, 32]), bias, ids: int64([3], [4, 0, 4]), picture: ramp([2, 4, 4, 6]) } };
}

/** The losses of twenty steps: a network learns to reverse the order of its tokens. */
export async function trainingLosses(runtime: Runtime, steps = 20): Promise<number[]> {
  const specs: Specs = new Map();
  const s = rootScope(specs);
  const [B, L, C, D] = [8, 6, 4, 16];
  const [x, target] = [input('x', [B, L, C]), input('target', [B, L, C])];
  const place = s.parameter('place', [L, D], { deviation: 0.5 });
  let h = o.add(linear(s.in('in'), x, D, { bias: true }), place);
  h = o.add(h, selfAttention(s.in('attention'), rmsNorm(s.in('a'), h), { groups: 1, share: 2, width: 8 }));
  h = o.add(h, swiglu(s.in('mlp'), rmsNorm(s.in('b'), h), 32));
  const loss = mse(linear(s.in('out'), h, C), target);
  const program = trainStep('reverse', loss, { specs, optimizer: () => adamw() });
  const session = await runtime.compile(forTraining(program.graph));
  let state = program.begin(initialize(specs, random(2)));
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const numbers = random(3)
      .split(`batch ${step}`)
      .normals(B * L * C);
    const reversed = numbers.map((_, i) => numbers[(Math.floor(i / (L * C)) * L + (L - 1 - (Math.floor(i / C) % L))) * C + (i % C)]!);
    const results = await session.run({
      ...state,
      x: float32([B, L, C], numbers),
      target: float32([B, L, C], reversed),
      rate: scalar(0.01),
    });
    losses.push((results.loss!.data as Float32Array)[0]!);
    state = Object.fromEntries(
      Object.entries(results).flatMap(([name, t]) => (name.startsWith(NEXT) ? [[name.slice(NEXT.length), t]] : [])),
    );
  }
  await session.release();
  return losses;
}
