// Every operator on onnxruntime-node against the reference, by walking the table of cases; then small random graphs.
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { check } from '../src/graph/check.ts';
import { evaluate } from '../src/graph/evaluate.ts';
import { gradients } from '../src/graph/grad.ts';
import * as o from '../src/graph/ops.ts';
import { rmsNormalize, silu, softplus } from '../src/graph/functions.ts';
import { print } from '../src/graph/print.ts';
import { REFERENCE } from '../src/graph/reference.ts';
import type { Op } from '../src/graph/rules.ts';
import { constant, graph, input, type Graph, type Value } from '../src/graph/value.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { compare, expectClose, randomFeeds, type Tolerance } from '../src/sdk/testing.ts';
import { float32, int64, sizeOf, type Tensors } from '../src/tensor/tensor.ts';
import { ShapeError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { CASES, graphOf } from './operator-cases.ts';

const runtime = await ortNode({ threads: 1 });
afterAll(() => runtime.release?.());

/** Where rounding inside the engine shows more than elsewhere. */
const LOOSE: Partial<Record<Op, Tolerance>> = {
  MatMul: { rtol: 1e-5, atol: 1e-5 },
  MatMulNBits: { rtol: 1e-4, atol: 1e-3 },
  DynamicQuantizeMatMul: { rtol: 1e-5, atol: 1e-4 },
  MatMulIntegerToFloat: { rtol: 1e-5, atol: 1e-2 }, // of some thousands
};

for (const op of Object.keys(REFERENCE) as Op[])
  describe(op, () => {
    for (const c of CASES[op])
      test(c.title, async () => {
        const g = graphOf(c);
        const session = await runtime.compile(g);
        expectClose(await session.run(c.feeds), evaluate(g, c.feeds), LOOSE[op]);
        await session.release();
      });
  });

const reference = { compile: async (g: Graph) => ({ run: async (feeds: Tensors) => evaluate(g, feeds) }) };

/** Steps of a random graph: each takes earlier values and makes one more, or throws ShapeError where they do not fit. All are continuous. */
const STEPS: ((a: Value, b: Value, n: number) => Value)[] = [
  (a, b) => o.add(a, b),
  (a, b) => o.sub(a, b),
  (a, b) => o.mul(o.tanh(a), b),
  (a, b) => o.div(a, o.add(o.exp(o.neg(o.abs(b))), 1)),
  (a, b) => o.max(a, b),
  (a, b) => o.where(o.greater(a, b), o.sub(a, b), 0),
  (a, b) => o.matmul(a, b),
  (a, b) => o.matmul(a, o.transposeLast(b)),
  (a) => silu(a),
  (a) => softplus(a),
  (a) => rmsNormalize(a, 1e-2),
  (a) => o.sin(a),
  (a, _, n) => o.softmax(a, n % a.shape.length),
  (a, _, n) => o.mean(a, { axes: [n % a.shape.length], keepdims: n % 2 === 0 }),
  (a, _, n) => o.maximum(a, { axes: [n % a.shape.length], keepdims: true }),
  (a, _, n) => o.slice(a, n % a.shape.length, -2),
  (a, b, n) => o.concat([a, b, a], n % a.shape.length),
  (a, _, n) =>
    o.pad(
      a,
      a.shape.flatMap(() => [n % 2, (n >> 1) % 2]),
    ),
  (a, _, n) => o.gather(a, constant(int64([3], [0, -(n % 2), -1]))),
  (a) =>
    o.transpose(
      a,
      a.shape.map((_, i) => (i + 1) % a.shape.length),
    ),
  (a) => o.reshape(a, [sizeOf(a.shape as number[]), 1]),
];

function randomGraph(choices: readonly (readonly [number, number, number])[]): Graph {
  const inputs = [input('x', [2, 3]), input('y', [3, 2]), input('z', [2, 1, 3])];
  const pool = [...inputs];
  for (const [step, a, b] of choices)
    try {
      const made = STEPS[step % STEPS.length]!(pool[a % pool.length]!, pool[b % pool.length]!, a + b);
      if (made.shape.length > 0 && made.shape.length < 4 && sizeOf(made.shape as number[]) < 200) pool.push(made);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error; // operands that do not fit: leave this step out
    }
  const last = o.tanh(pool.at(-1)!);
  const loss = o.mean(o.mul(last, last));
  const grads = Object.fromEntries(gradients(loss, inputs).map((g, i) => [`d${inputs[i]!.name}`, g]));
  return graph('random', { last, loss, ...grads }, inputs);
}

test('random graphs and their gradients agree with the reference', { timeout: 60_000 }, async () => {
  const choice = fc.tuple(fc.nat(999), fc.nat(999), fc.nat(999));
  await fc.assert(
    fc.asyncProperty(fc.array(choice, { minLength: 1, maxLength: 10 }), fc.nat(), async (choices, seed) => {
      const g = check(randomGraph(choices), { trainable: true });
      const feeds = randomFeeds(g, random(seed));
      const session = await runtime.compile(g);
      try {
        expectClose(await session.run(feeds), evaluate(g, feeds), { rtol: 1e-3, atol: 1e-4 });
      } catch (error) {
        const first = await compare(g, feeds, runtime, reference);
        throw new Error(`${first?.line ?? 'only as a whole'}\n${first?.message ?? error}\n${print(g)}`);
      } finally {
        await session.release();
      }
    }),
    { numRuns: 150, seed: 1 },
  );
});

test('compare names the first node at which two runtimes differ', async () => {
  const x = input('x', [2]);
  const g = graph('g', { y: o.exp(o.mul(o.sin(x), 2)) });
  const wrong = {
    compile: async (h: Graph) => ({ run: async (feeds: Tensors) => ({ ...evaluate(h, feeds), node1: float32([2], [0, 0]) }) }),
  };
  const feeds = { x: float32([2], [0, 1]) };
  expect(await compare(g, feeds, runtime, reference)).toBeUndefined();
  expect(await compare(g, feeds, wrong, reference)).toMatchInlineSnapshot(`
    {
      "line": "%1 = Mul(%0, 2): float32[2]",
      "message": "%1[1]: found 0, expected 1.6829419136047363 (rtol 0.0001, atol 0.00001)",
    }
  `);
});
