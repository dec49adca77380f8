// Recipe of the layered model, step 1: thumbnails of all drawings and canvases, their basis, the tokenizer.
//   npx tsx recipes/layers-data.ts --preset pico [--run runs/layers-pico]
// Writes bank.safetensors (thumbnails, tokens, basis) with the keys of its rows in bank.json, and tokenizer.json. Minutes.
import { join } from 'node:path';
import { canvasesOf, drawingsOf, thumbnails, type Drawing } from '../src/data/drawings.ts';
import { layeredData, layeredSample } from '../src/data/layered.ts';
import { renderPool } from '../src/data/render.ts';
import { writeFileWhole, writeSafetensors } from '../src/disk/files.ts';
import { GRID, layersPreset, PATCH_NUMBERS, THUMBNAIL } from '../src/models/layers/config.ts';
import type { Thumbnail } from '../src/models/layers/thumbnail.ts';
import { float32, scalar, tensor } from '../src/tensor/tensor.ts';
import { trainTokenizer } from '../src/tokenizer/tokenizer.ts';
import { basisOf, channelVariance, tokensOf } from '../src/train/layers/basis.ts';
import type { RecipeOptions } from '../src/train/paths.ts';
import { main } from './recipe.ts';

interface Bank {
  keys: string[];
  pictures: (Thumbnail & { pixels: Uint8Array })[];
}

/** Draws thumbnails; what cannot be drawn is left out and named. */
async function drawn(drawings: readonly Drawing[], log: (line: string) => void): Promise<Bank> {
  const pool = renderPool({ processes: 2 });
  const bank: Bank = { keys: [], pictures: [] };
  try {
    for await (const { drawing, pixels, error } of thumbnails(drawings, pool)) {
      if (!pixels) log(`${drawing.key} left out: ${error}`);
      else {
        bank.keys.push(drawing.key);
        bank.pictures.push({ width: drawing.width, height: drawing.height, pixels });
      }
      if (bank.keys.length % 1000 === 0) log(`${bank.keys.length} of ${drawings.length} drawn`);
    }
  } finally {
    pool.close();
  }
  return bank;
}

const pixelsOf = ({ pictures }: Bank) => {
  const bytes = new Uint8Array(pictures.length * THUMBNAIL ** 2 * 4);
  pictures.forEach(({ pixels }, i) => bytes.set(pixels, i * THUMBNAIL ** 2 * 4));
  return tensor('uint8', [pictures.length, THUMBNAIL, THUMBNAIL, 4], bytes);
};

/** Makes the data of a preset. */
export async function makeLayersData({ preset: name, run = `runs/layers-${name}`, log = () => {} }: RecipeOptions): Promise<void> {
  const config = layersPreset(name);
  const data = layeredData(name);
  const captions = Array.from(
    { length: name === 'tiny' ? 2000 : 60_000 },
    (_, i) => layeredSample(0, i, i % 2 ? 'scene' : 'single', data).caption,
  );
  const tokenizer = trainTokenizer(captions, config.text.vocabulary);
  await writeFileWhole(join(run, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
  log(`tokenizer: ${tokenizer.vocabularySize} tokens`);
  const drawings = await drawn(drawingsOf(data.scope, THUMBNAIL), log);
  const canvases = await drawn(canvasesOf(THUMBNAIL, THUMBNAIL), log);
  const basis = basisOf([...drawings.pictures, ...canvases.pictures], config.channels);
  log('basis made');
  const [objects, grounds] = [tokensOf(drawings.pictures, basis), tokensOf(canvases.pictures, basis)];
  const shape = (count: number) => [count, GRID * GRID, config.channels];
  await writeSafetensors(join(run, 'bank.safetensors'), {
    'drawings.pixels': pixelsOf(drawings),
    'canvases.pixels': pixelsOf(canvases),
    'bank.drawings': float32(shape(drawings.keys.length), objects),
    'bank.canvases': float32(shape(canvases.keys.length), grounds),
    variance: float32([config.channels], channelVariance(objects, config.channels)),
    'basis.mean': float32([PATCH_NUMBERS], basis.mean),
    'basis.matrix': float32([PATCH_NUMBERS, config.channels], basis.matrix),
    'basis.scale': scalar(basis.scale),
  });
  await writeFileWhole(join(run, 'bank.json'), JSON.stringify({ drawings: drawings.keys, canvases: canvases.keys }));
  log(`${drawings.keys.length} drawings and ${canvases.keys.length} canvases in ${run}/bank.safetensors`);
}

await main(import.meta.url, makeLayersData);
