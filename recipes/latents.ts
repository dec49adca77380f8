// The encoded data, and sheets of fixed prompts: what the teacher's and the student's recipes share.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preset } from '../src/models/config.ts';
import { openNetworks } from '../src/pipeline/networks.ts';
import { openSampler } from '../src/pipeline/sample.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { encodeImage } from '../src/tensor/codec.ts';
import { readFileWhole, readSafetensors, writeFileWhole } from '../src/tensor/files.ts';
import { tensorToImage, WHITE } from '../src/tensor/image.ts';
import { labelledSheet } from '../src/tensor/sheet.ts';
import { float32, sizeOf, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { tokenizerFromJSON, type Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { encodeCaptions, type EncodedCaption } from '../src/train/captions.ts';
import type { Random } from '../src/util/random.ts';
import { pathsOf, type RecipeOptions } from './recipe.ts';

export interface Latents {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly tokenizer: Tokenizer;
  readonly empty: EncodedCaption;
  /** Random pictures: latents (B, L, C) and their captions. */
  batch(rng: Random, size: number): { latent: Tensor<'float32'>; captions: EncodedCaption[] };
}

export async function readTokenizer(options: RecipeOptions): Promise<Tokenizer> {
  const { tokenizer } = pathsOf(options);
  return tokenizerFromJSON(new TextDecoder().decode(await readFileWhole(tokenizer)), tokenizer);
}

/** The encoded data of a run, all of it in memory. Throws InputError when recipe 3 has not made it. */
export async function openLatents(options: RecipeOptions): Promise<Latents> {
  const { latents } = pathsOf(options);
  const config = preset(options.preset);
  const { latent } = (await readSafetensors(latents)).tensors;
  const captions = JSON.parse(await readFile(latents.replace(/safetensors$/, 'json'), 'utf8')) as string[];
  const tokenizer = await readTokenizer(options);
  const { encoded, empty } = encodeCaptions(tokenizer, captions, config.text.length);
  const [count, L, C] = latent!.shape as [number, number, number];
  const side = Math.sqrt(L); // the small presets train on squares
  const all = latent!.data as Float32Array;
  return {
    rows: side,
    columns: side,
    count,
    tokenizer,
    empty,
    batch: (rng, size) => {
      const data = new Float32Array(size * sizeOf([L, C]));
      const picks = Array.from({ length: size }, () => rng.integer(count));
      picks.forEach((p, i) => data.set(all.subarray(p * L * C, (p + 1) * L * C), i * L * C));
      return { latent: float32([size, L, C], data), captions: picks.map((p) => encoded[p]!) };
    },
  };
}

/** Prompts of the sample sheets: the same ones all through training. */
const PROMPTS = [
  'a fox, flat style', 'a red car, bold flat style', 'a house in the snow, flat style', 'an apple, shaded cartoon style',
  'a blue bird, flat style', 'three strawberries, bold flat style', 'a cat on the beach, shaded cartoon style', 'a green tree, flat style',
  'a dog left of a ball, flat style', 'a rocket in space, bold flat style', 'een gele bloem', 'a fish under water, flat style',
  'a frog above a mushroom, bold flat style', 'a smiling face, shaded cartoon style', 'two penguins in the snow', 'een rode fiets, platte stijl',
];

/** Draws the fixed prompts with a teacher or a student (its transformer's weights) and the run's autoencoder. */
export async function drawSheet(
  options: RecipeOptions,
  runtime: Runtime,
  transformer: Tensors,
  { kind, steps, guidance, name, side = 256 }: { kind: 'teacher' | 'student'; steps: number; guidance: number; name: string; side?: number },
): Promise<void> {
  const paths = pathsOf(options);
  const autoencoder = (await readSafetensors(paths.autoencoder)).tensors;
  const networks = openNetworks(runtime, preset(options.preset), { ...autoencoder, ...transformer });
  const sample = openSampler(networks, await readTokenizer(options));
  const images = [];
  for (const [i, prompt] of PROMPTS.entries())
    images.push(tensorToImage(await sample({ prompt, seed: i, steps, guidance, kind, width: side, height: side }), { background: WHITE }));
  await networks.release();
  await writeFileWhole(join(paths.run, 'sheets', `${name}.png`), await encodeImage(await labelledSheet(images, PROMPTS, { columns: 8, cell: 160 }), 'png'));
}
