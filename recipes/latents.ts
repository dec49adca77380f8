// The encoded data, and sheets of fixed prompts: what the teacher's and the student's recipes share.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { preset } from '../src/models/banana/config.ts';
import { referenceBatch } from '../src/models/banana/references.ts';
import { openNetworks } from '../src/models/banana/networks.ts';
import { openSampler } from '../src/train/sample.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { readSafetensors, writeFileWhole } from '../src/disk/files.ts';
import { tensorToImage, WHITE } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';
import { float32, sizeOf, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { readTokenizer } from '../src/node/models.ts';
import type { Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { encodeCaptions, textFeeds, type EncodedCaption } from '../src/train/captions.ts';
import { gridFeeds } from '../src/train/grids.ts';
import { InputError } from '../src/util/errors.ts';
import type { Random } from '../src/util/random.ts';
import type { LatentFacts } from './encode.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

export interface Latents {
  readonly count: number;
  /** Room for the tokens of a picture, whatever its shape: the most of any. */
  readonly tokens: number;
  readonly tokenizer: Tokenizer;
  readonly empty: EncodedCaption;
  /** Room for reference tokens of each picture, all slots together; 0 where the data has no references. */
  readonly references: number;
  /**
   * Random pictures of all shapes: latents (B, L, C) and the inputs that go with them (captions, grids, and references where there are
   * any). A share `drop` of them has neither caption nor references.
   */
  batch(rng: Random, size: number, options?: { drop?: number }): { latent: Tensor<'float32'>; feeds: Tensors };
}

/** The encoded data of a run, all of it in memory. Throws InputError when recipe 3 has not made it. */
export async function openLatents(options: RecipeOptions): Promise<Latents> {
  const { latents } = pathsOf(options);
  const config = preset(options.preset);
  const { latent, reference } = (await readSafetensors(latents)).tensors;
  const facts = JSON.parse(await readFile(latents.replace(/safetensors$/, 'json'), 'utf8')) as LatentFacts[];
  if (facts[0]?.rows === undefined)
    throw new InputError('data.latents', `${latents} is of an older version: encode again with recipes/encode`);
  const tokenizer = await readTokenizer(pathsOf(options).tokenizer);
  const { encoded, empty } = encodeCaptions(
    tokenizer,
    facts.map((f) => f.caption),
    config.text.length,
  );
  const [count, L, C] = latent!.shape as [number, number, number];
  const all = latent!.data as Float32Array;
  const each = reference?.shape[1] ?? 0;
  const grid = { rows: Math.sqrt(each), columns: Math.sqrt(each) };
  const tokensOf = (row: number) => (reference!.data as Float32Array).subarray(row * each * C, (row + 1) * each * C);
  return {
    count,
    tokens: L,
    tokenizer,
    empty,
    references: each * config.subjects,
    batch: (rng, size, { drop = 0 } = {}) => {
      const data = new Float32Array(size * sizeOf([L, C]));
      const picks = Array.from({ length: size }, () => rng.integer(count));
      picks.forEach((p, i) => data.set(all.subarray(p * L * C, (p + 1) * L * C), i * L * C));
      const dropped = picks.map(() => rng.uniform() < drop);
      const subjects = picks.map((p, i) =>
        (dropped[i] ? [] : (facts[p]!.references ?? [])).map(([slot, row]) => ({ slot, data: tokensOf(row) })),
      );
      const feeds = {
        ...textFeeds(
          picks.map((p, i) => (dropped[i] ? empty : encoded[p]!)),
          config.text.length,
        ),
        ...gridFeeds(
          picks.map((p) => facts[p]!),
          L,
          config,
        ),
        ...(each > 0 && referenceBatch(subjects, grid, config)),
      };
      return { latent: float32([size, L, C], data), feeds };
    },
  };
}

/** Prompts of the sample sheets: the same ones all through training. */
export const PROMPTS = [
  'a fox, flat style',
  'a red car, bold flat style',
  'a house in the snow, flat style',
  'an apple, shaded cartoon style',
  'a blue bird, flat style',
  'three strawberries, bold flat style',
  'a cat on the beach, shaded cartoon style',
  'a green tree, flat style',
  'a dog left of a ball, flat style',
  'a rocket in space, bold flat style',
  'een gele bloem',
  'a fish under water, flat style',
  'a frog above a mushroom, bold flat style',
  'a smiling face, shaded cartoon style',
  'two penguins in the snow',
  'een rode fiets, platte stijl',
];

/** Draws the fixed prompts with a teacher or a student (its transformer's weights) and the run's autoencoder. */
export async function drawSheet(
  options: RecipeOptions,
  runtime: Runtime,
  transformer: Tensors,
  {
    kind,
    steps,
    guidance,
    name,
    side = 256,
  }: { kind: 'teacher' | 'student'; steps: number; guidance: number; name: string; side?: number },
): Promise<void> {
  const paths = pathsOf(options);
  const autoencoder = (await readSafetensors(paths.autoencoder)).tensors;
  const networks = openNetworks(runtime, preset(options.preset), { ...autoencoder, ...transformer });
  const sample = openSampler(networks, await readTokenizer(pathsOf(options).tokenizer));
  const images = [];
  for (const [i, prompt] of PROMPTS.entries())
    images.push(tensorToImage(await sample({ prompt, seed: i, steps, guidance, kind, width: side, height: side }), { background: WHITE }));
  await networks.release();
  await writeFileWhole(
    join(paths.run, 'sheets', `${name}.png`),
    await encodeImage(await labelledSheet(images, PROMPTS, { columns: 8, cell: 160 }), 'png'),
  );
}
