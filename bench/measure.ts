// One measurement in a process of its own, so that its peak memory is its own: main.ts starts this file with the name of a
// measurement and its options, and gets the numbers back as a message. MatrixProduct code is measured through the product's own
// functions; only the ceiling is made here: the denoiser's products alone, one after another, with nothing in between.
import { flopsOf, productsOf, type MatrixProduct } from '../src/graph/cost.ts';
import { concat, matmul, reshape, slice } from '../src/graph/ops.ts';
import { apply, constant, graph, input, parameter, type Value } from '../src/graph/value.ts';
import { NO_PEELS } from '../src/adapters/stack.ts';
import { TILE, tilesOf } from '../src/draw/size.ts';
import { layersPreset, THUMBNAIL } from '../src/models/layers/config.ts';
import { layersSpecs } from '../src/models/layers/file.ts';
import { contentTokens, layoutIn, layoutOf } from '../src/models/layers/layout.ts';
import { conditionStage, denoiseStage, mapsStage } from '../src/models/layers/stages.ts';
import { noiseOf, numbersOf, tokensOf } from '../src/models/layout.ts';
import { countParameters } from '../src/nn/scope.ts';
import { loadPainter, loadPipeline } from '../src/node/load.ts';
import { writeRandomModel } from '../src/node/random-file.ts';
import { MARGIN } from '../src/models/layers/level-sets.ts';
import { PRECISIONS } from '../src/quant/names.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { BLOCK, quantizeBlocks } from '../src/quant/blocks.ts';
import { packBlocks } from '../src/quant/int4.ts';
import { quantizeColumns } from '../src/quant/int8.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { consistency } from '../src/sampling/sampler.ts';
import { times } from '../src/sampling/schedule.ts';
import { pngStream } from '../src/disk/png-stream.ts';
import { tensorToImage, WHITE } from '../src/image/image.ts';
import { float32, sizeOf, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { random } from '../src/util/random.ts';
import { draw, peak, threadsOf, type MeasureOptions } from './drawing.ts';
import { summarize, time } from './timing.ts';
import { measureExtras } from './extras.ts';
import { measureLive } from './live.ts';
import { measureSoak } from './soak.ts';
import { measureTraining } from './train.ts';

/** Two, in turn: a pipeline remembers the last text that it read. */
const PROMPTS = ['a red fox in the snow, flat style', 'a yellow boat on the beach, flat style'] as const;
const PROMPT = PROMPTS[0];
const STEPS = [1, 2, 4] as const;

/** Writes a 4-bit model with random weights: the shape's timings do not need more. */
async function prepare({ preset, model }: MeasureOptions): Promise<object> {
  const from = performance.now();
  await writeRandomModel(model, preset);
  return { prepareSeconds: (performance.now() - from) / 1000 };
}

/** Prompt to pixels at 512x512, warm, with 1, 2 and 4 steps, and the peak memory of doing so. */
async function picture(options: MeasureOptions): Promise<object> {
  const runs = options.quick ? 3 : 11;
  const from = performance.now();
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const loadSeconds = (performance.now() - from) / 1000;
  const loadedRssBytes = process.memoryUsage().rss;
  const seconds: Record<number, object> = {};
  for (const steps of STEPS)
    seconds[steps] = await time((run) => draw(pipeline, { prompt: PROMPTS[run & 1]!, steps, seed: 10 + run }), { runs, warm: 2 });
  const { precision, runtime } = pipeline.model;
  await pipeline.release();
  return { runtime, precision, loadSeconds, picture: seconds, loadedRssBytes, peakRssBytes: peak() };
}

/** Load, and 512x512 in 2 steps, for shapes of which a picture takes seconds: 4-bit products, so that the weights stay small. */
async function large(options: MeasureOptions): Promise<object> {
  const from = performance.now();
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', precision: 'int4', ...threadsOf(options) });
  const loadSeconds = (performance.now() - from) / 1000;
  const loadedRssBytes = process.memoryUsage().rss;
  const samples: { seconds: { text: number; denoise: number; render: number } }[] = [];
  const all = await time(async (run) => void samples.push(await draw(pipeline, { prompt: PROMPTS[run & 1]!, steps: 2 })), {
    runs: options.quick ? 1 : 2,
    warm: 1,
  });
  await pipeline.release();
  const config = layersPreset(options.preset);
  const layout = layoutOf({ width: 512, height: 512 }, 1, false);
  const flops = flopsOf(denoiseStage(config).graph, { B: 1, M: 12, N: layout.objects, P: contentTokens(layout) });
  const denoise = summarize(samples.slice(1).map(({ seconds }) => seconds.denoise / 2));
  const ceiling = await int4Ceiling(await ortNode(threadsOf(options)), config.transformer.width, options.quick ? 3 : 8);
  return {
    large: {
      precision: 'int4',
      loadSeconds,
      loadedRssBytes,
      peakRssBytes: peak(),
      picture: all,
      denoiseStep: denoise,
      parameters: countParameters(layersSpecs(config)),
      denoiseOps: flops / denoise.median,
      int4CeilingOps: ceiling,
      ratio: flops / denoise.median / ceiling,
    },
  };
}

/** Seconds of each stage at 512x512, operations of each, and how the denoiser compares with bare products of its shapes. */
async function stages(options: MeasureOptions): Promise<object> {
  const runs = options.quick ? 4 : 15;
  const loaded = (precision?: (typeof PRECISIONS)[number]) =>
    loadPainter({ model: options.model, runtime: 'cpu', ...threadsOf(options), ...(precision && { precision }) });
  const { painter } = await loaded();
  const runtime = await ortNode(threadsOf(options));
  const size = { width: 512, height: 512 };
  const rng = random(0);
  const tiles = tilesOf(size, TILE);
  const repeat = (work: (run: number) => unknown, warm = 2) => time(work, { runs, warm });
  const guidance = { guidance: painter.info.guidance };

  const text = await repeat(() => painter.read(PROMPT, [], NO_PEELS));
  const condition = await painter.read(PROMPT, [], NO_PEELS);
  const layout = condition.layout(size, 1);
  const velocity = condition.velocity(layout, guidance);
  const x = noiseOf(rng, layout);
  const denoiseStep = await repeat(() => velocity(x, 1));
  const denoise: Record<number, object> = {};
  for (const steps of STEPS)
    denoise[steps] = await repeat(async () => {
      for await (const _ of consistency(velocity, rng.normals(numbersOf(layout)), times(steps), rng));
    }, 1);
  const maps = await repeat(() => painter.decode(x, layout));
  const drawing = await painter.decode(x, layout);
  const render = await repeat(async () => {
    for (const tile of tiles) await drawing.render(tile, size);
  });
  const whole = await drawing.render({ x: 0, y: 0, ...size }, size);
  const pixels = await repeat(() => tensorToImage(whole, { background: WHITE }));
  const shown = tensorToImage(whole, { background: WHITE });
  const encode = await repeat(async () => {
    const png = pngStream(shown, true);
    png.write(shown);
    await png.finish();
  });
  await painter.release();
  const precisions: Record<string, object> = {};
  let exact: Float32Array | undefined;
  for (const other of PRECISIONS) {
    const { painter: own } = await loaded(other);
    const step = (await own.read(PROMPT, [], NO_PEELS)).velocity(layout, guidance);
    const found = await step(x, 1);
    exact ??= found; // float32 is the first
    precisions[other] = { denoiseStep: await repeat(() => step(x, 1)), difference: difference(found, exact) };
    await own.release();
  }

  const config = layersPreset(options.preset);
  const { objects, ...canvas } = layoutIn(layout);
  const [T, side] = [Math.min(painter.tokensIn(PROMPT), painter.info.promptTokens), THUMBNAIL + 2 * MARGIN];
  const symbols = { B: 1, T, M: T, N: objects, P: contentTokens({ objects, ...canvas }), h: side, w: side };
  const products = productsOf(denoiseStage(config).graph, symbols);
  const flops = {
    text: flopsOf(conditionStage(config).graph, symbols),
    denoiseStep: flopsOf(denoiseStage(config).graph, symbols),
    maps: (objects + Number(canvas.canvas !== undefined)) * flopsOf(mapsStage(config).graph, symbols),
  };
  const ceiling = await repeatProducts(runtime, products, runs);
  const int8Ceiling = await int8CeilingOf(runtime, runs);
  const denoiseOps = flops.denoiseStep / denoiseStep.median;
  return {
    parameters: countParameters(layersSpecs(config)),
    tokens: tokensOf(layout),
    textTokens: T,
    stages: { text, denoiseStep, denoise, maps, render, pixels, encode },
    precisions,
    flops,
    denoiseOps,
    int8CeilingOps: int8Ceiling,
    ratio: denoiseOps / int8Ceiling,
    float32CeilingOps: flops.denoiseStep / ceiling.median,
  };
}

/** Root mean square of a - b beside that of b; null where b is zero. */
function difference(a: Float32Array, b: Float32Array): number | null {
  const square = (f: (i: number) => number) => b.reduce((sum, _, i) => sum + f(i) ** 2, 0);
  const whole = square((i) => b[i]!);
  return whole > 0 ? Math.sqrt(square((i) => a[i]! - b[i]!) / whole) : null;
}

/** Products alone in one session; one number of each result is kept, so that nothing is copied and nothing left out. */
async function repeatProducts(runtime: Runtime, products: readonly MatrixProduct[], runs: number) {
  const rng = random(1);
  const numbers = new Map<number, Float32Array<ArrayBuffer>>();
  const filled = (shape: readonly number[]) => {
    const n = sizeOf(shape);
    if (!numbers.has(n))
      numbers.set(
        n,
        Float32Array.from({ length: n }, () => rng.uniform() - 0.5),
      );
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
    return reshape(
      y.shape.reduce((corner: Value, _, axis) => slice(corner, axis, 0, 1), y),
      [1],
    );
  });
  const session = await runtime.compile(graph('products', { corners: concat(corners, 0) }), { weights });
  const summary = await time(() => session.run(feeds), { runs, warm: 2 });
  await session.release();
  return summary;
}

