import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COLOURS, COLOUR_NAMES, fromHex } from '../../data/colour.ts';
import { DATA } from '../../data/dataset.ts';
import { MAKERS } from '../../data/makers.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input, type Graph } from '../../graph/value.ts';
import { initialize, type Specs } from '../../nn/scope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import { premultipliedToTensor } from '../../image/image.ts';
import { float32, scalar, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { NEXT, type Program } from '../../train/step.ts';
import { random } from '../../util/random.ts';
import { classesOf } from '../cases.ts';
import { ATTRIBUTES, readerStage, traitClasses, traitsOf } from './characters.ts';
import { classifierStage, contrastProgram, DRAWINGS, readings } from './classifier.ts';
import { colourIn } from './colours.ts';
import { crops, squareAround, wholes } from './crop.ts';
import { boxesOf, DETECTOR, detectorStage, overlap, targetsOf } from './detector.ts';
import { crossEntropy } from './judge-layers.ts';
import { firstOf, loadJudges, openJudges, saveJudges, within, type JudgesFile } from './judges.ts';
import type { Box } from '../rule.ts';
import { drawSpriteBank, spriteBank } from './sprite-bank.ts';
import { pairBatches } from './train-classifier.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banana-judges-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A disc of a colour on two others, sky and ground, opaque: 64 x 64. */
function disc(colour: string, sky: string, ground = sky): Tensor {
  const bytes = new Uint8Array(64 * 64 * 4);
  for (let i = 0; i < 64 * 64; i++) {
    const [x, y] = [i % 64, Math.floor(i / 64)];
    bytes.set([...fromHex(Math.hypot(x - 31.5, y - 31.5) < 20 ? colour : y < 36 ? sky : ground), 255], i * 4);
  }
  return premultipliedToTensor(64, 64, bytes);
}
const DISC: Box = [12 / 64, 12 / 64, 40 / 64, 40 / 64];

test('the colour of a thing: every colour word on white and on two colours, and nothing where there is nothing', () => {
  for (const name of COLOUR_NAMES.filter((c) => c !== 'white'))
    expect(colourIn(disc(COLOURS[name].hex, '#ffffff'), DISC)).toEqual({ colour: name, share: expect.closeTo(1, 0) });
  for (const name of COLOUR_NAMES) expect(colourIn(disc(COLOURS[name].hex, '#8fd0f7', '#78bf4b'), DISC)?.colour).toBe(name);
  expect(colourIn(disc('#fefefe', '#ffffff'), DISC)).toBeUndefined();
});

test('cross-entropy of logits', () => {
  const g = graph('g', { y: crossEntropy(input('logits', [2, 3]), input('targets', [2, 3])) });
  const { y } = evaluate(g, { logits: float32([2, 3], [0, 0, 0, 100, 0, 0]), targets: float32([2, 3], [1, 0, 0, 1, 0, 0]) });
  expect(y!.data[0]).toBeCloseTo(Math.log(3) / 2, 5);
});

test('crops: means of what lies below, neighbours where enlarged, edges repeated', () => {
  const ramp = float32(
    [1, 8, 16, 4],
    Float32Array.from({ length: 8 * 16 * 4 }, (_, i) => (Math.floor(i / 4) % 16) / 16),
  );
  expect(
    wholes([ramp], 4)
      .data.slice(0, 16)
      .filter((_, i) => i % 4 === 0),
  ).toEqual(Float32Array.from([1.5, 5.5, 9.5, 13.5].map((x) => x / 16)));
  const square = squareAround([0, 0, 0.25, 0.5], [16, 8], 2);
  expect(square).toEqual([-2, -2, 8]);
  const cut = crops([[ramp, square]], 16)
    .data.filter((_, i) => i % 4 === 0)
    .slice(0, 16);
  expect(cut[0]).toBe(0); // beyond the edge
  expect([...cut].slice(5)).toEqual([...cut].slice(5).map((_, i) => expect.closeTo((i + 0.5) / 32, 5))); // half a pixel each
  expect(() => wholes([float32([1, 2, 2, 3], new Float32Array(12))], 4)).toThrow('expected [1, H, W, 4]');
});

test('boxes: what the detector is taught is what is read from it', () => {
  const { grid: G } = DETECTOR;
  const five = [0.13, 0.31, 0.5, 0.69, 0.87].map((x): Box => [x - 0.08, 0.42, 0.16, 0.15]);
  for (const boxes of [
    [[0.13, 0.2, 0.74, 0.6]] as Box[],
    five,
    [
      [0.05, 0.3, 0.4, 0.4],
      [0.6, 0.1, 0.3, 0.7],
    ] as Box[],
  ]) {
    const [heat, geometry] = [new Float32Array(G * G), new Float32Array(G * G * 4)];
    targetsOf(boxes, 0, heat, geometry);
    const found = boxesOf(heat, geometry, 0.5);
    expect(found.length).toBe(boxes.length);
    for (const box of boxes) expect(Math.max(...found.map((f) => overlap(f.box, box)))).toBeGreaterThan(0.999);
  }
  expect(overlap([0, 0, 1, 1], [0.5, 0, 1, 1])).toBeCloseTo(1 / 3);
});

test('traits: what the makers name, with none where there is nothing', () => {
  const avatar = MAKERS.find((m) => m.style === 'avatar')!;
  const who = {
    who: 'man',
    hair: 'short',
    hat: 'none',
    hatColour: 'red',
    hairColour: 'dark',
    skin: 'light',
    beard: 'mediumBeard',
    glasses: 'shades',
    clothing: 'shirt',
    clothingColour: 'green',
  };
  expect(traitsOf(avatar, who, 'sad')).toEqual({
    maker: 'avatar',
    hair: 'avatar short',
    hairColour: 'black',
    skin: 'light',
    clothesColour: 'green',
    beard: 'beard',
    glasses: 'sunglasses',
    hat: 'none',
    expression: 'sad',
  });
  expect(traitsOf(avatar, { ...who, hat: 'beanie' }, 'sad')).toMatchObject({ hat: 'beanie', hair: 'avatar hidden', hairColour: 'none' });
  const words = traitClasses();
  expect(words.maker).toEqual([...MAKERS.map((m) => m.style)].sort());
  for (const a of ATTRIBUTES) expect(new Set(words[a]).size).toBe(words[a].length);
});

/** `steps` steps of a program: its losses, and the weights after it. */
async function losses(
  program: Program,
  specs: Specs,
  batch: (step: number) => Tensors,
  steps: number,
): Promise<{ losses: number[]; weights: Tensors }> {
  const session = await (await ortNode()).compile(program.graph);
  let state = program.begin(initialize(specs, random(0)));
  const found: number[] = [];
  for (let i = 0; i < steps; i++) {
    const feeds = { ...state, ...batch(i), rate: scalar(0.003) };
    const results = await session.run(Object.fromEntries(session.inputs.map((p) => [p.name, feeds[p.name as keyof typeof feeds]!])));
    found.push(results.loss!.data[0] as number);
    state = {
      ...state,
      ...Object.fromEntries(
        Object.entries(results)
          .filter(([k]) => k.startsWith(NEXT))
          .map(([k, t]) => [k.slice(NEXT.length), t]),
      ),
    };
  }
  await session.release();
  return { losses: found, weights: Object.fromEntries([...specs.keys()].map((path) => [path, state[path]!])) };
}

test('the bank comes back from its file, and crops of one drawing learn to lie near each other', async () => {
  const scope = { concepts: 6, styles: ['flat', 'icon'] };
  const draw = () => drawSpriteBank(scope, random(1), { sceneries: 1, processes: 1 });
  const bank = await spriteBank(join(folder, 'bank.safetensors'), draw);
  expect(await spriteBank(join(folder, 'bank.safetensors'), () => Promise.reject(new Error('drawn again')))).toEqual(bank);
  expect(bank.drawings.length).toBe(12);
  const batches = pairBatches(bank, scope, { seed: 1, batch: 16 });
  expect(batches(3)).toEqual(batches(3));
  const { program, specs } = contrastProgram(16);
  const learned = await losses(program, specs, batches, 14);
  expect(learned.losses.at(-1)!).toBeLessThan(learned.losses[0]! * 0.8);
});

test('judges come back from their file and see a picture of any size', async () => {
  const { concept, labels, style, background } = classesOf(DATA.tiny);
  const attributes = traitClasses();
  const drawings = concept.flatMap((_, c) => [0, 1].map((s): [number, number] => [c, s]));
  const weightsOf = ({ specs }: { graph: Graph; specs: Specs }) => initialize(specs, random(2));
  const weights = {
    ...weightsOf(detectorStage(background.length)),
    ...weightsOf(classifierStage(drawings.length)),
    ...weightsOf(readerStage(attributes)),
  };
  const boxes = { concept: 0.9, concept5: 1, style: 1, count: 1 };
  const accuracy: JudgesFile['accuracy'] = {
    detector: { precision: 1, recall: 1, f1: 1, background: 1, scenes: 1, objects: 1 },
    classifier: { trueBoxes: boxes, foundBoxes: boxes },
    colour: { right: 1, count: 1 },
    characters: { attributes: Object.fromEntries(ATTRIBUTES.map((a) => [a, 1])) as never, identity: 1, count: 1 },
  };
  const file: JudgesFile = {
    classes: { concept, labels, style, background, attributes, drawings },
    weights,
    accuracy,
    training: { detector: 'none' },
  };
  await saveJudges(join(folder, 'judges.safetensors'), file);
  const loaded = await loadJudges(join(folder, 'judges.safetensors'));
  expect({ ...loaded, weights: {} }).toEqual({ ...file, weights: {} });
  const judges = await openJudges(await ortNode(), loaded);
  const picture = disc('#d92b2b', '#ffffff');
  const [seen] = await judges.classify(picture, [{ box: DISC, score: 1 }]);
  for (const odds of [seen!.concept, seen!.style, (await judges.detect([picture]))[0]!.background])
    expect(odds.reduce((a, b) => a + b)).toBeCloseTo(1, 4);
  expect([seen!.concept.length, seen!.style.length, seen!.colour?.colour]).toEqual([concept.length, 2, 'red']);
  const [read] = await judges.readCharacters(picture, [DISC]);
  expect(Math.hypot(...read!.identity)).toBeCloseTo(1, 4);
  expect(attributes.hat[firstOf(read!.attributes.hat)]).toBeDefined();
  await judges.release();
  const smaller = within(loaded, [concept[3]!, concept[1]!], [style[1]!]);
  expect(smaller.classes).toMatchObject({
    concept: [concept[3], concept[1]],
    labels: [labels[3], labels[1]],
    drawings: [
      [1, 0],
      [0, 0],
    ],
  });
  expect(smaller.weights[DRAWINGS]!.data.slice(0, 5)).toEqual(loaded.weights[DRAWINGS]!.data.slice(3 * 80, 3 * 80 + 5)); // concept 1, style 1
  expect([...readings(Float32Array.from([0.5, 0.25, 0.25]), [1, 0, 1], 2)]).toEqual([0.25, 0.75]);
  await expect(loadJudges(join(folder, 'none'))).rejects.toThrow('cannot read');
});
