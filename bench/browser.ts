// How fast it is in a browser, and how much a page has to download: headless Chromium, cross-origin isolated.
//   npm run bench:browser -- [--json FILE] [--quick] [--threads 2] [--preset NAME]...
// The shipped model with its weights; nano's shape with random ones in 4 bits. WebGPU by Chromium's software adapter says what is
// computed, not how fast: only agreement is reported. Nothing else should run on the machine; the load before is printed.
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { bundle, ORT, serveWeb } from '../scripts/web-server.ts';
import { average } from '../src/eval/metrics.ts';
import { DEFAULT_MODEL, modelPath, randomModel } from '../src/node/models.ts';
import { layersSpecs, packLayers, type LayersModel } from '../src/models/layers/file.ts';
import { planOf } from '../src/quant/plan.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { image, psnr } from '../src/image/image.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import { joined } from '../src/tensor/store.ts';
import { EVERYTHING, tinyLayers } from '../test/tiny-layers.ts';
import type { Measurements, MeasureOptions } from './browser-page.ts';
import { describeMachine, machineLine, provenance } from './machine.ts';
import { summarize } from './timing.ts';

const here = (path: string) => join(import.meta.dirname, path);
const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
const BUNDLES = { page: here('browser-page.ts'), 'banana-worker': here('../src/web/worker.ts') };
/** Bytes over which Brotli's quality is 5 instead of 11, as files are compressed once: 11 takes minutes for nano, and no byte less comes of it. */
const LARGE = 3e7;

interface Size {
  readonly raw: number;
  readonly gzip: number;
  readonly brotli: number;
}

async function sizeOf(bytes: Uint8Array): Promise<Size> {
  const quality = bytes.length > LARGE ? 5 : 11;
  const [zipped, brotli] = [
    await promisify(gzip)(bytes, { level: 6 }),
    await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: 22 } }),
  ];
  return { raw: bytes.length, gzip: zipped.length, brotli: brotli.length };
}

const sum = (sizes: readonly Size[]): Size =>
  sizes.reduce((a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }));

/** What a page loads: our bundles, onnxruntime-web's part that is used, and the models. */
async function downloads(
  models: Readonly<Record<string, Uint8Array>>,
): Promise<{ parts: Record<string, Size>; totals: Record<string, Size> }> {
  const scripts = await bundle({ worker: BUNDLES['banana-worker'], page: here('../src/web/index.ts') }, { minify: true });
  const ort = async (kind: string) =>
    sum([
      await sizeOf(await readFile(join(ORT, `ort-wasm-simd-threaded.${kind}.wasm`))),
      await sizeOf(await readFile(join(ORT, `ort-wasm-simd-threaded.${kind}.mjs`))),
    ]);
  const parts: Record<string, Size> = {
    "our code and ONNX Runtime's JavaScript": sum(
      await Promise.all([...scripts].filter(([path]) => !/webgpu/.test(path)).map(([, bytes]) => sizeOf(bytes))),
    ),
    'ONNX Runtime, jspi (Chromium)': await ort('jspi'),
    'ONNX Runtime, asyncify (others)': await ort('asyncify'),
  };
  const totals: Record<string, Size> = {};
  const [code, jspi] = Object.values(parts) as [Size, Size];
  for (const [name, bytes] of Object.entries(models)) {
    parts[`model ${name}`] = await sizeOf(bytes);
    totals[name] = sum([code, jspi, parts[`model ${name}`]!]);
  }
  return { parts, totals };
}

/** A model's file in 4 bits. */
function packed(model: LayersModel): Uint8Array {
  const { tensors, metadata } = packLayers(model, planOf(layersSpecs(model.config)));
  return joined(encodeSafetensors(tensors, metadata));
}

const megabytes = (n: number) => (n / 1e6).toFixed(1).padStart(8);

function printSizes({ parts, totals }: Awaited<ReturnType<typeof downloads>>): string {
  const rows = [...Object.entries(parts), ...Object.entries(totals).map(([name, size]) => [`all for ${name}, Chromium`, size] as const)];
  return [
    `${'download, MB'.padEnd(44)}     raw    gzip  brotli`,
    ...rows.map(([name, { raw, gzip: g, brotli }]) => name.padEnd(42) + megabytes(raw) + megabytes(g) + megabytes(brotli)),
  ].join('\n');
}

const line = (name: string, ...values: string[]) => `${name.padEnd(42)}${values.map((v) => v.padStart(12)).join('')}`;
const s = (n: number) => `${n.toPrecision(3)} s`;

/** Files to serve, by name, and what a page would download of them. Presets without weights get random ones. */
async function prepare(presets: readonly string[], folder: string) {
  const files: Record<string, string> = { tiny: join(folder, 'tiny.safetensors') };
  await tinyLayers(files.tiny!, EVERYTHING);
  const downloaded: Record<string, Uint8Array> = {};
  for (const name of presets) {
    if (name === DEFAULT_MODEL) downloaded[name] = await readFile((files[name] = modelPath(DEFAULT_MODEL)));
    else await writeFileWhole((files[name] = join(folder, `${name}.safetensors`)), (downloaded[name] = packed(randomModel(name))));
  }
  return { files, downloaded };
}

