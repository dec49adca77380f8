// Training a Peel on preset tiny with random weights: what it learns is nothing to look at, but every promise can be held.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { adaptable } from '../../models/banana/adaptable.ts';
import { fitPeel, readPeel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel } from '../../adapters/stack.ts';
import { check } from '../../graph/check.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { folderStore } from '../../disk/files.ts';
import { image, type Image } from '../../image/image.ts';
import { scalar } from '../../tensor/tensor.ts';
import { initialize } from '../../nn/scope.ts';
import { bucketsOf, encodePictures, flatPeels, peelBatch, peelProgram, trainingTime } from './flat.ts';
import { LAYERS, OBJECTIVES, type PeelRow } from './program.ts';
import { random } from '../../util/random.ts';
import { randomModel } from '../../node/models.ts';
import { openNetworks } from '../../models/banana/networks.ts';
import { openPainter } from '../../models/banana/painter.ts';
import { canvasOf } from '../../models/layout.ts';
import { mirrored, placed } from './pictures.ts';
import { priorRows } from './samples.ts';
import { checkTrainOptions, clearTraining, trainPeel, type TrainedPeel, type TrainPeelEvent, type TrainPeelOptions } from './train.ts';

const model = randomModel('tiny', 1);
const { config } = model;
const spread = random(2);
for (const [path, w] of Object.entries(model.weights))
  if (/^transformer\.(out|modulation)/.test(path))
    (w.data as Float32Array).forEach((x, i) => ((w.data as Float32Array)[i] = x + 0.1 * spread.normal()));
const base = { name: 'tiny-untrained', version: '0', preset: 'tiny', hash: 'abc' };

/** A disc of one colour on white. */
function disc(width: number, height: number, [r, g, b]: readonly [number, number, number], { clear = false } = {}): Image {
  const one = image(width, height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const inside = (x - width / 3) ** 2 + (y - height / 2) ** 2 < (Math.min(width, height) / 3) ** 2;
      one.data.set(inside ? [r, g, b, 255] : clear ? [0, 0, 0, 0] : [255, 255, 255, 255], (y * width + x) * 4);
    }
  return one;
}
const pictures = ['red', 'green', 'blue', 'grey', 'pink', 'teal'].map((word, i) => ({
  caption: `a ${word} disc`,
  image: disc(96, 96, [40 * i, 255 - 40 * i, (i * 97) % 255]),
}));

const painter = () => openPainter(model, runtime, { hash: '', precision: 'float32', training: true });
const bucketOf = (rows: number, columns: number) => ({ name: '', layout: canvasOf({ rows, columns }, config.channels) });

let runtime: Runtime;
let root: string;
let compiled = 0;
beforeAll(async () => {
  const inner = await ortNode({ threads: 1 });
  runtime = { ...inner, compile: (...args) => (compiled++, inner.compile(...args)) };
  root = await mkdtemp(join(tmpdir(), 'banana-peel-'));
});
afterAll(() => rm(root, { recursive: true }));

const options: TrainPeelOptions = { name: 'disc', steps: 40, rank: 4, batch: 4, prior: 1, rate: 0.01, samples: false, licence: 'CC0-1.0' };
async function run(
  folder: string,
  more: Partial<TrainPeelOptions> = {},
  { leave = Infinity, from = pictures } = {},
): Promise<{ events: TrainPeelEvent[]; trained?: TrainedPeel }> {
  const training = trainPeel({ model, base, runtime, pictures: from, store: folderStore(join(root, folder)) }, { ...options, ...more });
  const events: TrainPeelEvent[] = [];
  for (;;) {
    const { done, value } = await training.next();
    if (done) return { events, trained: value };
    events.push(value);
    if (value.type !== 'step' || value.step < leave) continue;
    await training.return(undefined as never);
    return { events };
  }
}
const losses = (events: TrainPeelEvent[]) => events.flatMap((e) => (e.type === 'step' ? [e.loss] : []));

