// The encoded data, and sheets of fixed prompts: what the teacher's and the student's recipes share.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preset } from '../src/models/config.ts';
import { referenceBatch } from '../src/models/references.ts';
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
import type { LatentFacts } from './encode.ts';
import { pathsOf, type RecipeOptions } from './recipe.ts';

export interface Latents {
  readonly rows: number;
  readonly columns: number;
  readonly count: number;
  readonly tokenizer: Tokenizer;
  readonly empty: EncodedCaption;
  /** Reference tokens for each picture, all slots together; 0 where the data has no references. */
  readonly references: number;
  /** Random pictures: latents (B, L, C), their captions, and the reference inputs where there are references. */
  batch(rng: Random, size: number): { latent: Tensor<'float32'>; captions: EncodedCaption[]; reference: Tensors };
}

export async function readTokenizer(options: RecipeOptions): Promise<Tokenizer> {
  const { tokenizer } = pathsOf(options);
  return tokenizerFromJSON(new TextDecoder().decode(await readFileWhole(tokenizer)), tokenizer);
}

/** The encoded data of a run, all of it in memory. Throws InputError when recipe 3 has not made it. */
export async function openLatents(options: RecipeOptions): Promise<Latents> {
  const { latents } = pathsOf(options);
  const config = preset(options.preset);
  const { latent, reference } = (await readSafetensors(latents)).tensors;
  const facts = JSON.parse(await readFile(latents.replace(/safetensors$/, 'json'), 'utf8')) as LatentFacts[];
  const tokenizer = await readTokenizer(options);
  const { encoded, empty } = encodeCaptions(tokenizer, facts.map((f) => f.caption), config.text.length);
  const [count, L, C] = latent!.shape as [number, number, number];
  const side = Math.sqrt(L); // the small presets train on squares
  const all = latent!.data as Float32Array;
  const each = reference?.shape[1] ?? 0;
  const grid = { rows: Math.sqrt(each), columns: Math.sqrt(each) };
  const tokensOf = (row: number) => (reference!.data as Float32Array).subarray(row * each * C, (row + 1) * each * C);
  return {
    rows: side,
    columns: side,
    count,
    tokenizer,
    empty,
    references: each * config.subjects,
    batch: (rng, size) => {
      const data = new Float32Array(size * sizeOf([L, C]));
      const picks = Array.from({ length: size }, () => rng.integer(count));
      picks.forEach((p, i) => data.set(all.subarray(p * L * C, (p + 1) * L * C), i * L * C));
      const subjects = picks.map((p) => (facts[p]!.references ?? []).map(([slot, row]) => ({ slot, data: tokensOf(row) })));
      return { latent: float32([size, L, C], data), captions: picks.map((p) => encoded[p]!), reference: each > 0 ? referenceBatch(subjects, grid, config) : {} };
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
