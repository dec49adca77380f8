import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COLOURS, COLOUR_NAMES, fromHex } from '../data/colour.ts';
import { DATA } from '../data/dataset.ts';
import { renderPool } from '../data/render.ts';
import { heldOut } from '../data/splits.ts';
import { evaluate } from '../graph/evaluate.ts';
import { graph, input } from '../graph/value.ts';
import { initialize } from '../nn/scope.ts';
import { ortNode } from '../runtime/ort-node.ts';
import { float32, scalar, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { premultipliedToTensor } from '../tensor/image.ts';
import { NEXT } from '../train/step.ts';
import { random } from '../util/random.ts';
import { classesOf, colourCases, conceptCases, HEADS, SETS } from './cases.ts';
import { dominantColour } from './colours.ts';
import { crossEntropy, forJudge, judgeProgram, JUDGE_SIDE, loadJudge, openJudge, rankOf, saveJudge, type JudgeFile } from './judge.ts';
import { measurePictures } from './pictures.ts';
import { markdown } from './report.ts';
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

test('cases: in the language asked for, with a truth that the judge knows; seeds decide', () => {
  for (const set of SETS) {
    const cases = conceptCases(data, set, 12, 5);
    expect(cases.length).toBe(12);
    for (const { truth } of cases) for (const head of HEADS) expect(classes[head]).toContain(truth[head]);
    expect(conceptCases(data, set, 12, 5)).toEqual(cases);
    expect(cases.some((c) => /\b(een|op|in de|stijl)\b/.test(c.caption))).toBe(set.language === 'nl');
  }
});

test('colour cases say the colour and keep the splits apart', () => {
  for (const split of ['train', 'test'] as const) {
    const cases = colourCases(data, split, 8, 1);
    expect(cases.length).toBe(8);
    for (const { caption, colour, truth } of cases) {
      expect(caption).toContain(colour);
      if (split === 'train') expect(heldOut('colour', truth.concept, colour!)).toBe(false);
    }
  }
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

  // A model that draws the truth gets the real renders' score.
  const cases = conceptCases(data, SETS[0]!, 4, 3);
  const pool = renderPool();
  const real = async (caption: string) => {
    const { pixels } = await pool.render({ svg: cases.find((c) => c.caption === caption)!.svg, width: 64, height: 64 });
    return premultipliedToTensor(64, 64, pixels!);
  };
  const grey = async () => float32([1, 64, 64, 4], new Float32Array(64 * 64 * 4));
  const { sets, agreement, worst } = await measurePictures(judge, pool, cases, [{ name: 'grey', draw: grey }, { name: 'real', draw: real }]);
  pool.close();
  await judge.release();
  const set = sets[SETS[0]!.name]!;
  expect(set.variants.real).toEqual(set.real);
  expect(agreement.grey!.psnr).toBeLessThan(20);
  expect(worst.map((w) => w.probability)).toEqual(worst.map((w) => w.probability).sort((a, b) => a - b));
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

test('the page', () => {
  const score = { count: 40, concept: 0.5, concept5: 0.75, style: 0.9, background: NaN };
  const edges = { psnr: 30, width: 2.5, lost: 0 };
  const page = markdown({
    date: '2026-11-23T00:00:00.000Z', command: 'npm run evaluate', commit: 'abc', machine: 'a machine', preset: 'tiny', model: 'tiny', file: 'models/tiny.safetensors', mode: 'quick', seconds: 12, guidance: 3, precision: 'float32',
    autoencoder: { psnr: { 256: { mean: 30, worst: 25, scenes: 16 } }, large: { 2048: { pieces: 10, edges: 99, truth: 1.2, ours: { ...edges, lost: 0.5 }, bicubic: edges, bicubicOfOurs: edges } } },
    pictures: { sets: { seen: { real: score, variants: { '4 steps': score } } }, agreement: {} },
    colours: { 'seen colours': { count: 40, real: 1, variants: { '4 steps': 0.8 } } },
  });
  expect(page).toMatchInlineSnapshot(`
    "# Evaluation of tiny, quick mode

    - 2026-11-23, commit abc, preset tiny, models/tiny.safetensors, guidance 3, float32
    - a machine
    - \`npm run evaluate\`, 12 s

    ## Autoencoder, held-out scenes

    Encoded and drawn back, over white, without the alpha channel.

    | drawn at | PSNR, mean | worst | scenes |
    | --- | ---: | ---: | ---: |
    | 256 px | 30.00 dB | 25.00 dB | 16 |

    Pieces of large pictures, on their edges; edge width is 10-90 %, the median of clean edges.

    |  | PSNR | edge width |  |
    | --- | ---: | ---: | ---: |
    | 2048 px, the SVG itself | - | 1.20 px | 99 edges in 10 pieces |
    | 2048 px, ours | 30.00 dB | 2.50 px, 50.0 % lost |  |
    | 2048 px, bicubic of the SVG at 512 px | 30.00 dB | 2.50 px |  |
    | 2048 px, bicubic of ours at 512 px | 30.00 dB | 2.50 px |  |

    ## Concept, style and background

    One object each, drawn at 128 px and judged at 64 px; the real renders are of the same cases.

    | prompts | drawn by | concept, first | among five | style | background | pictures |
    | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | seen | real renders | 50.0 % | 75.0 % | 90.0 % | - | 40 |
    |  | 4 steps | 50.0 % | 75.0 % | 90.0 % | - | 40 |


    ## Colours

    Simple objects in a colour that is not theirs: is most of the thing in the colour that was asked for?

    |  | real renders | 4 steps | pictures |
    | --- | ---: | ---: | ---: |
    | seen colours | 100.0 % | 80.0 % | 40 |
    "
  `);
});
