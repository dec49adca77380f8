// Models of full size with random weights, in the layouts that their authors publish: names and shapes from the lists that their own classes
// gave (test/fixtures/open-weights/keys.json.gz), halves of normal numbers at the spread that keeps a signal alive. For seconds and
// memory: what they draw is noise.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { clipVocabulary } from '../src/models/stable-diffusion/clip-tokenizer.ts';
import { klName } from '../src/models/stable-diffusion/single-file.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { encodeHead } from '../src/tensor/safetensors.ts';
import { sizeOf } from '../src/tensor/tensor.ts';
import { toHalves } from '../src/util/float16.ts';
import { random } from '../src/util/random.ts';
import { fixturesOf, keyLists } from '../test/open-weights.ts';

export type OpenModel = 'sdxs' | 'turbo' | 'nitro';

/** The files of weights of each, and the lists that they are made from. */
const WEIGHTS: Readonly<Record<OpenModel, Readonly<Record<string, string>>>> = {
  sdxs: {
    'unet/diffusion_pytorch_model': 'sdxs/unet',
    'text_encoder/model': 'sd1/text_encoder',
    'vae/diffusion_pytorch_model': 'sdxs/vae',
  },
  turbo: {
    'unet/diffusion_pytorch_model': 'turbo/unet',
    'text_encoder/model': 'turbo/text_encoder',
    'vae/diffusion_pytorch_model': 'sdxs/vae',
  },
  nitro: {
    'Nitro-E-512px-dist': 'nitro/transformer',
    'text_encoder/model': 'nitro/text_encoder',
    taesana_decoder: 'taesana/decoder',
  },
};
const TINY = { _class_name: 'AutoencoderTiny', scaling_factor: 1, latent_channels: 4, decoder_block_out_channels: [64, 64, 64, 64] };

const INDEX = {
  scheduler: ['diffusers', 'EulerDiscreteScheduler'],
  text_encoder: ['transformers', 'CLIPTextModel'],
  tokenizer: ['transformers', 'CLIPTokenizer'],
  unet: ['diffusers', 'UNet2DConditionModel'],
  vae: ['diffusers', 'AutoencoderTiny'],
};

/** Writes a model's folder, where it is not there yet. */
export async function writeOpenModel(folder: string, model: OpenModel): Promise<void> {
  if (existsSync(join(folder, 'done'))) return;
  const lists = keyLists();
  for (const [file, list] of Object.entries(WEIGHTS[model]))
    await writeRandomWeights(join(folder, `${file}.safetensors`), lists[list]!.weights);
  const write = (path: string, content: string | object) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
  };
  write('text_encoder/config.json', lists[WEIGHTS[model]['text_encoder/model']!]!.config);
  if (model === 'nitro') copyFileSync(fixturesOf('nitro').path('tokenizer/tokenizer.json'), join(folder, 'text_encoder/tokenizer.json'));
  else {
    const merges = gunzipSync(readFileSync(new URL('../models/clip/merges.txt.gz', import.meta.url))).toString();
    const { words, lines } = clipVocabulary(merges, 49408);
    write('model_index.json', { _class_name: 'StableDiffusionPipeline', ...INDEX });
    write('scheduler/scheduler_config.json', { _class_name: 'EulerDiscreteScheduler', timestep_spacing: 'trailing' });
    write('unet/config.json', { ...lists[`${model}/unet`]!.config, sample_size: 64 });
    write('vae/config.json', TINY);
    write('tokenizer/vocab.json', words);
    write('tokenizer/merges.txt', lines);
  }
  write('done', '');
}

/** Numbers that are drawn; every tensor is some of them, from a place of its own. */
const POOL = 2 ** 20;

/** Levels of Stable Diffusion's autoencoder. */
const LEVELS = 4;

/** Stable Diffusion 1.5 as a checkpoint in one file of 32-bit floats, with averages that nothing asks for: 4.5 GB. */
export async function writeCheckpoint(path: string): Promise<void> {
  const lists = keyLists();
  const part = (list: string, prefix: string) =>
    lists[list]!.weights.map(([name, shape, single]): Row => [prefix + (single ?? name), shape]);
  const average = lists['sd1/unet']!.weights.slice(0, 170).map(([name, shape]): Row => [`model_ema.${name}`, shape]);
  const pictures = lists['sd1/vae']!.weights.map(([name, shape]): Row => {
    const end = name.lastIndexOf('.');
    return [`first_stage_model.${klName(name.slice(0, end), LEVELS)}${name.slice(end)}`, shape];
  });
  const networks = [part('sd1/unet', 'model.diffusion_model.'), part('sd1/text_encoder', 'cond_stage_model.transformer.')];
  await writeRandomWeights(path, [...networks, pictures, average].flat(), 'float32');
}

type Row = readonly [name: string, shape: readonly number[]];

/** Writes a .safetensors of some names and shapes. */
export async function writeRandomWeights(
  path: string,
  rows: readonly (readonly [...Row, single?: string])[],
  dtype: 'float16' | 'float32' = 'float16',
): Promise<void> {
  const shapes = new Map(rows.map(([name, shape]) => [name, shape]));
  const { head, names } = encodeHead(Object.fromEntries([...shapes].map(([name, shape]) => [name, { dtype, shape }])));
  const bytesOf = (numbers: Float32Array<ArrayBuffer>) => new Uint8Array((dtype === 'float16' ? toHalves(numbers) : numbers).buffer);
  const rng = random(1);
  const normals = rng.normals(POOL);
  const pools = new Map<number, Uint8Array>();
  const poolOf = (spread: number, mean: number) => {
    const key = spread + 1000 * mean;
    const bytes = pools.get(key) ?? bytesOf(normals.map((x) => mean + spread * x));
    pools.set(key, bytes);
    return bytes;
  };
  await writeFileWhole(
    path,
    (function* () {
      yield head;
      for (const name of names) yield* slices(sizeOf(shapes.get(name)!), poolOf(...spreadOf(name, shapes.get(name)!)), rng.integer(POOL));
    })(),
  );
}

/** Spread and mean of a tensor's numbers: norms scale by about one, products keep the spread of what they multiply. */
function spreadOf(name: string, shape: readonly number[]): [spread: number, mean: number] {
  if (shape.length === 1) return name.endsWith('weight') ? [0.05, 1] : [0.02, 0];
  return [shape.length === 2 && /embed|scale_shift/.test(name) ? 0.02 : 1 / Math.sqrt(sizeOf(shape.slice(1))), 0];
}

/** Bytes of some numbers of the pool, which begins again at its end. */
function* slices(count: number, pool: Uint8Array, from: number): Generator<Uint8Array> {
  const width = pool.length / POOL;
  for (let left = width * count, at = width * from; left > 0; at = 0) {
    const part = pool.subarray(at, Math.min(pool.length, at + left));
    yield part;
    left -= part.length;
  }
}
