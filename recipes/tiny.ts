// The whole chain in about a minute: data, tokenizer, autoencoder, teacher, student, model file, picture. It proves that every part
// fits every other; what it draws is a smudge.
//   npx tsx recipes/tiny.ts [--run runs/tiny]
import { join } from 'node:path';
import { loadModel } from '../src/node/load.ts';
import { openNetworks } from '../src/models/banana/networks.ts';
import { openSampler } from '../src/train/sample.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { tensorToImage, WHITE, type Image } from '../src/image/image.ts';
import { makeAll } from './all.ts';
import { main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

/** Trains preset `tiny` from nothing and draws one picture with it. */
export async function makeTiny(options: Omit<RecipeOptions, 'preset'> = {}): Promise<{ model: string; picture: Image }> {
  const all = { ...options, preset: 'tiny' };
  const path = await makeAll(all);
  const { config, weights, tokenizer, manifest } = await loadModel(path);
  const networks = openNetworks(await ortNode(), config, weights);
  const draw = openSampler(networks, tokenizer);
  const pixels = await draw({
    prompt: 'a strawberry, flat style',
    seed: 0,
    steps: 2,
    guidance: manifest.guidance,
    kind: 'student',
    width: 256,
    height: 256,
  });
  await networks.release();
  const picture = tensorToImage(pixels, { background: WHITE });
  await writeFileWhole(join(pathsOf(all).run, 'picture.png'), await encodeImage(picture, 'png'));
  return { model: path, picture };
}

await main(import.meta.url, makeTiny);
