// What is special to onnxruntime-node; what every runtime must do is in contract.test.ts.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { openScratch } from '../disk/scratch.ts';
import { gradients } from '../graph/grad.ts';
import * as o from '../graph/ops.ts';
import { mse, rmsNormalize, silu } from '../graph/functions.ts';
import { constant, graph, input, parameter } from '../graph/value.ts';
import type { OpenScratch, Scratch } from '../tensor/store.ts';
import { float32, int64, scalar, tensor } from '../tensor/tensor.ts';
import { ortNode } from './ort-node.ts';

const runtime = await ortNode({ threads: 1 });

test('a graph of many operators', async () => {
  const x = input('x', ['B', 3]);
  const w = parameter('w', [3, 4]);
  const y = o.matmul(x, w); // (B, 4)
  const g = graph('many', {
    softmax: o.softmax(y),
    tail: o.slice(y, 1, 2),
    middle: o.slice(y, 1, 1, -1),
    max: o.maximum(y, { axes: [1] }),
    total: o.sum(y),
    best: o.argmax(y),
    padded: o.pad(y, [0, 1, 0, 0]),
    picked: o.gather(o.transpose(y, [1, 0]), constant(int64([2], [3, 0]))),
    chosen: o.where(o.greater(y, 0), y, o.neg(y)),
    mask: o.equal(y, y),
    flat: o.reshape(y, ['4*B']),
    wide: o.expand(o.reshape(y, ['B', 1, 4]), ['B', 2, 4]),
    same: x,
    again: y,
    known: constant(scalar(7)),
    scattered: o.scatterAdd(o.full([4, 2], 0), constant(int64([3, 1], [1, 1, 3])), o.full([3, 2], 1)),
    half: o.cast(y, 'float16'),
    whole: o.cast(o.mul(y, 10), 'int32'),
  });
  const session = await runtime.compile(g, { weights: { w: float32([3, 4], [1, 0, 0, 1, 0, 1, 0, -1, 0, 0, 1, 0.5]) } });
  expect(session.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['B', 3] }]);
  const r = await session.run({ x: float32([2, 3], [1, 2, 3, -1, 0, 1]) });
  expect([...r.again!.data]).toEqual([1, 2, 3, 0.5, -1, 0, 1, -0.5]);
  expect([...r.tail!.data]).toEqual([3, 0.5, 1, -0.5]);
  expect([...r.middle!.data]).toEqual([2, 3, 0, 1]);
  expect([...r.max!.data]).toEqual([3, 1]);
  expect(r.total).toEqual(scalar(6));
  expect([...r.best!.data]).toEqual([2n, 2n]);
  expect(r.padded!.shape).toEqual([2, 5]);
  expect([...r.picked!.data]).toEqual([0.5, -0.5, 1, -1]);
  expect(Array.from(r.chosen!.data as Float32Array, Math.abs)).toEqual([1, 2, 3, 0.5, 1, 0, 1, 0.5]);
  expect(r.mask).toEqual(tensor('bool', [2, 4], new Uint8Array(8).fill(1)));
  expect(r.flat!.shape).toEqual([8]);
  expect(r.wide!.shape).toEqual([2, 2, 4]);
  expect([...r.same!.data]).toEqual([1, 2, 3, -1, 0, 1]);
  expect(r.known).toEqual(scalar(7));
  expect([...r.scattered!.data]).toEqual([0, 0, 2, 2, 0, 0, 1, 1]);
  expect(r.half!.dtype).toBe('float16');
  expect(r.half!.data[0]).toBe(0x3c00);
  expect([...r.whole!.data]).toEqual([10, 20, 30, 5, -10, 0, 10, -5]);
  expect([...(r.softmax!.data as Float32Array).subarray(0, 4)].reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  await session.release();
  await expect(session.run({})).rejects.toThrow('was released');
});

test('sizes that are products of symbols are computed at run time', async () => {
  const image = input('image', ['B', 'h', 'w', 4]);
  const patches = o.reshape(image, ['B', 'h*w', 2, 2]); // a product beside a copied axis
  const padded = o.pad(image, [0, 1, 0, 0, 0, 1, 0, 0]); //                      (B, h+2, w, 4)
  const folded = o.reshape(padded, ['B*h+2*B', '4*w']); //                       two unknown axes
  const row = o.expand(o.full([4], 1), ['h+2', 'w', 4]);
  const g = graph('sizes', { patches, folded, row });
  const session = await runtime.compile(g);
  const r = await session.run({ image: float32([2, 3, 5, 4], new Float32Array(120).fill(1)) });
  expect([r.patches!.shape, r.folded!.shape, r.row!.shape]).toEqual([
    [2, 15, 2, 2],
    [10, 20],
    [5, 5, 4],
  ]);
  await session.release();
});

