// A Peel trained with little memory: the base stays in the blocks of its file and the batch goes through in parts. It must be the
// same training, to rounding, as with everything at once.
import { beforeAll, describe, expect, test } from 'vitest';
import { NO_PEELS, withPeel } from '../../adapters/stack.ts';
import { initialize } from '../../nn/scope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { preset } from '../../models/banana/config.ts';
import { planOf } from '../../quant/plan.ts';
import { encodeSafetensors } from '../../tensor/safetensors.ts';
import { image } from '../../image/image.ts';
import { memoryStore } from '../../tensor/store.ts';
import { scalar, type Tensors } from '../../tensor/tensor.ts';
import { expectClose } from '../../sdk/testing.ts';
import { frozenWeights } from './frozen.ts';
import { flatPeels, peelBatch, peelProgram, type PeelProgramOptions } from './flat.ts';
import { rowsThatFit } from './program.ts';
import { openStep } from '../step.ts';
import { random } from '../../util/random.ts';
import { packModel, unpackModel } from '../../models/banana/file.ts';
import { randomModel } from '../../node/models.ts';
import { openNetworks } from '../../models/banana/networks.ts';
import { openPainter } from '../../models/banana/painter.ts';
import { canvasOf } from '../../models/layout.ts';
import { priorRows } from './samples.ts';
import { trainPeel, type TrainPeelEvent, type TrainPeelInput, type TrainPeelOptions } from './train.ts';
import { specsOf } from '../../models/banana/stages.ts';

const untrained = randomModel('tiny', 1);
const spread = random(2);
for (const [path, { data }] of Object.entries(untrained.weights))
  if (/^transformer\.(out|modulation)/.test(path)) data.forEach((x, i) => (data[i] = (x as number) + 0.1 * spread.normal()));
const packed = packModel({ ...untrained, plan: planOf(specsOf(untrained.config)) });
const model = unpackModel(new Uint8Array(Buffer.concat([...encodeSafetensors(packed.tensors, packed.metadata)])), 'test');
const { config, weights, blocks, plan } = model;
const base = { name: 'tiny-untrained', version: '0', preset: 'tiny', hash: 'abc' };
const pictures = [
  [96, 96],
  [96, 96],
  [96, 54],
].map(([width, height], p) => {
  const one = image(width!, height!);
  one.data.forEach((_, i) => (one.data[i] = i % 4 === 3 ? 255 : (i * (p + 7)) % 251));
  return { caption: `picture ${p}`, image: one };
});

let runtime: Runtime;
const compiled: string[] = [];
beforeAll(async () => {
  const inner = await ortNode({ threads: 1 });
  runtime = { ...inner, compile: (graph, ...rest) => (compiled.push(graph.name), inner.compile(graph, ...rest)) };
});

const options: TrainPeelOptions = { name: 'disc', steps: 8, rank: 4, batch: 4, prior: 1, rate: 0.01, samples: false, heldOut: false };
/** Trains; leaves after `leave` steps, or aborts while the first step is made. */
async function run(more: Partial<TrainPeelInput>, { leave = Infinity, of = runtime } = {}): Promise<Tensors | undefined> {
  const training = trainPeel({ model, base, runtime: of, pictures, ...more }, options);
  for (;;) {
    const { done, value } = await training.next();
    if (done) return value.tensors;
    if ((value as TrainPeelEvent).type === 'step' && (value as { step: number }).step >= leave)
      return void (await training.return(undefined as never));
  }
}

