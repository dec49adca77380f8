// Encodes the drawn data once for the recipes that train the transformer: every packed picture and reference becomes latents.
// Called at the end of recipe 3, and again by hand when more pictures were drawn:
//   npx tsx recipes/encode.ts --preset pico
// Reads the shards of runs/PRESET/data and of every folder runs/PRESET/pictures*. Shards may differ in the shape of their pictures;
// those without references are as good. Writes
//   latents.safetensors  latent (N, L, C), row by row, L the most tokens of any picture: a picture of h x w tokens fills the first
//                        h * w rows, the rest is zero; reference (R, l, C), square, where there are any
//   latents.json         a line of facts for each picture (LatentFacts): its grid, caption, and which reference is in which slot
// Training mixes shapes in one batch (src/train/grids.ts: rotary table and mask of each picture), so there are no buckets here.
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { preset, ENCODER_PIXELS } from '../src/models/banana/config.ts';
import { encodeStage } from '../src/models/banana/stages.ts';
import { gridPositions, rotaryTable } from '../src/nn/rope.ts';
import { ortNode } from '../src/runtime/ort-node.ts';
import { writeFileWhole, writeSafetensors, readSafetensors } from '../src/disk/files.ts';
import { float32, sizeOf, type Tensor } from '../src/tensor/tensor.ts';
import { readLines, shardsOf } from '../src/disk/shards.ts';
import { main } from './recipe.ts';
import { pathsOf, type RecipeOptions } from '../src/train/paths.ts';

/** What the transformer trains on, beside latents.safetensors: a line a picture. */
export interface LatentFacts {
  caption: string;
  /** The latent grid. */
  rows: number;
  columns: number;
  /** Slot and row in `reference` of each reference picture. */
  references?: [slot: number, row: number][];
}

/** Encodes every packed picture and reference: latents.safetensors, and captions beside it. */
export async function encodeData(options: RecipeOptions): Promise<void> {
  const config = preset(options.preset);
  const paths = pathsOf(options);
  const more = (await readdir(paths.run)).filter((name) => name.startsWith('pictures')).sort(); // without crops: for the transformer only
  const folders = [...(existsSync(paths.data) || more.length === 0 ? [paths.data] : []), ...more.map((name) => join(paths.run, name))];
  const shards = (await Promise.all(folders.map((folder) => shardsOf(folder, 'recipes/1-render')))).flat();
  const { tensors: weights } = await readSafetensors(paths.autoencoder);
  const stage = encodeStage(config);
  const session = await (await ortNode()).compile(stage.graph, {
    weights: Object.fromEntries([...stage.specs.keys()].map((path) => [path, weights[path]!])),
  });

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
  const gridOf = ({ shape }: Tensor) => ({ rows: shape[1]! / ENCODER_PIXELS, columns: shape[2]! / ENCODER_PIXELS });
  const pictures: Part[] = [];
  const references: Part[] = [];
  const facts: LatentFacts[] = [];
  let referenceRows = 0;
  for (const shard of shards) {
    const { tensors } = await readSafetensors(shard);
    const grid = gridOf(tensors.image!);
    pictures.push(...(await encode(tensors.image!)).map((data) => ({ data, tokens: grid.rows * grid.columns })));
    for (const { caption, subjects } of await readLines<{ caption: string; subjects?: { slot: number; reference: number }[] }>(shard))
      facts.push({
        caption,
        ...grid,
        ...(subjects && { references: subjects.map(({ slot, reference }) => [slot, referenceRows + reference] as [number, number]) }),
      });
    if (tensors.reference) {
      const { rows, columns } = gridOf(tensors.reference);
      references.push(...(await encode(tensors.reference)).map((data) => ({ data, tokens: rows * columns })));
      referenceRows += tensors.reference.shape[0]!;
    }
    options.log?.(`encoded ${facts.length} pictures, ${referenceRows} references`);
  }
  await session.release();
  await writeFileWhole(paths.latents.replace(/safetensors$/, 'json'), JSON.stringify(facts));
  await writeSafetensors(
    paths.latents,
    {
      latent: joined(pictures, facts.length, config.channels),
      ...(referenceRows > 0 && { reference: joined(references, referenceRows, config.channels) }),
    },
    { preset: config.name },
  );
}

/** Latents of some pictures of `tokens` tokens each. */
interface Part {
  readonly data: Float32Array;
  readonly tokens: number;
}

/** All pictures in rooms of the same size: (count, L, C). */
function joined(parts: readonly Part[], count: number, channels: number): Tensor {
  const room = Math.max(...parts.map(({ tokens }) => tokens));
  const shape = [count, room, channels];
  const all = new Float32Array(sizeOf(shape));
  let at = 0;
  for (const { data, tokens } of parts)
    for (let from = 0; from < data.length; from += tokens * channels, at += room * channels)
      all.set(data.subarray(from, from + tokens * channels), at);
  return float32(shape, all);
}

await main(import.meta.url, encodeData);
