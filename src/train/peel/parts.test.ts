// A Peel trained with little memory: the base stays in the blocks of its file and the batch goes through in parts. It must be the
// same training, to rounding, as with everything at once.
import { beforeAll, describe, expect, test } from 'vitest';
import { NO_PEELS, withPeel } from '../../adapters/stack.ts';
import { initialize } from '../../nn/scope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { tinyLayersModel } from '../../../test/tiny-layers.ts';
import { layersPreset } from '../../models/layers/config.ts';
import { layersSpecs, packLayers, storedLayers } from '../../models/layers/file.ts';
import { layoutOf, partsOf, tokenCount } from '../../models/layers/layout.ts';
import { numbersOf } from '../../models/layout.ts';
import { fileOf } from '../../models/open.ts';
import { planOf } from '../../quant/plan.ts';
import { decodeSafetensors, encodeSafetensors } from '../../tensor/safetensors.ts';
import { image } from '../../image/image.ts';
import { memoryStore } from '../../tensor/store.ts';
import { scalar, type Tensors } from '../../tensor/tensor.ts';
import { expectClose } from '../../sdk/testing.ts';
import { frozenWeights } from './frozen.ts';
import { layeredPeels } from './layered.ts';
import { rowsThatFit, type PeelStepOptions } from './program.ts';
import { openStep } from '../step.ts';
import { random } from '../../util/random.ts';
import { priorRows } from './samples.ts';
import { trainPeel, type TrainPeelEvent, type TrainPeelInput, type TrainPeelOptions } from './train.ts';

const untrained = tinyLayersModel();
const packed = packLayers(untrained, planOf(layersSpecs(untrained.config)));
const bytes = new Uint8Array(Buffer.concat(encodeSafetensors(packed.tensors, packed.metadata)));
const model = storedLayers(fileOf(decodeSafetensors(bytes, 'test')), 'test');
const { config, weights, blocks, plan } = model;
const family = layeredPeels(model);
const bucket = { name: 'one', layout: partsOf({ objects: 1, canvas: { rows: 4, columns: 4 } }, config.channels) };
const painter = () => family.painter(runtime, { hash: '', precision: 'float32', training: true });
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
    const shape: PeelStepOptions = {
      batch: 4,
      rank: 3,
      layers: ['attention', 'mlp', 'text', 'modulation', 'ends'],
    };
    const drawing = await painter();
    const drawn = [
      ...(await priorRows(drawing, family, bucket, 'a fox', random(3))),
      ...(await priorRows(drawing, family, bucket, 'a cup of tea', random(4))),
    ].slice(0, 4);
    await drawing.release();
    const rows = drawn.map((row, i) => ({ ...row, target: row.target.map((x) => x + i) }));
    const { specs } = family.step(bucket, shape);
    const start = initialize(specs, random(0));
    for (const [path, { data }] of Object.entries(start)) if (path.includes('lora_B')) data.forEach((_, i) => (data[i] = Math.sin(i) / 20)); // so that A has a gradient too
    const step = async (more: Partial<PeelStepOptions>) => {
      const { program } = family.step(bucket, { ...shape, ...more });
      const session = await openStep(runtime, program, frozenWeights(program.graph, weights, blocks));
      const all: Tensors = { ...program.begin(start), ...family.feeds(rows, bucket), rate: scalar(0) };
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
    const [pico, nano] = ['pico', 'nano'].map(layersPreset) as [typeof config, typeof config];
    const tokens = tokenCount(layoutOf({ width: 1, height: 1 }, 2, false));
    expect(rowsThatFit(6, 400e6, pico, tokens)).toBe(6);
    expect(rowsThatFit(6, 120e6, nano, tokens)).toBe(2);
    expect(rowsThatFit(5, 120e6, nano, tokens)).toBe(1);
    expect(rowsThatFit(6, 1, nano, tokens)).toBe(1);
  });
});

describe('a training', () => {
  test('with little memory is that with much, to rounding; several shapes', async () => {
    compiled.length = 0;
    const much = await run({});
    expect(compiled).not.toContain('train-peel-update');
    const little = await run({ memory: 1 });
    expect(compiled).toContain('train-peel-update');
    const drawing = await painter();
    const see = async (tensors?: Tensors) => {
      const peel = { info: { name: 'disc', triggers: [] } as never, hash: '', tensors: tensors! };
      const condition = await drawing.read('a fox', [], tensors ? withPeel(NO_PEELS, peel) : NO_PEELS);
      return condition.velocity(bucket.layout, { guidance: 1 })(random(1).normals(numbersOf(bucket.layout)), 1);
    };
    const [none, a, b] = [await see(), await see(much), await see(little)];
    const distance = (x: Float32Array, y: Float32Array) => Math.hypot(...x.map((n, i) => n - y[i]!));
    expect(distance(a, b)).toBeLessThan(0.02 * distance(a, none));
    await drawing.release();
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
