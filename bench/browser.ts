// How fast it is in a browser, and how much a page has to download: headless Chromium, cross-origin isolated.
//   npm run bench:browser -- [--json FILE] [--quick] [--threads 2]
// The shipped model with its weights; nano's shape with random ones in 4 bits. WebGPU by Chromium's software adapter says what is
// computed, not how fast: only agreement is reported. Nothing else should run on the machine; the load before is printed.
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { chromiumPath, openChromium } from '../scripts/chromium.ts';
import { bundle, ORT, serveWeb } from '../scripts/web-server.ts';
import { DEFAULT_MODEL, modelPath, randomModel, saveModel } from '../src/pipeline/model.ts';
import { packModel, type Model } from '../src/pipeline/model-file.ts';
import { EIGHT, FLOAT, FOUR, planOf, type PlanTable } from '../src/quant/plan.ts';
import { writeFileWhole } from '../src/tensor/files.ts';
import { encodeSafetensors } from '../src/tensor/safetensors.ts';
import { joined } from '../src/tensor/store.ts';
import { shakenModel } from '../test/browser/model.ts';
import type { Measurements, MeasureOptions } from './browser-page.ts';
import { commitOf, describeMachine, machineLine } from './machine.ts';
import { summarize } from './timing.ts';

const here = (path: string) => join(import.meta.dirname, path);
const PAGE = '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>';
const BUNDLES = { page: here('browser-page.ts'), 'banana-worker': here('../src/web-worker.ts') };
/** Bytes over which Brotli's quality is 5 instead of 9: 9 takes a minute for nano. */
const LARGE = 3e7;

interface Size {
  readonly raw: number;
  readonly gzip: number;
  readonly brotli: number;
}

async function sizeOf(bytes: Uint8Array): Promise<Size> {
  const quality = bytes.length > LARGE ? 5 : 9;
  const [zipped, brotli] = [await promisify(gzip)(bytes, { level: 6 }), await promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: quality, [constants.BROTLI_PARAM_LGWIN]: 22 } })];
  return { raw: bytes.length, gzip: zipped.length, brotli: brotli.length };
}

const sum = (sizes: readonly Size[]): Size => sizes.reduce((a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli }));

