// Every recipe in order, data to model, for one preset: the same commands for all, only amounts differ. Each step is resumable, so
// this is too: run it again and it goes on.
//   npx tsx recipes/all.ts --preset pico [--run FOLDER]
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DATA, squares, type DataPreset } from '../src/data/dataset.ts';
import { pack } from '../src/data/pack.ts';
import { preset } from '../src/models/banana/config.ts';
import { makeTokenizer } from './2-tokenizer.ts';
import { makeAutoencoder } from './3-autoencoder.ts';
import { makeTeacher } from './4-teacher.ts';
import { exportModel, makeStudent } from './5-distill.ts';
import { main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

type Amount = Pick<RecipeOptions, 'steps' | 'seconds' | 'batch' | 'rate'>;

interface Amounts {
  /** Squares with crops, for the autoencoder, and pictures of all shapes, some with subjects, for the transformer (which sees both). */
  pictures: [number, number];
  crop: number;
  shard: number;
  captions: number;
  processes: number;
  autoencoder: Amount;
  teacher: Amount;
  student: Amount;
}

/** How much of everything a preset gets. */
export const AMOUNTS: Record<string, Amounts> = {
  tiny: {
    pictures: [256, 128],
    crop: 32,
    shard: 32,
    captions: 2000,
    processes: 2,
    autoencoder: { steps: 400, batch: 8, rate: 0.004 },
    teacher: { steps: 200, batch: 16, rate: 0.004 },
    student: { steps: 60, batch: 16, rate: 0.0005 },
  },
  pico: {
    pictures: [16_384, 24_576],
    crop: 80,
    shard: 256,
    captions: 100_000,
    processes: 2,
    autoencoder: { seconds: 2100, batch: 16, rate: 0.003 },
    teacher: { seconds: 3000, batch: 32, rate: 0.002 },
    student: { seconds: 1200, batch: 24, rate: 0.0005 },
  },
};

/** Runs the chain; returns the model's file. */
export async function makeAll(options: RecipeOptions): Promise<string> {
  const { name, referencePixels } = preset(options.preset);
  const amounts = AMOUNTS[name] ?? AMOUNTS.pico!;
  const paths = pathsOf(options);
  const { seed = 0, log = () => {} } = options;
  const data = DATA[name as DataPreset];
  const { crop, shard, processes } = amounts;
  for (const [i, count] of amounts.pictures.entries()) {
    const kind = i === 0 ? { out: paths.data, data: squares(data), crop } : { out: join(paths.run, 'pictures'), data, crop: 0 };
    for await (const { done, total } of pack({ ...kind, count, seed: seed + 1 + i, reference: referencePixels, shard, processes }))
      log(`${done}/${total} pictures`);
  }
  if (!existsSync(paths.tokenizer)) await makeTokenizer({ preset: name, count: amounts.captions, seed, out: paths.tokenizer, log });
  await makeAutoencoder({ ...amounts.autoencoder, ...options });
  await makeTeacher({ ...amounts.teacher, ...options });
  await makeStudent({ ...amounts.student, ...options });
  return exportModel(options);
}

await main(import.meta.url, makeAll);
