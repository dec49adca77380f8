// How fast it is, how much memory it takes, and on what: one table for people, one JSON file for everything else.
//   npm run bench -- [--json FILE] [--quick] [--preset NAME]... [--model FILE] [--threads N]
// Each measurement runs in a process of its own (measure.ts), so peaks of memory are its own. Presets without trained weights
// are measured with random ones, and it says so. Nothing else should run on the machine; the load before the start is printed.
import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { preset as presetOf, type PresetName } from '../src/models/config.ts';
import { DEFAULT_MODEL, modelPath } from '../src/pipeline/model.ts';
import { writeFileWhole } from '../src/tensor/files.ts';
import { BananaError, InputError, RuntimeError } from '../src/util/errors.ts';
import { commitOf, describeMachine, machineLine } from './machine.ts';
import type { Measurement, MeasureOptions } from './measure.ts';
import { printTable, type PresetResult } from './table.ts';
import { summarize } from './timing.ts';

/** Presets that are trained on machines like this one. */
const TRAINED_HERE: readonly string[] = ['tiny', 'pico'] satisfies PresetName[];

const CLI = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));

/** One measurement in a child process. */
async function measure(name: Measurement, options: MeasureOptions): Promise<Partial<PresetResult>> {
  const child = fork(fileURLToPath(new URL('./measure.ts', import.meta.url)), [name, JSON.stringify(options)], { serialization: 'json', stdio: ['ignore', 2, 2, 'ipc'] });
  return new Promise((resolve, reject) => {
    let result: Partial<PresetResult> | undefined;
    child.on('message', (message) => (result = message as Partial<PresetResult>));
    child.on('error', reject);
    child.on('exit', (code, signal) => (result ? resolve(result) : reject(new RuntimeError('bench.child', `measuring ${name} of ${options.preset} failed: ${signal ?? `exit code ${code}`}`))));
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
async function coldStart(model: string, folder: string, { quick, threads }: { quick: boolean; threads?: number }): Promise<Partial<PresetResult>> {
  if (!existsSync(CLI)) return {};
  const args = ['a red fox in the snow, flat style', '-o', join(folder, 'cold.png'), '--seed', '1', '--steps', '2', '--model', model, '--json'];
  if (threads !== undefined) args.push('--threads', String(threads));
  const runs: CommandRun[] = [];
  for (let i = 0; i < (quick ? 2 : 5); i++) runs.push(await runCommand(args));
  const stages = Object.keys(runs[0]!.json.seconds);
  const seconds = Object.fromEntries(stages.map((stage) => [stage, summarize(runs.map((r) => r.json.seconds[stage]!)).median]));
  return { coldStart: { total: summarize(runs.map((r) => r.wall)), seconds, peakRssBytes: Math.max(...runs.map((r) => r.json.peakRssBytes)) } };
}

/** Everything about one preset. */
async function measurePreset(name: string, given: string | undefined, folder: string, options: { quick: boolean; threads?: number; training: boolean }): Promise<PresetResult> {
  const say = (what: string) => process.stderr.write(`${name}: ${what}\n`);
  const found = given ?? trainedModel(name);
  const model = found ?? join(folder, `${name}.safetensors`);
  const all = { preset: name, model, quick: options.quick, ...(options.threads !== undefined && { threads: options.threads }) };
  if (!found) {
    say('no trained weights: random ones');
    await measure('prepare', all);
  }
  let result: Partial<PresetResult> = { weights: found ? 'trained' : 'random' };
  const measurements: Measurement[] = ['picture', 'stages', 'render4k', 'preview', ...(options.training ? (['training'] as const) : [])];
  for (const what of measurements) {
    say(what);
    result = { ...result, ...(await measure(what, all)) };
  }
  say(existsSync(CLI) ? 'cold start' : 'cold start left out: build the command first (npm run build)');
  return { ...result, ...(await coldStart(model, folder, options)) } as PresetResult;
}

function trainedModel(name: string): string | undefined {
  try {
    return modelPath(name);
  } catch (error) {
    if (error instanceof InputError && error.code === 'model.missing') return undefined;
    throw error;
  }
}

/** The figures that are looked for first, of the first preset. */
function headline(name: string, r: PresetResult) {
  return {
    headline: name,
    text512Seconds: r.picture[2]!.median,
    render4kSeconds: r.render4k.render.median,
    render4kPeakRssBytes: r.render4k.peakRssBytes,
    previewFps: r.preview.fps,
    previewP95Seconds: r.preview.frame.p95,
    coldStartSeconds: r.coldStart?.total.median ?? null,
    peakRssBytes: r.coldStart?.peakRssBytes ?? r.peakRssBytes,
    denoiseGflops: r.denoiseGflops,
    matmulCeilingGflops: r.matmulCeilingGflops,
  };
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { json: text, quick: { type: 'boolean', default: false }, preset: { type: 'string', multiple: true }, model: text, threads: text } });
  const presets: string[] = values.preset ?? [DEFAULT_MODEL, 'nano' satisfies PresetName];
  for (const name of presets) presetOf(name);
  if (values.model !== undefined && presets.length > 1) throw new InputError('bench.model', '--model needs one --preset, the one that the file is of');
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) throw new InputError('bench.threads', `--threads ${values.threads}: expected a whole number from 1`);
  const machine = describeMachine();
  if (machine.load > 0.5) process.stderr.write(`warning: the load is ${machine.load}: other work takes a part of this machine, and the figures will be worse than they are\n`);
  const folder = await mkdtemp(join(tmpdir(), 'banana-bench-'));
  try {
    const results: Record<string, PresetResult> = {};
    for (const name of presets)
      results[name] = await measurePreset(name, values.model, folder, { quick: values.quick, ...(threads !== undefined && { threads }), training: TRAINED_HERE.includes(name) });
    const [first] = presets as [string];
    const result = {
      date: new Date().toISOString(),
      command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trimEnd(),
      commit: commitOf(),
      machine,
      threads: threads ?? 'default',
      ...headline(first, results[first]!),
      presets: results,
    };
    process.stdout.write(`${machineLine(machine)}\ncommit ${result.commit}, threads ${result.threads}${values.quick ? ', quick: few runs' : ''}\n\n`);
    process.stdout.write(printTable(results));
    if (values.json !== undefined) await writeFileWhole(values.json, `${JSON.stringify(result, (_, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(6)) : v), 2)}\n`);
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