describe('a step', () => {
  test('in parts, on the blocks of the file: gradients and loss of the whole batch on float32', async () => {
    const shape = {
      batch: 4,
      tokens: 6,
      rank: 3,
      layers: ['attention', 'mlp', 'text', 'modulation', 'ends'],
      objective: 'consistency',
    } as const satisfies PeelProgramOptions;
    const painter = await openPainter(model, runtime, { hash: '', precision: 'float32', training: true });
    const bucket = { name: '', layout: canvasOf({ rows: 2, columns: 3 }, config.channels) };
    const drawn = [
      ...(await priorRows(painter, flatPeels(model), bucket, 'a fox', random(3))),
      ...(await priorRows(painter, flatPeels(model), bucket, 'a cup of tea', random(4))),
    ];
    await painter.release();
    const rows = drawn.map((row, i) => ({
      ...row,
      target: row.target.map((x) => x + i),
      ...(i % 2 && { near: { x: row.noisy.map((x) => 0.9 * x), s: row.t - 0.125 } }),
    }));
    const { specs } = peelProgram(config, shape);
    const start = initialize(specs, random(0));
    for (const [path, { data }] of Object.entries(start)) if (path.includes('lora_B')) data.forEach((_, i) => (data[i] = Math.sin(i) / 20)); // so that A has a gradient too
    const step = async (more: Partial<PeelProgramOptions>) => {
      const { program } = peelProgram(config, { ...shape, ...more });
      const session = await openStep(runtime, program, frozenWeights(program.graph, weights, blocks));
      const all: Tensors = {
        ...program.begin(start),
        ...peelBatch(rows, { rows: 2, columns: 3 }, config),
        rate: scalar(0),
      };
      const results = await session.run(Object.fromEntries(session.inputs.map(({ name }) => [name, all[name]!])));
      await session.release();
      return Object.fromEntries(Object.entries(results).filter(([name]) => !name.startsWith('next/v/'))); // the first moment is a tenth of the gradient
    };
    const whole = await step({});
    expect(whole['gradient-norm']!.data[0]).toBeGreaterThan(0.01);
    for (const more of [{ rows: 2 }, { rows: 1, frozen: plan! }, { frozen: plan! }])
      expectClose(await step(more), whole, { rtol: 1e-3, atol: 2e-6 });
    expect(Object.values(plan!)).toContain(4);
  });

  test('rows that fit: all of pico, two of nano, one where none does', () => {
    expect(rowsThatFit(6, 600e6, preset('pico'), 64)).toBe(6);
    expect(rowsThatFit(6, 600e6, preset('nano'), 256)).toBe(2);
    expect(rowsThatFit(5, 600e6, preset('nano'), 256)).toBe(1);
    expect(rowsThatFit(6, 1, preset('nano'), 256)).toBe(1);
  });
});

describe('a training', () => {
  test('with little memory is that with much, to rounding; several shapes', async () => {
    compiled.length = 0;
    const much = await run({});
    expect(compiled).not.toContain('train-peel-update');
    const little = await run({ memory: 1 });
    expect(compiled).toContain('train-peel-update');
    const networks = openNetworks(runtime, config, weights);
    const see = async (tensors?: Tensors) => {
      const of = tensors
        ? networks.withPeels(withPeel(NO_PEELS, { info: { name: 'disc', triggers: [] } as never, hash: '', tensors }))
        : networks;
      return of.velocity(
        await of.condition([1, 9, 2]),
        { rows: 4, columns: 4 },
        { guidance: 3 },
      )(random(1).normals(16 * config.channels), 1);
    };
    const [none, a, b] = [await see(), await see(much), await see(little)];
    const distance = (x: Float32Array, y: Float32Array) => Math.hypot(...x.map((n, i) => n - y[i]!));
    expect(distance(a, b)).toBeLessThan(0.02 * distance(a, none));
    await networks.release();
  });

  test('left and taken up again equals never left', async () => {
    const whole = await run({ memory: 1 });
    const store = memoryStore();
    await run({ memory: 1, store }, { leave: 4 });
    expect(await run({ memory: 1, store })).toEqual(whole);
  });

  test('cancelled between the parts of a step: that step was not made, and the rest comes as if it never had been', async () => {
    const whole = await run({ memory: 1 });
    const store = memoryStore();
    const stop = new AbortController();
    let parts = 0;
    const of: Runtime = {
      ...runtime,
      async compile(graph, more) {
        const session = await runtime.compile(graph, more);
        return graph.name !== 'train-peel'
          ? session
          : { ...session, run: (feeds) => (++parts === 4 * 3 + 2 && stop.abort(new Error('cancelled')), session.run(feeds)) };
      },
    };
    await expect(run({ memory: 1, store, signal: stop.signal }, { of })).rejects.toThrow('cancelled');
    expect(parts).toBe(4 * 3 + 2);
    expect(await run({ memory: 1, store })).toEqual(whole);
  });
});
