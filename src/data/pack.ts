// Packing: samples drawn once into shards that a trainer reads without any of the art packages. A shard is a
// .safetensors of pixels and a .jsonl of captions and facts, one line a picture. Complete shards are skipped, so a run
// can be stopped and taken up again; every file is written beside its place and renamed.
//   image     uint8 (N, H, W, 4)   the whole picture, premultiplied RGBA
//   crop      uint8 (N, P, P, 4)   a piece of the same picture drawn at a random larger size
//   rect      float32 (N, 4)       where the piece lies: x0, y0, x1, y1 in fractions of the picture
//   reference uint8 (R, S, S, 4)   reference pictures of subjects; the lines of the .jsonl say which row is whose
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../util/errors.ts';
import { random, type Random } from '../util/random.ts';
import { writeFileWhole, writeSafetensors } from '../disk/files.ts';
import { tensor } from '../tensor/tensor.ts';
import { sample } from './dataset.ts';
import type { DataOptions, Sample } from './sample.ts';
import { renderPool, type Rect, type RenderJob } from './render.ts';

export interface PackOptions {
  /** The folder; made when missing. */
  out: string;
  count: number;
  seed: number;
  data: DataOptions;
  /** Side of the crops in pixels; 0: none. */
  crop?: number;
  /** Sizes (shorter side, in pixels) between which a crop's picture is drawn, log-uniformly. */
  cropSizes?: [number, number];
  /** Side of the reference pictures in pixels. */
  reference: number;
  shard?: number;
  processes?: number;
}

export interface PackProgress {
  done: number;
  total: number;
  shard: string;
  failed: { index: number; error: string }[];
}

/** The whole picture, as drawn: where its edges are. */
interface Drawn {
  width: number;
  height: number;
  pixels: Uint8Array;
}

/** A place with an edge: of 16 random pixels the one that differs most from what lies three pixels on. */
function edgeOf({ width, height, pixels }: Drawn, rng: Random): [x: number, y: number] {
  let best: [number, number] = [rng.uniform(), rng.uniform()];
  let most = 0;
  for (let i = 0; i < 16; i++) {
    const [x, y] = [rng.integer(width - 3), rng.integer(height - 3)];
    const at = 4 * (y * width + x);
    let contrast = 0;
    for (let c = 0; c < 4; c++)
      contrast += Math.abs(pixels[at + c]! - pixels[at + 12 + c]!) + Math.abs(pixels[at + c]! - pixels[at + 12 * width + c]!);
    if (contrast > most) [most, best] = [contrast, [(x + 1.5) / width, (y + 1.5) / height]];
  }
  return best;
}

/** Where a crop of `pixels` lies when the picture's shorter side is drawn at one of `sizes`: on an edge in three of
 * four cases, anywhere otherwise. */
export function cropRect(drawn: Drawn, pixels: number, sizes: [number, number], rng: Random): Rect {
  const shorter = sizes[0] * (sizes[1] / sizes[0]) ** rng.uniform();
  const scale = shorter / Math.min(drawn.width, drawn.height);
  const [w, h] = [Math.min(1, pixels / (drawn.width * scale)), Math.min(1, pixels / (drawn.height * scale))];
  let [x, y] = rng.uniform() < 0.75 ? edgeOf(drawn, rng) : [rng.uniform(), rng.uniform()];
  [x, y] = [x + (rng.uniform() - 0.5) * 0.6 * w, y + (rng.uniform() - 0.5) * 0.6 * h];
  const at = (centre: number, side: number) => Math.min(1 - side, Math.max(0, centre - side / 2));
  const [x0, y0] = [at(x, w), at(y, h)];
  return [x0, y0, x0 + w, y0 + h];
}

/** Pixels of a picture with this aspect, for a square side of `size`: multiples of 32 where the options are. */
export function pixelsOf(aspect: readonly [number, number, number], size: number): [width: number, height: number] {
  const scale = size / Math.sqrt(aspect[0] * aspect[1]);
  const near = (x: number) => Math.max(8, Math.round((x * scale) / 32) * 32 || Math.round(x * scale));
  return [near(aspect[0]), near(aspect[1])];
}