describe('the step', () => {
  test.each(OBJECTIVES)('%s: trains A and B of the asked layers and nothing else', (objective) => {
    const { program, specs } = peelProgram(config, { batch: 2, tokens: 6, rank: 3, layers: ['attention', 'ends'], objective });
    check(program.graph, { trainable: true });
    const modules = new Set([...specs.keys()].map((key) => key.replace(/\.lora_[AB]\.weight$/, '')));
    expect(modules.size).toBe(3 * config.transformer.depth + 2);
    expect([...modules].every((m) => ['attention', 'ends'].includes(adaptable(config).get(`${m}.weight`)!.adapt!))).toBe(true);
    expect(
      Object.keys(program.graph.outputs)
        .filter((key) => /^next\/(?!(m|v|ema)\/|step)/.test(key))
        .sort(),
    ).toEqual([...specs.keys()].map((key) => `next/${key}`).sort());
  });

  test('every group has layers, and together they are all that can be adapted but the references', () => {
    const list = [...adaptable(config)];
    for (const group of LAYERS)
      expect(
        list.some(([, spec]) => spec.adapt === group),
        group,
      ).toBe(true);
    const rest = list.filter(
      ([path, { adapt }]) => !path.includes('reference') && !(LAYERS as readonly (string | undefined)[]).includes(adapt),
    );
    expect(rest.map(([path]) => path)).toEqual(['transformer.time.weight', 'transformer.guidance.weight']);
  });

  test('a new Peel changes nothing: on what the base predicts itself the loss is none', async () => {
    const base = await painter();
    const bucket = bucketOf(2, 3);
    const rows = await priorRows(base, flatPeels(model), bucket, 'a fox', random(3));
    expect(rows.map((r) => r.t)[0]).toBe(1);
    const { program, specs } = peelProgram(config, { batch: 2, tokens: 6, rank: 3, layers: ['attention'], objective: 'image' });
    const session = await runtime.compile(program.graph, { weights: model.weights });
    const feeds = {
      ...program.begin(initialize(specs, random(0))),
      ...peelBatch(rows, { rows: 2, columns: 3 }, config),
      rate: scalar(0),
    };
    const names = new Set(session.inputs.map((p) => p.name));
    const { distance } = await session.run(Object.fromEntries(Object.entries(feeds).filter(([key]) => names.has(key))));
    expect(distance!.data[0]).toBeLessThan(1e-8);
    await session.release();
    await base.release();
  });

  test('times: those of the sampler, or any', () => {
    const draw = (objective: 'image' | 'velocity' | 'consistency') =>
      Array.from(
        { length: 200 },
        (
          (rng) => () =>
            trainingTime(objective, rng)
        )(random(1)),
      );
    expect(new Set(draw('image'))).toEqual(new Set([1, 0.75, 0.5, 0.25]));
    for (const objective of ['velocity', 'consistency'] as const) expect(draw(objective).every((t) => t > 0 && t <= 1)).toBe(true);
  });
});

