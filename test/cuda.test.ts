// tools/cuda on the CPU with the system's PyTorch: every operator against the reference interpreter, and a training run
// against the reference's own losses, also when it is interrupted. Skipped, saying so, where python3 has no torch.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { evaluate } from '../src/graph/evaluate.ts';
import { mse, rmsNormalize, silu } from '../src/graph/functions.ts';
import * as o from '../src/graph/ops.ts';
import { graph, input } from '../src/graph/value.ts';
import { linear } from '../src/nn/layers.ts';
import { initialize, rootScope, type Specs } from '../src/nn/scope.ts';
import { loadPipeline } from '../src/node/load.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { float32, scalar, tensor, type Tensors } from '../src/tensor/tensor.ts';
import { expectClose, randomFeeds } from '../src/sdk/testing.ts';
import { NEXT, trainStep } from '../src/train/step.ts';
import { random } from '../src/util/random.ts';
import { writeBundle, type Bundle } from '../tools/cuda/bundle.ts';
import { fetchRun } from '../tools/cuda/fetch.ts';
import { writeFixture, writeFixtures } from '../tools/cuda/fixtures.ts';
import { layersPreset } from '../src/models/layers/config.ts';
import { rendererProgram } from '../src/train/layers/renderer.ts';
import { layeredTeacher } from '../src/train/layers/teacher.ts';
import { packRun } from '../tools/cuda/pack.ts';

/** The first python3 that has torch: the system's own before one of a version manager. */
const python = ['/usr/bin/python3', 'python3'].find(
  (path) => spawnSync(path, ['-c', 'import torch, numpy'], { stdio: 'ignore' }).status === 0,
);
if (!python) console.log('tools/cuda is not tested: no python3 with torch and numpy here (Debian: apt-get install python3-torch)');