/** What a page loads: our bundles, onnxruntime-web's part that is used, and the models. */
async function downloads(models: Readonly<Record<string, Uint8Array>>): Promise<{ parts: Record<string, Size>; totals: Record<string, Size> }> {
  const scripts = await bundle({ worker: BUNDLES['banana-worker'], page: here('../src/web.ts') }, { minify: true });
  const ort = async (kind: string) => sum([await sizeOf(await readFile(join(ORT, `ort-wasm-simd-threaded.${kind}.wasm`))), await sizeOf(await readFile(join(ORT, `ort-wasm-simd-threaded.${kind}.mjs`)))]);
  const parts: Record<string, Size> = {
    'our code and ONNX Runtime\'s JavaScript': sum(await Promise.all([...scripts].filter(([path]) => !/webgpu/.test(path)).map(([, bytes]) => sizeOf(bytes)))),
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

/** Four bits throughout: what a download of nano's size comes down to. Its pictures would have to be trained for it. */
const FOUR_BITS: PlanTable = EIGHT.map(([pattern, bits]) => [pattern, bits === FLOAT ? FLOAT : 4]);

/** A model's file. */
function packed(model: Model, table: PlanTable): Uint8Array {
  const { tensors, metadata } = packModel({ ...model, plan: planOf(Object.entries(model.weights), table) });
  return joined(encodeSafetensors(tensors, metadata));
}

const megabytes = (n: number) => (n / 1e6).toFixed(1).padStart(8);

function printSizes({ parts, totals }: Awaited<ReturnType<typeof downloads>>): string {
  const rows = [...Object.entries(parts), ...Object.entries(totals).map(([name, size]) => [`all for ${name}, Chromium`, size] as const)];
  return [`${'download, MB'.padEnd(44)}     raw    gzip  brotli`, ...rows.map(([name, { raw, gzip: g, brotli }]) => name.padEnd(42) + megabytes(raw) + megabytes(g) + megabytes(brotli))].join('\n');
}

const line = (name: string, ...values: string[]) => `${name.padEnd(42)}${values.map((v) => v.padStart(12)).join('')}`;
const s = (n: number) => `${n.toPrecision(3)} s`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { json: { type: 'string' }, quick: { type: 'boolean', default: false }, threads: { type: 'string', default: '2' } } });
  const threads = Number(values.threads);
  const machine = describeMachine();
  const say = (what: string) => process.stderr.write(`${what}\n`);
  if (machine.load > 0.5) say(`warning: the load is ${machine.load}: other work takes a part of this machine, and the figures will be worse than they are`);
  const folder = await mkdtemp(join(tmpdir(), 'banana-bench-'));
  const files = { [DEFAULT_MODEL]: modelPath(), nano: join(folder, 'nano.safetensors'), tiny: join(folder, 'tiny.safetensors') };
  say('models');
  const nano = randomModel('nano');
  const [usual, small] = [packed(nano, FOUR), packed(nano, FOUR_BITS)];
  await writeFileWhole(files.nano, usual);
  await saveModel(files.tiny, shakenModel());
  const server = await serveWeb({ bundles: BUNDLES, files: { '/': { text: PAGE }, ...Object.fromEntries(Object.entries(files).map(([name, path]) => [`/${name}.safetensors`, path])) } });
  const browser = await openChromium();
  try {
    const page = await browser.context.newPage();
    await page.goto(server.origin);
    await page.waitForFunction('globalThis.measurements');
    const measure = <K extends keyof Measurements>(name: K, options: Parameters<Measurements[K]>[0]) =>
      page.evaluate(`measurements.${name}(${JSON.stringify(options)})`) as Promise<Awaited<ReturnType<Measurements[K]>>>;
    const wasm = (name: string): Omit<MeasureOptions, 'runs'> => ({ model: `/${name}.safetensors`, runtime: 'wasm', threads });

    const times: Record<string, object> = {};
    const table: string[] = [];
    for (const name of [DEFAULT_MODEL, 'nano'])
      for (const precision of ['int8', 'float32'] as const) {
        say(`${name}, ${precision}`);
        const found = await measure('pictures', { ...wasm(name), precision, runs: values.quick ? 3 : 7 });
        const [text512, preview] = [summarize(found.whole), summarize(found.previews)];
        const stage = (key: 'text' | 'denoise' | 'render') => summarize(found.stages.map((one) => one[key])).median;
        times[`${name} ${precision}`] = { openSeconds: found.openSeconds, firstSeconds: found.firstSeconds, text512, preview256: preview, cancelSeconds: found.cancelled, stages: { text: stage('text'), denoise: stage('denoise'), render: stage('render') } };
        table.push(line(`${name}, ${precision}`, s(found.openSeconds), s(text512.median), s(stage('denoise')), s(stage('render')), s(preview.median), s(found.cancelled)));
      }
    say('training');
    const trained = await measure('training', { ...wasm(DEFAULT_MODEL), steps: values.quick ? 20 : 60 });
    const [first, last] = [trained.reports[0]!, trained.reports.at(-1)!];
    const training = { model: DEFAULT_MODEL, steps: trained.steps, stepSeconds: (last.at - first.at) / (last.step - first.step), seconds: trained.seconds, bytes: trained.bytes, firstLoss: first.loss, lastLoss: last.loss };
    say('agreement of WebGPU and WASM');
    const [gpu, cpu] = [await measure('pixels', { ...wasm('tiny'), runtime: 'webgpu' }), await measure('pixels', { ...wasm('tiny') })];
    const webgpu = { adapter: 'software', largestDifference: Math.max(...gpu.map((x, i) => Math.abs(x - cpu[i]!))), of: 255 };
    say('sizes');
    const sizes = await downloads({ [DEFAULT_MODEL]: await readFile(files[DEFAULT_MODEL]!), nano: usual, 'nano, 4 bits throughout': small });

    const { version } = { version: browser.context.browser()?.version() ?? 'unknown' };
    const result = { date: new Date().toISOString(), command: `npm run bench:browser -- ${process.argv.slice(2).join(' ')}`.trimEnd(), commit: commitOf(), machine, chromium: version, threads, times, training, webgpu, sizes };
    console.log(`${machineLine(machine)}, Chromium ${version}\ncommit ${result.commit}, ${threads} threads${values.quick ? ', quick: few runs' : ''}\n`);
    console.log([line('WASM', 'open', '512, 2 steps', 'denoise', 'render', '256, 1 step', 'cancel'), ...table].join('\n'));
    console.log(`\ntraining a Peel on ${DEFAULT_MODEL}: ${s(training.stepSeconds)} a step, ${trained.steps} steps in ${s(trained.seconds)} with preparing, ${(trained.bytes / 1e6).toFixed(2)} MB`);
    console.log(`WebGPU (software) and WASM: a picture of tiny differs by at most ${webgpu.largestDifference} of 255\n`);
    console.log(printSizes(sizes));
    if (values.json !== undefined) await writeFileWhole(values.json, `${JSON.stringify(result, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`);
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
