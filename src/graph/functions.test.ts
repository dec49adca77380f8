// The composite functions against their formulas written out on numbers.
import { describe, test } from 'vitest';
import { float32, type Tensors } from '../tensor/tensor.ts';
import { expectClose, randomFeeds } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { evaluate } from './evaluate.ts';
import { attention, clip, l1, lerp, mse, pseudoHuber, rmsNormalize, rotate, silu, softplus, square } from './functions.ts';
import { graph, input, type Value } from './value.ts';

const run = (build: (...x: Value[]) => Value, feeds: Tensors) => {
  const inputs = Object.entries(feeds).map(([name, t]) => input(name, t.shape, t.dtype));
  return evaluate(graph('f', { y: build(...inputs) }, inputs), feeds).y!;
};
const x = float32([6], [-100, -1.5, -0.25, 0, 0.75, 100]);
const each = (f: (v: number) => number) => float32([6], Array.from(x.data, f));

describe('one number at a time', () => {
  test.each<[string, (v: Value) => Value, (v: number) => number]>([
    ['square', square, (v) => v * v],
    ['silu', silu, (v) => v / (1 + Math.exp(-v))],
    ['clip', (v) => clip(v, -1, 0.5), (v) => Math.min(0.5, Math.max(-1, v))],
    ['softplus', softplus, (v) => (v > 50 ? v : Math.log1p(Math.exp(v)))],
  ])('%s', (_, f, expected) =>
    expectClose(
      run((v) => f(v!), { x }),
      each(expected),
    ),
  );
});

test('rmsNormalize makes every row of unit mean square', () => {
  expectClose(
    run((v) => rmsNormalize(v!), { x: float32([2, 2], [3, 4, -30, 40]) }),
    float32(
      [2, 2],
      [3, 4, -3, 4].map((v) => v / Math.sqrt(12.5)),
    ),
  );
});

test('attention with grouped heads is attention with the keys and values repeated', () => {
  const [B, G, R, L, M, d] = [2, 2, 3, 4, 5, 8] as const;
  const shapes = { q: [B, G, R, L, d], k: [B, G, M, d], v: [B, G, M, d], bias: [1, 1, 1, M] };
  const inputs = Object.entries(shapes).map(([name, shape]) => input(name, shape));
  const g = graph('attention', { y: attention(inputs[0]!, inputs[1]!, inputs[2]!, inputs[3]!) }, inputs);
  const feeds = randomFeeds(g, random(3));
  const [q, k, v, bias] = ['q', 'k', 'v', 'bias'].map((name) => feeds[name]!.data as Float32Array) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const expected = new Float32Array(B * G * R * L * d);
  for (let group = 0; group < B * G; group++)
    for (let row = 0; row < R * L; row++) {
      const scores = Array.from({ length: M }, (_, j) => {
        let dot = 0;
        for (let c = 0; c < d; c++) dot += q[(group * R * L + row) * d + c]! * k[(group * M + j) * d + c]!;
        return Math.exp(dot / Math.sqrt(d) + bias[j]!);
      });
      const total = scores.reduce((a, b) => a + b);
      for (let c = 0; c < d; c++)
        expected[(group * R * L + row) * d + c] = scores.reduce((sum, s, j) => sum + (s / total) * v[(group * M + j) * d + c]!, 0);
    }
  expectClose(evaluate(g, feeds).y!, float32([B, G, R, L, d], expected));
});

test('rotate turns each pair of halves by its angle: lengths and relative positions are kept', () => {
  const angles = [0.3, 1.1, 2, -0.7]; // (L = 2, d/2 = 2)
  const table = (f: (a: number) => number) => float32([2, 2], angles.map(f));
  const y = run((v, c, s) => rotate(v!, c!, s!), { x: float32([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), c: table(Math.cos), s: table(Math.sin) });
  const turned = (a: number, b: number, t: number) => [a * Math.cos(t) - b * Math.sin(t), a * Math.sin(t) + b * Math.cos(t)];
  const pairs = [
    [1, 3],
    [2, 4],
    [5, 7],
    [6, 8],
  ].map(([a, b], i) => turned(a!, b!, angles[i]!));
  expectClose(
    y,
    float32(
      [2, 4],
      [pairs[0]![0]!, pairs[1]![0]!, pairs[0]![1]!, pairs[1]![1]!, pairs[2]![0]!, pairs[3]![0]!, pairs[2]![1]!, pairs[3]![1]!],
    ),
  );
});

test('losses', () => {
  const feeds = { a: float32([2, 2], [0, 3, 1, 1]), b: float32([2, 2], [0, 0, 1, 0]) };
  const of = (f: (a: Value, b: Value) => Value) => run((a, b) => f(a!, b!), feeds);
  expectClose(of(mse), float32([], [10 / 4]));
  expectClose(of(l1), float32([], [1]));
  expectClose(
    of((a, b) => pseudoHuber(a, b, 4)),
    float32([2], [Math.sqrt(9 + 16) - 4, Math.sqrt(1 + 16) - 4]),
  );
  expectClose(
    of((a, b) => lerp(a, b, 0.25)),
    float32([2, 2], [0, 2.25, 1, 0.75]),
  );
});