/**
 * Operations a second of a chain of products alone, at the best of two shapes: 256 rows, as a picture of 256 tokens has, and 1024.
 * Each product reads the one before, so that none is left out, and the last is cut to a number, so that nothing is copied.
 */
async function ceilingOf(
  runtime: Runtime,
  product: (x: Value, size: number, i: number) => Value,
  sizes: readonly { rows: number; size: number }[],
  runs: number,
): Promise<number> {
  let best = 0;
  for (const { rows, size } of sizes) {
    const LENGTH = 8;
    let x = input('x', [rows, size]);
    for (let i = 0; i < LENGTH; i++) x = product(x, size, i);
    const session = await runtime.compile(graph('ceiling', { y: slice(slice(x, 0, 0, 1), 1, 0, 1) }));
    const feeds = { x: float32([rows, size], random(2).normals(rows * size)) };
    const { min } = await time(() => session.run(feeds), { runs, warm: 2 });
    await session.release();
    best = Math.max(best, (LENGTH * 2 * rows * size * size) / min);
  }
  return best;
}

const matrix = (size: number, i: number): Tensor<'float32'> =>
  float32(
    [size, size],
    random(i)
      .normals(size * size)
      .map((x) => x / Math.sqrt(size)),
  );

const int8CeilingOf = (runtime: Runtime, runs: number) =>
  ceilingOf(
    runtime,
    (x, size, i) => {
      const { values, scales } = quantizeColumns(matrix(size, i));
      return apply('DynamicQuantizeMatMul', [x, constant(values), constant(scales)]);
    },
    [
      { rows: 256, size: 1024 },
      { rows: 1024, size: 1024 },
    ],
    runs,
  );

