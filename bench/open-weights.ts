// Seconds and memory of models of full size with random weights, beside PyTorch and OpenVINO on the same networks in the same run:
//
//   npm run bench:open-weights -- --folder DIR [--models sdxs,turbo,nitro] [--bits 8] [--threads 2] [--python PATH]
//
// DIR gets 6 GB of weights the first time. --python is one with torch, diffusers, transformers and perhaps openvino (tools/reference/speed.py);
// without it only ours is measured. A line a model and engine: seconds of a warm 512 px picture, most memory, and the share of ours.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { importModel } from '../src/node/import.ts';
import { loadPipeline } from '../src/node/load.ts';
import type { ContainerBits } from '../src/models/container.ts';
import { describeMachine, machineLine } from './machine.ts';
import { writeOpenModel, type OpenModel } from './random-weights.ts';

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'runs/open-weights' },
    models: { type: 'string', default: 'sdxs,turbo,nitro' },
    bits: { type: 'string', default: '8' },
    threads: { type: 'string', default: '2' },
    python: { type: 'string' },
    one: { type: 'string' },
  },
});
const RUNS = 3;
const threads = Number(values.threads);
const execute = promisify(execFile);

interface Measured {
  readonly engine: string;
  /** Wall and processor seconds of a picture. */
  readonly wall: number;
  readonly processor: number;
  /** Most bytes. */
  readonly memory: number;
}

/** Draws with a file in this process and prints what it took: a child's work. */
async function drawOne(model: string): Promise<void> {
  const pipeline = await loadPipeline({ model, threads });
  const found: [number, number][] = [];
  for (let seed = 0; seed <= RUNS; seed++) {
    const [from, used] = [performance.now(), process.cpuUsage()];
    for await (const _ of pipeline.generate({ prompt: `a red fox ${seed}`, seed, width: 512, height: 512, preview: 0 }));
    const { user, system } = process.cpuUsage(used);
    if (seed > 0) found.push([(performance.now() - from) / 1000, (user + system) / 1e6]);
  }
  const [wall, processor] = found.sort(([a], [b]) => a - b)[0]!;
  await pipeline.release();
  const memory = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ engine: `ours, ${pipeline.model.precision}`, wall, processor, memory } satisfies Measured));
}

/** In a process of its own, with the C library set as the engine's processes have it (src/node/engine-process.ts). */
async function ours(model: string): Promise<Measured> {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), '--one', model, '--threads', values.threads];
  const { stdout } = await execute(process.execPath, args, { env: { MALLOC_MMAP_THRESHOLD_: '600000', ...process.env } });
  return JSON.parse(stdout) as Measured;
}

async function theirs(folder: string, engine: string): Promise<Measured> {
  const script = fileURLToPath(new URL('../tools/reference/speed.py', import.meta.url));
  const { stdout } = await execute(values.python!, [script, folder, values.threads, engine]);
  const { seconds, memory } = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    seconds: Record<string, [number, number]>;
    memory: number;
  };
  const sum = (i: 0 | 1) => Object.values(seconds).reduce((all, each) => all + each[i], 0);
  return { engine, wall: sum(0), processor: sum(1), memory };
}

async function measure(model: OpenModel): Promise<void> {
  const folder = join(values.folder, model);
  await writeOpenModel(folder, model);
  const file = join(values.folder, `${model}-${values.bits}.safetensors`);
  await importModel(folder, file, Number(values.bits) as ContainerBits);
  const own = await ours(file);
  tell(model, own, own);
  if (!values.python || model === 'nitro') return; // its code is in no package
  for (const engine of ['torch', 'openvino'])
    await theirs(folder, engine).then(
      (found) => tell(model, found, own),
      (error: Error) => console.log(`${model}  ${engine}: not measured (${error.message.trim().split('\n').at(-1)})`),
    );
}

const tell = (model: string, { engine, wall, processor, memory }: Measured, own: Measured): void =>
  console.log(
    `${model}  ${engine}: ${wall.toFixed(2)} s (${processor.toFixed(2)} s of processor), ${(memory / 1e9).toFixed(2)} GB, ${(wall / own.wall).toFixed(2)} of ours`,
  );

if (values.one) await drawOne(values.one);
else {
  console.log(machineLine(describeMachine()));
  for (const model of values.models.split(',')) await measure(model as OpenModel);
}