describe('training', () => {
  let falls: TrainedPeel | undefined;

  test.each<[number, boolean, number]>([
    [4, true, 0],
    [6, true, 1],
    [24, true, 2],
    [24, false, 0],
  ])('of %i pictures, holding out %s: %i are held out, the others learned from', async (count, heldOut, expected) => {
    const from = Array.from({ length: count }, (_, i) => pictures[i % pictures.length]!);
    const { events } = await run(`held ${count} ${heldOut}`, { heldOut, prior: 0, steps: 4 }, { from, leave: 1 });
    expect(events.find((e) => e.type === 'pictures')).toMatchObject({ pictures: count - expected, heldOut: expected });
  });

  test.each(OBJECTIVES)('%s: the loss falls, and what is kept beats the base on the picture held out', async (objective) => {
    const { events, trained } = await run(`falls-${objective}`, { objective, steps: 60 });
    falls = trained;
    const all = losses(events);
    expect(Math.min(...all.slice(-5))).toBeLessThan(0.9 * all[0]!);
    const heldOut = events.filter((e) => e.type === 'heldOut');
    expect(heldOut.length).toBeGreaterThan(5);
    expect(Math.min(...heldOut.map((e) => e.loss))).toBeLessThan(heldOut[0]!.base);
    expect(trained!.keptStep).toBe(heldOut.filter((e) => e.best).at(-1)!.step);
    expect(trained!.info).toMatchObject({
      name: 'disc',
      base,
      rank: 4,
      triggers: ['disc style'],
      training: { pictures: 5, objective, steps: trained!.keptStep },
    });
  });

  test('the file fits the model, has its effect, and says nothing of captions', async () => {
    const trained = falls!;
    const bytes = new Uint8Array(Buffer.concat(trained.chunks as Uint8Array[]));
    const peel = fitPeel(await readPeel(bytes, 'x'), adaptable(config), base, 'x');
    expect(peel.info).toEqual(trained.info);
    expect(Buffer.from(bytes).includes('a red disc')).toBe(false);
    expect(Buffer.from(bytes).includes(root)).toBe(false);
    const networks = openNetworks(runtime, config, model.weights);
    const see = async (of: typeof networks) =>
      of.velocity(await of.condition([1, 9, 2]), { rows: 2, columns: 2 }, { guidance: 3 })(random(1).normals(4 * config.channels), 1);
    expect(await see(networks.withPeels(withPeel(NO_PEELS, peel)))).not.toEqual(await see(networks));
    await networks.release();
  });

  test('left and taken up again equals never left; another setting starts anew', async () => {
    const whole = await run('whole', { steps: 24 });
    const { events } = await run('parts', { steps: 24 }, { leave: 12 });
    expect(losses(events)).toEqual(losses(whole.events).slice(0, losses(events).length));
    const rest = await run('parts', { steps: 24 });
    expect(losses(rest.events)).toHaveLength(losses(whole.events).length - losses(events).length);
    expect(rest.trained!.tensors).toEqual(whole.trained!.tensors);
    expect(rest.trained!.curve).toEqual(whole.trained!.curve);
    const other = await run('parts', { steps: 24, rank: 2 });
    expect(losses(other.events)).toHaveLength(losses(whole.events).length);
    await clearTraining(folderStore(join(root, 'parts')));
    expect(existsSync(join(root, 'parts'))).toBe(false);
  });

  test('what is to be kept is kept: with the base among the rows its own predictions move less', async () => {
    const moved = async (prior: number) => {
      const { trained } = await run(`prior-${prior}`, { prior, batch: 4, steps: 60, trigger: 'zzz' });
      const bare = await painter();
      const bucket = bucketOf(4, 4);
      const [row] = await priorRows(bare, flatPeels(model), bucket, 'a castle at night', random(8));
      const { noisy, t, target, guidance } = row!;
      const tuned = await bare.read(
        'a castle at night',
        [],
        withPeel(NO_PEELS, { info: trained!.info, hash: '', tensors: trained!.tensors }),
      );
      const v = await tuned.velocity(bucket.layout, { guidance })(noisy as Float32Array<ArrayBuffer>, t);
      await bare.release();
      return target.reduce((sum, x, i) => sum + (noisy[i]! - t * v[i]! - x) ** 2, 0);
    };
    expect(await moved(2)).toBeLessThan(0.7 * (await moved(0)));
  });

  test('pictures of several shapes, transparent ones, few ones, samples: sessions by size, thumbnails inside', async () => {
    const shapes = [disc(160, 90, [200, 0, 0]), disc(90, 160, [0, 200, 0]), disc(80, 80, [0, 0, 200], { clear: true })];
    const before = compiled;
    const { events, trained } = await run(
      'shapes',
      { steps: 12, samples: true, flips: true, trigger: '' },
      { from: shapes.map((one) => ({ image: one, caption: '' })) },
    );
    expect(events.find((e) => e.type === 'pictures')).toMatchObject({ pictures: 3, heldOut: 0 });
    expect(events.filter((e) => e.type === 'heldOut')).toEqual([]);
    expect(events.flatMap((e) => (e.type === 'samples' && e.samples.length > 0 ? [e.samples[0]!.stage] : []))).toEqual([
      'before',
      'during',
      'after',
    ]);
    expect(trained!.info.thumbnails).toHaveLength(2);
    expect(trained!.info.triggers).toEqual([]);
    expect(compiled - before).toBeLessThan(14);
  });

  test('by the clock', async () => {
    const { trained } = await run('clock', { steps: undefined, seconds: 8 });
    expect(trained).toMatchObject({ stopped: 'seconds', keptStep: expect.any(Number) });
    expect(trained!.keptStep).toBeGreaterThan(0);
    await expect(run('no time', { steps: undefined, seconds: 0.001 })).rejects.toThrow('not one step');
  });

  test('refusals', async () => {
    for (const wrong of [
      { name: 'a b' },
      { rank: 0 },
      { rank: 2.5 },
      { batch: 0 },
      { prior: 4 },
      { rate: 2 },
      { seed: -1 },
      { steps: 0 },
      { seconds: -1 },
      { objective: 'x' },
      { layers: [] },
      { layers: ['x'] },
      { trigger: 'a\nb' },
    ])
      expect(() => checkTrainOptions({ ...options, ...(wrong as Partial<TrainPeelOptions>) }), JSON.stringify(wrong)).toThrow();
    await expect(run('none', {}, { from: [] })).rejects.toThrow('no pictures');
    expect(await readdir(root)).not.toContain('none');
  });
});

