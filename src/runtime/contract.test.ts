// The contract of runtime.ts, held by every runtime. What one cannot do is listed with its reason, and printed.
import { describe, expect, test, vi } from 'vitest';
import { attention, rmsNormalize, rotate, silu } from '../graph/functions.ts';
import * as o from '../graph/ops.ts';
import { evaluate } from '../graph/evaluate.ts';
import { forInference } from '../graph/passes/optimize.ts';
import { numbersOf } from '../graph/elements.ts';
import { apply, constant, graph, input, parameter, type Graph } from '../graph/value.ts';
import { float32, int64, scalar, sizeOf, tensor, type Tensors } from '../tensor/tensor.ts';
import { toHalf } from '../util/float16.ts';
import { ortNode } from './ort-node.ts';
import { ortWeb } from './ort-web.ts';
import { referenceRuntime } from './reference.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 }); // a child process or WASM on a busy machine

const ramp = (shape: number[], scale = 1) =>
  float32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => scale * Math.sin(1.3 * i + 1)),
  );
const x = input('x', ['B', 'L', 32]);
const feeds = { x: ramp([2, 3, 32]) };

interface Case {
  graph: Graph;
  feeds: Tensors;
  weights?: Tensors;
  tolerance?: number;
}

const CASES: Record<string, Case> = {
  'arithmetic and logic': {
    graph: graph('g', {
      a: silu(o.add(o.exp(x), o.div(x, 3))),
      b: o.where(o.greater(x, 0), x, -1),
      c: o.argmax(x),
      d: o.round(o.mul(x, 9)),
      e: o.less(x, 0),
    }),
    feeds,
  },
  'weights bound, others fed': {
    graph: graph('g', { y: o.add(o.matmul(x, parameter('w', [32, 4])), parameter('bias', [4])) }),
    feeds: { ...feeds, bias: ramp([4]) },
    weights: { w: ramp([32, 4]), unused: scalar(1) },
  },
  'weights large enough to travel beside the model': {
    graph: graph('g', {
      y: o.matmul(o.add(o.matmul(x, parameter('in', [32, 4096])), parameter('bias', [4096])), parameter('out', [4096, 64])),
    }),
    feeds,
    weights: { in: ramp([32, 4096], 0.1), bias: ramp([4096], 0.1), out: ramp([4096, 64], 0.1) },
    tolerance: 1e-5,
  },
  'movement with symbolic sizes': {
    graph: graph('g', {
      flat: o.reshape(x, ['32*B*L']),
      turned: o.reshape(o.transpose(x, [2, 0, 1]), [4, '8*B', 'L']),
      wide: o.expand(o.reshape(x, ['B', 'L', 1, 32]), ['B', 'L', 2, 32]),
      cut: o.slice(o.concat([x, o.pad(x, [0, 1, 0, 0, 1, 0])], 1), 1, 1, -1),
      picked: o.gather(x, constant(int64([2], [31, 0])), 2),
    }),
    feeds,
  },
  'attention, primitive': {
    graph: graph('g', {
      y: attention(
        input('q', ['B', 2, 4, 'L', 8]),
        input('k', ['B', 2, 'M', 8]),
        input('v', ['B', 2, 'M', 8]),
        input('bias', ['B', 1, 1, 'M']),
      ),
    }),
    feeds: { q: ramp([2, 2, 4, 3, 8]), k: ramp([2, 2, 5, 8]), v: ramp([2, 2, 5, 8]), bias: ramp([2, 1, 1, 5]) },
  },
  'attention and normalisation, fused': {
    graph: forInference(
      graph('g', {
        y: attention(
          input('q', ['B', 2, 4, 'L', 8]),
          input('k', ['B', 2, 'M', 8]),
          input('v', ['B', 2, 'M', 8]),
          input('bias', ['B', 1, 1, 'M']),
        ),
        norm: o.mul(rmsNormalize(x), parameter('gain', [32])),
        turned: rotate(x, input('cosine', ['L', 16]), input('sine', ['L', 16])),
      }),
    ),
    feeds: {
      ...feeds,
      q: ramp([2, 2, 4, 3, 8]),
      k: ramp([2, 2, 5, 8]),
      v: ramp([2, 2, 5, 8]),
      bias: ramp([2, 1, 1, 5]),
      gain: ramp([32]),
      cosine: ramp([3, 16]),
      sine: ramp([3, 16]),
    },
  },
  'scatter with repeated rows': {
    graph: graph('g', { y: o.scatterAdd(o.full([4, 2], 1), input('rows', ['n', 1], 'int64'), input('u', ['n', 2])) }),
    feeds: { rows: int64([3, 1], [1, 1, 3]), u: ramp([3, 2]) },
  },
  'every type goes in and out': {
    graph: graph('g', {
      f16: o.transpose(input('a', [2, 2], 'float16'), [1, 0]),
      i64: o.add(input('b', [2], 'int64'), constant(int64([], [1]))),
      flag: o.reshape(input('c', [2], 'bool'), [2, 1]),
      u8: o.transpose(input('d', [1, 2], 'uint8'), [1, 0]),
      i8: o.transpose(input('e', [1, 2], 'int8'), [1, 0]),
      i32: o.transpose(input('f', [1, 2], 'int32'), [1, 0]),
    }),
    feeds: {
      a: tensor('float16', [2, 2], Uint16Array.from([1, 2, -0.5, 65504], toHalf)),
      b: int64([2], [-1, 2 ** 40]),
      c: tensor('bool', [2], Uint8Array.of(0, 1)),
      d: tensor('uint8', [1, 2], Uint8Array.of(0, 255)),
      e: tensor('int8', [1, 2], Int8Array.of(-128, 127)),
      f: tensor('int32', [1, 2], Int32Array.of(-(2 ** 31), 7)),
    },
  },
  'a low-rank side input of rank 0': {
    graph: graph('g', { y: o.add(x, o.matmul(o.matmul(x, input('down', [32, 'r'])), input('up', ['r', 32]))) }),
    feeds: { ...feeds, down: ramp([32, 0]), up: ramp([0, 32]) },
  },
  '4-bit weights': {
    graph: graph('g', {
      y: apply('MatMulNBits', [x, parameter('b', [16, 1, 16], 'uint8'), parameter('s', [16])], {
        K: 32,
        N: 16,
        bits: 4,
        block_size: 32,
        accuracy_level: 0,
      }),
      z: o.matmul(x, apply('DequantizeLinear', [parameter('i', [32, 16], 'int4'), parameter('t', [2, 16])], { axis: 0, block_size: 16 })),
    }),
    feeds,
    weights: {
      b: tensor(
        'uint8',
        [16, 1, 16],
        Uint8Array.from({ length: 256 }, (_, i) => (i * 37) & 255),
      ),
      s: ramp([16], 0.1),
      i: tensor(
        'int4',
        [32, 16],
        Uint8Array.from({ length: 256 }, (_, i) => (i * 91) & 255),
      ),
      t: ramp([2, 16], 0.1),
    },
    tolerance: 1e-5,
  },
  '8-bit products': {
    graph: graph('g', { y: apply('DynamicQuantizeMatMul', [x, parameter('b', [32, 16], 'int8'), parameter('s', [16])]) }),
    feeds,
    weights: {
      b: tensor(
        'int8',
        [32, 16],
        Int8Array.from({ length: 512 }, (_, i) => ((i * 37) % 255) - 127),
      ),
      s: ramp([16], 0.01),
    },
    tolerance: 1e-5,
  },
};