const folder = mkdtempSync(join(tmpdir(), 'banana-cuda-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const start = (program: string, ...args: string[]) =>
  execFileSync(python!, [`tools/cuda/${program}.py`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const run = (...args: string[]) => start('run', '--device', 'cpu', ...args);
const logOf = (out: string) =>
  readFileSync(join(out, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);

describe.skipIf(!python)('tools/cuda', { timeout: 300_000 }, () => {
  test('every operator agrees with the reference', async () => {
    const count = await writeFixtures(join(folder, 'operators'));
    expect(run('--check', join(folder, 'operators'))).toContain(`${count} passed, 0 failed`);
  });

  test('a wrong result is found and named', async () => {
    const x = input('x', [2]);
    const at = join(folder, 'wrong');
    await writeFixture(at, 'case', 'case', graph('g', { y: o.neg(x) }), { x: float32([2], [1, 2]) });
    await writeSafetensors(
      join(at, 'case.safetensors'),
      { 'feed/x': float32([2], [1, 2]), 'output/y': float32([2], [-1, 2]) },
      { title: 'the case' },
    );
    const result = spawnSync(python!, ['tools/cuda/run.py', '--device', 'cpu', '--check', at], { encoding: 'utf8' });
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('FAILED the case: AssertionError: y: found -2.0, expected 2.0 at 1');
  });

  test('whole training steps of the networks agree with the reference', async () => {
    const at = join(folder, 'networks');
    const config = layersPreset('tiny');
    const layout = { objects: 2, canvas: { rows: 4, columns: 4 } };
    const programs = {
      renderer: rendererProgram(config, { pixels: 2, cells: 4, share: 1, batch: 2 }),
      teacher: layeredTeacher(config, { batch: 2, layout, text: 4 }),
    };
    for (const [name, { program, specs }] of Object.entries(programs)) {
      const drawn: Tensors = {
        ...randomFeeds(program.graph, random(2), { below: 2 }),
        variance: float32([config.channels], new Float32Array(config.channels).fill(1)),
        t: float32([2], [0.4, 0.9]),
        objects: float32([2, 2], [1, 1, 1, 0]),
        canvas: float32([2], [1, 0]),
        'text.mask': float32([2, 4], [1, 1, 1, 0, 1, 1, 1, 1]),
        ...program.begin(initialize(specs, random(1))),
        rate: scalar(0.001),
      };
      const feeds = Object.fromEntries(program.graph.inputs.map((v) => [v.name!, drawn[v.name!]!]));
      await writeFixture(at, name, name, program.graph, feeds, { rtol: '1e-3', atol: '1e-4' });
    }
    expect(run('--check', at)).toContain('2 passed, 0 failed');
  });

  test('training gives the reference its own losses and weights, whole or interrupted', async () => {
    const specs: Specs = new Map();
    const s = rootScope(specs);
    const hidden = silu(
      rmsNormalize(linear(s.in('blocks').in('0').in('up'), o.sub(o.div(o.cast(input('pixels', [5, 3], 'uint8'), 'float32'), 127.5), 1), 8)),
    );
    const loss = mse(linear(s.in('head'), hidden, 2), input('target', [5, 2]));
    const program = trainStep('train-small', loss, { specs, ema: 0.9 });
    const weights = initialize(specs, random(1));
    const r = random(2);
    const data: Tensors = {
      pixels: tensor(
        'uint8',
        [5, 3],
        Uint8Array.from({ length: 15 }, () => r.integer(256)),
      ),
      target: float32([5, 2], r.normals(10)),
    };
    const rates = [0.01, 0.02, 0.03, 0.02, 0.01];
    const bundle: Bundle = {
      program,
      weights,
      plan: {
        inputs: {
          pixels: { kind: 'data', key: 'pixels' },
          target: { kind: 'data', key: 'target' },
          rate: { kind: 'table', values: rates },
        },
      },
    };
    const at = join(folder, 'bundle');
    await writeBundle(at, bundle);
    await writeSafetensors(join(at, 'data', '0.safetensors'), {
      pixels: tensor('uint8', [2, 3], data.pixels!.data.slice(0, 6) as never),
      target: float32([2, 2], data.target!.data.slice(0, 4) as never),
    });
    await writeSafetensors(join(at, 'data', '1.safetensors'), {
      pixels: tensor('uint8', [3, 3], data.pixels!.data.slice(6) as never),
      target: float32([3, 2], data.target!.data.slice(4) as never),
    });

    let state = program.begin(weights);
    const losses = rates.map((rate) => {
      const results = evaluate(program.graph, { ...state, ...data, rate: scalar(rate) });
      state = {
        ...state,
        ...Object.fromEntries(Object.entries(results).flatMap(([key, t]) => (key.startsWith(NEXT) ? [[key.slice(NEXT.length), t]] : []))),
      };
      return results.loss!.data[0] as number;
    });

    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    run(at, '--out', whole, '--steps', '5', '--log-every', '1');
    run(at, '--out', parts, '--steps', '2', '--log-every', '1');
    expect(run(at, '--out', parts, '--steps', '5', '--log-every', '1')).toContain('from step 2');
    for (const out of [whole, parts]) {
      expectClose(
        logOf(out).map((line) => line.loss!),
        losses,
        { rtol: 1e-4 },
      );
      const { tensors, metadata } = await readSafetensors(join(out, 'checkpoint.safetensors'));
      expectClose(tensors, state, { rtol: 1e-3, atol: 1e-5 });
      expect(Number(metadata.seconds)).toBeGreaterThan(0);
    }
  });

  test('the plan draws numbers by seed and step, and a graph prepares inputs from them', async () => {
    const inputs = {
      n: input('n', ['N']),
      u: input('u', ['N']),
      i: input('i', ['N'], 'int64'),
      t: input('t', ['N']),
      rate: input('rate', []),
      s: input('s', ['N']),
    };
    const step = input('step', []);
    const spread = (v: typeof step) => o.sqrt(o.mean(o.mul(o.sub(v, o.mean(v)), o.sub(v, o.mean(v)))));
    const whole = o.cast(inputs.i, 'float32');
    const outputs = {
      mean: o.mean(inputs.n),
      deviation: spread(inputs.n),
      low: o.neg(o.maximum(o.neg(inputs.u))),
      high: o.maximum(inputs.u),
      most: o.maximum(whole),
      average: o.mean(whole),
      time: o.mean(inputs.t),
      level: o.add(inputs.rate, 0),
      earlier: o.mean(o.sub(inputs.t, inputs.s)),
      [`${NEXT}step`]: o.add(step, 1),
    };
    const program = { graph: graph('draws', outputs), begin: () => ({ step: scalar(0) }) };
    const at = join(folder, 'draws');
    const plan: Bundle['plan'] = {
      inputs: {
        n: { kind: 'normal', mean: 3, deviation: 2 },
        u: { kind: 'uniform', low: -1, high: 2 },
        i: { kind: 'integer', below: 7 },
        t: { kind: 'logit-normal' },
        rate: {
          kind: 'table',
          points: [
            [0, 0],
            [0.5, 1],
            [1, 0],
          ],
        },
      },
      sizes: { N: 4096 },
      steps: 8,
    };
    const t = input('t', ['N']);
    await writeBundle(at, { program, weights: {}, plan, prepare: graph('prepare', { s: o.max(o.sub(t, 0.25), 0) }) });
    const draw = (out: string, ...args: string[]) => {
      run(at, '--out', join(folder, out), '--log-every', '1', '--no-compile', ...args);
      return logOf(join(folder, out)).map(({ seconds, stepsPerSecond, samplesPerSecond, tflops, ofMatMul, ...numbers }) => numbers);
    };
    const first = draw('draws-1');
    expect(first.map((line) => line.level)).toEqual([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25]);
    for (const line of first) {
      expectClose([line.mean!, line.deviation!, line.low!, line.high!, line.average!, line.time!], [3, 2, -1, 2, 3, 0.5], {
        rtol: 0.05,
        atol: 0.02,
      });
      expect(line.most).toBe(6);
      expect(line.earlier).toBeGreaterThan(0.15);
      expect(line.earlier).toBeLessThan(0.25);
    }
    expect(new Set(first.map((line) => line.mean)).size).toBe(8);
    expect(draw('draws-2', '--seed', '1').map((line) => line.mean)).not.toEqual(first.map((line) => line.mean));
    draw('draws-3', '--steps', '3');
    expect(draw('draws-3').map((line) => line.mean)).toEqual(first.map((line) => line.mean)); // goes on where it was
  });

  // One program says nothing of the others: what one step makes fits the next, and what comes home draws.
  test('the whole chain of tiny pauses, goes on, and sends a model home that draws', async () => {
    const [at, work, out, home] = ['bundle', 'work', 'out', 'run'].map((name) => join(folder, 'chain', name)) as [
      string,
      string,
      string,
      string,
    ];
    await packRun({ preset: 'tiny', out: at, kit: false });
    rmSync(join(at, 'check'), { recursive: true }); // the first test did that
    await writeFixture(join(at, 'check'), 'case', 'case', graph('g', { y: o.neg(input('x', [2])) }), { x: float32([2], [1, 2]) });
    const trial = ['--steps', '3', '--scale', '1000', '--log-every', '1', '--no-compile']; // compiled elsewhere; here it would take minutes
    const recipes = ['--node', `"${process.execPath}" --import tsx`, '--recipes', 'recipes', '--processes', '1'];
    const chain = (...args: string[]) =>
      start('chain', '--device', 'cpu', '--bundle', at, '--work', work, '--out', out, ...trial, ...recipes, ...args);
    expect(chain('--session', '16')).toContain('paused');
    expect(chain('--session', '1200')).toContain('every step is done');
    for (const stage of ['renderer', 'teacher', 'student']) expect(logOf(join(work, 'run', `${stage}-run`)).at(-1)!.step, stage).toBe(3);
    expect(logOf(join(work, 'run', 'student-run')).map((line) => Object.keys(line).some((key) => key.endsWith('-quantized')))).toEqual([
      false,
      false,
      true,
    ]);

    const { whole, missing } = await fetchRun([out], { run: home });
    expect([whole, missing]).toEqual([[join(home, 'tiny.safetensors')], []]);
    const pipeline = await loadPipeline({ model: whole[0]! });
    const types: string[] = [];
    for await (const event of pipeline.generate({ prompt: 'a red apple next to a dog', seed: 1, width: 96, height: 64, steps: 2 }))
      types.push(event.type);
    await pipeline.release();
    expect(types.at(-2)).toBe('image');
  });

  test('a bundle that leaves an input open is refused', async () => {
    const program = {
      graph: graph('open', { [`${NEXT}step`]: o.add(input('step', []), input('other', [])) }),
      begin: () => ({ step: scalar(0) }),
    };
    await expect(writeBundle(join(folder, 'open'), { program, weights: {}, plan: { inputs: {} } })).rejects.toThrow(
      'nothing gives the inputs other',
    );
  });
});
