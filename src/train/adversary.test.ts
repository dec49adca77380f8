import { beforeAll, describe, expect, test } from 'vitest';
import { add, mean, mul } from '../graph/ops.ts';
import { gradients } from '../graph/grad.ts';
import { graph, input, parameter } from '../graph/value.ts';
import { evaluate } from '../graph/evaluate.ts';
import { initialize, rootScope, type Specs } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';

import { float32, scalar, type Tensors } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { adversary, discriminator } from './adversary.ts';
import { NEXT, trainStep } from './step.ts';

let runtime: Runtime;
beforeAll(async () => void (runtime = await ortNode({ threads: 1 })));

const [B, P] = [4, 16];

/** Stripes with hard edges, and the same ones with soft edges. */
function crops(seed: number): { real: Float32Array<ArrayBuffer>; soft: Float32Array<ArrayBuffer> } {
  const rng = random(seed);
  const [real, soft] = [new Float32Array(B * P * P * 4), new Float32Array(B * P * P * 4)];
  for (let b = 0; b < B; b++) {
    const edge = 4 + 8 * rng.uniform();
    for (let i = 0; i < P * P; i++)
      for (let c = 0; c < 4; c++) {
        const x = (i % P) - edge;
        real[(b * P * P + i) * 4 + c] = x > 0 ? 1 : -1;
        soft[(b * P * P + i) * 4 + c] = Math.tanh(x / 4);
      }
  }
  return { real, soft };
}

describe('adversary', () => {
  test('each player has its own gradients', () => {
    const specs: Specs = new Map();
    const brightness = parameter('brightness', [1]);
    const drawn = mul(input('drawn', [B, P, P, 4]), brightness);
    const { fooling, telling } = adversary(rootScope(specs).in('d'), input('real', [B, P, P, 4]), drawn);
    const weights = [...specs.values()].map((s) => s.value);
    const feeds: Tensors = {
      ...initialize(specs, random(1)),
      brightness: float32([1], [0.5]),
      real: float32([B, P, P, 4], crops(1).real),
      drawn: float32([B, P, P, 4], crops(1).soft),
    };
    const sizes = (loss: typeof fooling) => {
      const all = gradients(loss, [brightness, ...weights]);
      const found = evaluate(graph('g', Object.fromEntries(all.map((g, i) => [`g${i}`, mean(mul(g, g))]))), feeds);
      return all.map((_, i) => (found[`g${i}`]!.data as Float32Array)[0]!);
    };
    const [drawer, ...still] = sizes(fooling);
    expect(drawer).toBeGreaterThan(0);
    expect(Math.max(...still)).toBe(0);
    const [none, ...learns] = sizes(telling);
    expect(none).toBe(0);
    expect(learns.filter((g) => g > 0).length).toBeGreaterThanOrEqual(learns.length - 1); // of the last bias, the two halves cancel at first
  });

  test('the discriminator learns to tell soft edges from hard ones', async () => {
    const specs: Specs = new Map();
    const real = input('real', [B, P, P, 4]);
    const drawn = input('drawn', [B, P, P, 4]);
    const { fooling, telling } = adversary(rootScope(specs).in('d'), real, drawn);
    const program = trainStep('toy-adversary', add(telling, mul(fooling, 0)), { specs, metrics: { telling } });
    const session = await runtime.compile(program.graph);
    let state = program.begin(initialize(specs, random(2)));
    const seen: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { real: hard, soft } = crops(i);
      const out = await session.run({
        ...state,
        real: float32([B, P, P, 4], hard),
        drawn: float32([B, P, P, 4], soft),
        rate: scalar(0.003),
      });
      seen.push((out.telling!.data as Float32Array)[0]!);
      state = {
        ...state,
        ...Object.fromEntries(
          Object.entries(out)
            .filter(([key]) => key.startsWith(NEXT))
            .map(([key, t]) => [key.slice(NEXT.length), t]),
        ),
      };
    }
    await session.release();
    expect(seen[0]!).toBeGreaterThan(0.5); // it cannot tell at first
    expect(Math.max(...seen.slice(-5))).toBeLessThan(0.25);
    const judge = discriminator(rootScope().in('d'), real);
    expect(judge.shape).toEqual([B, P / 8, P / 8, 1]);
  });
});
