import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COLOURS, COLOUR_NAMES, fromHex } from '../data/colour.ts';
import { DATA } from '../data/dataset.ts';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input } from '../graph/value.ts';
import { initialize } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { float32, scalar, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { premultipliedToTensor } from '../tensor/image.ts';
import { NEXT } from '../train/step.ts';
import { random } from '../util/random.ts';
import { classesOf, HEADS } from './cases.ts';
import { dominantColour } from './colours.ts';
import { crossEntropy, forJudge, judgeProgram, JUDGE_SIDE, loadJudge, openJudge, rankOf, saveJudge, type JudgeFile } from './judge.ts';
import { accuracyOf, labelledRenders } from './train-judge.ts';

const data = DATA.tiny;
const classes = classesOf(data);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banana-eval-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A disc of a colour on another, opaque. */
function disc(colour: string, background: string): Tensor {
  const [inside, outside] = [fromHex(colour), fromHex(background)];
  const bytes = new Uint8Array(32 * 32 * 4);
  for (let i = 0; i < 32 * 32; i++) bytes.set([...(Math.hypot((i % 32) - 16, Math.floor(i / 32) - 16) < 10 ? inside : outside), 255], i * 4);
  return premultipliedToTensor(32, 32, bytes);
}

test('the colour of a thing: every colour word on white, and nothing where there is nothing', () => {
  for (const name of COLOUR_NAMES.filter((c) => c !== 'white')) expect(dominantColour(disc(COLOURS[name].hex, '#ffffff'))?.colour).toBe(name);
  expect(dominantColour(disc('#ffffff', '#2f6fde'))?.colour).toBe('white');
  expect(dominantColour(disc('#fefefe', '#ffffff'))).toBeUndefined();
});

test('cross-entropy of logits', () => {
  const g = graph('g', { y: crossEntropy(input('logits', [2, 3]), input('targets', [2, 3])) });
  const { y } = evaluate(g, { logits: float32([2, 3], [0, 0, 0, 100, 0, 0]), targets: float32([2, 3], [1, 0, 0, 1, 0, 0]) });
  expect(y!.data[0]).toBeCloseTo(Math.log(3) / 2, 5);
});

test('a judge learns a few real renders, and its file gives it back', async () => {
  const renders = await labelledRenders(data, classes, { seed: 1, count: 8, heldOut: 0.25, processes: 1 });
  expect(renders.count).toBe(8);
  const runtime = await ortNode();
  const { program, specs } = judgeProgram(classes, 8);
  const labels = Object.fromEntries(HEADS.map((head) => [`label.${head}`, { dtype: 'int64' as const, shape: [8, 1], data: BigInt64Array.from(renders.labels[head], BigInt) }]));
  const batch: Tensors = { image: { dtype: 'uint8', shape: [8, JUDGE_SIDE, JUDGE_SIDE, 4], data: renders.bytes }, blur: float32([8], new Float32Array(8)), ...labels, rate: scalar(0.01) };
  const session = await runtime.compile(program.graph);
  let state = program.begin(initialize(specs, random(0)));
  const losses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const results = await session.run({ ...Object.fromEntries(session.inputs.filter((p) => state[p.name]).map((p) => [p.name, state[p.name]!])), ...batch });
    losses.push(results.loss!.data[0] as number);
    state = { ...state, ...Object.fromEntries(Object.entries(results).filter(([k]) => k.startsWith(NEXT)).map(([k, t]) => [k.slice(NEXT.length), t])) };
  }
  await session.release();
  expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.5);

  const weights = Object.fromEntries([...specs.keys()].map((path) => [path, state[path]!]));
  const pictures = [...Array(8).keys()].map((i) => premultipliedToTensor(JUDGE_SIDE, JUDGE_SIDE, renders.bytes.subarray(i * JUDGE_SIDE ** 2 * 4, (i + 1) * JUDGE_SIDE ** 2 * 4)));
  const none = { concept: 0, style: 0, background: 0, count: 0 };
  const file: JudgeFile = { classes, weights, accuracy: { seen: none, heldOut: none }, training: 'a test' };
  await saveJudge(join(folder, 'judge.safetensors'), file);
  const loaded = await loadJudge(join(folder, 'judge.safetensors'));
  expect({ ...loaded, weights: {} }).toEqual({ ...file, weights: {} });
  const judge = await openJudge(runtime, loaded);
  const verdicts = await judge.verdicts(pictures);
  expect(accuracyOf(verdicts, renders.labels)).toMatchObject({ background: expect.closeTo(1, 0), count: 8 });
  expect(verdicts[0]!.concept.reduce((a, b) => a + b)).toBeCloseTo(1, 4);

  await judge.release();
  await expect(loadJudge(join(folder, 'none'))).rejects.toThrow('cannot read');
});

test('pictures for the judge are means of blocks, clipped', () => {
  const large = float32([1, 128, 128, 4], Float32Array.from({ length: 128 * 128 * 4 }, (_, i) => (Math.floor(i / 4) % 2 ? 3 : 0)));
  const small = forJudge(large);
  expect(small.shape).toEqual([1, 64, 64, 4]);
  expect(small.data.every((x) => x === 0.5)).toBe(true);
  expect(() => forJudge(float32([1, 100, 100, 4], new Float32Array(40_000)))).toThrow('multiple of 64');
  expect([rankOf([0.2, 0.5, 0.3], 1), rankOf([0.2, 0.5, 0.3], 0)]).toEqual([0, 2]);
});
