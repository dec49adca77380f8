// Recipe 4: the student's programs as a folder that recipes/train.ts trains here, and tools/cuda/run.py on a GPU. It begins with a
// teacher's averaged weights: consistency distillation, for the last two fifths of the run with the arithmetic of the 4-bit file.
//   npx tsx recipes/4-student.ts --preset pico [--run runs/pico] [--batch 64] [--rate 0.0003] [--from CHECKPOINT]
//   python3 tools/cuda/run.py runs/pico/student --out runs/pico/student-run --seconds 7200
// 5-model.ts then makes the model's file of it.
import { join } from 'node:path';
import { TEACHER } from '../src/train/distill.ts';
import { studentStage } from '../src/train/layers/stages.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { averaged, materialOf, stateOf, writeStage } from './stage.ts';
import { main } from './recipe.ts';

/** Writes the bundle. `from`: the teacher's checkpoint, that of the run when left out. */
export async function makeStudent(options: RecipeOptions): Promise<void> {
  const { preset: name, run = `runs/${name}`, rate = 0.0003 } = options;
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

await main(import.meta.url, makeStudent);
