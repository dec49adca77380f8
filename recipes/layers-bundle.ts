// Recipe of the layered model, step 2: the teacher's programs and rows as a folder that tools/cuda/run.py trains.
//   npx tsx recipes/layers-bundle.ts --preset pico [--run runs/layers-pico] [--batch 64] [--rate 0.002] [--from CHECKPOINT]
//   python3 tools/cuda/run.py runs/layers-pico/teacher --out runs/layers-pico/teacher-run --seconds 7200
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { layersPreset, type LayersConfig } from '../src/models/layers/config.ts';
import { tokenCount } from '../src/models/layers/layout.ts';
import { initialize } from '../src/nn/scope.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import type { Tensor, Tensors } from '../src/tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../src/tokenizer/tokenizer.ts';
import {
  pictureRows,
  ROOMS,
  roomPrepare,
  roomSamples,
  rowsOf,
  type BankKeys,
  type BankTable,
  type RoomPlan,
} from '../src/train/layers/rows.ts';
import { layeredTeacher } from '../src/train/layers/teacher.ts';
import { cosineRate } from '../src/train/run.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { random } from '../src/util/random.ts';
import { schedulePoints, type Plan } from '../tools/cuda/bundle.ts';
import { main } from './recipe.ts';

/** Pictures of a room, drawn from again and again with other noise. */
const ROWS = 60_000;
/** Of `tiny`. */
const FEW = 64;

/** What the bundles of a run are made from. */
interface Material {
  readonly config: LayersConfig;
  readonly keys: BankKeys;
  /** Captions of whole pictures. */
  readonly pictures: readonly string[];
  readonly bank: Tensors;
  readonly tokenizer: Tokenizer;
}

async function materialOf(name: string, run: string): Promise<Material> {
  const listed = JSON.parse(await readFile(join(run, 'bank.json'), 'utf8')) as Record<'drawings' | 'canvases' | 'pictures', string[]>;
  const index = (list: string[]) => new Map(list.map((key, i) => [key, i]));
  const { tensors } = await readSafetensors(join(run, 'bank.safetensors'));
  return {
    config: layersPreset(name),
    keys: { drawings: index(listed.drawings), canvases: index(listed.canvases) },
    pictures: listed.pictures,
    bank: Object.fromEntries(Object.entries(tensors).filter(([key]) => key.startsWith('bank.') || key === 'variance')),
    tokenizer: tokenizerFromJSON(await readFile(join(run, 'tokenizer.json'), 'utf8'), 'tokenizer.json'),
  };
}

/** Where the inputs of a room's program come from. */
function inputsOf({ layout, references }: RoomPlan, rate: number): Plan['inputs'] {
  const rows = [
    ...(layout.objects > 0 ? ['drawing', 'objects', 'frames'] : []),
    ...(layout.canvas ? ['ground', 'canvas'] : []),
    ...(references ? ['reference', 'reference.slot', 'reference.there'] : []),
    'ids',
    'count',
  ];
  const normal = { kind: 'normal' } as const;
  return {
    ...Object.fromEntries(rows.map((key) => [key, { kind: 'data', key } as const])),
    ...(layout.objects > 0 && { 'frames.noise': normal }),
    'content.noise': normal,
    t: { kind: 'logit-normal', mean: 0.8, deviation: 1.2 },
    rate: { kind: 'table', points: schedulePoints(cosineRate(rate)) },
  };
}

function trainingRows(plan: RoomPlan, { keys, pictures, tokenizer }: Material, name: string, seed: number): Tensors {
  if (plan.layout.objects === 0) return pictureRows(pictures, plan, tokenizer);
  const samples = [];
  for (const sample of roomSamples(plan, layeredData(name), keys, seed)) if (samples.push(sample) >= (name === 'tiny' ? FEW : ROWS)) break;
  return rowsOf(samples, plan, keys, tokenizer);
}

/** A state that begins with what another run has: tensors of the same name, and of tables that have grown, their first rows. */
function continued(state: Tensors, earlier: Tensors): Tensors {
  const rows = (t: Tensor) => t.shape.slice(1).join();
  return Object.fromEntries(
    Object.entries(state).map(([key, own]) => {
      const found = earlier[key];
      if (!found || rows(found) !== rows(own) || found.data.length > own.data.length) return [key, own];
      const data = (own.data as Float32Array).slice();
      data.set(found.data as Float32Array);
      return [key, { ...own, data }];
    }),
  );
}

/** Writes the bundle. `from`: the checkpoint of a run whose rooms were fewer; its weights, moments and time are gone on with. */
export async function makeLayersBundle({
  preset: name,
  run = `runs/layers-${name}`,
  batch = 64,
  rate = 0.002,
  seed = 0,
  from,
  log = () => {},
}: RecipeOptions): Promise<void> {
  const material = await materialOf(name, run);
  const { config, bank } = material;
  const out = join(run, 'teacher');
  const rows = Object.fromEntries(Object.entries(bank).map(([key, { shape }]) => [key, shape[0]!])) as Record<BankTable, number>;
  const tokens = batch * tokenCount(ROOMS[0]!.layout);
  const parts = [];
  const state: Tensors = {};
  for (const full of ROOMS) {
    const plan = { ...full, text: Math.min(full.text, config.text.length) };
    const { layout, text, references } = plan;
    const room = { batch: Math.max(1, Math.round(tokens / tokenCount(layout))), layout, text, references };
    const { program, specs } = layeredTeacher(config, room);
    const folder = join(out, plan.name);
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(join(folder, 'program.onnx'), encodeModel(program.graph).model);
    await writeFile(join(folder, 'prepare.onnx'), encodeModel(roomPrepare(plan, room, config, rows)).model);
    await writeSafetensors(join(folder, 'data', 'rows.safetensors'), trainingRows(plan, material, name, seed));
    parts.push({
      name: plan.name,
      weight: [[0, plan.share]],
      batch: room.batch,
      plan: { inputs: inputsOf(plan, rate) } satisfies Plan,
    });
    Object.assign(state, program.begin(initialize(specs, random(seed).split('weights'))), { ...state });
    log(`${plan.name}: batches of ${room.batch}`);
  }
  const earlier = from === undefined ? undefined : await readSafetensors(from);
  await writeSafetensors(join(out, 'state.safetensors'), earlier ? continued(state, earlier.tensors) : state, {
    ...earlier?.metadata,
    preset: name,
  });
  await writeSafetensors(join(out, 'frozen.safetensors'), bank);
  await cp(join(run, 'tokenizer.json'), join(out, 'tokenizer.json'));
  await writeFile(join(out, 'plan.json'), JSON.stringify({ seed, parts }));
}

await main(import.meta.url, makeLayersBundle);
