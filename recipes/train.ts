// A stage's folder trained here, on ONNX Runtime: what tools/cuda/run.py does with the same folder on a GPU. For presets that a CPU is
// enough for, and to show that all parts of the chain fit each other. It goes on from its checkpoint when it is run again.
//   npx tsx recipes/train.ts FOLDER --out FOLDER-run [--steps N] [--seconds S]
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readFileWhole, readSafetensors } from '../src/disk/files.ts';
import { decodeModel } from '../src/onnx/decode.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import type { Port, Runtime, Session } from '../src/runtime/runtime.ts';
import { scalar, type Tensors } from '../src/tensor/tensor.ts';
import { batchesOf, drawInputs, schedule, type Moment } from '../src/train/draws.ts';
import { train } from '../src/train/loop.ts';
import type { Plan } from '../src/train/plan.ts';
import { BananaError, InputError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { line } from './recipe.ts';

const FROZEN = 'frozen.safetensors';
/** Name of the feed that says which of the parts a step is. */
const PART = 'part';

/** One of a stage's programs, as plan.json has it. */
interface Part {
  readonly name: string;
  /** Folder of its rows; its own when left out. */
  readonly rows?: string;
  /** How often it is chosen, by the share of the run that is done. */
  readonly weight: readonly (readonly [number, number])[];
  readonly batch: number;
  readonly plan: Plan;
}

export interface TrainOptions {
  readonly steps?: number;
  readonly seconds?: number;
  readonly log?: (line: string) => void;
}

/** A part ready to run. */
interface OpenPart {
  /** A step from this state. */
  run(state: Tensors, at: Moment): Promise<Tensors>;
  release(): Promise<void>;
}

const among = (ports: readonly Port[], feeds: Tensors): Tensors =>
  Object.fromEntries(ports.flatMap(({ name }) => (feeds[name] ? [[name, feeds[name]]] : [])));

/** `known`: names that the state gives; `frozen`: what is read and never written. */
async function openPart(
  runtime: Runtime,
  folder: string,
  part: Part,
  { seed, known, frozen }: { seed: number; known: ReadonlySet<string>; frozen: Tensors },
): Promise<OpenPart> {
  const opened = async (file: string): Promise<Session> => {
    const { graph, weights } = decodeModel(await readFileWhole(join(folder, part.name, file)));
    return runtime.compile(graph, { weights });
  };
  const session = await opened('program.onnx');
  const prepare = existsSync(join(folder, part.name, 'prepare.onnx')) ? await opened('prepare.onnx') : undefined;
  const { tensors: rows } = await readSafetensors(join(folder, part.rows ?? part.name, 'data', 'rows.safetensors'));
  const batch = batchesOf(
    rows,
    part.batch,
    random(seed)
      .split(part.name)
      .integer(2 ** 31),
  );
  const ports = [...session.inputs, ...(prepare?.inputs ?? [])].filter(({ name }) => !known.has(name) && !frozen[name]);
  return {
    async run(state, at) {
      const drawn = drawInputs(part.plan, ports, seed, at, batch(at.step));
      const all = { ...frozen, ...drawn, ...state };
      return session.run(among(session.inputs, { ...all, ...(prepare && (await prepare.run(among(prepare.inputs, all)))) }));
    },
    async release() {
      await session.release();
      await prepare?.release();
    },
  };
}

/** Trains the stage that a folder holds; returns the path of the checkpoint. */
export async function trainStage(folder: string, out: string, { steps, seconds, log = () => {} }: TrainOptions): Promise<string> {
  if (steps === undefined && seconds === undefined) throw new InputError('recipe.option', 'say how long: --steps N, or --seconds S');
  const { seed, parts } = JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as { seed: number; parts: Part[] };
  const { tensors: begin } = await readSafetensors(join(folder, 'state.safetensors'));
  const { tensors: frozen = {} } = existsSync(join(folder, FROZEN)) ? await readSafetensors(join(folder, FROZEN)) : {};
  const runtime = await ortNode();
  const known = new Set([...Object.keys(begin), 'rate']);
  const opened = new Map<number, Promise<OpenPart>>(); // each when a step first chooses it
  const partAt = (i: number) => opened.get(i) ?? opened.set(i, openPart(runtime, folder, parts[i]!, { seed, known, frozen })).get(i)!;
  let at: Moment = { step: 0, done: 0 };
  const session: Session = {
    inputs: [...known, PART].map((name): Port => ({ name, dtype: 'float32', shape: [] })),
    outputs: [],
    run: async ({ [PART]: part, ...state }) => (await partAt(part!.data[0] as number)).run(state, at),
    async release() {
      for (const one of opened.values()) await (await one).release();
    },
  };
  const batch = (step: number): Tensors => {
    at = { step, done: steps === undefined ? at.done : step / steps };
    const weights = parts.map(({ weight }) => Math.max(0, schedule(weight, at.done)));
    return { [PART]: scalar(random(seed).split(`part ${step}`).weighted(weights)) };
  };
  const { points } = parts[0]!.plan.inputs['rate'] as { points: readonly (readonly [number, number])[] };
  const checkpoint = join(out, 'checkpoint.safetensors');
  const run = train({
    runtime,
    program: { graph: undefined as never, begin: () => begin },
    weights: {},
    open: async () => session,
    batch,
    rate: (done) => schedule(points, (at = { ...at, done }).done),
    checkpoint,
    log: join(out, 'log.jsonl'),
    logEvery: 10,
    ...(steps !== undefined && { steps }),
    ...(seconds !== undefined && { seconds }),
  });
  for await (const { step, metrics } of run) log(`${out}: step ${step}  ${line(metrics)}`);
  return checkpoint;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  try {
    const text = { type: 'string' } as const;
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { out: text, steps: text, seconds: text } });
    const [folder] = positionals;
    if (folder === undefined) throw new InputError('recipe.option', 'name the folder of the stage');
    const number = (name: 'steps' | 'seconds') => (values[name] === undefined ? {} : { [name]: Number(values[name]) });
    await trainStage(folder, values.out ?? `${folder}-run`, { ...number('steps'), ...number('seconds'), log: console.error });
  } catch (error) {
    console.error(error instanceof BananaError ? error.message : error);
    process.exitCode = 1;
  }
