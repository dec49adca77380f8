// Recipe 3: the autoencoder. Learns to put a picture into a few latent tokens and to draw it back at any size, then encodes
// all of the data once for the recipes that follow. `--part decoder` goes on with decoder and renderer alone, at any later time:
// latents stay what they are, so a teacher or student trained on them only gets sharper.
//   npx tsx recipes/3-autoencoder.ts --preset pico [--part whole|decoder] [--seconds 2400] [--batch 16] [--rate 0.002] [--adversary 0]
// Resumable: the state lies in runs/PRESET/autoencoder.state.safetensors (decoder.state). Sample sheets: runs/PRESET/sheets/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { preset, CELLS, ENCODER_PIXELS } from '../src/models/banana/config.ts';
import { initialize } from '../src/nn/scope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { writeFileWhole, writeSafetensors, readSafetensors } from '../src/disk/files.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { contactSheet, premultipliedToTensor, psnr, tensorToImage, WHITE, type Image } from '../src/image/image.ts';
import { float32, sizeOf, type Tensors } from '../src/tensor/tensor.ts';
import { autoencoderProgram, cropTables } from '../src/train/autoencoder.ts';
import { cosineRate, train } from '../src/train/loop.ts';
import { shardReader, shardsOf } from '../src/disk/shards.ts';
import { averageOf } from '../src/train/step.ts';
import { InputError } from '../src/util/errors.ts';
import { random } from '../src/util/random.ts';
import { openNetworks } from '../src/models/banana/networks.ts';
import { encodeData } from './encode.ts';
import { line, main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

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
  const { program, specs } = autoencoderProgram(
    config,
    { batch, side, crop },
    { frozenEncoder: part === 'decoder', adversary: options.adversary ?? 0 },
  );
  const before = part === 'decoder' ? (await readSafetensors(paths.autoencoder)).tensors : {};
  const frozen = Object.fromEntries(Object.entries(before).filter(([path]) => !specs.has(path)));
  const runtime = await ortNode();
  const read = shardReader(shards, rng.split('data'));
  const noiseSize = [batch, h * h, config.channels];
  const run = train({
    runtime,
    program,
    weights: {
      ...initialize(specs, rng.split('weights')),
      ...Object.fromEntries(Object.entries(before).filter(([path]) => specs.has(path))),
    },
    frozen,
    batch: async (step) => {
      const { image, crop: pieces, rect } = await read(step, batch, ['image', 'crop', 'rect']);
      const stream = rng.split(`noise:${step}`);
      // Half of the batch is decoded from a slightly wrong latent, as the transformer will give it.
      const noise = new Float32Array(sizeOf(noiseSize));
      const perPicture = noise.length / batch;
      for (let i = 0; i < batch; i++) {
        const deviation = 0.25 * Math.max(0, 2 * stream.uniform() - 1);
        noise.set(
          stream.normals(perPicture).map((x) => x * deviation),
          i * perPicture,
        );
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
    log(
      `${name} ${(100 * progress.done).toFixed(1)} %  step ${progress.step}  ${progress.seconds.toFixed(0)} s  ${line(progress.metrics)}`,
    );
    weights = {
      ...frozen,
      ...Object.fromEntries(Object.entries(averageOf(progress.state, specs)).filter(([path]) => !path.startsWith('discriminator.'))),
    };
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
      await writeFileWhole(
        join(paths.run, 'sheets', `${name}-${String(progress.step).padStart(6, '0')}.png`),
        await encodeImage(contactSheet(pairs, { columns: 8, cell: 192 }), 'png'),
      );
      await networks.release();
    }
  }
  if (weights) await writeSafetensors(paths.autoencoder, weights, { preset: config.name });
  if (part === 'whole' && (weights || !existsSync(paths.latents))) await encodeData(options);
}

await main(import.meta.url, makeAutoencoder);
