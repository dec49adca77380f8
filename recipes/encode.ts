// Encodes the drawn data once for the recipes that train the transformer: every packed picture and reference becomes latents.
// Called at the end of recipe 3, and again by hand when more pictures were drawn:
//   npx tsx recipes/encode.ts --preset pico
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { preset, ENCODER_PIXELS } from '../src/models/config.ts';
import { encodeStage } from '../src/models/graphs.ts';
import { gridPositions, rotaryTable } from '../src/nn/rope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { writeFileWhole, writeSafetensors, readSafetensors } from '../src/tensor/files.ts';
import { float32, sizeOf, type Tensor } from '../src/tensor/tensor.ts';
import { readLines, shardsOf } from '../src/train/shards.ts';
import { main, pathsOf, type RecipeOptions } from './recipe.ts';

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

await main(import.meta.url, encodeData);
