// Recipe of the layered model, step 2: the teacher's programs and rows as a folder that tools/cuda/run.py trains.
//   npx tsx recipes/layers-bundle.ts --preset pico [--run runs/layers-pico] [--batch 64] [--rate 0.002]
//   python3 tools/cuda/run.py runs/layers-pico/teacher --out runs/layers-pico/teacher-run --seconds 7200
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { layeredData } from '../src/data/layered.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { layersPreset } from '../src/models/layers/config.ts';
import { tokenCount } from '../src/models/layers/layout.ts';
import { initialize } from '../src/nn/scope.ts';
import { encodeModel } from '../src/onnx/encode.ts';
import { tokenizerFromJSON } from '../src/tokenizer/tokenizer.ts';
import { ROOMS, roomPrepare, roomSamples, rowsOf, type BankKeys } from '../src/train/layers/rows.ts';
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

/** Writes the bundle. */
export async function makeLayersBundle({
  preset: name,
  run = `runs/layers-${name}`,
  batch = 64,
  rate = 0.002,
  seed = 0,
  log = () => {},
}: RecipeOptions): Promise<void> {
  const config = layersPreset(name);
  const out = join(run, 'teacher');
  const listed = JSON.parse(await readFile(join(run, 'bank.json'), 'utf8')) as { drawings: string[]; canvases: string[] };
  const index = (list: string[]) => new Map(list.map((key, i) => [key, i]));
  const keys: BankKeys = { drawings: index(listed.drawings), canvases: index(listed.canvases) };
  const tokenizer = tokenizerFromJSON(await readFile(join(run, 'tokenizer.json'), 'utf8'), 'tokenizer.json');
  const { tensors } = await readSafetensors(join(run, 'bank.safetensors'));
  const size = { drawings: listed.drawings.length, canvases: listed.canvases.length };
  const tokens = batch * tokenCount(ROOMS[0]!.layout);
  const parts = [];
  for (const plan of ROOMS.map((room) => ({ ...room, text: Math.min(room.text, config.text.length) }))) {
    const room = { batch: Math.max(1, Math.round(tokens / tokenCount(plan.layout))), layout: plan.layout, text: plan.text };
    const { program, specs } = layeredTeacher(config, room);
    const folder = join(out, plan.name);
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(join(folder, 'program.onnx'), encodeModel(program.graph).model);
    await writeFile(join(folder, 'prepare.onnx'), encodeModel(roomPrepare(room, config, size)).model);
    const data = (key: string) => ({ kind: 'data', key }) as const;
    const normal = { kind: 'normal' } as const;
    const inputs: Plan['inputs'] = {
      drawing: data('drawing'),
      objects: data('objects'),
      frames: data('frames'),
      ids: data('ids'),
      count: data('count'),
      ...(plan.layout.canvas && { ground: data('ground'), canvas: data('canvas') }),
      'frames.noise': normal,
      'content.noise': normal,
      t: { kind: 'logit-normal', mean: 0.8, deviation: 1.2 },
      rate: { kind: 'table', points: schedulePoints(cosineRate(rate)) },
    };
    const samples = [];
    for (const sample of roomSamples(plan, layeredData(name), keys, seed))
      if (samples.push(sample) >= (name === 'tiny' ? FEW : ROWS)) break;
    await writeSafetensors(join(folder, 'data', 'rows.safetensors'), rowsOf(samples, plan, keys, tokenizer));
    parts.push({ name: plan.name, weight: [[0, plan.share]], batch: room.batch, plan: { inputs } satisfies Plan });
    if (parts.length === 1)
      await writeSafetensors(join(out, 'state.safetensors'), program.begin(initialize(specs, random(seed).split('weights'))), {
        preset: name,
      });
    log(
      `${plan.name}: batches of ${room.batch}, longest caption ${Math.max(...samples.map(({ caption }) => tokenizer.encode(caption, 64).count))} tokens`,
    );
  }
  const frozen = ['bank.drawings', 'bank.canvases', 'variance'];
  await writeSafetensors(join(out, 'frozen.safetensors'), Object.fromEntries(frozen.map((key) => [key, tensors[key]!])));
  await cp(join(run, 'tokenizer.json'), join(out, 'tokenizer.json'));
  await writeFile(join(out, 'plan.json'), JSON.stringify({ seed, parts }));
}

await main(import.meta.url, makeLayersBundle);
