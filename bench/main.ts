// How fast it is, how much memory it takes, and on what: one table for people, one JSON file for everything else.
//   npm run bench -- [--json FILE] [--quick] [--preset NAME]... [--model FILE] [--threads N]
//   npm run bench -- --soak [SECONDS] [--soak-pictures N] [--preset NAME]    many pictures in one process: growth and times
//   npm run bench -- --load [--preset NAME]                                  typing while other processes take every core
// By default: the shipped model, nano's and xl's shapes; four minutes on two idle cores. Each measurement runs in a process of its own (measure.ts), so peaks of memory are its own. Presets without trained weights
// are measured with random ones, and it says so. Nothing else should run on the machine; the load before the start is printed.
import { execFileSync, fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { layersPreset } from '../src/models/layers/config.ts';
import { modelPath } from '../src/node/models.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { BananaError, InputError, RuntimeError } from '../src/util/errors.ts';
import { describeMachine, machineLine, provenance } from './machine.ts';
import type { MeasureOptions } from './drawing.ts';
import type { Measurement } from './measure.ts';
import { printLoad, printSoak, printTable, type PresetResult } from './table.ts';
import { summarize } from './timing.ts';

/** Presets that are trained on machines like this one. */
const TRAINED_HERE: readonly string[] = ['tiny', 'pico'];

/** Presets of which a picture takes seconds: measured with few runs and 4-bit products. */
const LARGE: readonly string[] = ['xl'];

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

/** One measurement in a child process. */
async function measure(name: Measurement, options: MeasureOptions): Promise<Partial<PresetResult>> {
  const child = fork(fileURLToPath(new URL('./measure.ts', import.meta.url)), [name, JSON.stringify(options)], {
    serialization: 'json',
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  return new Promise((resolve, reject) => {
    let result: Partial<PresetResult> | undefined;
    child.on('message', (message) => (result = message as Partial<PresetResult>));
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      result
        ? resolve(result)
        : reject(new RuntimeError('bench.child', `measuring ${name} of ${options.preset} failed: ${signal ?? `exit code ${code}`}`)),
    );
  });
}

interface CommandRun {
  wall: number;
  json: { seconds: Record<string, number>; peakRssBytes: number };
}

/** The built command, from the start of its process to its end. */
function runCommand(args: readonly string[]): Promise<CommandRun> {
  const from = performance.now();
  const child = spawn(process.execPath, [CLI, 'generate', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      const wall = (performance.now() - from) / 1000;
      if (code === 0) resolve({ wall, json: JSON.parse(text) as CommandRun['json'] });
      else reject(new RuntimeError('bench.command', `the command ended with code ${code}`));
    });
  });
}

/** Cold start: process start to the first picture on disk, by the built command. */
async function coldStart(model: string, folder: string, { quick, threads }: Settings): Promise<Partial<PresetResult>> {
  if (!existsSync(CLI)) return {};
  const args = [
    'a red fox in the snow, flat style',
    '-o',
    join(folder, 'cold.png'),
    '--seed',
    '1',
    '--steps',
    '2',
    '--model',
    model,
    '--json',
  ];
  if (threads !== undefined) args.push('--threads', String(threads));
  const runs: CommandRun[] = [];
  for (let i = 0; i < (quick ? 2 : 5); i++) runs.push(await runCommand(args));
  const stages = Object.keys(runs[0]!.json.seconds);
  const seconds = Object.fromEntries(stages.map((stage) => [stage, summarize(runs.map((r) => r.json.seconds[stage]!)).median]));
  return {
    coldStart: { total: summarize(runs.map((r) => r.wall)), seconds, peakRssBytes: Math.max(...runs.map((r) => r.json.peakRssBytes)) },
  };
}

/** The command's 3840x2160 PNG: seconds of the whole, rows encoded while others are drawn, and the peak of both processes together. */
async function command4k(model: string, folder: string, { threads }: Settings): Promise<Partial<PresetResult>> {
  if (!existsSync(CLI)) return {};
  const args = [
    'a red fox in the snow, flat style',
    '-o',
    join(folder, '4k.png'),
    '--seed',
    '1',
    '--steps',
    '2',
    '-W',
    '3840',
    '-H',
    '2160',
    '--model',
    model,
    '--json',
  ];
  if (threads !== undefined) args.push('--threads', String(threads));
  const { wall, json } = await runCommand(args);
  return { command4k: { total: wall, seconds: json.seconds, peakRssBytes: json.peakRssBytes } };
}

interface Settings {
  readonly quick: boolean;
  readonly threads?: number;
  readonly seconds?: number;
  readonly pictures?: number;
}

const say = (preset: string, what: string) => process.stderr.write(`${preset}: ${what}\n`);

/** The file to measure: trained weights where there are some, else random ones. */
async function modelFor(
  name: string,
  given: string | undefined,
  folder: string,
  options: Settings,
): Promise<{ all: MeasureOptions; result: Partial<PresetResult> }> {
  const found = given ?? trainedModel(name);
  const all: MeasureOptions = { preset: name, model: found ?? join(folder, `${name}.safetensors`), ...options };
  if (found) return { all, result: { weights: 'trained' } };
  say(name, 'no trained weights: random ones, in 4 bits');
  return { all, result: { weights: 'random', ...(await measure('prepare', all)) } };
}

