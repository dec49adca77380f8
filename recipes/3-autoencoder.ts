// Recipe 3: the autoencoder. Learns to put a picture into a few latent tokens and to draw it back at any size, then encodes
// all of the data once for the recipes that follow. `--part decoder` goes on with decoder and renderer alone, at any later time:
// latents stay what they are, so a teacher or student trained on them only gets sharper.
//   npx tsx recipes/3-autoencoder.ts --preset pico [--part whole|decoder] [--seconds 2400] [--batch 16] [--rate 0.002]
// Resumable: the state lies in runs/PRESET/autoencoder.state.safetensors (decoder.state). Sample sheets: runs/PRESET/sheets/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { preset, CELLS, ENCODER_PIXELS } from '../src/models/config.ts';
import { encodeStage } from '../src/models/graphs.ts';
import { initialize } from '../src/nn/scope.ts';
import { gridPositions, rotaryTable } from '../src/nn/rope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { writeFileWhole, writeSafetensors, readSafetensors } from '../src/tensor/files.ts';
import { encodeImage } from '../src/tensor/codec.ts';
import { contactSheet, premultipliedToTensor, psnr, tensorToImage, WHITE, type Image } from '../src/tensor/image.ts';
import { float32, sizeOf, type Tensor, type Tensors } from '../src/tensor/tensor.ts';
import { autoencoderProgram, cropTables } from '../src/train/autoencoder.ts';
import { cosineRate, train } from '../src/train/loop.ts';
import { readLines, shardReader, shardsOf } from '../src/train/shards.ts';
import { averageOf } from '../src/train/step.ts';
import { InputError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { openNetworks } from '../src/pipeline/networks.ts';
import { line, main, pathsOf, type RecipeOptions } from './recipe.ts';

/** Trains the autoencoder of a preset, or its decoder alone, and encodes the data. */
export async function makeAutoencoder(options: RecipeOptions): Promise<void> {
  const { part = 'whole' } = options;
  if (part !== 'whole' && part !== 'decoder') throw new InputError('recipe.part', `--part ${part}: choose whole or decoder`);
  const name = part === 'whole' ? 'autoencoder' : part;
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const { seed = 0, steps, seconds, batch = 16, rate = 0.002, log = () => {} } = options;
  const rng = random(seed).split(name);
  const shards = await shardsOf(paths.data, 'recipes/1-render');
  const { tensors: first } = await readSafetensors(shards[0]!);
  const side = first.image!.shape[1]!;
  const crop = first.crop!.shape[1]!;
  const h = side / ENCODER_PIXELS;
  const { program, specs } = autoencoderProgram(config, { batch, side, crop }, { frozenEncoder: part === 'decoder' });
  const before = part === 'decoder' ? (await readSafetensors(paths.autoencoder)).tensors : {};
  const frozen = Object.fromEntries(Object.entries(before).filter(([path]) => !specs.has(path)));
  const runtime = await ortNode();
  const read = shardReader(shards, rng.split('data'));
  const noiseSize = [batch, h * h, config.channels];
  const run = train({
    runtime,
    program,
    weights: { ...initialize(specs, rng.split('weights')), ...Object.fromEntries(Object.entries(before).filter(([path]) => specs.has(path))) },
    frozen,
    batch: async (step) => {
      const { image, crop: pieces, rect } = await read(step, batch, ['image', 'crop', 'rect']);
      const stream = rng.split(`noise:${step}`);
      // Half of the batch is decoded from a slightly wrong latent, as the transformer will give it.
      const noise = new Float32Array(sizeOf(noiseSize));
      const perPicture = noise.length / batch;
      for (let i = 0; i < batch; i++) {
        const deviation = 0.25 * Math.max(0, 2 * stream.uniform() - 1);
        noise.set(stream.normals(perPicture).map((x) => x * deviation), i * perPicture);
      }
      return { image: image!, crop: pieces!, ...cropTables(rect!, crop, h * CELLS), noise: float32(noiseSize, noise) };
    },
    rate: cosineRate(rate),
    checkpoint: join(paths.run, `${name}.state.safetensors`),
    log: join(paths.run, `${name}.jsonl`),
    ...(steps !== undefined && { steps }),
    ...(seconds !== undefined && { seconds }),
  });
  let weights: Tensors | undefined;
  let sheets = 0;
  for await (const progress of run) {
    log(`${name} ${(100 * progress.done).toFixed(1)} %  step ${progress.step}  ${progress.seconds.toFixed(0)} s  ${line(progress.metrics)}`);
    weights = { ...frozen, ...averageOf(progress.state, specs) };
    if (progress.done >= (sheets + 1) / 8 || progress.done >= 1) {
      sheets = Math.floor(progress.done * 8);
      const networks = openNetworks(runtime, config, weights);
      const size = { width: side, height: side };
      const pairs: Image[] = [];
      for (let i = 0; i < 12; i++) {
        const bytes = (first.image!.data as Uint8Array).subarray(i * side * side * 4, (i + 1) * side * side * 4);
        const truth = premultipliedToTensor(side, side, bytes);
        const features = await networks.features(await networks.encode(truth));
        const drawn = await networks.render(features, { x: 0, y: 0, ...size }, size);
        pairs.push(...[truth, drawn].map((t) => tensorToImage(t, { background: WHITE })));
      }
      const quality = pairs.filter((_, i) => i % 2 === 0).map((truth, i) => psnr(truth, pairs[2 * i + 1]!));
      log(`${name} PSNR of 12 pictures: ${(quality.reduce((a, b) => a + b) / quality.length).toFixed(2)} dB`);
      await writeFileWhole(join(paths.run, 'sheets', `${name}-${String(progress.step).padStart(6, '0')}.png`), await encodeImage(contactSheet(pairs, { columns: 8, cell: 192 }), 'png'));
      await networks.release();
    }
  }
  if (weights) await writeSafetensors(paths.autoencoder, weights, { preset: config.name });
  if (part === 'whole' && (weights || !existsSync(paths.latents))) await encodeData(options);
}

/** What the transformer trains on, beside latents.safetensors: a line a picture. */
export interface LatentFacts {
  caption: string;
  /** Slot and row in `reference` of each reference picture. */
  references?: [slot: number, row: number][];
}

/** Encodes every packed picture and reference: latents.safetensors, and captions beside it. */
export async function encodeData(options: RecipeOptions): Promise<void> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const more = join(paths.run, 'pictures'); // without crops: for the transformer only
  const shards = [...(await shardsOf(paths.data, 'recipes/1-render')), ...(existsSync(more) ? await shardsOf(more, 'recipes/1-render') : [])];
  const { tensors: weights } = await readSafetensors(paths.autoencoder);
  const stage = encodeStage(config);
  const session = await (await ortNode()).compile(stage.graph, { weights: Object.fromEntries([...stage.specs.keys()].map((path) => [path, weights[path]!])) });

  /** Latents (n, h*w, C) of pictures (n, H, W, 4) uint8. */
  const encode = async (pictures: Tensor): Promise<Float32Array[]> => {
    const [n, H, W] = pictures.shape as [number, number, number];
    const [h, w] = [H / ENCODER_PIXELS, W / ENCODER_PIXELS];
    const { cosine, sine } = rotaryTable(gridPositions(h, w), config.autoencoder.heads.width);
    const parts: Float32Array[] = [];
    for (let i = 0; i < n; i += 32) {
      const b = Math.min(32, n - i);
      const bytes = (pictures.data as Uint8Array).subarray(i * H * W * 4, (i + b) * H * W * 4);
      const data = new Float32Array(bytes.length);
      for (let j = 0; j < data.length; j++) data[j] = bytes[j]! / 127.5 - 1; // a loop: Float32Array.from is 30 times slower
      const image = float32([b, h, ENCODER_PIXELS, w, ENCODER_PIXELS, 4], data);
      const { latent } = await session.run({ image, 'rotary.cosine': cosine, 'rotary.sine': sine });
      parts.push(latent!.data as Float32Array);
    }
    return parts;
  };
  const pictures: Float32Array[] = [];
  const references: Float32Array[] = [];
  const facts: LatentFacts[] = [];
  let referenceRows = 0;
  let size = 0;
  let referenceSize = 0;
  for (const shard of shards) {
    const { tensors } = await readSafetensors(shard);
    pictures.push(...(await encode(tensors.image!)));
    size = (tensors.image!.shape[1]! * tensors.image!.shape[2]!) / ENCODER_PIXELS ** 2;
    for (const { caption, subjects } of await readLines<{ caption: string; subjects?: { slot: number; reference: number }[] }>(shard))
      facts.push({ caption, ...(subjects && { references: subjects.map(({ slot, reference }) => [slot, referenceRows + reference] as [number, number]) }) });
    if (tensors.reference) {
      references.push(...(await encode(tensors.reference)));
      referenceSize = (tensors.reference.shape[1]! * tensors.reference.shape[2]!) / ENCODER_PIXELS ** 2;
      referenceRows += tensors.reference.shape[0]!;
    }
    options.log?.(`encoded ${facts.length} pictures, ${referenceRows} references`);
  }
  await session.release();
  await writeFileWhole(paths.latents.replace(/safetensors$/, 'json'), JSON.stringify(facts));
  await writeSafetensors(paths.latents, {
    latent: joined(pictures, [facts.length, size, config.channels]),
    ...(referenceRows > 0 && { reference: joined(references, [referenceRows, referenceSize, config.channels]) }),
  }, { preset: config.name });
}

function joined(parts: readonly Float32Array[], shape: readonly number[]): Tensor {
  const all = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return float32(shape, all);
}

await main(import.meta.url, makeAutoencoder);
