// What the golden test holds and scripts/golden.ts records: numbers of the random streams, the schedule, the samplers, guidance,
// rotary tables, the seeded tiny model and its training, and pictures of the shipped model. Each row is a function of nothing, small
// enough to be read in a diff. Everything runs on onnxruntime's CPU in float32, so the tolerances only leave room for its kernels.
import { TEACHER } from '../../src/train/distill.ts';
import { layeredStudent } from '../../src/train/layers/student.ts';
import { layeredTeacher, type Room } from '../../src/train/layers/teacher.ts';
import { NEXT, openStep, type Program } from '../../src/train/step.ts';
import type { Image } from '../../src/image/image.ts';
import { layersSpecs } from '../../src/models/layers/file.ts';
import { contentTokens, partsOf } from '../../src/models/layers/layout.ts';
import { openLayerNetworks, type LayerNetworks } from '../../src/models/layers/networks.ts';
import { drawingOf, layersOf } from '../../src/models/layers/paint.ts';
import { numbersOf } from '../../src/models/layout.ts';
import { gridPositions, rotaryTable } from '../../src/nn/rope.ts';
import { initialize } from '../../src/nn/scope.ts';
import { openBanana, randomModel } from '../../src/node/index.ts';
import { ortNode } from '../../src/runtime/ort-node.ts';
import { guide } from '../../src/sampling/guidance.ts';
import { gridNoise } from '../../src/sampling/noise.ts';
import { consistency, euler, type Sampler, type Velocity } from '../../src/sampling/sampler.ts';
import { times } from '../../src/sampling/schedule.ts';
import { float32, int64, scalar, type Tensor, type Tensors } from '../../src/tensor/tensor.ts';
import { random } from '../../src/util/random.ts';

/** Numbers by name, as they stand in golden.json. */
export type Golden = Readonly<Record<string, readonly number[]>>;

/** A row of the table. */
interface Measure {
  numbers(): Promise<Golden> | Golden;
  /** A number may differ by this share of itself, and by this much near zero. */
  readonly rtol: number;
  readonly atol: number;
}

/** Of our own arithmetic: only sine and logarithm may differ in a last bit. */
export const HOST = { rtol: 1e-5, atol: 1e-6 };
const KERNELS = { rtol: 1e-3, atol: 1e-3 }; // other instructions add up in another order: weights off by 1e-6 use 1 % of it
const STEPS = { rtol: 5e-3, atol: 5e-3 }; //   ten steps of training: weights off by 1e-6 use 4 %

/** Everything that is recorded as numbers. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  random: { numbers: streams, ...HOST },
  times: { numbers: () => ({ ...Object.fromEntries([1, 2, 4].map((n) => [`${n} steps`, times(n)])), shifted: times(4, 3) }), ...HOST },
  consistency: { numbers: async () => (await trajectory(consistency)).seen, ...HOST },
  euler: { numbers: async () => (await trajectory(euler)).seen, ...HOST },
  guidance: { numbers: () => ({ guided: [...guide([1, 2, -3], [0.5, 2, 1], 3)] }), ...HOST },
  rope: { numbers: rope, ...HOST },
  tiny: { numbers: tiny, ...KERNELS },
  training: { numbers: training, ...STEPS },
};

function streams(): Golden {
  const of = (seed: number) => [`seed ${seed}`, Array.from(random(seed).normals(8))] as const;
  const whole = Array.from({ length: 8 }, (_, i) => random(i).integer(2 ** 32));
  const coarse = gridNoise(random(1), { rows: 4, columns: 4 }, { rows: 2, columns: 3 }, 1);
  const split = Array.from(random(0).split('noise').normals(8));
  return { ...Object.fromEntries([0, 1, 2].map(of)), integers: whole, split, coarse: Array.from(coarse) };
}

/** An image of four numbers, and the velocity of the straight path from it: whatever the noise, both samplers must find it. */
export const IMAGE = [0.5, -1, 0.25, 2];
const exact: Velocity = async (x, t) => x.map((a, i) => (a - IMAGE[i]!) / t);

/** What a sampler ends with, and the noisy latents at which it asked for a velocity, one row a step. */
export async function trajectory(sampler: Sampler): Promise<{ end: number[]; seen: Golden }> {
  const seen: Record<string, number[]> = {};
  const asked: Velocity = (x, t) => ((seen[`t ${t}`] = [...x]), exact(x, t));
  let end: number[] = [];
  for await (const { latent } of sampler(asked, random(1).normals(IMAGE.length), times(4), random(2))) end = [...latent];
  return { end, seen };
}

function rope(): Golden {
  const { cosine, sine } = rotaryTable(gridPositions(2, 3), 8);
  return { cosine: [...(cosine.data as Float32Array)], sine: [...(sine.data as Float32Array)] };
}

const { config, basis } = randomModel('tiny', 1);
const LAYOUT = { objects: 2, canvas: { rows: 4, columns: 4 } };
const PARTS = partsOf(LAYOUT, config.channels);
const PICTURE = { width: 48, height: 32 };
const IDS = [1, 9, 12, 2];