/** Packs `count` samples; yields after every shard, the skipped ones included. Stop it with `break`. */
export async function* pack(options: PackOptions): AsyncGenerator<PackProgress, void> {
  const { out, count, seed, data, reference, crop = 96, cropSizes = [192, 2048], shard = 256, processes = 1 } = options;
  const facts = JSON.stringify({ seed, data, crop, cropSizes, reference, shard });
  const settings = join(out, 'data.json');
  if (existsSync(settings) && (await readFile(settings, 'utf8')) !== facts)
    throw new InputError('data.pack', `${out} holds data of other settings; pack into another folder, or remove it`);
  await writeFileWhole(settings, facts);
  const pool = renderPool({ processes });
  try {
    for (let first = 0, k = 0; first < count; first += shard, k++) {
      const name = `shard-${String(k).padStart(5, '0')}`;
      const n = Math.min(shard, count - first);
      const path = join(out, `${name}-${n}.jsonl`);
      const failed = existsSync(path) ? [] : await packShard(first, n, path);
      yield { done: first + n, total: count, shard: name, failed };
    }
  } finally {
    pool.close();
  }

  async function packShard(first: number, n: number, path: string): Promise<PackProgress['failed']> {
    const rng = random(seed).split('pack');
    const aspect = data.aspects[rng.split(`aspect:${first}`).weighted(data.aspects.map((a) => a[2]))]!;
    const [width, height] = pixelsOf(aspect, data.size);
    const chosen: { s: Sample; jobs: RenderJob[] }[] = [];
    for (let i = first; i < first + n; i++) {
      const s = sample(seed, i, { ...data, aspects: [aspect] });
      const references = (s.subjects ?? []).map(({ referenceSvg }) => ({ svg: referenceSvg, width: reference, height: reference }));
      chosen.push({ s, jobs: [{ svg: s.svg, width, height }, ...references] });
    }
    const failed: PackProgress['failed'] = [];
    /** Draws the jobs of each item; leaves out the items of which one failed. */
    async function* drawn<T extends { s: Sample; jobs: RenderJob[] }>(items: readonly T[]): AsyncGenerator<T & { pictures: Uint8Array[] }> {
      const results = pool.renderAll(items.flatMap((item) => item.jobs));
      for (const item of items) {
        const got = [];
        for (const _ of item.jobs) got.push((await results.next()).value!);
        const error = got.find((r) => r.error !== undefined)?.error;
        if (error !== undefined) failed.push({ index: item.s.index, error });
        else yield { ...item, pictures: got.map((r) => r.pixels!) };
      }
    }
    const wholes: { s: Sample; pictures: Uint8Array[]; rect: Rect; jobs: RenderJob[] }[] = [];
    for await (const { s, pictures } of drawn(chosen)) {
      const rect = cropRect({ width, height, pixels: pictures[0]! }, crop || 1, cropSizes, rng.split(s.index));
      wholes.push({ s, pictures, rect, jobs: crop ? [{ svg: s.svg, width: crop, height: crop, rect }] : [] });
    }
    const images: Uint8Array[] = [];
    const crops: Uint8Array[] = [];
    const references: Uint8Array[] = [];
    const rects: number[] = [];
    const lines: string[] = [];
    const known = new Map(wholes.map((item) => [item.s.index, item.pictures]));
    for await (const { s, rect, pictures: pieces } of drawn(wholes)) {
      const [whole, ...others] = known.get(s.index)!;
      images.push(whole!);
      crops.push(...pieces);
      rects.push(...rect);
      const { svg: _svg, subjects, ...facts } = s;
      const rows = subjects?.map(({ slot, label }, i) => ({ slot, label, reference: references.length + i }));
      references.push(...others);
      lines.push(JSON.stringify({ ...facts, ...(rows && { subjects: rows }) }));
    }
    const stack = (list: Uint8Array[], h: number, w: number) => {
      const bytes = new Uint8Array(list.length * h * w * 4);
      list.forEach((pixels, i) => bytes.set(pixels, i * h * w * 4));
      return tensor('uint8', [list.length, h, w, 4], bytes);
    };
    await writeSafetensors(
      path.replace(/jsonl$/, 'safetensors'),
      {
        image: stack(images, height, width),
        ...(crop && { crop: stack(crops, crop, crop) }),
        rect: tensor('float32', [images.length, 4], Float32Array.from(rects)),
        ...(references.length && { reference: stack(references, reference, reference) }),
      },
      { 'banana.pixels': 'premultiplied RGBA 0-255' },
    );
    await writeFileWhole(path, `${lines.join('\n')}\n`); // last: its presence says that the shard is complete
    return failed;
  }
}