test('a training step whose results are fed back lowers the loss', async () => {
  const x = input('x', [8, 2]);
  const target = input('target', [8, 1]);
  const weights = { w1: parameter('w1', [2, 8]), gain: parameter('gain', [8]), w2: parameter('w2', [8, 1]) };
  const y = o.matmul(o.mul(rmsNormalize(silu(o.matmul(x, weights.w1))), weights.gain), weights.w2);
  const loss = mse(y, target);
  const names = Object.keys(weights);
  const grads = gradients(loss, Object.values(weights));
  const next = Object.fromEntries(Object.values(weights).map((p, i) => [`next/${names[i]}`, o.sub(p, o.mul(grads[i]!, 0.1))]));
  const session = await runtime.compile(graph('step', { loss, ...next }));
  let state = {
    w1: float32(
      [2, 8],
      Float32Array.from({ length: 16 }, (_, i) => Math.sin(i * 7.3)),
    ),
    gain: float32([8], new Float32Array(8).fill(1)),
    w2: float32(
      [8, 1],
      Float32Array.from({ length: 8 }, (_, i) => Math.cos(i * 3.1)),
    ),
  };
  const xs = Float32Array.from({ length: 16 }, (_, i) => Math.sin(i));
  const batch = {
    x: float32([8, 2], xs),
    target: float32(
      [8, 1],
      Float32Array.from({ length: 8 }, (_, i) => xs[2 * i]! * xs[2 * i + 1]!),
    ),
  };
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) {
    const r = await session.run({ ...batch, ...state });
    losses.push(r.loss!.data[0] as number);
    state = Object.fromEntries(names.map((n) => [n, r[`next/${n}`]])) as typeof state;
  }
  expect(losses.at(-1)!).toBeLessThan(losses[0]! / 5);
  await session.release();
});

test('a worker thread, whose environment is a copy, is refused unless telemetry is off already', async () => {
  const loader = new URL('esm/api/index.mjs', pathToFileURL(createRequire(import.meta.url).resolve('tsx'))).href;
  const script = new URL('ort-node.ts', import.meta.url).href;
  const code = `const { parentPort } = require('node:worker_threads');
    import('${loader}').then(({ register }) => (register(), import('${script}')))
      .then(({ ortNode }) => ortNode({ threads: 1 })).then(({ name }) => name, (error) => error.code).then((said) => parentPort.postMessage(said));`;
  const { ORT_DISABLE_TELEMETRY: off, ...env } = process.env;
  const inThread = (env: NodeJS.ProcessEnv) =>
    new Promise((resolve, reject) => new Worker(code, { eval: true, env }).on('message', resolve).on('error', reject));
  expect(off).toBe('1'); // the runtime above set it
  expect(await inThread(env)).toBe('runtime.telemetry');
  expect(await inThread(process.env)).toBe('cpu');
});

describe('large weights that come one after the other', () => {
  const [rows, width] = [10_000, 1024]; // 41 MB
  const table = () =>
    float32(
      [rows, width],
      new Float32Array(rows * width).map((_, i) => i % 251),
    );
  const g = graph('table', {
    y: o.gather(o.add(parameter('table', [rows, width]), parameter('bias', [width])), input('row', [1], 'int64')),
  });
  const weights = async function* () {
    yield ['other', scalar(1)] as const; // no parameter of the graph
    yield ['bias', float32([width], new Float32Array(width).fill(0.5))] as const;
    yield ['table', table()] as const;
  };
  const drawn = async (scratch?: OpenScratch) => {
    const session = await (await ortNode({ threads: 1, scratch })).compile(g, { weights });
    const { y } = await session.run({ row: int64([1], [7]) });
    await session.release();
    return [...y!.data];
  };
  /** A place that notes what is asked of it. */
  const noting =
    (notes: string[], append?: Scratch['append']): OpenScratch =>
    async () => {
      const real = (await openScratch())!;
      return {
        async append(name, bytes) {
          notes.push(`${name} ${bytes.length > 1e6 ? 'much' : 'little'}`);
          return (append ?? real.append)(name, bytes);
        },
        async remove() {
          await real.remove();
          notes.push('removed');
        },
      };
    };

  test.skipIf(process.platform === 'win32')('are mapped from a file that is gone when the session is there', async () => {
    const notes: string[] = [];
    expect(await drawn(noting(notes))).toEqual(await drawn());
    expect(notes).toEqual(['weights.bin little', 'weights.bin much', 'model.onnx little', 'removed']);
  });

  test.skipIf(process.platform === 'win32')('are held where the disk is full, and told where it fails', async () => {
    const failing = (code: string) => async () => {
      throw Object.assign(new Error(code), { code });
    };
    const notes: string[] = [];
    expect(await drawn(noting(notes, failing('ENOSPC')))).toEqual(await drawn());
    expect(notes).toEqual(['weights.bin little', 'removed']);
    await expect(drawn(noting(notes, failing('EIO')))).rejects.toThrow('EIO');
  });
});
