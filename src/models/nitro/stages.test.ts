// Nitro-E's denoiser, its steps and TAESANA's decoder against their authors' code.
import { expect, test } from 'vitest';
import { errorOf, fixturesOf } from '../../../test/open-weights.ts';
import { forInference } from '../../graph/passes/optimize.ts';
import { checkpointWeights } from '../../quant/checkpoint.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Session } from '../../runtime/runtime.ts';
import { guide } from '../../sampling/guidance.ts';
import type { Grid } from '../../sampling/noise.ts';
import { euler, type Velocity } from '../../sampling/sampler.ts';
import { flowTimes } from '../../sampling/schedule.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { random } from '../../util/random.ts';
import type { Stage } from '../stage.ts';
import { emmditConfig, TRAINED, type Trained } from './emmdit-config.ts';
import { placesOf } from './positions.ts';
import { openTinyDecoder } from '../stable-diffusion/tiny-strips.ts';
import { ANY_SIDES, denoiseStage, pixelsHalves } from './stages.ts';

const { tensorsOf, weightsOf } = fixturesOf('nitro');
const golden = tensorsOf('denoiser.safetensors');

const runtime = await ortNode({ threads: 1 });

async function opened({ graph, specs }: Stage, weights: Weights): Promise<Session> {
  return runtime.compile(forInference(graph), { weights: await checkpointWeights(graph, specs, weights) });
}

/** (B, C, h, w) as (B, h w, C). */
function byCell({ shape, data }: Tensor): Tensor {
  const [B, C, h, w] = shape as [number, number, number, number];
  const cells = new Float32Array(data.length);
  for (let b = 0; b < B; b++)
    for (let c = 0; c < C; c++) for (let i = 0; i < h * w; i++) cells[(b * h * w + i) * C + c] = Number(data[(b * C + c) * h * w + i]);
  return float32([B, h * w, C], cells);
}

const MODEL = 'Nitro-E-512px-dist.safetensors';
const numbers = (name: string) => golden[name]!.data as Float32Array;
const [TEXTS, TOKENS, CONTEXT] = golden['context']!.shape as [number, number, number];
/** Features of one text, or of so many. */
const context = (first: number, count = 1) =>
  float32([count, TOKENS, CONTEXT], numbers('context').slice(first * TOKENS * CONTEXT, (first + count) * TOKENS * CONTEXT));

/** The network on some grid; what it predicts for a latent by cells, a text of the fixture for each picture, at times of 0 to 1000. */
async function network(sides: Grid, trained: Trained) {
  const weights = await weightsOf(MODEL);
  const config = emmditConfig(weights, trained);
  const stage = denoiseStage(config, TOKENS, trained.regions ? sides : ANY_SIDES);
  const session = await opened(stage, weights);
  const places = placesOf(sides, config);
  const predict = async (x: Float32Array, time: readonly number[], features: Tensor) => {
    const B = time.length;
    const latent = float32([B, sides.rows, sides.columns, config.channels], x);
    const found = await session.run({ x: latent, time: float32([B], [...time]), context: features, ...places });
    return found['velocity']!;
  };
  return { specs: stage.specs, names: weights.names, predict };
}

const square = await network({ rows: 16, columns: 16 }, TRAINED[512]);

test('the model of 512 pixels, by regions, with every weight in the file', async () => {
  const { specs, names, predict } = square;
  expect([...specs.keys()].sort()).toEqual([...names].sort());
  const found = await predict(byCell(golden['x']!).data as Float32Array, [...numbers('time')], context(0, 2));
  expect(errorOf(found, byCell(golden['velocity']!))).toBeLessThan(1e-4);
});

test('the model of 1024 pixels, all to all', async () => {
  const { predict } = await network({ rows: 32, columns: 32 }, TRAINED[1024]);
  const found = await predict(byCell(golden['coarse']!).data as Float32Array, [numbers('time')[0]!], context(0));
  expect(errorOf(found, byCell(golden['whole']!))).toBeLessThan(1e-4);
});

test('its times and steps, with guidance and without, end where diffusers’ do', async () => {
  expect(TEXTS).toBe(3);
  const { predict } = square;
  const noise = byCell(golden['x']!).data.slice(0, numbers('x').length / 2) as Float32Array<ArrayBuffer>;
  const at = async (x: Float32Array, t: number, text: number) => (await predict(x, [1000 * t], context(text))).data as Float32Array;
  const guided: Velocity = async (x, t) => guide(await at(x, t, 0), await at(x, t, 2), 4.5);
  const cases: [steps: number, Velocity][] = [
    [4, (x, t) => at(x, t, 0)],
    [3, guided],
  ];
  for (const [steps, velocity] of cases) {
    const times = flowTimes(steps);
    expect(times.length).toBe(numbers(`times.${steps}`).length);
    times.forEach((t, i) => expect(t).toBeCloseTo(numbers(`times.${steps}`)[i]!, 6));
    let last = noise;
    for await (const { latent } of euler(velocity, noise, times, random(0))) last = latent;
    const expected = byCell(golden[`steps.${steps}`]!);
    expect(errorOf(float32(expected.shape, last), expected), `${steps} steps`).toBeLessThan(1e-3);
  }
});

test('TAESANA’s decoder draws as its author’s, from the .pth', async () => {
  const { latent, image } = tensorsOf('decoder.safetensors');
  const weights = await weightsOf('taesana_decoder.pth');
  const decoder = [6, 4, 4, 4, 4, 4].map((channels, i) => ({ channels, blocks: i < 5 ? 3 : 1 }));
  const halves = pixelsHalves(2, { decoder, pictureChannels: 3 });
  expect([...halves.coarse.specs.keys(), ...halves.fine.specs.keys()].sort()).toEqual([...weights.names].sort());
  const whole = await (await openTinyDecoder(runtime, halves, weights)).decode({ latent: latent! });
  const unit = float32(
    whole.shape,
    whole.data.map((x) => (x + 1) / 2),
  );
  expect(errorOf(unit, image!)).toBeLessThan(1e-5);
  const inStrips = await (await openTinyDecoder(runtime, halves, weights, 1)).decode({ latent: latent! }); // of one row of features each
  expect(errorOf(inStrips, whole)).toBeLessThan(1e-6);
  const tooNear = await (await openTinyDecoder(runtime, { ...halves, reach: halves.reach - 1 }, weights, 1)).decode({ latent: latent! });
  expect(errorOf(tooNear, whole)).toBeGreaterThan(1e-4);
});
