import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate } from '../graph/evaluate.ts';
import { mse } from '../graph/functions.ts';
import { check } from '../graph/check.ts';
import { graph, input, parameter } from '../graph/value.ts';
import { initialize, rootScope, type Specs } from '../nn/scope.ts';
import { layersPreset } from '../models/layers/config.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { float32, scalar, type Tensors } from '../tensor/tensor.ts';
import { expectClose } from '../sdk/testing.ts';
import { random } from '../util/random.ts';
import { layeredTeacher } from './layers/teacher.ts';
import { cosineRate, train } from './loop.ts';
import { adamw, muon } from './optimizer.ts';
import { averageOf, NEXT, openStep, trainStep, trainStepInParts, type Program } from './step.ts';

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await ortNode({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'banana-train-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('optimizers', () => {
  test('AdamW is the formula of the paper', () => {
    const [weight, g, m, v, rate, step] = ['w', 'g', 'm', 'v']
      .map((n) => parameter(n, [3]))
      .concat([input('rate', []), input('step', [])]) as never[] as ReturnType<typeof parameter>[];
    const next = adamw({ beta1: 0.9, beta2: 0.99, decay: 0.1 }).update(weight!, g!, [m!, v!], rate!, step!);
    const outputs = graph('adamw', { w: next.weight, m: next.moments[0]!, v: next.moments[1]! });
    const [w0, g0, m0, v0] = [
      [1, -2, 0.5],
      [0.3, 0, -4],
      [0.1, 0.2, 0],
      [0.5, 0.1, 2],
    ];
    const results = evaluate(outputs, {
      w: float32([3], w0!),
      g: float32([3], g0!),
      m: float32([3], m0!),
      v: float32([3], v0!),
      rate: scalar(0.01),
      step: scalar(4),
    });
    const expected = w0!.map((w, i) => {
      const nextM = 0.9 * m0![i]! + 0.1 * g0![i]!;
      const nextV = 0.99 * v0![i]! + 0.01 * g0![i]! ** 2;
      return w * (1 - 0.01 * 0.1) - (0.01 * (nextM / (1 - 0.9 ** 4))) / (Math.sqrt(nextV / (1 - 0.99 ** 4)) + 1e-8);
    });
    expectClose(results.w!, float32([3], expected), { rtol: 1e-5, atol: 1e-6 });
  });

  test.each([
    [6, 10],
    [10, 6],
  ])('Muon moves a %i x %i matrix by a nearly orthogonal one', (rows, columns) => {
    const [weight, g, m] = ['w', 'g', 'm'].map((n) => parameter(n, [rows, columns])) as [
      ReturnType<typeof parameter>,
      ReturnType<typeof parameter>,
      ReturnType<typeof parameter>,
    ];
    const next = muon({ size: 1 }).update(weight, g, [m], input('rate', []), input('step', []));
    const zero = float32([rows, columns], new Float32Array(rows * columns));
    const { w } = evaluate(graph('muon', { w: next.weight }), {
      w: zero,
      m: zero,
      g: float32([rows, columns], random(1).normals(rows * columns)),
      rate: scalar(1),
      step: scalar(1),
    });
    // Rows of the shorter side: their products should be the unit matrix, times the size squared.
    const short = Math.min(rows, columns);
    const long = Math.max(rows, columns);
    const at = (i: number, j: number) => (w!.data as Float32Array)[rows < columns ? i * columns + j : j * columns + i]! / Math.sqrt(long);
    for (let i = 0; i < short; i++)
      for (let j = 0; j < short; j++) {
        let dot = 0;
        for (let k = 0; k < long; k++) dot += at(i, k) * at(j, k);
        expect(dot).toBeGreaterThan(i === j ? 0.4 : -0.3); // five steps are rough on purpose: singular values 0.7 to 1.2
        expect(dot).toBeLessThan(i === j ? 1.5 : 0.3);
      }
  });
});

/** Fits y = x W, so small that every runtime does it at once; with fewer than its 4 rows, in parts. */
function toy(rows = 4): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('toy');
  const y = s.product(input('x', [rows, 3]), 'weight', [3, 2], { deviation: 0.5 });
  return {
    program: (rows < 4 ? trainStepInParts : trainStep)('toy', mse(y, input('y', [rows, 2])), { specs, ema: 0.9, clip: 0.1 }),
    specs,
  };
}

