import { describe, expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { matmul } from '../graph/ops.ts';
import { layersPreset } from '../models/layers/config.ts';
import { forInference } from '../graph/passes/optimize.ts';
import { denoiseStage } from '../models/layers/stages.ts';
import type { Stage } from '../models/stage.ts';
import { initialize, type Product } from '../nn/scope.ts';
import { quantizedWeights } from '../quant/bind.ts';
import { nbitsProduct } from '../quant/int4.ts';
import { roundedTo } from '../quant/blocks.ts';
import { heldPlan, planOf } from '../quant/plan.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { float32, int64, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { expectClose } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { isAdaptable, loraFeeds, loraNames, loraProduct, mergeLora, type Applied } from './lora.ts';

const config = layersPreset('tiny');
const rng = random(3);
const plain = denoiseStage(config, undefined, false);
const adapted = denoiseStage(config, loraProduct(matmul), false);
const weights = initialize(plain.specs, rng.split('weights'));
weights['transformer.content-out.weight'] = float32([64, config.channels], rng.normals(64 * config.channels)); // starts as zeros: nothing would show
const [L, M] = [4, 3];
const feeds: Tensors = {
  content: float32([1, L, config.channels], rng.normals(L * config.channels)),
  t: float32([1], [0.7]),
  pooled: float32([1, 64], rng.normals(64)),
  slots: int64([L], [13, 13, 13, 13]),
  places: int64([L], [17, 18, 19, 20]),
  'rotary.cosine': float32([L, 8], rng.normals(L * 8)),
  'rotary.sine': float32([L, 8], rng.normals(L * 8)),
};
for (const i of [0, 1]) for (const kind of ['k', 'v']) feeds[`${kind}.${i}`] = float32([1, 1, M, 16], rng.normals(M * 16));

function adapter(seed: number, r: number): Tensors {
  const stream = random(seed);
  const list = [...plain.specs].filter(([, spec]) => isAdaptable(spec));
  return Object.fromEntries(
    list.flatMap(
      ([
        path,
        {
          shape: [width, out],
        },
      ]) => {
        const { a, b } = loraNames(path);
        return [
          [a, float32([width!, r], stream.normals(width! * r))],
          [
            b,
            float32(
              [r, out!],
              stream.normals(r * out!).map((x) => x * 0.02),
            ),
          ],
        ];
      },
    ),
  );
}
const velocity = (stage: typeof plain, w: Tensors, more: Tensors = {}): Tensor =>
  evaluate(stage.graph, { ...w, ...feeds, ...more })['velocity.content']!;
const merged = (list: readonly Applied[], from = weights): Tensors =>
  Object.fromEntries(
    Object.entries(from).map(([path, w]) => {
      const { a, b } = loraNames(path);
      const baked = list.reduce(
        (sum, { tensors, strength }) =>
          tensors[a] && tensors[b] && isAdaptable(plain.specs.get(path)!)
            ? mergeLora(sum, tensors[a] as never, tensors[b] as never, strength)
            : sum,
        w as Tensor<'float32'>,
      );
      return [path, baked];
    }),
  );

describe('low-rank side inputs', () => {
  test('every product of the denoiser has them, but for its keys and the wide ones of its feed-forward', () => {
    const products = [...plain.specs].filter(([path, { shape }]) => shape.length === 2 && path.endsWith('weight')).map(([path]) => path);
    const sides = adapted.graph.inputs
      .filter(({ name }) => name!.endsWith('.lora_A.weight'))
      .map(({ name }) => name!.replace('.lora_A', ''));
    expect(products.filter((path) => !sides.includes(path))).toEqual(
      [0, 1].flatMap((i) => ['attention.key', 'mlp.gate', 'mlp.up'].map((own) => `transformer.blocks.${i}.${own}.weight`)),
    );
    expect(sides.length).toBe(products.length - 6);
  });

  test.each([0, 1])('none at rank %i gives the same numbers as no adapter', (least) => {
    expect(velocity(adapted, weights, loraFeeds(adapted.specs, [], { least })).data).toEqual(velocity(plain, weights).data);
  });

  test('one applied equals one merged, and differs from none', () => {
    const one = { tensors: adapter(1, 3), strength: 0.8 };
    const applied = velocity(adapted, weights, loraFeeds(adapted.specs, [one]));
    expectClose(applied, velocity(plain, merged([one])), { rtol: 1e-3, atol: 1e-4 });
    expect(() => expectClose(applied, velocity(plain, weights), { rtol: 1e-3, atol: 1e-4 })).toThrow();
  });

  test('two stacked, one of them negative, equal both merged', () => {
    const two = [
      { tensors: adapter(1, 2), strength: 1 },
      { tensors: adapter(2, 4), strength: -0.5 },
    ];
    expectClose(velocity(adapted, weights, loraFeeds(adapted.specs, two)), velocity(plain, merged(two)), { rtol: 1e-3, atol: 1e-4 });
  });

  test.each([0, 4] as const)('on a 4-bit base (accuracy %i) it has the effect that it has on the float one', async (accuracy) => {
    const plan = heldPlan(planOf(plain.specs));
    const base = (inner: Product) => denoiseStage(config, inner, false);
    const runtime = await ortNode({ threads: 1 });
    const run = async ({ graph }: Stage, more: Tensors = {}) => {
      const optimized = forInference(graph);
      const bound = { ...weights, ...quantizedWeights(optimized, weights) };
      const session = await runtime.compile(optimized, {
        weights: Object.fromEntries(optimized.inputs.flatMap((v) => (v.op === 'Parameter' ? [[v.name!, bound[v.name!]!]] : []))),
      });
      const { 'velocity.content': velocity } = await session.run({ ...feeds, ...more });
      await session.release();
      return velocity!.data as Float32Array;
    };
    expect(Object.values(plan).filter((bits) => bits === 4).length).toBeGreaterThan(5);
    const one = loraFeeds(adapted.specs, [{ tensors: adapter(1, 3), strength: 2 }]);
    const none = loraFeeds(adapted.specs, [], { least: 1 });
    const four = base(loraProduct(nbitsProduct({ plan, accuracy })));
    const [float, floatBase, low, lowBase] = [await run(adapted, one), await run(plain), await run(four, one), await run(four, none)];
    expect(lowBase).toEqual(await run(base(nbitsProduct({ plan, accuracy })))); // off, it leaves no trace here either
    let [dot, a, b] = [0, 0, 0];
    float.forEach((x, i) => {
      const [here, there] = [x - floatBase[i]!, low[i]! - lowBase[i]!];
      dot += here * there;
      a += here ** 2;
      b += there ** 2;
    });
    expect(dot / Math.sqrt(a * b)).toBeGreaterThan(0.9); // untrained weights suffer from 4 bits themselves
    expect(Math.sqrt(b / a)).toBeGreaterThan(0.9);
    expect(Math.sqrt(b / a)).toBeLessThan(1.1);
    // Number by number it is the rounded base with the adapter baked in, which no 4-bit weight could hold.
    if (accuracy !== 0) return;
    const rounded = Object.fromEntries(
      Object.entries(weights).map(([path, w]) => [
        path,
        path.endsWith('.weight') && plan[path] ? roundedTo(w as Tensor<'float32'>, plan[path]) : w,
      ]),
    );
    const twin = velocity(plain, merged([{ tensors: adapter(1, 3), strength: 2 }], rounded));
    expectClose(low, twin.data as Float32Array, { rtol: 1e-3, atol: 1e-3 });
  });

  test('an adapter of another model is refused', () => {
    const path = 'transformer.content-out.weight';
    const { a, b } = loraNames(path);
    const wrong = { [a]: zeros('float32', [5, 2]), [b]: zeros('float32', [2, 8]) };
    expect(() => loraFeeds(plain.specs, [{ tensors: wrong, strength: 1 }])).toThrow(/transformer\.content-out\.weight.*another model/);
  });
});
