// Recipe 5: the student. Latent consistency distillation of the guided teacher: pictures in 1, 2 and 4 steps.
//   npx tsx recipes/5-distill.ts --preset pico [--seconds 1200] [--batch 24] [--rate 0.0005]
// Resumable: runs/PRESET/student.state.safetensors. Sheets at 1, 2 and 4 steps: runs/PRESET/sheets/. The finished model, with
// the autoencoder and the tokenizer, is runs/PRESET/PRESET.safetensors: copy it to models/ when it is better than what is there.
import { join } from 'node:path';
import { preset, type Config } from '../src/models/banana/config.ts';
import { DATA, type DataPreset } from '../src/data/dataset.ts';
import { STYLES } from '../src/data/sprites.ts';
import { readTokenizer, saveModel } from '../src/node/models.ts';
import { specsOf } from '../src/models/banana/stages.ts';
import { initialize } from '../src/nn/scope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { readSafetensors, writeSafetensors } from '../src/disk/files.ts';
import { float32, type Tensors } from '../src/tensor/tensor.ts';
import { textFeeds, type EncodedCaption } from '../src/train/captions.ts';
import { distillProgram, FROM_NOISE, hopAt, TEACHER } from '../src/train/distill.ts';
import { cosineRate, train } from '../src/train/loop.ts';
import { averageOf } from '../src/train/step.ts';
import type { Plan } from '../src/quant/plan.ts';
import { random, type Random } from '../src/util/random.ts';
import { drawSheet, openLatents, type Latents } from './latents.ts';
import { line, main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

/** Guidance scales that the student learns, and the one that it is asked for by default: chosen by eye on sheets from 2 to 5. */
const GUIDANCE = [2, 5] as const;
export const DEFAULT_GUIDANCE = 2.5;

/** Inputs of a distillation step: random pictures with what conditions them, times t and s a hop apart, guidance scales, the empty prompt. */
export function distillBatch(data: Latents, config: Config, stream: Random, batch: number, hop: number): Tensors {
  const { latent, feeds } = data.batch(stream, batch);
  const list = (f: () => number) => Array.from({ length: batch }, f);
  const t = list(() => (stream.uniform() < FROM_NOISE ? 1 : hop / 2 + (1 - hop / 2) * stream.uniform()));
  return {
    latent,
    ...feeds,
    noise: float32(latent.shape, stream.normals(latent.data.length)),
    t: float32([batch], t),
    s: float32(
      [batch],
      t.map((x) => Math.max(0, x - hop)),
    ),
    guidance: float32(
      [batch],
      list(() => GUIDANCE[0] + (GUIDANCE[1] - GUIDANCE[0]) * stream.uniform()),
    ),
    ...textFeeds(Array<EncodedCaption>(batch).fill(data.empty), config.text.length, 'null'),
  };
}

/** Distils the teacher of a preset. */
export async function makeStudent(options: RecipeOptions): Promise<void> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const { seed = 0, steps, seconds, batch = 24, rate = 0.0005, log = () => {} } = options;
  const rng = random(seed).split('student');
  const data = await openLatents(options);
  const teacher = (await readSafetensors(paths.teacher)).tensors;
  const { program, specs } = distillProgram(config, { batch, tokens: data.tokens, references: data.references });
  const runtime = await ortNode();
  let done = 0;
  const run = train({
    runtime,
    program,
    weights: teacher,
    frozen: Object.fromEntries(Object.entries(teacher).map(([path, t]) => [`${TEACHER}.${path}`, t])),
    batch: (step) => distillBatch(data, config, rng.split(`batch:${step}`), batch, hopAt(done)),
    rate: cosineRate(rate, { floor: 0.1 }),
    checkpoint: join(paths.run, 'student.state.safetensors'),
    log: join(paths.run, 'student.jsonl'),
    ...(steps !== undefined && { steps }),
    ...(seconds !== undefined && { seconds }),
  });
  let sheets = 0;
  for await (const progress of run) {
    done = progress.done;
    log(`student ${(100 * done).toFixed(1)} %  step ${progress.step}  ${progress.seconds.toFixed(0)} s  ${line(progress.metrics)}`);
    if (done < (sheets + 1) / 5 && done < 1) continue;
    sheets = Math.floor(done * 5);
    const weights = averageOf(progress.state, specs);
    await writeSafetensors(paths.student, weights, { preset: config.name });
    for (const n of [1, 2, 4])
      await drawSheet(options, runtime, weights, {
        kind: 'student',
        steps: n,
        guidance: DEFAULT_GUIDANCE,
        name: `student-${String(progress.step).padStart(6, '0')}-${n}`,
      });
  }
}

export interface ExportOptions {
  /** The student's weights, where they are not the run's own. */
  student?: Tensors;
  /** Bits of the file's weights; large matrices have 8 when left out. */
  plan?: Plan;
  /** Name of the file in the run's folder. */
  name?: string;
  /** How it was trained, in words. */
  training?: string;
  /** Whether it takes reference subjects; default: whether it was trained with any. Trained is not yet able: look first. */
  references?: boolean;
}

/** Puts the run's networks and tokenizer together as a model file; weights that were never trained keep their beginnings. */
export async function exportModel(
  options: RecipeOptions,
  { student, plan, name = options.preset, training = 'recipes 1 to 5 of banana-sdk; see docs/log.md', references }: ExportOptions = {},
): Promise<string> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const read = async (path: string) => (await readSafetensors(path)).tensors;
  const trained: Tensors = { ...(await read(paths.autoencoder)), ...(student ?? (await read(paths.student))) };
  const begun = initialize(specsOf(config), random(options.seed ?? 0));
  const weights = Object.fromEntries(Object.keys(begun).map((path) => [path, trained[path] ?? begun[path]!]));
  const styles = DATA[config.name as DataPreset].scope.styles ?? Object.values(STYLES).map((s) => s.word);
  const path = join(paths.run, `${name}.safetensors`);
  await saveModel(path, {
    name: config.name,
    config,
    weights,
    ...(plan && { plan }),
    tokenizer: await readTokenizer(pathsOf(options).tokenizer),
    manifest: {
      name: config.name,
      version: '0.1.0',
      preset: config.name,
      styles,
      guidance: DEFAULT_GUIDANCE,
      steps: [1, 2, 4],
      licence: 'MIT; trained on art listed in NOTICE',
      training,
      references: references ?? Object.keys(trained).some((path) => path.startsWith('transformer.reference.')),
    },
  });
  options.log?.(`model: ${path}`);
  return path;
}

await main(import.meta.url, async (options) => {
  await makeStudent(options);
  await exportModel(options);
});
