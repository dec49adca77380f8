// Every gradient rule against central finite differences, by walking the table with the operators' cases; then what the
// rules promise beyond that: ties, cut gradients, sharing, second derivatives, errors.
import { describe, expect, test } from 'vitest';
import { CASES, graphOf, type OperatorCase } from '../../test/operator-cases.ts';
import { float32, int64, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { expectClose, randomFeeds } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { evaluate } from './evaluate.ts';
import { attention, lerp, mse, pseudoHuber, rmsNormalize, rotate, silu, softplus } from './functions.ts';
import { GRADIENTS, gradients } from './grad.ts';
import * as o from './ops.ts';
import { print } from './print.ts';
import { numbersOf } from './elements.ts';
import type { Primitive } from './rules.ts';
import { apply, constant, graph, input, type Graph, type Value } from './value.ts';

const STEP = 2 ** -8;

/** d (y . c) / d x for every element of feed `name`, by central differences; the product in doubles. */
function differences(g: Graph, feeds: Tensors, name: string, c: Tensor): Tensor {
  const along = (x: Tensor) => {
    const y = numbersOf(evaluate(g, { ...feeds, [name]: x }).y!);
    return numbersOf(c).length === y.length ? Array.from(y).reduce((sum, v, i) => sum + v * numbersOf(c)[i]!, 0) : NaN;
  };
  const x = feeds[name] as Tensor<'float32'>;
  const slope = (i: number) => {
    const [up, down] = [x.data.slice(), x.data.slice()];
    up[i]! += STEP;
    down[i]! -= STEP;
    return (along({ ...x, data: up }) - along({ ...x, data: down })) / (up[i]! - down[i]!);
  };
  return float32(
    x.shape,
    Array.from(x.data, (_, i) => slope(i)),
  );
}

/** Gradients by the rules and by differences, for every float input; the output's gradient is random. */
function bothGradients(g: Graph, feeds: Tensors): { rules: Tensors; differences: Tensors } {
  const y = g.outputs.y!;
  const c = input('cotangent', y.shape);
  const floats = g.inputs.filter((v) => v.dtype === 'float32');
  const grads = gradients(o.sum(o.mul(o.cast(y, 'float32'), c)), floats);
  const cotangent = float32(evaluate(g, feeds).y!.shape, random(9).normals(evaluate(g, feeds).y!.data.length));
  const rules = graph('rules', Object.fromEntries(floats.map((v, i) => [v.name!, grads[i]!])), [...g.inputs, c]);
  return {
    rules: evaluate(rules, { ...feeds, cotangent }),
    differences: Object.fromEntries(floats.map((v) => [v.name!, differences(g, feeds, v.name!, cotangent)])),
  };
}

function expectSlopes(g: Graph, feeds: Tensors): void {
  const both = bothGradients(g, feeds);
  expectClose(both.rules, both.differences, { rtol: 1e-3, atol: 5e-4 });
}

const differentiable = (c: OperatorCase) => c.smooth !== false && Object.values(c.feeds).some((t) => t.dtype === 'float32');

const CUT = 'Identity'; // stopGradient: its rule and the differences disagree on purpose

for (const op of (Object.keys(GRADIENTS) as Primitive[]).filter((name) => name !== CUT))
  describe(op, () => {
    const cases = CASES[op].filter(differentiable);
    test('has a case', () => expect(cases.length).toBeGreaterThan(0));
    for (const c of cases) test(c.title, () => expectSlopes(graphOf(c), c.feeds));
  });

describe('composites', () => {
  const check = (title: string, build: (...x: Value[]) => Value, ...shapes: number[][]) =>
    test(title, () => {
      const inputs = shapes.map((s, i) => input(`x${i}`, s));
      const g = graph('composite', { y: build(...inputs) }, inputs);
      expectSlopes(g, randomFeeds(g, random(4)));
    });
  check('rmsNormalize', (x) => rmsNormalize(x!), [2, 3, 4]);
  check('silu', (x) => silu(x!), [5]);
  check('softplus', (x) => softplus(x!), [5]);
  check('attention with grouped heads', (q, k, v) => attention(q!, k!, v!), [1, 2, 2, 3, 4], [1, 2, 5, 4], [1, 2, 5, 4]);
  check('rotate', (x) => rotate(x!, constant(float32([2, 2], [1, 0, 0.6, -0.8])), constant(float32([2, 2], [0, 1, 0.8, 0.6]))), [3, 2, 4]);
  check('mse', (a, b) => mse(a!, b!), [2, 3], [2, 3]);
  check('pseudoHuber', (a, b) => pseudoHuber(a!, b!, 0.1), [2, 3], [2, 3]);
  check('lerp', (a, b, t) => lerp(a!, b!, t!), [2, 3], [3], [2, 1]);
  check('a value used three times', (x) => o.add(o.mul(x!, x!), o.matmul(x!, x!)), [3, 3]);
  check('embedding then linear', (table, w) => o.matmul(o.gather(table!, constant(int64([2, 3], [0, 2, 2, 1, 0, 2]))), w!), [3, 4], [4, 2]);
  check('a gradient of a gradient', (x, w) => gradients(o.sum(o.tanh(o.matmul(x!, w!))), [w!])[0]!, [3, 2], [2, 2]);
  check('the gradient of a squared gradient', (x) => o.sum(o.mul(gradients(o.sum(o.exp(o.sin(x!))), [x!])[0]!, 2)), [4]);
});

describe('promises', () => {
  const x = input('x', [3]);
  const gradientOf = (loss: Value, at: number[]) =>
    Array.from(numbersOf(evaluate(graph('g', { d: gradients(loss, [x])[0]! }, [x]), { x: float32([3], at) }).d!));

  test('nothing flows through stopGradient', () => {
    expect(gradientOf(o.sum(o.mul(o.stopGradient(x), x)), [1, 2, 3])).toEqual([1, 2, 3]);
    expect(gradientOf(o.sum(o.stopGradient(x)), [1, 2, 3])).toEqual([0, 0, 0]);
  });

  test('straight through: rounding with the gradient of the identity', () => {
    expect(gradientOf(o.sum(o.add(x, o.stopGradient(o.sub(o.round(x), x)))), [0.2, 1.7, 2.5])).toEqual([1, 1, 1]);
  });

  test('at ties Max and Min give to the second, ReduceMax shares', () => {
    const zero = constant(zeros('float32', [3]));
    expect(gradientOf(o.sum(o.max(x, zero)), [0, 1, -1])).toEqual([0, 1, 0]);
    expect(gradientOf(o.sum(o.min(zero, x)), [0, 1, -1])).toEqual([1, 0, 1]);
    expect(gradientOf(o.maximum(x), [2, 2, 1])).toEqual([0.5, 0.5, 0]);
  });

  test('a value that the loss does not need has a gradient of zeros', () => {
    const y = input('y', [2]);
    expect(evaluate(graph('g', { d: gradients(o.sum(x), [y])[0]! }, [x]), { x: zeros('float32', [3]) })).toEqual({
      d: zeros('float32', [2]),
    });
  });

  test('only what leads to the wanted values is differentiated', () => {
    const w = input('w', [3]);
    const fast = apply('SimplifiedLayerNormalization', [x, constant(float32([3], [1, 1, 1]))], { epsilon: 1e-6 });
    const [d] = gradients(o.sum(o.mul(fast, w)), [w]);
    expect(print(graph('frozen', { d: d! }, [x]))).toMatchInlineSnapshot(`
      "graph frozen(x: float32[3]) {
        %0 = Reshape(1, shape=[1]): float32[1]
        %1 = Expand(%0, shape=[3]): float32[3]
        %2 = SimplifiedLayerNormalization(x, [1 1 1], epsilon=0.000001): float32[3]
        %3 = Mul(%1, %2): float32[3]
        d = %3
      }"
    `);
    expect(() => gradients(o.sum(fast), [x])).toThrow('SimplifiedLayerNormalization has no gradient');
  });

  test('errors', () => {
    const m = input('m', ['B', 3]);
    expect(() => gradients(x, [x])).toThrow('the loss must be a float32 scalar, found float32[3]');
    expect(() => gradients(o.mean(m), [m])).toThrow('gradient of ReduceMean: dimension 3*B must be a number');
    expect(() => gradients(o.sum(o.gather(m, constant(int64([1], [0])), 1)), [m])).toThrow('for axis 0 only');
    expect(() =>
      gradients(o.sum(apply('ScatterND', [x, constant(int64([1, 1], [0])), o.slice(x, 0, 0, 1)], { reduction: 'none' })), [x]),
    ).toThrow("reduction 'add'");
  });
});
