// Every recipe in order, data to model, for one preset: the same commands for all, only amounts differ. Each step is resumable, so this is
// too: run it again and it goes on. Stages are trained here, on the CPU: `tiny` in seconds, `pico` in hours; for more, tools/cuda.
//   npx tsx recipes/all.ts --preset pico [--run FOLDER]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { layersPreset } from '../src/models/layers/config.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { makeData } from './1-data.ts';
import { makeRendererBundle } from './2-renderer.ts';
import { makeTeacher } from './3-teacher.ts';
import { makeStudent } from './4-student.ts';
import { makeModel } from './5-model.ts';
import { main } from './recipe.ts';
import { trainStage, type TrainOptions } from './train.ts';

type Amount = Pick<TrainOptions, 'steps' | 'seconds'>;
interface Amounts {
  readonly renderer: Amount;
  readonly teacher: Amount;
  readonly student: Amount;
  /** Pictures of one object alone in a step. */
  readonly batch: number;
}

/** How much of everything a preset gets. */
const AMOUNTS: Readonly<Record<string, Amounts>> = {
  tiny: { renderer: { steps: 20 }, teacher: { steps: 60 }, student: { steps: 30 }, batch: 8 },
  pico: { renderer: { seconds: 3600 }, teacher: { seconds: 20_000 }, student: { seconds: 7200 }, batch: 64 },
};

/** Runs the chain; returns the model's file. */
export async function makeAll(given: RecipeOptions): Promise<string> {
  const { name } = layersPreset(given.preset);
  const { batch, ...amounts } = AMOUNTS[name] ?? AMOUNTS.pico!;
  const { run = `runs/${name}`, log = () => {} } = given;
  const options = { ...given, run, batch };
  /** Makes what is not there: `file` is the last that the recipe writes. */
  const once = async (file: string, make: (options: RecipeOptions) => Promise<unknown>) => {
    if (!existsSync(join(run, file))) await make(options);
  };
  const trained = (stage: keyof typeof amounts) => trainStage(join(run, stage), join(run, `${stage}-run`), { ...amounts[stage], log });
  await once('bank.json', makeData);
  await once('renderer/plan.json', makeRendererBundle);
  await trained('renderer');
  await once('teacher/plan.json', makeTeacher);
  await trained('teacher');
  await once('student/plan.json', makeStudent);
  await trained('student');
  return makeModel(options);
}

await main(import.meta.url, makeAll);
