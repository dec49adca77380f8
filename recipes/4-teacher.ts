// Recipe 4: the teacher. Learns to turn noise into the latents of captioned pictures, with and without the caption.
//   npx tsx recipes/4-teacher.ts --preset pico [--seconds 3000] [--batch 32] [--rate 0.002] [--from WEIGHTS]
// --from: begins with another teacher's weights, whose latents or data may have been others, instead of random ones.
// Resumable: runs/PRESET/teacher.state.safetensors. Sample sheets of fixed prompts and seeds: runs/PRESET/sheets/.
import { join } from 'node:path';
import { preset } from '../src/models/banana/config.ts';
import { initialize, type Specs } from '../src/nn/scope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { float32, type Tensors } from '../src/tensor/tensor.ts';
import { cosineRate, train } from '../src/train/loop.ts';
import { averageOf } from '../src/train/step.ts';
import { teacherProgram } from '../src/train/teacher.ts';
import { InputError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { line, main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';
import { drawSheet, openLatents } from './latents.ts';

/** Share of pictures without caption and references, so that the network also knows pictures without a prompt. */
const DROP = 0.1;

/** The weights that `specs` name, of a file that has them in the same shapes. */
async function weightsOf(file: string, specs: Specs): Promise<Tensors> {
  const { tensors } = await readSafetensors(file);
  return Object.fromEntries(
    [...specs].map(([path, { shape }]) => {
      const found = tensors[path];
      if (found?.shape.join() !== shape.join())
        throw new InputError(
          'recipe.from',
          `${file}: ${found ? `"${path}" is [${found.shape}]` : `no weight "${path}"`}, expected [${shape}]: give a teacher of the same preset`,
        );
      return [path, found];
    }),
  );
}

/** Trains the teacher of a preset. */
export async function makeTeacher(options: RecipeOptions): Promise<void> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const { seed = 0, steps, seconds, batch = 32, rate = 0.002, log = () => {} } = options;
  const rng = random(seed).split('teacher');
  const data = await openLatents(options);
  const { program, specs } = teacherProgram(config, { batch, tokens: data.tokens, references: data.references });
  const runtime = await ortNode();
  const run = train({
    runtime,
    program,
    weights: options.from === undefined ? initialize(specs, rng.split('weights')) : await weightsOf(options.from, specs),
    batch: (step) => {
      const stream = rng.split(`batch:${step}`);
      const { latent, feeds } = data.batch(stream, batch, { drop: DROP });
      const size = latent.data.length;
      return {
        latent,
        ...feeds,
        noise: float32(latent.shape, stream.normals(size)),
        // Logit-normal times (Esser et al. 2024), moved towards the noise, where a small latent is decided.
        t: float32(
          [batch],
          Array.from({ length: batch }, () => 1 / (1 + Math.exp(-(stream.normal() + 0.4)))),
        ),
      };
    },
    rate: cosineRate(rate),
    checkpoint: join(paths.run, 'teacher.state.safetensors'),
    log: join(paths.run, 'teacher.jsonl'),
    ...(steps !== undefined && { steps }),
    ...(seconds !== undefined && { seconds }),
  });
  let sheets = 0;
  for await (const progress of run) {
    log(
      `teacher ${(100 * progress.done).toFixed(1)} %  step ${progress.step}  ${progress.seconds.toFixed(0)} s  ${line(progress.metrics)}`,
    );
    if (progress.done < (sheets + 1) / 8 && progress.done < 1) continue;
    sheets = Math.floor(progress.done * 8);
    const weights = averageOf(progress.state, specs);
    await writeSafetensors(paths.teacher, weights, { preset: config.name });
    await drawSheet(options, runtime, weights, {
      kind: 'teacher',
      steps: 16,
      guidance: 3,
      name: `teacher-${String(progress.step).padStart(6, '0')}`,
    });
  }
}

await main(import.meta.url, makeTeacher);