/** The 4-bit kernel on matrices of a layer's width. */
const int4Ceiling = (runtime: Runtime, width: number, runs: number) =>
  ceilingOf(
    runtime,
    (x, size, i) => {
      const { values, scales } = packBlocks(quantizeBlocks(matrix(size, i), 4), 4);
      return apply('MatMulNBits', [x, constant(values), constant(scales)], {
        K: size,
        N: size,
        bits: 4,
        block_size: BLOCK,
        accuracy_level: 4,
      });
    },
    [{ rows: 256, size: width }],
    runs,
  );

/** 3840x2160 in tiles, 2 steps: seconds from the prompt to pixels, of drawing alone, and the peak memory of one process. */
async function render4k(options: MeasureOptions): Promise<object> {
  const pipeline = await loadPipeline({ model: options.model, runtime: 'cpu', ...threadsOf(options) });
  const size = { width: 3840, height: 2160 };
  const [render, total]: [number[], number[]] = [[], []];
  for (let run = -1; run < (options.quick ? 2 : 5); run++) {
    const from = performance.now();
    const { seconds } = await draw(pipeline, { prompt: PROMPTS[run & 1]!, steps: 2, ...size });
    if (run < 0) continue;
    render.push(seconds.render);
    total.push((performance.now() - from) / 1000);
  }
  await pipeline.release();
  return { render4k: { ...size, render: summarize(render), total: summarize(total), peakRssBytes: peak() } };
}

const MEASUREMENTS = {
  prepare,
  picture,
  stages,
  large,
  render4k,
  live: async (options: MeasureOptions) => ({ live: await measureLive(options) }),
  load: async (options: MeasureOptions) => ({ load: await measureLive(options, { busy: true }) }),
  extras: async (options: MeasureOptions) => ({ extras: await measureExtras(options) }),
  soak: async (options: MeasureOptions) => ({ soak: await measureSoak(options) }),
  training: async (options: MeasureOptions) => ({ training: { ...(await measureTraining(options)), peakRssBytes: peak() } }),
} satisfies Record<string, (options: MeasureOptions) => Promise<object>>;
export type Measurement = keyof typeof MEASUREMENTS;

if (process.send) {
  const [name, options] = process.argv.slice(2) as [Measurement, string];
  const result = await MEASUREMENTS[name](JSON.parse(options) as MeasureOptions);
  process.send(result, () => process.disconnect());
}
