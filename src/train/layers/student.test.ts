import { expect, test } from 'vitest';
import { check } from '../../graph/check.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { layersPreset } from '../../models/layers/config.ts';
import { layersSpecs } from '../../models/layers/file.ts';
import { partsOf } from '../../models/layers/layout.ts';
import { openLayerNetworks } from '../../models/layers/networks.ts';
import { initialize } from '../../nn/scope.ts';
import { fakeProduct } from '../../quant/fake-quant.ts';
import { planOf } from '../../quant/plan.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import { referenceRuntime } from '../../runtime/reference.ts';
import { float32, int64, scalar, type Tensors } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { TEACHER } from '../distill.ts';
import { NEXT } from '../step.ts';
import { layeredStudent } from './student.ts';
import type { Room } from './teacher.ts';

const config = layersPreset('tiny');
const C = config.channels;
const room: Room = { batch: 1, layout: { objects: 2, canvas: { rows: 4, columns: 4 } }, text: 4 };
const [N, P] = [2, 48];

/** Random weights in which nothing is hidden by a zero start. */
function drawn(seed: number): Tensors {
  const bump = (path: string, length: number) =>
    random(seed)
      .split(path)
      .normals(length)
      .map((v) => v * 0.1);
  return Object.fromEntries(
    Object.entries(initialize(layersSpecs(config), random(seed))).map(([path, w]) => [
      path,
      path.includes('-out') ? float32(w.shape, bump(path, w.data.length)) : w,
    ]),
  );
}

const teacher = drawn(3);
const rng = random(7);
const numbers = {
  frames: rng.normals(N * 4),
  content: rng.normals(P * C),
  framesNoise: rng.normals(N * 4),
  contentNoise: rng.normals(P * C),
};

/** A picture with two objects and a canvas, of which `present` objects are there. */
const feeds = (t: number, s: number, present = [1, 1]): Tensors => ({
  ...Object.fromEntries(Object.entries(teacher).map(([path, w]) => [`${TEACHER}.${path}`, w])),
  t: float32([1], [t]),
  s: float32([1], [s]),
  variance: teacher['transformer.variance']!,
  frames: float32([1, N, 4], numbers.frames),
  content: float32([1, P, C], numbers.content),
  'frames.noise': float32([1, N, 4], numbers.framesNoise),
  'content.noise': float32([1, P, C], numbers.contentNoise),
  objects: float32([1, N], present),
  canvas: float32([1], [1]),
  'text.ids': int64([1, 4], [1, 5, 9, 2]),
  'text.mask': float32([1, 4], [1, 1, 1, 1]),
  'text.positions': int64([4], [0, 1, 2, 3]),
});
const only = (all: Tensors, names: readonly string[]): Tensors => Object.fromEntries(names.map((name) => [name, all[name]!]));

test('the loss is what the networks that draw say it is', async () => {
  const { program, specs } = layeredStudent(config, room);
  check(program.graph, { trainable: true });
  const own = drawn(5);
  const [t, s] = [0.8, 0.6];
  const all = { ...feeds(t, s), ...program.begin(only(own, [...specs.keys()])), rate: scalar(0) };
  const found = evaluate(
    program.graph,
    only(
      all,
      program.graph.inputs.map((v) => v.name!),
    ),
  );

  const parts = partsOf(room.layout, C);
  const velocity = async (weights: Tensors) => {
    const networks = openLayerNetworks(referenceRuntime(), config, weights);
    return networks.velocity(await networks.condition([1, 5, 9, 2]), parts);
  };
  const data = [...numbers.frames, ...numbers.content];
  const x = Float32Array.from([...numbers.framesNoise, ...numbers.contentNoise], (n, i) => (1 - t) * data[i]! + t * n);
  const led = await (await velocity(teacher))(x, t);
  const next = x.map((v, i) => v + (s - t) * led[i]!);
  const student = await velocity(own);
  const image = async (from: Float32Array<ArrayBuffer>, time: number) => {
    const v = await student(from, time);
    return from.map((at, i) => at - time * v[i]!);
  };
  const [predicted, target] = [await image(x, t), await image(next, s)];
  const distance = (from: number, to: number, gain: number) => {
    const square = predicted.slice(from, to).reduce((sum, v, i) => sum + ((v - target[from + i]!) / gain) ** 2, 0) / (to - from);
    return Math.sqrt(square + 0.00054 ** 2) - 0.00054;
  };
  const count = found['count-error']!.data[0] as number;
  const expected = distance(8, x.length, 0.15) + 0.25 * distance(0, 8, 1.2) + 0.02 * count;
  expect((found.loss!.data[0] as number) / expected).toBeCloseTo(1, 3);
  expect(found.distance!.data[0]).toBeGreaterThan(1e-3);
});

test('without a hop a student that is its teacher has nothing to learn but the count', () => {
  const { program, specs } = layeredStudent(config, room);
  const all = { ...feeds(0.5, 0.5), ...program.begin(only(teacher, [...specs.keys()])), rate: scalar(0) };
  const found = evaluate(
    program.graph,
    only(
      all,
      program.graph.inputs.map((v) => v.name!),
    ),
  );
  expect(found.distance!.data[0]).toBeLessThan(1e-9);
  expect(found['frame-distance']!.data[0]).toBeLessThan(1e-9);
});

test('it learns one picture by heart in four bits', { timeout: 300_000 }, async () => {
  const product = fakeProduct({ plan: planOf(layersSpecs(config)) });
  const { program, specs } = layeredStudent(config, room, { product });
  const runtime = await ortNode({ threads: 1 });
  const session = await runtime.compile(program.graph);
  let state = program.begin(only(teacher, [...specs.keys()]));
  const losses: number[] = [];
  for (let i = 0; i < 12; i++) {
    const all = { ...feeds(0.9, 0.6, [1, 0]), ...state, rate: scalar(0.004) };
    const found = await session.run(
      only(
        all,
        session.inputs.map(({ name }) => name),
      ),
    );
    state = Object.fromEntries(Object.entries(found).flatMap(([key, v]) => (key.startsWith(NEXT) ? [[key.slice(NEXT.length), v]] : [])));
    losses.push(found.loss!.data[0] as number);
  }
  await session.release();
  expect(losses.at(-1)!).toBeLessThan(0.7 * losses[0]!);
});