type Measure = <K extends keyof Measurements>(
  name: K,
  options: Parameters<Measurements[K]>[0],
) => Promise<Awaited<ReturnType<Measurements[K]>>>;

/** Pictures of one model. */
async function pictures(measure: Measure, options: MeasureOptions) {
  const { openSeconds, firstSeconds, whole, previews, stages, cancelled } = await measure('pictures', options);
  const stage = (key: 'text' | 'denoise' | 'render') => summarize(stages.map((one) => one[key])).median;
  return {
    openSeconds,
    firstSeconds,
    text512: summarize(whole),
    preview256: summarize(previews),
    cancelSeconds: cancelled,
    stages: { text: stage('text'), denoise: stage('denoise'), render: stage('render') },
  };
}

/** Training, by the time between the first report and the last. */
async function training(measure: Measure, options: Parameters<Measurements['training']>[0]) {
  const { steps, seconds, bytes, reports } = await measure('training', options);
  const [first, last] = [reports[0]!, reports.at(-1)!];
  return {
    steps,
    seconds,
    bytes,
    stepSeconds: (last.at - first.at) / (last.step - first.step),
    firstLoss: first.loss,
    lastLoss: last.loss,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      threads: { type: 'string', default: '2' },
      preset: { type: 'string', multiple: true, default: [DEFAULT_MODEL, 'nano'] },
    },
  });
  const { quick, preset: presets } = values;
  const threads = Number(values.threads);
  const machine = describeMachine();
  const say = (what: string) => process.stderr.write(`${what}\n`);
  if (machine.load > 0.5)
    say(`warning: the load is ${machine.load}: other work takes a part of this machine, and the figures will be worse than they are`);
  const folder = await mkdtemp(join(tmpdir(), 'banana-bench-'));
  say('models');
  const { files, downloaded } = await prepare(presets, folder);
  const server = await serveWeb({
    bundles: BUNDLES,
    files: { '/': { text: PAGE }, ...Object.fromEntries(Object.entries(files).map(([name, path]) => [`/${name}.safetensors`, path])) },
  });
  const browser = await openChromium();
  try {
    const page = await browser.context.newPage();
    await page.goto(server.origin);
    await page.waitForFunction('globalThis.measurements');
    const measure: Measure = (name, options) => page.evaluate(`measurements.${name}(${JSON.stringify(options)})`);
    const on = (name: string, runtime: 'wasm' | 'webgpu' = 'wasm') => ({ model: `/${name}.safetensors`, runtime, threads });

    const times: Record<string, Awaited<ReturnType<typeof pictures>>> = {};
    for (const name of presets)
      for (const precision of ['int8', 'float32'] as const) {
        say(`${name}, ${precision}`);
        times[`${name}, ${precision}`] = await pictures(measure, { ...on(name), precision, runs: quick ? 3 : 7 });
      }
    say('training');
    const trained = { model: presets[0]!, ...(await training(measure, { ...on(presets[0]!), steps: quick ? 20 : 60 })) };
    say('agreement of WebGPU and WASM');
    const [gpu, wasm] = [
      await measure('pixels', { ...on('tiny', 'webgpu'), precision: 'float32' }),
      await measure('pixels', { ...on('tiny'), precision: 'float32' }),
    ];
    const differences = gpu.map((x, i) => Math.abs(x - wasm[i]!));
    const side = Math.sqrt(gpu.length / 4);
    const decibels = psnr(image(side, side, Uint8Array.from(gpu)), image(side, side, Uint8Array.from(wasm)));
    const webgpu = {
      adapter: 'software',
      model: 'tiny, shaken',
      psnr: decibels,
      mean: average(differences),
      largest: Math.max(...differences),
    };
    say('sizes');
    const sizes = await downloads(downloaded);

    const chromium = browser.context.browser()?.version() ?? 'unknown';
    const result = { ...provenance('npm run bench:browser --'), machine, chromium, threads, times, training: trained, webgpu, sizes };
    const rows = Object.entries(times).map(([name, t]) =>
      line(name, ...[t.openSeconds, t.text512.median, t.stages.denoise, t.stages.render, t.preview256.median, t.cancelSeconds].map(s)),
    );
    console.log(
      `${machineLine(machine)}, Chromium ${chromium}\ncommit ${result.commit}, ${threads} threads${quick ? ', quick: few runs' : ''}\n`,
    );
    console.log([line('WASM', 'open', '512, 2 steps', 'denoise', 'render', '256, 1 step', 'cancel'), ...rows].join('\n'));
    console.log(
      `\ntraining a Peel on ${trained.model}: ${s(trained.stepSeconds)} a step, ${trained.steps} steps in ${s(trained.seconds)} with preparing, ${(trained.bytes / 1e6).toFixed(2)} MB`,
    );
    console.log(
      `WebGPU (software) and WASM, a picture of tiny: ${decibels.toFixed(1)} dB, ${webgpu.mean.toFixed(2)} of 255 on average, ${webgpu.largest} at most\n`,
    );
    console.log(printSizes(sizes));
    if (values.json !== undefined)
      await writeFileWhole(
        values.json,
        `${JSON.stringify(result, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`,
      );
  } finally {
    await browser.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

if (!chromiumPath) {
  console.error('bench: no Chromium found: install it (apt-get install chromium) or set CHROME to its path');
  process.exitCode = 1;
} else await main();
