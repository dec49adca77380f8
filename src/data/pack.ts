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
import { writeFileWhole, writeSafetensors } from '../tensor/files.ts';
import { tensor } from '../tensor/tensor.ts';
import { sample, type DataOptions, type Sample } from './dataset.ts';
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
  reference?: number;
  shard?: number;
  processes?: number;
}

export interface PackProgress {
  done: number;
  total: number;
  shard: string;
  failed: { index: number; error: string }[];
}

/** Where a crop lies: near an outline of an object most of the time, anywhere otherwise. */
export function cropRect(s: Pick<Sample, 'width' | 'height' | 'objects'>, pixels: number, sizes: [number, number], rng: Random): Rect {
  const shorter = sizes[0] * (sizes[1] / sizes[0]) ** rng.uniform();
  const scale = shorter / Math.min(s.width, s.height);
  const [w, h] = [Math.min(1, pixels / (s.width * scale)), Math.min(1, pixels / (s.height * scale))];
  let [x, y] = [rng.uniform(), rng.uniform()];
  if (s.objects.length && rng.uniform() < 0.75) {
    const [bx, by, bw, bh] = rng.pick(s.objects).box;
    [x, y] = [bx + bw * rng.uniform(), by + bh * rng.uniform()];
  }
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
  const { out, count, seed, data, crop = 96, cropSizes = [192, 2048], reference = 128, shard = 256, processes = 1 } = options;
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
    const chosen: { s: Sample; rect: Rect; jobs: RenderJob[] }[] = [];
    for (let i = first; i < first + n; i++) {
      const s = sample(seed, i, { ...data, aspects: [aspect] });
      const rect = cropRect(s, crop || 1, cropSizes, rng.split(i));
      const jobs: RenderJob[] = [{ svg: s.svg, width, height }];
      if (crop) jobs.push({ svg: s.svg, width: crop, height: crop, rect });
      for (const subject of s.subjects ?? []) jobs.push({ svg: subject.referenceSvg, width: reference, height: reference });
      chosen.push({ s, rect, jobs });
    }
    const images: Uint8Array[] = [];
    const crops: Uint8Array[] = [];
    const references: Uint8Array[] = [];
    const rects: number[] = [];
    const lines: string[] = [];
    const failed: PackProgress['failed'] = [];
    const drawn = pool.renderAll(chosen.flatMap((c) => c.jobs));
    for (const { s, rect, jobs } of chosen) {
      const results = [];
      for (const _ of jobs) results.push((await drawn.next()).value!);
      const error = results.find((r) => r.error !== undefined)?.error;
      if (error !== undefined) {
        failed.push({ index: s.index, error });
        continue;
      }
      const [whole, ...rest] = results.map((r) => r.pixels!);
      images.push(whole!);
      if (crop) crops.push(rest.shift()!);
      rects.push(...rect);
      const { svg: _svg, subjects, ...known } = s;
      const rows = subjects?.map(({ slot, label }, i) => ({ slot, label, reference: references.length + i }));
      references.push(...rest);
      lines.push(JSON.stringify({ ...known, ...(rows && { subjects: rows }) }));
    }
    const stack = (list: Uint8Array[], h: number, w: number) => {
      const bytes = new Uint8Array(list.length * h * w * 4);
      list.forEach((pixels, i) => bytes.set(pixels, i * h * w * 4));
      return tensor('uint8', [list.length, h, w, 4], bytes);
    };
    await writeSafetensors(path.replace(/jsonl$/, 'safetensors'), {
      image: stack(images, height, width),
      ...(crop && { crop: stack(crops, crop, crop) }),
      rect: tensor('float32', [images.length, 4], Float32Array.from(rects)),
      ...(references.length && { reference: stack(references, reference, reference) }),
    }, { 'banana.pixels': 'premultiplied RGBA 0-255' });
    await writeFileWhole(path, `${lines.join('\n')}\n`); // last: its presence says that the shard is complete
    return failed;
  }
}
