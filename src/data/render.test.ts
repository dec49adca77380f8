// Drawing and packing: crops equal the whole, crashes cost one picture, shards can be taken up again.
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../disk/files.ts';
import { random } from '../util/random.ts';
import { DATA, sample } from './dataset.ts';
import { drawJob } from './draw.ts';
import { cropRect, pack, pixelsOf, type PackProgress } from './pack.ts';
import { renderPool } from './render.ts';
import { iconSet } from './sprites.ts';

const square = (colour: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="${colour}" fill-opacity="0.5"/></svg>`;

describe('a crop', () => {
  it('is the same region of the whole picture', async () => {
    const [side, scale] = [48, 480];
    for (let i = 0; i < 12; i++) {
      const s = sample(2, i, { ...DATA.nano, aspects: [[256, 256, 1]] });
      const [x, y] = [16 + 37 * i, 400 - 31 * i];
      const rect = [x / scale, y / scale, (x + side) / scale, (y + side) / scale] as const;
      const whole = await drawJob({ svg: s.svg, width: scale, height: scale });
      const crop = await drawJob({ svg: s.svg, width: side, height: side, rect });
      let error = 0;
      for (let r = 0; r < side; r++)
        for (let c = 0; c < 4 * side; c++) error += Math.abs(crop[4 * side * r + c]! - whole[4 * (scale * (y + r) + x) + c]!);
      expect(error / (4 * side * side), s.caption).toBeLessThan(1);
    }
  });

  it('lies in the picture and is as large as its size says', () => {
    const pixels = new Uint8Array(256 * 256 * 4).map((_, i) => ((i >> 2) % 256 < 128 ? 0 : 255)); // an edge at x = 1/2
    let edges = 0;
    for (let i = 0; i < 200; i++) {
      const [x0, y0, x1, y1] = cropRect({ width: 256, height: 256, pixels }, 96, [192, 2048], random(i));
      if (x0 < 0.5 && x1 > 0.5) edges++;
      expect(Math.min(x0, y0)).toBeGreaterThanOrEqual(0);
      expect(Math.max(x1, y1)).toBeLessThanOrEqual(1 + 1e-9);
      expect(96 / (x1 - x0)).toBeGreaterThan(191);
      expect(96 / (x1 - x0)).toBeLessThan(2049);
    }
    expect(edges).toBeGreaterThan(40); // 16 random pixels find this one edge in one case of six
  });
});

describe('the pool', () => {
  it('survives art that aborts the drawing process, and bad SVG', async () => {
    const bad = iconSet('noto')('package')!;
    const jobs = [
      square('#f00'),
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${bad.viewBox}">${bad.body}</svg>`,
      '<svg nope',
      square('#0f0'),
    ];
    const pool = renderPool();
    const results = [];
    for await (const r of pool.renderAll(jobs.map((svg) => ({ svg, width: 2, height: 1 })))) results.push(r);
    pool.close();
    expect([...results[0]!.pixels!]).toEqual([128, 0, 0, 128, 128, 0, 0, 128]); // premultiplied
    expect(results[1]!.error).toMatch(/ended/);
    expect(results[2]!.error).toMatch(/SVG/);
    expect([...results[3]!.pixels!].slice(0, 4)).toEqual([0, 128, 0, 128]);
  });

  it('ends when closed', async () => {
    const pool = renderPool();
    const waiting = pool.render({ svg: square('#00f'), width: 2048, height: 2048 });
    pool.close();
    expect((await waiting).error).toBeDefined();
    await expect(pool.render({ svg: square('#00f'), width: 1, height: 1 })).rejects.toThrow(/closed/);
  });
});

describe('packing', () => {
  const folders: string[] = [];
  afterAll(() => Promise.all(folders.map((f) => rm(f, { recursive: true }))));

  it('writes shards, and takes up where it stopped', async () => {
    const out = await mkdtemp(join(tmpdir(), 'pack-'));
    folders.push(out);
    const options = {
      out,
      count: 20,
      seed: 4,
      data: { ...DATA.tiny, aspects: DATA.tiny.aspects.slice(0, 1), subjects: 0.6 },
      crop: 16,
      cropSizes: [48, 256] as [number, number],
      reference: 32,
      shard: 8,
    };
    for await (const _ of pack(options)) break; // one shard, then stopped
    expect((await readdir(out)).filter((f) => f.endsWith('.jsonl'))).toHaveLength(1);
    const before = await stat(join(out, 'shard-00000-8.safetensors'));
    const progress: PackProgress[] = [];
    for await (const p of pack(options)) progress.push(p);
    expect(progress.map((p) => [p.done, p.failed.length])).toEqual([
      [8, 0],
      [16, 0],
      [20, 0],
    ]);
    expect((await stat(join(out, 'shard-00000-8.safetensors'))).mtimeMs).toBe(before.mtimeMs);
    const { tensors } = await readSafetensors(join(out, 'shard-00001-8.safetensors'));
    expect(tensors['image']!.shape).toEqual([8, 64, 64, 4]);
    expect(tensors['crop']!.shape).toEqual([8, 16, 16, 4]);
    expect(tensors['rect']!.shape).toEqual([8, 4]);
    const lines = (await readFile(join(out, 'shard-00001-8.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((l) => JSON.parse(l));
    expect(lines.map((l) => l.caption)).toEqual(Array.from({ length: 8 }, (_, i) => sample(4, 8 + i, options.data).caption));
    expect(lines.flatMap((l) => l.subjects ?? [])).toHaveLength(tensors['reference']!.shape[0]!);
    const whole = await drawJob({ svg: sample(4, 8, options.data).svg, width: 64, height: 64 });
    expect(Buffer.from(tensors['image']!.data.buffer, tensors['image']!.data.byteOffset, whole.length).equals(Buffer.from(whole))).toBe(
      true,
    );
    await expect(async () => {
      for await (const _ of pack({ ...options, seed: 5 }));
    }).rejects.toThrow(/other settings/);
  }, 30_000);

  it('sizes every aspect to about the same area', () => {
    expect(DATA.nano.aspects.map((a) => pixelsOf(a, 256))).toEqual(DATA.nano.aspects.map(([width, height]) => [width, height]));
    expect(pixelsOf([64, 64, 1], 64)).toEqual([64, 64]);
  });
});