/** Seeded weights of the tiny model, none of them zero: what has no effect in an untrained network must have one here. */
function weights(seed: number): Tensors {
  const found = initialize(layersSpecs(config), random(seed));
  const spread = random(seed).split('spread');
  for (const { data } of Object.values(found) as Tensor<'float32'>[]) data.forEach((x, i) => (data[i] = x + 0.1 * spread.normal()));
  return found;
}

/** Latents and pixels of the tiny model: as a student in two steps, alone and with a subject, and as a teacher in four. */
async function tiny(): Promise<Golden> {
  const networks = openLayerNetworks(await ortNode({ threads: 1 }), config, weights(1));
  const subject = { slot: 1, tokens: random(4).normals(16 * config.channels) };
  const [alone, known] = [await networks.condition(IDS), await networks.condition(IDS, [subject])];
  const student = await lastOf(consistency, networks.velocity(alone, PARTS), times(2));
  const subjects = await lastOf(consistency, networks.velocity(known, PARTS), times(2));
  const teacher = await lastOf(euler, networks.velocity(alone, PARTS), times(4));
  const pixels = await pixelsOf(networks, student);
  await networks.release();
  const ends = (latent: Float32Array) => [...latent.slice(0, 8), ...latent.slice(-16)]; // frames, and the canvas
  return { student: ends(student), subjects: ends(subjects), teacher: ends(teacher), pixels };
}

async function lastOf(sampler: Sampler, velocity: Velocity, at: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
  const rng = random(7);
  let last = rng.split('noise').normals(numbersOf(PARTS));
  for await (const { latent } of sampler(velocity, last, at, rng.split('steps'))) last = latent;
  return last;
}

/** Sixteen pixels of a latent, RGBA, along a line through the picture. */
async function pixelsOf(networks: LayerNetworks, latent: Float32Array<ArrayBuffer>): Promise<number[]> {
  const drawing = await drawingOf(networks, layersOf(latent, PARTS, basis));
  const { data } = await drawing.render({ x: 0, y: 0, ...PICTURE }, PICTURE);
  const place = (i: number) => (2 * i * PICTURE.width + 3 * i) * 4;
  return Array.from({ length: 16 }, (_, i) => [...(data.slice(place(i), place(i) + 4) as Float32Array)]).flat();
}

/** Ten losses of the teacher and of the student of the tiny model, on one seeded batch. */
async function training(): Promise<Golden> {
  const room: Room = { batch: 2, layout: LAYOUT, text: IDS.length };
  const frozen = Object.fromEntries(Object.entries(weights(3)).map(([path, t]) => [`${TEACHER}.${path}`, t]));
  const [teacher, student] = [layeredTeacher(config, room), layeredStudent(config, room)];
  return { teacher: await losses(teacher.program, {}), student: await losses(student.program, frozen) };
}

async function losses(program: Program, frozen: Tensors): Promise<number[]> {
  const session = await openStep(await ortNode({ threads: 1 }), program, frozen);
  let state = program.begin(weights(2));
  const found: number[] = [];
  for (let i = 0; i < 10; i++) {
    const feeds: Tensors = { ...state, ...batch(i), rate: scalar(0.003) };
    const results = await session.run(Object.fromEntries(session.inputs.map(({ name }) => [name, feeds[name]!])));
    found.push(Number(results.loss!.data[0]));
    state = Object.fromEntries(Object.keys(state).map((name) => [name, results[NEXT + name]!]));
  }
  await session.release();
  return found;
}

function batch(step: number): Tensors {
  const rng = random(step).split('batch');
  const drawn = (...shape: number[]) => float32(shape, rng.normals(shape.reduce((a, b) => a * b)));
  const [N, P] = [LAYOUT.objects, contentTokens(LAYOUT)];
  return {
    frames: drawn(2, N, 4),
    'frames.noise': drawn(2, N, 4),
    content: drawn(2, P, config.channels),
    'content.noise': drawn(2, P, config.channels),
    objects: float32([2, N], [1, 1, 1, 0]),
    canvas: float32([2], [1, 0]),
    variance: float32([config.channels], new Float32Array(config.channels).fill(1)),
    t: float32([2], [0.4, 0.9]),
    s: float32([2], [0.2, 0.6]),
    'text.ids': int64([2, 4], [1, 9, 2, 0, ...[1, 12, 13, 2]]),
    'text.mask': float32([2, 4], [1, 1, 1, 0, ...[1, 1, 1, 1]]),
    'text.positions': int64([4], [0, 1, 2, 3]),
  };
}

/** Prompts of the shipped model, by the name of the recorded file; the seed is 1. */
export const PROMPTS: Readonly<Record<string, string>> = {
  fox: 'a red fox in the snow, flat style',
  apples: 'three green apples, shaded cartoon style',
  robot: 'a robot next to a tree, flat style',
};

/** The pictures of all prompts: 64 x 64 pixels. */
export async function pictures(): Promise<Record<string, Image>> {
  const banana = await openBanana({ runtime: 'cpu', precision: 'float32', threads: 1, inProcess: true });
  const drawn: Record<string, Image> = {};
  const options = { seed: 1, width: 64, height: 64, preview: 0 };
  for (const [name, prompt] of Object.entries(PROMPTS)) drawn[name] = (await banana.picture({ prompt, ...options })).image;
  await banana.close();
  return drawn;
}
