// Recipe 1: the data. Thumbnails of all drawings, figures and canvases, whole pictures, their basis, the tokenizer.
//   npx tsx recipes/1-data.ts --preset pico [--run runs/pico]
// Writes bank.safetensors (thumbnails, tokens, basis) with the keys of its rows in bank.json, and tokenizer.json. Minutes.
import { join } from 'node:path';
import { canvasesOf, drawingsOf, thumbnails, type Drawing } from '../src/data/drawings.ts';
import { figureDrawings } from '../src/data/figures.ts';
import { layeredData, layeredSample, wholePicture } from '../src/data/layered.ts';
import { renderPool, type RenderPool } from '../src/data/render.ts';
import { writeFileWhole, writeSafetensors } from '../src/disk/files.ts';
import { layersPreset, PATCH, PATCH_NUMBERS, PICTURE_GRID, THUMBNAIL } from '../src/models/layers/config.ts';
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
async function drawn(drawings: readonly Drawing[], pool: RenderPool, log: (line: string) => void): Promise<Bank> {
  const bank: Bank = { keys: [], pictures: [] };
  for await (const { drawing, pixels, error } of thumbnails(drawings, pool)) {
    if (!pixels) log(`${drawing.key} left out: ${error}`);
    else {
      bank.keys.push(drawing.key);
      bank.pictures.push({ width: drawing.width, height: drawing.height, pixels });
    }
    if (bank.keys.length % 1000 === 0) log(`${bank.keys.length} of ${drawings.length} drawn`);
  }
  return bank;
}

const pixelsOf = ({ pictures }: Bank) => {
  const bytes = new Uint8Array(pictures.length * THUMBNAIL ** 2 * 4);
  pictures.forEach(({ pixels }, i) => bytes.set(pixels, i * THUMBNAIL ** 2 * 4));
  return tensor('uint8', [pictures.length, THUMBNAIL, THUMBNAIL, 4], bytes);
};

/** Longer side of wide and tall canvases. */
const LONG = 7 * PATCH;
/** Whole pictures, and those of `tiny`. */
const PICTURES = { many: 5000, few: 8 };

/** Makes the data of a preset. */
export async function makeData({ preset: name, run = `runs/${name}`, processes = 2, log = () => {} }: RecipeOptions): Promise<void> {
  const config = layersPreset(name);
  const data = layeredData(name);
  const captions = Array.from(
    { length: name === 'tiny' ? 2000 : 60_000 },
    (_, i) => layeredSample(0, i, i % 2 ? 'scene' : 'single', data).caption,
  );
  const tokenizer = trainTokenizer(captions, config.text.vocabulary);
  await writeFileWhole(join(run, 'tokenizer.json'), `${JSON.stringify(tokenizer)}\n`);
  log(`tokenizer: ${tokenizer.vocabularySize} tokens`);
  const whole = name === 'tiny' ? PICTURES.few : PICTURES.many;
  const pool = renderPool({ processes });
  try {
    const draw = (drawings: readonly Drawing[]) => drawn(drawings, pool, log);
    const drawings = await draw(drawingsOf(data.scope, THUMBNAIL));
    const figures = await draw(await figureDrawings(THUMBNAIL, pool, data.identities));
    const canvases = await draw(canvasesOf(THUMBNAIL, THUMBNAIL));
    const wide = await draw(canvasesOf(LONG, THUMBNAIL));
    const tall = await draw(canvasesOf(THUMBNAIL, LONG));
    const side = PICTURE_GRID * PATCH;
    const pictures = await draw(
      Array.from({ length: whole }, (_, i) => wholePicture(i, data)).map(({ caption, svg }) => ({
        key: caption,
        svg,
        width: side,
        height: side,
      })),
    );
    // What figures and whole pictures look like, the basis of drawings and canvases shows as well.
    const basis = basisOf([...drawings.pictures, ...canvases.pictures], config.channels);
    log('basis made');
    const table = ({ pictures: all }: Bank) => {
      const tokens = tokensOf(all, basis);
      return float32([all.length, tokens.length / all.length / config.channels, config.channels], tokens);
    };
    const objects = { keys: [...drawings.keys, ...figures.keys], pictures: [...drawings.pictures, ...figures.pictures] };
    await writeSafetensors(join(run, 'bank.safetensors'), {
      'drawings.pixels': pixelsOf(objects),
      'canvases.pixels': pixelsOf(canvases),
      'bank.drawings': table(objects),
      'bank.canvases': table(canvases),
      'bank.wide': table(wide),
      'bank.tall': table(tall),
      'bank.pictures': table(pictures),
      variance: float32([config.channels], channelVariance(tokensOf(drawings.pictures, basis), config.channels)),
      'basis.mean': float32([PATCH_NUMBERS], basis.mean),
      'basis.matrix': float32([PATCH_NUMBERS, config.channels], basis.matrix),
      'basis.scale': scalar(basis.scale),
    });
    const keys = { drawings: objects.keys, canvases: canvases.keys, pictures: pictures.keys };
    await writeFileWhole(join(run, 'bank.json'), JSON.stringify(keys));
    log(`${drawings.keys.length} drawings, ${figures.keys.length} of figures, ${canvases.keys.length} canvases in ${run}/bank.safetensors`);
  } finally {
    pool.close();
  }
}

await main(import.meta.url, makeData);