const RUNTIMES = {
  reference: { open: async () => referenceRuntime(), skips: {} },
  'onnxruntime-node': { open: () => ortNode({ threads: 1 }), skips: {} },
  'onnxruntime-web, WASM in Node': { open: () => ortWeb({ threads: 1 }), skips: {} },
} satisfies Record<string, { open: () => Promise<unknown>; skips: Record<string, string> }>;

describe.each(Object.entries(RUNTIMES))(
  '%s',
  async (label, { open, skips }: { open: () => ReturnType<typeof ortNode>; skips: Record<string, string> }) => {
    const runtime = await open();
    for (const [name, { graph: g, feeds: given, weights = {}, tolerance = 2e-6 }] of Object.entries(CASES)) {
      if (skips[name]) console.warn(`${label} skips "${name}": ${skips[name]}`);
      test.skipIf(skips[name])(name, async () => {
        const session = await runtime.compile(g, { weights });
        const streamed = await runtime.compile(g, {
          weights: async function* () {
            yield* Object.entries(weights);
          },
        });
        const [found, expected] = [await session.run(given), evaluate(g, { ...weights, ...given })];
        expect(await streamed.run(given), 'a stream of the same weights').toEqual(found);
        expect(Object.keys(found)).toEqual(Object.keys(expected));
        for (const [key, t] of Object.entries(expected)) {
          expect([found[key]!.dtype, found[key]!.shape], key).toEqual([t.dtype, t.shape]);
          const [a, b] = [numbersOf(found[key]!), numbersOf(t)];
          const at = Array.from(b).findIndex((n, i) => Math.abs(n - a[i]!) > tolerance * Math.max(1, Math.abs(n)));
          expect(at, `${key}[${at}] is ${a[at]}, expected ${b[at]}`).toBe(-1);
        }
        await Promise.all([session.release(), streamed.release()]);
      });
    }

    test("results are the caller's: a later run leaves them alone, and they can be fed back", async () => {
      const session = await runtime.compile(graph('count', { 'next/n': o.add(input('n', [2]), 1) }));
      const first = await session.run({ n: ramp([2], 0) });
      const second = await session.run({ n: first['next/n']! });
      expect([...first['next/n']!.data, ...second['next/n']!.data]).toEqual([1, 1, 2, 2]);
      await session.release();
    });

    test('runs and sessions side by side', async () => {
      const sessions = await Promise.all([1, 2, 3].map((n) => runtime.compile(graph('add', { y: o.add(input('x', ['B']), n) }))));
      const results = await Promise.all(sessions.flatMap((s) => [s.run({ x: float32([1], [10]) }), s.run({ x: float32([2], [20, 30]) })]));
      expect(results.map((r) => [...r.y!.data])).toEqual([[11], [21, 31], [12], [22, 32], [13], [23, 33]]);
      await Promise.all(sessions.map((s) => s.release()));
    });

    test('feeds that do not fit, and a released session, get one clear line', async () => {
      const session = await runtime.compile(graph('sum', { y: o.add(input('a', ['B', 2]), input('b', ['B', 2])) }));
      const a = ramp([3, 2]);
      await expect(session.run({ a })).rejects.toThrow('no tensor for input "b"');
      await expect(session.run({ a, b: a, c: a })).rejects.toThrow('input "c" does not exist; the inputs are "a", "b"');
      await expect(session.run({ a, b: ramp([2, 2]) })).rejects.toThrow('input "b" [2,2]: axis 0 is 2, expected 3 (B with B = 3 from "a")');
      await expect(session.run({ a, b: ramp([6]) })).rejects.toThrow('input "b" has shape [6], expected [B,2]');
      await expect(session.run({ a, b: int64([3, 2], [1, 2, 3, 4, 5, 6]) })).rejects.toThrow('input "b" is int64, expected float32');
      await expect(runtime.compile(graph('g', { y: parameter('w', [2]) }), { weights: { w: ramp([3]) } })).rejects.toThrow(
        'weight "w" is float32[3], expected float32[2]',
      );
      await session.release();
      await expect(session.run({ a, b: a })).rejects.toThrow('session sum was released');
    });
  },
);
