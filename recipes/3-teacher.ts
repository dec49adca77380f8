// Recipe 3: the teacher's programs and rows as a folder that recipes/train.ts trains here, and tools/cuda/run.py on a GPU.
//   npx tsx recipes/3-teacher.ts --preset pico [--run runs/pico] [--batch 64] [--rate 0.002] [--from CHECKPOINT]
//   python3 tools/cuda/run.py runs/pico/teacher --out runs/pico/teacher-run --seconds 7200
import { join } from 'node:path';
import { readSafetensors } from '../src/disk/files.ts';
import { initialize } from '../src/nn/scope.ts';
import type { Tensor, Tensors } from '../src/tensor/tensor.ts';
import { teacherStage } from '../src/train/layers/stages.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { random } from '../src/util/random.ts';
import { materialOf, stateOf, writeStage } from './stage.ts';
import { main } from './recipe.ts';

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
export async function makeTeacher(options: RecipeOptions): Promise<void> {
  const { preset: name, run = `runs/${name}`, rate = 0.002, seed = 0, from } = options;
  const material = await materialOf(name, run);
  const earlier = from === undefined ? undefined : await readSafetensors(from);
  await writeStage({
    ...options,
    run,
    out: join(run, 'teacher'),
    material,
    parts: teacherStage({ config: material.config, bank: material.rows, rate }),
    begin(programs, specs) {
      const state = stateOf(programs, initialize(specs, random(seed).split('weights')));
      return earlier ? continued(state, earlier.tensors) : state;
    },
    ...(earlier && { facts: earlier.metadata }),
  });
}

await main(import.meta.url, makeTeacher);
