// One measurement in a process of its own, so that its peak memory is its own: main.ts starts this file with the name of a
// measurement and its options, and gets the numbers back as a message. Product code is measured through the product's own
// functions; only the ceiling is made here: the denoiser's products alone, one after another, with nothing in between.
import { flopsOf, productsOf, type Product } from '../src/graph/cost.ts';
import { concat, matmul, reshape, slice } from '../src/graph/ops.ts';
import { graph, input, parameter, type Value } from '../src/graph/value.ts';
import type { Config } from '../src/models/config.ts';
import { conditionStage, decodeStage, denoiseStage, renderStage } from '../src/models/graphs.ts';
import { cellsOf, samplingTables } from '../src/models/renderer.ts';
import { countParameters } from '../src/nn/scope.ts';
import { loadPipeline } from '../src/pipeline/load.ts';
import { loadModel, randomModel, saveModel, specsOf } from '../src/pipeline/model.ts';
import { openNetworks, type Networks, type Precision } from '../src/pipeline/networks.ts';
import { baseTokens, latentGrid, tilesOf } from '../src/pipeline/resolution.ts';
import { promptIds } from '../src/pipeline/sample.ts';
import { TILE, type GenerateOptions, type Pipeline } from '../src/pipeline/text-to-image.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { consistency } from '../src/sampling/sampler.ts';
import { times } from '../src/sampling/schedule.ts';
import { encodeImage, loadSharp } from '../src/tensor/codec.ts';
import { tensorToImage, WHITE, type Image } from '../src/tensor/image.ts';
import { float32, sizeOf, type Tensors } from '../src/tensor/tensor.ts';
import { random } from '../src/util/random.ts';
import { summarize, time } from './timing.ts';
import { measureTraining } from './train.ts';

export interface MeasureOptions {
  preset: string;
  /** The model's file. */
  model: string;
  quick: boolean;
  threads?: number;
}

/** Two, in turn: a pipeline remembers the last text that it read. */
const PROMPTS = ['a red fox in the snow, flat style', 'a yellow boat on the beach, flat style'] as const;
const PROMPT = PROMPTS[0];
const STEPS = [1, 2, 4] as const;
const threadsOf = ({ threads }: MeasureOptions) => (threads === undefined ? {} : { threads });
const peak = () => process.resourceUsage().maxRSS * 1024;

/** One picture through the pipeline: the picture and the seconds of each stage. */
async function draw(pipeline: Pipeline, options: GenerateOptions): Promise<{ image: Image; seconds: { text: number; denoise: number; render: number } }> {
  let image: Image | undefined;
  for await (const event of pipeline.generate({ preview: 0, seed: 1, ...options })) {
    if (event.type === 'image') ({ image } = event);
    if (event.type === 'done') return { image: image!, seconds: event.seconds };
  }
  throw new Error('the pipeline drew nothing');
}

/** Writes a model with random weights: the shape's timings do not need more. */
async function prepare({ preset, model }: MeasureOptions): Promise<object> {
  await saveModel(model, randomModel(preset));
  return {};
}

/** Prompt to PNG bytes at 512x512, warm, with 1, 2 and 4 steps, and the peak memory of doing so. */
async function picture(options: MeasureOptions): Promise<object> {
  const runs = options.quick ? 3 : 15;
  const from = performance.now();
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const loadSeconds = (performance.now() - from) / 1000;
  const loadedRssBytes = process.memoryUsage().rss;
  await loadSharp();
  const seconds: Record<number, object> = {};
  for (const steps of STEPS)
    seconds[steps] = await time(async (run) => encodeImage((await draw(pipeline, { prompt: PROMPTS[run & 1]!, steps, seed: 10 + run })).image, 'png'), { runs, warm: 2 });
  await pipeline.release();
  return { loadSeconds, picture: seconds, loadedRssBytes, peakRssBytes: peak() };
}

