// Drawing: crops equal the whole, crashes cost one picture.
import { describe, expect, it } from 'vitest';
import { DATA, sample } from './dataset.ts';
import { drawJob } from './draw.ts';
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
