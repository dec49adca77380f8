import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { layeredData } from '../src/data/layered.ts';
import { inScope, STYLES } from '../src/data/sprites.ts';
import { classesOf } from '../src/eval/cases.ts';
import { ATTRIBUTES, readerStage, traitClasses } from '../src/eval/judges/characters.ts';
import { classifierStage } from '../src/eval/judges/classifier.ts';
import { detectorStage } from '../src/eval/judges/detector.ts';
import { saveJudges, type JudgeAccuracy } from '../src/eval/judges/judges.ts';
import { initialize } from '../src/nn/scope.ts';
import { tinyLayers } from '../test/tiny-layers.ts';
import type { Tensors } from '../src/tensor/tensor.ts';
import { random } from '../src/util/random.ts';
import { evaluate, type Options } from './7-evaluate.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banana-evaluate-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Judges that have learned nothing: the chain is tested here, not what they say. */
async function untrained(path: string): Promise<void> {
  const data = layeredData('tiny');
  const { concept, labels, style, background } = classesOf(data);
  const drawings = inScope(data.scope).concepts.flatMap((_, i) =>
    inScope(data.scope).styles.map((s) => [i, style.indexOf(STYLES[s].word)] as const),
  );
  const attributes = traitClasses();
  const weights = Object.assign(
    {},
    ...[detectorStage(background.length), classifierStage(drawings.length), readerStage(attributes)].map(({ specs }) =>
      initialize(specs, random(1)),
    ),
  ) as Tensors;
  (weights['detector.heat.bias']!.data as Float32Array).fill(-4); // few objects rather than one in every cell
  const boxes = { concept: 0.5, concept5: 0.5, style: 0.5, count: 1 };
  const accuracy: JudgeAccuracy = {
    detector: { precision: 0.5, recall: 0.5, f1: 0.5, background: 0.5, scenes: 1, objects: 1 },
    classifier: { trueBoxes: boxes, foundBoxes: boxes },
    colour: { right: 0.5, count: 1 },
    characters: {
      attributes: Object.fromEntries(ATTRIBUTES.map((a) => [a, 0.5])) as JudgeAccuracy['characters']['attributes'],
      identity: 0.5,
      count: 1,
    },
  };
  await saveJudges(path, {
    classes: { concept, labels, style, background, attributes, drawings },
    weights,
    accuracy,
    training: { all: 'none' },
  });
}

test('a model that was never trained, and the same again from what was kept', { timeout: 300_000 }, async () => {
  const [model, judges] = [join(folder, 'tiny.safetensors'), join(folder, 'judges.safetensors')];
  await tinyLayers(model);
  await untrained(judges);
  const options: Options = {
    preset: 'tiny',
    mode: 'quick',
    run: folder,
    out: join(folder, 'out'),
    model,
    judges,
    precision: 'float32',
    parts: ['geneval', 'concepts', 'identity', 'steps'],
    amounts: { prompts: [1, 0, 0, 0, 0], cases: 1, scenes: 1, lite: 1 },
  };
  const first = await evaluate(options);
  expect(Object.keys(first.geneval!)).toEqual(['seen, English']);
  expect(first.geneval!['seen, English']!.counting!.drawn.count).toBe(4);
  expect(Object.keys(first.concepts!).length).toBe(5);
  expect(Object.keys(first.stepsAndBits!.variants)).toEqual(['1 step', '2 steps', '4 steps, int8', '4 steps, int4', '4 steps']);
  expect(first.stepsAndBits!.variants['1 step']!.psnr).toBeLessThan(99);
  expect(first.notes).toEqual([expect.stringMatching(/^identity: /)]);
  expect(first.worst!.length).toBeGreaterThan(5);
  const page = await readFile(join(folder, 'out', 'evaluate.md'), 'utf8');
  for (const heading of ['House GenEval', 'Concept, style', 'Steps and bits', 'The furthest']) expect(page).toContain(`## ${heading}`);
  expect((await stat(join(folder, 'out', 'worst.webp'))).size).toBeGreaterThan(10_000);

  const kept = await readFile(join(folder, 'evaluation', 'sights.jsonl'));
  const again = await evaluate(options);
  const { date, seconds, machine, commit } = first; // which may differ
  expect({ ...again, date, seconds, machine, commit }).toEqual(first);
  expect(await readFile(join(folder, 'evaluation', 'sights.jsonl'))).toEqual(kept); // nothing was looked at twice
});

test('stopped between two cases: what was seen is kept', { timeout: 120_000 }, async () => {
  const options: Options = {
    preset: 'tiny',
    mode: 'quick',
    run: join(folder, 'stopped'),
    out: join(folder, 'stopped'),
    model: join(folder, 'tiny.safetensors'),
    judges: join(folder, 'judges.safetensors'),
    parts: ['concepts'],
    amounts: { prompts: [], cases: 2, scenes: 0, lite: 0 },
  };
  let calls = 0;
  await expect(evaluate(options, () => ++calls > 3)).rejects.toThrow('the same command goes on');
  const lines = (await readFile(join(folder, 'stopped', 'evaluation', 'sights.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.length).toBe(8); // four cases, each drawn and as it should be
});