/** Seconds of each stage at 512x512, operations of each, and how the denoiser compares with bare products of its shapes. */
async function stages(options: MeasureOptions): Promise<object> {
  const runs = options.quick ? 4 : 15;
  const { config, weights, tokenizer } = await loadModel(options.model);
  const runtime = await ortNode(threadsOf(options));
  const networks = openNetworks(runtime, config, weights);
  const size = { width: 512, height: 512 };
  const grid = latentGrid(size, baseTokens(config));
  const ids = promptIds(tokenizer, PROMPT, config.text.length);
  const rng = random(0);
  const noise = () => rng.normals(grid.rows * grid.columns * config.channels);
  const tiles = tilesOf(size, TILE);
  const repeat = (work: (run: number) => unknown, warm = 2) => time(work, { runs, warm });

  const text = await repeat(() => networks.condition(ids));
  const condition = await networks.condition(ids);
  const velocity = networks.velocity(condition, grid, { guidance: 3.5 });
  const x = noise();
  const denoiseStep = await repeat(() => velocity(x, 1));
  const denoise: Record<number, object> = {};
  for (const steps of STEPS)
    denoise[steps] = await repeat(async () => {
      for await (const _ of consistency(velocity, noise(), times(steps), rng));
    }, 1);
  const latent = { ...grid, data: noise() };
  const decode = await repeat(() => networks.features(latent));
  const features = await networks.features(latent);
  const render = await repeat(async () => {
    for (const tile of tiles) await networks.render(features, tile, size);
  });
  const whole = await networks.render(features, { x: 0, y: 0, ...size }, size);
  const pixels = await repeat(() => tensorToImage(whole, { background: WHITE }));
  const shown = tensorToImage(whole, { background: WHITE });
  await loadSharp();
  const encode = await repeat(() => encodeImage(shown, 'png'));
  const exact = await velocity(x, 1);
  await networks.release();
  const precisions: Record<string, object> = {};
  for (const precision of ['int8', 'int4'] satisfies Precision[]) {
    const quantized: Networks = openNetworks(runtime, config, weights, { precision });
    const step = quantized.velocity(await quantized.condition(ids), grid, { guidance: 3.5 });
    precisions[precision] = { denoiseStep: await repeat(() => step(x, 1)), difference: difference(await step(x, 1), exact) };
    await quantized.release();
  }

  const symbols = { B: 1, T: ids.length, M: ids.length, L: grid.rows * grid.columns, h: grid.rows, w: grid.columns };
  const products = productsOf(denoiseStage(config).graph, symbols);
  const flops = {
    text: flopsOf(conditionStage(config).graph, symbols),
    denoiseStep: flopsOf(denoiseStage(config).graph, symbols),
    decode: flopsOf(decodeStage(config).graph, symbols),
    render: renderFlops(config, grid, size),
  };
  const ceiling = await repeatProducts(runtime, products, runs);
  const large = await repeatProducts(runtime, [{ batch: 1, rows: 1024, inner: 1024, columns: 1024, weight: true }], runs);
  return {
    parameters: countParameters(specsOf(options.preset)),
    tokens: symbols.L,
    textTokens: ids.length,
    stages: { text, denoiseStep, denoise, decode, render, pixels, encode },
    precisions,
    flops,
    denoiseGflops: flops.denoiseStep / denoiseStep.median / 1e9,
    matmulCeilingGflops: flops.denoiseStep / ceiling.median / 1e9,
    matmulLargeGflops: (2 * 1024 ** 3) / large.median / 1e9,
  };
}

/** Root mean square of a - b beside that of b; null where b is zero. */
function difference(a: Float32Array, b: Float32Array): number | null {
  const square = (f: (i: number) => number) => b.reduce((sum, _, i) => sum + f(i) ** 2, 0);
  const whole = square((i) => b[i]!);
  return whole > 0 ? Math.sqrt(square((i) => a[i]! - b[i]!) / whole) : null;
}

function renderFlops(config: Config, grid: { rows: number; columns: number }, size: { width: number; height: number }): number {
  const { graph: g } = renderStage(config);
  return tilesOf(size, TILE).reduce((sum, tile) => {
    const { rows, columns } = samplingTables(tile, size.width, size.height, cellsOf(grid.rows, grid.columns));
    return sum + flopsOf(g, { B: 1, H: tile.height, W: tile.width, a: rows.to - rows.from, b: columns.to - columns.from });
  }, 0);
}