describe('pictures', () => {
  const solid = (width: number, height: number) => disc(width, height, [9, 9, 9]);

  test('at most three shapes; square ones share a grid', () => {
    const big = { ...config, latentPixels: 32 };
    const [square, wide, other] = bucketsOf([solid(100, 100), solid(160, 90), solid(101, 99)], big);
    expect(square!.layout).toMatchObject([{ rows: 16, columns: 16 }]);
    expect(wide!.layout[0]!.columns).toBeGreaterThan(wide!.layout[0]!.rows);
    expect(other).toBe(square);
    const many = [
      [1, 1],
      [4, 3],
      [3, 4],
      [16, 9],
      [9, 16],
      [1, 1],
      [4, 3],
      [3, 4],
    ].map(([w, h]) => solid(w! * 20, h! * 20));
    expect(new Set(bucketsOf(many, big)).size).toBe(3);
  });

  test('opaque ones are cropped, transparent ones padded', () => {
    const crop = placed(solid(60, 30), 20, 20);
    expect(crop.data.filter((_, i) => i % 4 === 3).every((a) => a === 255)).toBe(true);
    const padded = placed(disc(60, 30, [9, 9, 9], { clear: true }), 20, 20);
    expect(padded.data.slice(0, 20 * 4 * 5).every((x) => x === 0)).toBe(true);
    expect(padded.data.some((x) => x > 0)).toBe(true);
  });

  test('mirrored twice is as before, once is not', () => {
    const one = disc(9, 6, [1, 2, 3]);
    expect(mirrored(mirrored(one)).data).toEqual(one.data);
    expect(mirrored(one).data).not.toEqual(one.data);
  });

  test('variants: over white and transparent, mirrored when asked', async () => {
    const base = await painter();
    const list = [];
    for await (const one of encodePictures(
      [pictures[0]!, { caption: 'a disc', image: disc(50, 50, [1, 2, 3], { clear: true }) }],
      base.encoder!,
      config,
      { flips: true },
    ))
      list.push(one);
    expect(list.map((p) => p.variants.map((v) => v.caption))).toEqual([
      ['a red disc', 'a red disc'],
      ['a disc, transparent background', 'a disc, transparent background', 'a disc', 'a disc'],
    ]);
    expect(list[1]!.variants[0]!.latent).not.toEqual(list[1]!.variants[2]!.latent);
    await base.release();
  });
});

test('rows are fed as they are', () => {
  const row: PeelRow = {
    caption: { ids: [1, 2, ...Array<number>(config.text.length - 2).fill(0)], count: 2 },
    noisy: new Float32Array(config.channels).fill(2),
    t: 0.5,
    target: new Float32Array(config.channels).fill(1),
    weight: 0.5,
    guidance: 3,
  };
  const second = { ...row, guidance: 4, near: { x: new Float32Array(config.channels), s: 0.25 } };
  const feeds = peelBatch([row, second], { rows: 1, columns: 1 }, config);
  expect(Object.fromEntries(['t', 's', 'own', 'weight', 'guidance', 'inverse'].map((key) => [key, [...feeds[key]!.data]]))).toEqual({
    t: [0.5, 0.5],
    s: [0.5, 0.25],
    own: [0, 1],
    weight: [0.5, 0.5],
    guidance: [3, 4],
    inverse: [2, 2],
  });
  expect(feeds.near!.data[0]).toBe(2);
  expect(feeds.near!.data[config.channels]).toBe(0);
});
