// What the recipes of stages share: the data of a run, and a stage as a folder that is trained here (train.ts) or by tools/cuda/run.py.
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { layersPreset, type LayersConfig } from '../src/models/layers/config.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import type { Specs } from '../src/nn/scope.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { pictureRows, roomSamples, rowsOf, type BankKeys, type BankRows, type RoomPlan } from '../src/train/layers/rows.ts';
import type { StagePart, StageProgram } from '../src/train/layers/stages.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { checkInputs } from '../src/train/plan.ts';

/** Pictures of a room, drawn from again and again with other noise. */
const ROWS = 60_000;
/** Of `tiny`. */
const FEW = 64;

/** What a run's stages are made from. */
export interface Material {
  readonly config: LayersConfig;
  readonly keys: BankKeys;
  /** Captions of whole pictures. */
  readonly pictures: readonly string[];
  /** What programs read of the bank: its tables, and the variance of channels. */
  readonly bank: Tensors;
  readonly rows: BankRows;
  readonly tokenizer: Tokenizer;
}

/** Reads what 1-data.ts made of a run. */
export async function materialOf(name: string, run: string): Promise<Material> {
  const listed = JSON.parse(await readFile(join(run, 'bank.json'), 'utf8')) as Record<'drawings' | 'canvases' | 'pictures', string[]>;
  const index = (list: string[]) => new Map(list.map((key, i) => [key, i]));
  const { tensors } = await readSafetensors(join(run, 'bank.safetensors'));
  const bank = Object.fromEntries(Object.entries(tensors).filter(([key]) => key.startsWith('bank.') || key === 'variance'));
  return {
    config: layersPreset(name),
    keys: { drawings: index(listed.drawings), canvases: index(listed.canvases) },
    pictures: listed.pictures,
    bank,
    rows: Object.fromEntries(Object.entries(bank).map(([key, { shape }]) => [key, shape[0]!])) as BankRows,
    tokenizer: tokenizerFromJSON(await readFile(join(run, 'tokenizer.json'), 'utf8'), 'tokenizer.json'),
  };
}

function trainingRows(plan: RoomPlan, { keys, pictures, tokenizer, config: { name } }: Material, seed: number): Tensors {
  if (plan.layout.objects === 0) return pictureRows(pictures, plan, tokenizer);
  const samples = [];
  for (const sample of roomSamples(plan, layeredData(name), keys, seed)) if (samples.push(sample) >= (name === 'tiny' ? FEW : ROWS)) break;
  return rowsOf(samples, plan, keys, tokenizer);
}

/** A room's rows in RUN/rows: made once, whichever stage is first. */
async function roomRows(room: RoomPlan, material: Material, run: string, seed: number): Promise<string> {
  const path = join(run, 'rows', `${room.name}-${seed}.safetensors`);
  if (!existsSync(path)) await writeSafetensors(path, trainingRows(room, material, seed));
  return path;
}

export interface StageBundle extends Pick<RecipeOptions, 'run' | 'seed' | 'batch' | 'log'> {
  run: string;
  out: string;
  parts: readonly StagePart[];
  material: Material;
  /** Weights that are read and never written. */
  frozen?: Tensors;
  /** The state that a run begins with, of programs that train these weights. */
  begin: (programs: readonly StageProgram[], specs: Specs) => Tensors;
  /** Facts of the state's file. */
  facts?: Readonly<Record<string, string>>;
}

/** Writes a stage: a folder for each program, one state, what is frozen, the plan. */
export async function writeStage(options: StageBundle): Promise<void> {
  const { run, out, parts, material, frozen = {}, begin, facts = {}, seed = 0, batch: alone = 64, log = () => {} } = options;
  const written = [];
  const programs: StageProgram[] = [];
  const specs: Specs = new Map();
  for (const { name, room, weight, make } of parts) {
    const made = make(alone);
    const folder = join(out, name);
    await mkdir(join(out, room.name, 'data'), { recursive: true });
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'program.onnx'), encodeModel(made.program.graph).model);
    await writeFile(join(folder, 'prepare.onnx'), encodeModel(made.prepare).model);
    const data = join(out, room.name, 'data', 'rows.safetensors');
    if (name === room.name) await cp(await roomRows(room, material, run, seed), data);
    written.push({ name, rows: room.name, weight, batch: made.batch, plan: made.plan });
    programs.push(made);
    for (const [path, spec] of made.specs) specs.set(path, spec);
    log(`${name}: batches of ${made.batch}`);
  }
  const state = begin(programs, specs);
  const given = [...Object.keys(state), ...Object.keys(material.bank), ...Object.keys(frozen)];
  for (const { program, prepare, plan } of programs) checkInputs(program.graph, given, plan, prepare);
  await writeSafetensors(join(out, 'state.safetensors'), state, { ...facts, preset: material.config.name });
  await writeSafetensors(join(out, 'frozen.safetensors'), { ...material.bank, ...frozen });
  await cp(join(run, 'tokenizer.json'), join(out, 'tokenizer.json'));
  await writeFile(join(out, 'plan.json'), JSON.stringify({ seed, parts: written }));
}

/** The state of all programs of a stage that begin with these weights. */
export const stateOf = (programs: readonly StageProgram[], weights: Tensors): Tensors =>
  Object.assign(
    {},
    ...programs.map(({ program, specs }) => program.begin(Object.fromEntries([...specs.keys()].map((p) => [p, weights[p]!])))),
  );

/** The averaged weights of a checkpoint, by path. */
export async function averaged(path: string): Promise<Tensors> {
  const { tensors } = await readSafetensors(path);
  const prefix = 'ema/';
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, t]) => [key.slice(prefix.length), t]),
  );
}
