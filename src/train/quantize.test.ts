import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { check } from '../graph/check.ts';
import { matmul } from '../graph/ops.ts';
import { input } from '../graph/value.ts';
import { preset } from '../models/banana/config.ts';
import { initialize } from '../nn/scope.ts';
import { fakeProduct, levelsOf } from '../quant/fake-quant.ts';
import { planOf, relativeError, rounded } from '../quant/plan.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { float32, scalar, type Tensors } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { textFeeds } from './captions.ts';
import { distillProgram } from './distill.ts';
import { gridFeeds } from './grids.ts';
import { train } from './loop.ts';
import { EXACT, quantizeProgram, studentGraph } from './quantize.ts';
import { averageOf } from './step.ts';

const config = preset('tiny');
const sizes = { batch: 2, tokens: 4 };
const T = config.text.length;
const caption = (ids: number[]) => ({ ids: [...ids, ...Array(T - ids.length).fill(0)], count: ids.length });
const shape = [2, 4, config.channels];
const feeds: Tensors = {
  latent: float32(shape, random(1).normals(8 * config.channels)),
  noise: float32(shape, random(2).normals(8 * config.channels)),
  t: float32([2], [1, 0.6]),
  guidance: float32([2], [3, 4]),
  ...gridFeeds(
    [
      { rows: 2, columns: 2 },
      { rows: 1, columns: 3 },
    ],
    4,
    config,
  ),
  ...textFeeds([caption([1, 9, 2]), caption([1, 12, 13, 2])], T),
};

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await ortNode({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'banana-quantize-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Weights that draw something: the last layer does not begin as zeros. */
function begun(specs: Parameters<typeof initialize>[0]): Tensors {
  const weights = initialize(specs, random(0));
  const out = 'transformer.out.weight';
  weights[out] = float32(
    weights[out]!.shape,
    random(3)
      .normals(weights[out]!.data.length)
      .map((x) => x / 8),
  );
  return weights;
}
const under = (prefix: string, weights: Tensors) =>
  Object.fromEntries(Object.entries(weights).map(([path, w]) => [`${prefix}.${path}`, w]));

test('with plain products the copy is the student itself', async () => {
  const { program, specs } = quantizeProgram(config, sizes, { product: matmul });
  const weights = begun(specs);
  const session = await runtime.compile(program.graph, { weights: under(EXACT, weights) });
  const { loss } = await session.run({ ...program.begin(weights), ...feeds, rate: scalar(0) });
  expect(loss!.data[0]).toBe(0);
  await session.release();
});

test('training in four bits makes up for most of what rounding costs', { timeout: 60_000 }, async () => {
  const probe = quantizeProgram(config, sizes, { product: matmul }).specs;
  const weights = begun(probe);
  const plan = planOf(probe);
  const { program, specs } = quantizeProgram(config, sizes, {
    product: fakeProduct({ plan, activations: 'none', least: input('least', []) }),
  });
  check(program.graph, { trainable: true });
  const loop = train({
    runtime,
    program,
    weights,
    frozen: under(EXACT, weights),
    steps: 60,
    rate: (done) => 0.002 * (1 - done),
    logEvery: 1,
    batch: (step) => ({ ...feeds, least: scalar(levelsOf(step < 10 ? 6 : 4)) }),
    checkpoint: join(folder, 'quantized.safetensors'),
  });
  let last: Tensors = {};
  for await (const { state } of loop) last = averageOf(state, specs);
  const session = await runtime.compile(studentGraph(config, sizes));
  const image = async (w: Tensors) => (await session.run({ ...feeds, ...w })).image!.data as Float32Array;
  const exact = await image(weights);
  const [plain, trained] = [await image(rounded(weights, plan)), await image(rounded(last, plan))];
  expect(relativeError(trained, exact)).toBeLessThan(0.3 * relativeError(plain, exact));
  await session.release();
});

test('distillation too can be done in few bits', () => {
  const plan = { 'transformer.blocks.0.mlp.up.weight': 4 };
  const { program, specs } = distillProgram(config, sizes, { product: fakeProduct({ plan }) });
  check(program.graph, { trainable: true });
  expect([...specs.keys()]).toEqual([...distillProgram(config, sizes).specs.keys()]);
});
