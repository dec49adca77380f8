// The whole chain in about a minute: data, renderer, teacher, student, model file, picture. It proves that every part fits every other;
// what it draws is a smudge.
//   npx tsx recipes/tiny.ts [--run runs/tiny]
import { dirname, join } from 'node:path';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import type { Image } from '../src/image/image.ts';
import { openBanana } from '../src/node/index.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { makeAll } from './all.ts';
import { main } from './recipe.ts';

/** Trains preset `tiny` from nothing and draws one picture with it. */
export async function makeTiny(options: Omit<RecipeOptions, 'preset'> = {}): Promise<{ model: string; picture: Image }> {
  const model = await makeAll({ ...options, preset: 'tiny' });
  const banana = await openBanana({ model, inProcess: true });
  const { image } = await banana.picture({ prompt: 'a red apple, flat style', seed: 0, steps: 2, width: 256, height: 256 });
  await banana.close();
  await writeFileWhole(join(dirname(model), 'picture.png'), await encodeImage(image, 'png'));
  return { model, picture: image };
}

await main(import.meta.url, makeTiny);
