// Training a Peel on the layered family, preset tiny with random weights: pictures become drawings alone and in scenes, the step is the recipes'
// own, and what is drawn moves to the pictures.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tinyLayersModel } from '../../../test/tiny-layers.ts';
import { fitPeel, readPeel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../../adapters/stack.ts';
import { image, type Color, type Image } from '../../image/image.ts';
import type { Painter } from '../../models/family.ts';
import { adaptable } from '../../models/layers/adaptable.ts';
import { canonical } from '../../models/layers/known.ts';
import { encodeThumbnail } from '../../models/layers/thumbnail.ts';
import { split } from '../../models/layout.ts';
import { initialize } from '../../nn/scope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { scalar } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { openStep } from '../step.ts';
import type { Bucket, EncodedPicture } from './family.ts';
import { frozenWeights } from './frozen.ts';
import { layeredPeels } from './layered.ts';
import { drawnLatent, priorRows } from './samples.ts';
import { trainPeel, type TrainedPeel } from './train.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 300_000 });

const model = tinyLayersModel();
const family = layeredPeels(model);
const base = { name: 'tiny', version: '0', preset: 'tiny', hash: 'abc' };

/** A square of one colour on another, or on nothing. */
function square(colour: Color, ground?: Color): Image {
  const one = image(40, 40);
  for (let i = 0; i < 1600; i++) {
    const inside = Math.abs((i % 40) - 20) < 12 && Math.abs(Math.floor(i / 40) - 20) < 8;
    one.data.set(inside ? [...colour, 255] : ground ? [...ground, 255] : [0, 0, 0, 0], i * 4);
  }
  return one;
}
const noise = image(40, 40);
noise.data.forEach((_, i) => (noise.data[i] = i % 4 === 3 ? 255 : (i * 37) % 251));

let runtime: Runtime;
let painter: Painter;
beforeAll(async () => {
  runtime = await ortNode({ threads: 1 });
  painter = await family.painter(runtime, { hash: 'abc', precision: 'float32', training: true });
});
afterAll(() => painter.release());

async function encoded(pictures: { image: Image; caption: string }[], of = family): Promise<EncodedPicture[]> {
  const list: EncodedPicture[] = [];
  for await (const one of of.encode(pictures, painter, { flips: false, rng: random(1) })) list.push(one);
  return list;
}
const partOf = ({ layout }: Bucket, latent: Float32Array, slot: number) =>
  split(latent as Float32Array<ArrayBuffer>, layout)[layout.findIndex((part) => part.slot === slot)]!;

describe('pictures', () => {
  test('what stands on nothing or on a plain ground is shown as one of two, on a canvas, alone; its ground only where it has one', async () => {
    const [clear, plain] = await encoded([
      { caption: 'a box', image: square([200, 0, 0]) },
      { caption: 'a brick', image: square([200, 0, 0], [10, 20, 200]) },
    ]);
    expect(clear!.variants.map(({ bucket, caption }) => [bucket.name, caption])).toEqual([
      ['two', 'a box and a brick'],
      ['one', 'a box'],
      ['alone', 'a box, transparent background'],
      ['alone', 'a box'],
    ]);
    const tokens = encodeThumbnail(canonical(square([200, 0, 0])), model.basis);
    for (const { bucket, latent } of clear!.variants) expect(partOf(bucket, latent, 1)).toEqual(tokens);
    for (const { bucket, latent } of plain!.variants) {
      const drawing = partOf(bucket, latent, 1);
      expect(Math.max(...drawing.map((x, i) => Math.abs(x - tokens[i]!)))).toBeLessThan(0.01); // cut out, it is the same
    }
    const blue = encodeThumbnail(
      { width: 64, height: 64, pixels: Array.from({ length: 64 ** 2 }, () => [10, 20, 200, 255]).flat() },
      model.basis,
    );
    const ground = (one: EncodedPicture) => partOf(one.variants[1]!.bucket, one.variants[1]!.latent, 0);
    expect(ground(plain!)).toEqual(blue);
    const drawn = await drawnLatent(painter, 'a box', clear!.variants[1]!.bucket.layout, random(1));
    expect(ground(clear!)).toEqual(partOf(clear!.variants[1]!.bucket, drawn, 0)); // the base's own
  });

  test('what fills its frame is a ground; whole too where the model draws whole pictures', async () => {
    const rooms = async (of = family) =>
      (await encoded([{ caption: 'noise', image: noise }], of))[0]!.variants.map(({ bucket }) => bucket.name);
    const able = layeredPeels({ ...model, manifest: { ...model.manifest, abilities: ['image'] } });
    const not = layeredPeels({ ...model, manifest: { ...model.manifest, abilities: [] } });
    expect([await rooms(not), await rooms(able)]).toEqual([['one'], ['one', 'whole']]);
  });
});

test('a new Peel changes nothing: on what the base predicts itself the loss is none', async () => {
  const [{ variants }] = (await encoded([{ caption: 'a box', image: square([200, 0, 0]) }])) as [EncodedPicture];
  const { bucket } = variants[0]!;
  const rows = await priorRows(painter, family, bucket, 'a fox', random(3));
  const { program, specs } = family.step(bucket, { batch: 2, rank: 3, layers: ['attention', 'mlp', 'text'] });
  const session = await openStep(runtime, program, frozenWeights(program.graph, family.weights));
  const feeds = { ...program.begin(initialize(specs, random(0))), ...family.feeds(rows, bucket), rate: scalar(0) };
  const { 'content-error': content, 'frame-error': frames } = await session.run(
    Object.fromEntries(session.inputs.map(({ name }) => [name, feeds[name as keyof typeof feeds]!])),
  );
  await session.release();
  expect(content!.data[0]).toBeLessThan(1e-5);
  expect(frames!.data[0]).toBeLessThan(1e-5);
});

describe('training', () => {
  const pictures = [
    { caption: 'a box', image: square([200, 0, 0]) },
    { caption: 'a brick', image: square([180, 40, 0], [255, 255, 255]) },
  ];
  const losses: number[] = [];
  let trained: TrainedPeel;
  beforeAll(async () => {
    const options = { name: 'bricks', steps: 40, rank: 4, batch: 4, prior: 0, rate: 0.03, samples: false, heldOut: false };
    const training = trainPeel({ model, base, runtime, pictures }, options);
    for (let next = await training.next(); ; next = await training.next()) {
      if (next.done) trained = next.value;
      else if (next.value.type === 'step') losses.push(next.value.loss);
      if (next.done) break;
    }
  });

  test('the loss on the given pictures falls', () => {
    const mean = (some: number[]) => some.reduce((a, b) => a + b, 0) / some.length;
    expect(mean(losses.slice(-8))).toBeLessThan(0.8 * mean(losses.slice(0, 4)));
    expect(trained.info).toMatchObject({ base, rank: 4, triggers: ['bricks style'], training: { pictures: 2 } });
  });

  test('what is drawn moves to them, and is the base again without it', async () => {
    const file = new Uint8Array(Buffer.concat(trained.chunks as Uint8Array[]));
    const peel = fitPeel(await readPeel(file, 'x'), adaptable(model.config), base, 'x');
    const [{ variants }] = (await encoded(pictures)) as [EncodedPicture];
    const { bucket } = variants.at(-1)!;
    const wanted = partOf(bucket, variants.at(-1)!.latent, 1);
    const far = async (stack: PeelStack) => {
      const condition = await painter.read('a box, bricks style', [], stack);
      let latent = new Float32Array();
      const start = random(5).normals(variants.at(-1)!.latent.length);
      for await (const step of painter.sampler(condition.velocity(bucket.layout, { guidance: 1 }), start, painter.times(2), random(6)))
        latent = step.latent;
      return partOf(bucket, latent, 1).reduce((sum, x, i) => sum + (x - wanted[i]!) ** 2, 0);
    };
    const before = await far(NO_PEELS);
    expect(await far(withPeel(NO_PEELS, peel))).toBeLessThan(0.8 * before);
    expect(await far(NO_PEELS)).toBe(before);
  });
});