/** Products alone in one session; one number of each result is kept, so that nothing is copied and nothing left out. */
async function repeatProducts(runtime: Runtime, products: readonly Product[], runs: number) {
  const rng = random(1);
  const numbers = new Map<number, Float32Array<ArrayBuffer>>();
  const filled = (shape: readonly number[]) => {
    const n = sizeOf(shape);
    if (!numbers.has(n)) numbers.set(n, Float32Array.from({ length: n }, () => rng.uniform() - 0.5));
    return float32(shape, numbers.get(n)!);
  };
  const [weights, feeds]: [Tensors, Tensors] = [{}, {}];
  const corners = products.map(({ batch, rows, inner, columns, weight }, i): Value => {
    const lead = batch > 1 ? [batch] : [];
    feeds[`a${i}`] = filled([...lead, rows, inner]);
    const a = input(`a${i}`, [...lead, rows, inner]);
    (weight ? weights : feeds)[`b${i}`] = filled([...lead, inner, columns]);
    const b = weight ? parameter(`b${i}`, [...lead, inner, columns]) : input(`b${i}`, [...lead, inner, columns]);
    const y = matmul(a, b);
    return reshape(y.shape.reduce((corner: Value, _, axis) => slice(corner, axis, 0, 1), y), [1]);
  });
  const session = await runtime.compile(graph('products', { corners: concat(corners, 0) }), { weights });
  const summary = await time(() => session.run(feeds), { runs, warm: 2 });
  await session.release();
  return summary;
}

/** 3840x2160 in tiles: seconds from features to pixels, to a PNG, and the peak memory. */
async function render4k(options: MeasureOptions): Promise<object> {
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const size = { width: 3840, height: 2160 };
  const [render, encode, total]: [number[], number[], number[]] = [[], [], []];
  for (let run = -1; run < (options.quick ? 2 : 5); run++) {
    const from = performance.now();
    const { image, seconds } = await draw(pipeline, { prompt: PROMPTS[run & 1]!, steps: 2, ...size });
    const drawn = performance.now();
    await encodeImage(image, 'png');
    if (run < 0) continue;
    render.push(seconds.render);
    encode.push((performance.now() - drawn) / 1000);
    total.push((performance.now() - from) / 1000);
  }
  await pipeline.release();
  return { render4k: { ...size, render: summarize(render), encode: summarize(encode), total: summarize(total), peakRssBytes: peak() } };
}

/** Live typing at 256x256: each keystroke is a new prompt, one step, decoding and drawing. */
async function preview(options: MeasureOptions): Promise<object> {
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const [frame, fixedText]: [number[], number[]] = [[], []];
  const size = { width: 256, height: 256 };
  for (let run = -3; run < (options.quick ? 15 : 100); run++) {
    const prompt = PROMPT.slice(0, 2 + ((run + 32) % (PROMPT.length - 1)));
    const from = performance.now();
    const { seconds } = await draw(pipeline, { prompt, steps: 1, ...size });
    const whole = (performance.now() - from) / 1000;
    if (run < 0) continue;
    frame.push(whole);
    fixedText.push(whole - seconds.text);
  }
  await pipeline.release();
  const [each, still] = [summarize(frame), summarize(fixedText)];
  return { preview: { ...size, frame: each, fps: 1 / each.median, frameOfKnownText: still, fpsOfKnownText: 1 / still.median } };
}

const MEASUREMENTS = {
  prepare,
  picture,
  stages,
  render4k,
  preview,
  training: async (options: MeasureOptions) => ({ training: { ...(await measureTraining(options)), peakRssBytes: peak() } }),
} satisfies Record<string, (options: MeasureOptions) => Promise<object>>;
export type Measurement = keyof typeof MEASUREMENTS;

if (process.send) {
  const [name, options] = process.argv.slice(2) as [Measurement, string];
  const result = await MEASUREMENTS[name](JSON.parse(options) as MeasureOptions);
  process.send(result, () => process.disconnect());
}
