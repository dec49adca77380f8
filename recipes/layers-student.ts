// Recipe of the layered model, step 3: the student's programs as a folder that tools/cuda/run.py trains. It begins with a teacher's
// averaged weights: consistency distillation, for the last two fifths of the run with the arithmetic of the 4-bit file.
//   npx tsx recipes/layers-student.ts --preset pico [--run runs/layers-pico] [--batch 64] [--rate 0.0003] [--from CHECKPOINT]
//   python3 tools/cuda/run.py runs/layers-pico/student --out runs/layers-pico/student-run --seconds 7200
// layers-model.ts then makes the model's file of it.
import { join } from 'node:path';
import { readSafetensors } from '../src/disk/files.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { TEACHER } from '../src/train/distill.ts';
import { studentStage } from '../src/train/layers/stages.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { materialOf, stateOf, writeStage } from './layers-stage.ts';
import { main } from './recipe.ts';

/** The averaged weights of a checkpoint, by path. */
async function averaged(path: string): Promise<Tensors> {
  const { tensors } = await readSafetensors(path);
  const prefix = 'ema/';
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, t]) => [key.slice(prefix.length), t]),
  );
}

/** Writes the bundle. `from`: the teacher's checkpoint, that of the run when left out. */
export async function makeLayersStudent(options: RecipeOptions): Promise<void> {
  const { preset: name, run = `runs/layers-${name}`, rate = 0.0003 } = options;
  const teacher = await averaged(options.from ?? join(run, 'teacher-run', 'checkpoint.safetensors'));
  const material = await materialOf(name, run);
  await writeStage({
    ...options,
    run,
    out: join(run, 'student'),
    material,
    parts: studentStage({ config: material.config, bank: material.rows, rate }),
    frozen: Object.fromEntries(Object.entries(teacher).map(([path, t]) => [`${TEACHER}.${path}`, t])),
    begin: (programs) => stateOf(programs, teacher),
  });
}

await main(import.meta.url, makeLayersStudent);
