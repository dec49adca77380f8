import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTrainable } from '../src/node/load.ts';
import { makeTiny } from './tiny.ts';

let run: string;
beforeAll(async () => {
  run = await mkdtemp(join(tmpdir(), 'banana-tiny-'));
});
afterAll(() => rm(run, { recursive: true }));

const losses = async (stage: string): Promise<number[]> =>
  (await readFile(join(run, `${stage}-run`, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { loss: number }).loss);

test('the whole chain, data to picture, and again from its checkpoints', { timeout: 600_000 }, async () => {
  const first = await makeTiny({ run });
  const teacher = await losses('teacher');
  expect(teacher.at(-1)!).toBeLessThan(teacher[0]!);
  for (const stage of ['renderer', 'student']) expect((await losses(stage)).every(Number.isFinite), stage).toBe(true);
  expect((await stat(first.model)).size).toBeLessThan(1e6);
  const { model, close } = await openTrainable(first.model);
  expect(model.manifest).toMatchObject({ name: 'tiny', preset: 'tiny', abilities: ['image', 'references'] });
  close();
  const { data } = first.picture;
  const colours = new Set(Array.from({ length: 256 * 256 }, (_, i) => data.slice(i * 4, i * 4 + 3).join()));
  expect(colours.size).toBeGreaterThan(100); // not one flat colour: the networks drew something

  const bytes = await readFile(first.model);
  const second = await makeTiny({ run }); // everything is there: nothing is trained again
  expect(await losses('teacher')).toEqual(teacher);
  expect(second.picture.data).toEqual(data);
  expect((await readFile(first.model)).equals(bytes)).toBe(true);
});