function toyBatch(step: number): Tensors {
  const x = random(step).normals(12);
  const y = Array.from({ length: 8 }, (_, i) => x[3 * (i >> 1)]! * (i % 2 ? 1 : -2));
  return { x: float32([4, 3], x), y: float32([4, 2], y) };
}

async function run(name: string, steps: number): Promise<Tensors> {
  const { program, specs } = toy();
  let state: Tensors = {};
  const loop = train({
    runtime,
    program,
    weights: initialize(specs, random(0)),
    batch: toyBatch,
    rate: () => 0.05,
    steps,
    checkpoint: join(folder, `${name}.safetensors`),
    log: join(folder, `${name}.jsonl`),
    logEvery: 5,
  });
  for await (const progress of loop) state = progress.state;
  return state;
}

describe('training loop', () => {
  test('resumed equals uninterrupted, bit for bit', async () => {
    const whole = await run('whole', 20);
    await run('parts', 10);
    const parts = await run('parts', 20);
    for (const key of Object.keys(whole)) expect(parts[key]!.data, key).toEqual(whole[key]!.data);
  });

  test.each([1, 2])('in parts of %i rows: one step is that of the whole batch', async (rows) => {
    const steps = [toy(), toy(rows)].map(({ program }) => openStep(runtime, program));
    const [whole, parts] = [await steps[0]!, await steps[1]!];
    expect(parts.inputs.map((p) => p.name).sort()).toEqual(whole.inputs.map((p) => p.name).sort());
    expect(parts.outputs.map((p) => p.name).sort()).toEqual(whole.outputs.map((p) => p.name).sort());
    const { program, specs } = toy();
    const feeds = { ...program.begin(initialize(specs, random(0))), ...toyBatch(3), rate: scalar(0.05) };
    expectClose(await parts.run(feeds), await whole.run(feeds), { rtol: 1e-5, atol: 1e-7 });
    await expect(parts.run({ ...feeds, y: float32([3, 2], [1, 2, 3, 4, 5, 6]) })).rejects.toThrow('no whole number of parts');
    const stop = new AbortController();
    stop.abort(new Error('stopped between parts'));
    await expect((await openStep(runtime, toy(rows).program, {}, stop.signal)).run(feeds)).rejects.toThrow('stopped between parts');
    for (const session of [whole, parts]) await session.release();
  });

  test('the loss falls, and the log says so', async () => {
    await run('long', 150);
    const lines = (await readFile(join(folder, 'long.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l) as { step: number; loss: number; 'gradient-norm': number });
    expect(lines.at(-1)!.step).toBe(150);
    expect(lines.at(-1)!.loss).toBeLessThan(0.1 * lines[0]!.loss);
    expect(lines[0]!['gradient-norm']).toBeGreaterThan(0);
  });

  test('the average follows the weights', async () => {
    const state = await run('average', 30);
    const average = averageOf(state, toy().specs)['toy.weight']!;
    expect(average.data).not.toEqual(state['toy.weight']!.data);
    expectClose(average, state['toy.weight']!, { rtol: 0.5, atol: 0.5 });
  });

  test('a run that diverges stops with the step', async () => {
    const { program, specs } = toy();
    const bad = () => ({ x: float32([4, 3], Array(12).fill(Number.NaN)), y: float32([4, 2], Array(8).fill(0)) });
    const loop = train({
      runtime,
      program,
      weights: initialize(specs, random(0)),
      batch: bad,
      rate: () => 0.1,
      steps: 3,
      checkpoint: join(folder, 'bad.safetensors'),
    });
    await expect(loop.next()).rejects.toThrow('training diverged at step 0');
  });

  test('the rate warms up, peaks and ends low', () => {
    const rate = cosineRate(1, { warm: 0.1, floor: 0.05 });
    expect(rate(0)).toBeLessThan(0.02);
    expect(rate(0.1)).toBeCloseTo(1);
    expect(rate(1)).toBeCloseTo(0.05);
  });
});

test('every state that goes in comes out', () => {
  const { program, specs } = layeredTeacher(layersPreset('tiny'), { batch: 2, layout: { objects: 1 }, text: 4 });
  check(program.graph, { trainable: true });
  const state = Object.keys(program.begin(initialize(specs, random(0))));
  const outputs = Object.keys(program.graph.outputs)
    .filter((name) => name.startsWith(NEXT))
    .map((name) => name.slice(NEXT.length));
  expect(outputs.sort()).toEqual(state.sort());
});
