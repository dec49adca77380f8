import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LatentFacts } from './encode.ts';
import { makeTiny } from './tiny.ts';

let run: string;
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), 'banana-tiny-'));
});
afterAll(() => rm(run, { recursive: true }));

const losses = async (stage: string): Promise<number[]> =>
  (await readFile(join(run, `${stage}.jsonl`), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);

test('the whole chain, data to picture, and again from its checkpoints', { timeout: 600_000 }, async () => {
  const first = await makeTiny({ run });
  const facts = JSON.parse(await readFile(join(run, 'latents.json'), 'utf8')) as LatentFacts[];
  expect(new Set(facts.map(({ rows, columns }) => `${columns}x${rows}`))).toEqual(new Set(['2x2', '4x1']));
  expect(facts.filter(({ references }) => references).length).toBeGreaterThan(5);
  for (const stage of ['autoencoder', 'teacher']) {
    const list = await losses(stage);
    expect(list.at(-1)!, stage).toBeLessThan(list[0]! * 0.7);
  }
  expect((await losses('student')).every(Number.isFinite)).toBe(true);
  expect((await stat(first.model)).size).toBeLessThan(1e6);
  const colours = new Set(Array.from({ length: 256 * 256 }, (_, i) => first.picture.data.slice(i * 4, i * 4 + 3).join()));
  expect(colours.size).toBeGreaterThan(100); // not one flat colour: the networks drew something

  const model = await readFile(first.model);
  const trained = (await losses('teacher')).length;
  const second = await makeTiny({ run }); // everything is there: nothing is trained again
  expect((await losses('teacher')).length).toBe(trained);
  expect(second.picture.data).toEqual(first.picture.data);
  expect(await readFile(first.model)).toEqual(model);
});