/** Everything about one preset. */
async function measurePreset(name: string, given: string | undefined, folder: string, options: Settings): Promise<PresetResult> {
  let { all, result } = await modelFor(name, given, folder, options);
  const isLarge = LARGE.includes(name);
  const measurements: Measurement[] = isLarge
    ? ['large']
    : ['picture', 'stages', 'extras', 'render4k', 'live', ...(TRAINED_HERE.includes(name) ? (['training'] as const) : [])];
  for (const what of measurements) {
    say(name, what);
    result = { ...result, ...(await measure(what, all)) };
  }
  if (isLarge) return result as PresetResult;
  say(name, existsSync(CLI) ? 'cold start, and 4K by the command' : 'the command is left out: it could not be built');
  return { ...result, ...(await coldStart(all.model, folder, options)), ...(await command4k(all.model, folder, options)) } as PresetResult;
}

function trainedModel(name: string): string | undefined {
  try {
    return modelPath(name);
  } catch (error) {
    if (error instanceof InputError && error.code === 'model.missing') return undefined;
    throw error;
  }
}

/** The figures that are looked for first. Seconds, bytes, operations a second; 512x512 and 3840x2160 in 2 steps, from the prompt to pixels. */
function headline(name: string, r: PresetResult) {
  return {
    headline: `${name}, ${r.weights === 'trained' ? 'its weights' : 'random weights in 4 bits'}, ${r.precision} products on ${r.runtime}`,
    text512Seconds: r.picture[2]!.median,
    render4kSeconds: r.render4k.total.median,
    render4kPeakRssBytes: r.command4k?.peakRssBytes ?? r.render4k.peakRssBytes,
    previewFps: r.live.fps,
    previewP95Seconds: r.live.latency.p95,
    previewDetail: r.live.level.detail,
    cancelSeconds: r.live.cancel!.p95,
    coldStartSeconds: r.coldStart?.total.median ?? null,
    peakRssBytes: r.coldStart?.peakRssBytes ?? r.peakRssBytes,
    int8CeilingOps: r.int8CeilingOps,
    denoiseOps: r.denoiseOps,
    ratio: r.ratio,
    peelRatio: r.extras.peelRatio,
    fiveSubjectsRatio: r.extras.subjects?.ratio ?? null,
  };
}

const OPTIONS = {
  json: { type: 'string' },
  preset: { type: 'string', multiple: true },
  model: { type: 'string' },
  threads: { type: 'string' },
  quick: { type: 'boolean', default: false },
  soak: { type: 'boolean', default: false },
  'soak-pictures': { type: 'string' },
  load: { type: 'boolean', default: false },
} as const;

/** A whole number of an option. */
function wholeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!(Number.isInteger(Number(text)) && Number(text) > 0))
    throw new InputError(`bench.${name}`, `--${name} ${text}: expected a whole number from 1`);
  return Number(text);
}

/** Builds the command, so that what is started cold is what is here. */
function build(): void {
  try {
    execFileSync('npm', ['run', '-s', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
  } catch {
    process.stderr.write('warning: the build failed; the command is measured as it was built before\n');
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const special: 'soak' | 'load' | undefined =
    values.soak || values['soak-pictures'] !== undefined ? 'soak' : values.load ? 'load' : undefined;
  if (positionals.length > (values.soak ? 1 : 0)) throw new InputError('bench.argument', `"${positionals.at(-1)}": no such argument`);
  const presets: string[] = values.preset ?? (special ? ['pico'] : ['pico', 'nano', 'xl']);
  for (const name of presets) layersPreset(name);
  if (values.model !== undefined && presets.length > 1)
    throw new InputError('bench.model', '--model needs one --preset, the one that the file is of');
  const threads = wholeOf('threads', values.threads);
  const seconds = wholeOf('soak', positionals[0]);
  const pictures = wholeOf('soak-pictures', values['soak-pictures']);
  const settings: Settings = {
    quick: values.quick,
    ...(threads !== undefined && { threads }),
    ...(seconds !== undefined && { seconds }),
    ...(pictures !== undefined && { pictures }),
  };
  const machine = describeMachine();
  if (machine.load > 0.5)
    process.stderr.write(
      `warning: the load is ${machine.load}: other work takes a part of this machine, and the figures will be worse than they are\n`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'banana-bench-'));
  try {
    if (!special) build();
    const results: Record<string, PresetResult> = {};
    for (const name of presets) {
      if (!special) results[name] = await measurePreset(name, values.model, folder, settings);
      else {
        const { all, result } = await modelFor(name, values.model, folder, settings);
        say(name, special);
        results[name] = { ...result, ...(await measure(special, all)) } as PresetResult;
      }
      await rm(join(folder, `${name}.safetensors`), { force: true });
    }
    const heads = Object.fromEntries(
      Object.entries(results)
        .filter(([, r]) => r.picture)
        .map(([name, r]) => [name, headline(name, r)]),
    );
    const result = {
      ...provenance('npm run bench --'),
      machine,
      threads: threads ?? 'default',
      ...(heads.nano ?? Object.values(heads)[0]),
      headlines: heads,
      presets: results,
    };
    process.stdout.write(
      `${machineLine(machine)}\ncommit ${result.commit}, threads ${result.threads}${values.quick ? ', quick: few runs' : ''}\n\n`,
    );
    process.stdout.write(special === 'soak' ? printSoak(results) : special === 'load' ? printLoad(results) : printTable(results));
    if (values.json !== undefined)
      await writeFileWhole(
        values.json,
        `${JSON.stringify(result, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`,
      );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof BananaError || (error instanceof TypeError && 'code' in error) ? `bench: ${error.message}` : error);
  process.exitCode = 1;
}
