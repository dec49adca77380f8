// Training a Peel on preset tiny with random weights: what it learns is nothing to look at, but every promise can be held.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyLayersModel } from '../../../test/tiny-layers.ts';
import { adaptable } from '../../models/layers/adaptable.ts';
import { partsOf } from '../../models/layers/layout.ts';
import { fitPeel, readPeel } from '../../adapters/peel.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../../adapters/stack.ts';
import { check } from '../../graph/check.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { folderStore } from '../../disk/files.ts';
import { image, type Image } from '../../image/image.ts';
import { layeredPeels } from './layered.ts';
import { LAYERS } from './program.ts';
import { random } from '../../util/random.ts';
import { numbersOf } from '../../models/layout.ts';
import { mirrored, placed } from './pictures.ts';
import { priorRows } from './samples.ts';
import { checkTrainOptions, clearTraining, trainPeel, type TrainedPeel, type TrainPeelEvent, type TrainPeelOptions } from './train.ts';

const model = tinyLayersModel();
const { config } = model;
const family = layeredPeels(model);
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
/** A picture that fills its frame: learned as one, so with one program. */
function waves([r, g, b]: readonly [number, number, number]): Image {
  const one = image(64, 64);
  for (let i = 0; i < 64 * 64; i++) {
    const wave = 0.5 + 0.5 * Math.sin((i % 64) / 5 + Math.floor(i / 640));
    one.data.set([r * wave, g * wave, b * wave, 255], i * 4);
  }
  return one;
}
const pictures = ['red', 'green', 'blue', 'grey', 'pink', 'teal'].map((word, i) => ({
  caption: `a ${word} sea`,
  image: waves([40 * i, 255 - 40 * i, (i * 97) % 255]),
}));

const painter = () => family.painter(runtime, { hash: '', precision: 'float32', training: true });
const bucket = { name: 'one', layout: partsOf({ objects: 1, canvas: { rows: 4, columns: 4 } }, config.channels) };

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
  test('trains A and B of the asked layers and nothing else', () => {
    const { program, specs } = family.step(bucket, { batch: 2, rank: 3, layers: ['attention', 'ends'] });
    check(program.graph, { trainable: true });
    const modules = new Set([...specs.keys()].map((key) => key.replace(/\.lora_[AB]\.weight$/, '')));
    expect(modules.size).toBe(3 * config.transformer.depth + 4);
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
    expect(rest.map(([path]) => path)).toEqual(['transformer.time.weight']);
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

  test('the loss falls, below that of the base on the picture held out', async () => {
    const { events, trained } = await run('falls', { steps: 60 });
    falls = trained;
    const all = losses(events);
    expect(Math.min(...all.slice(-5))).toBeLessThan(0.9 * all[0]!);
    const heldOut = events.filter((e) => e.type === 'heldOut');
    expect(heldOut.length).toBeGreaterThan(5);
    expect(Math.min(...heldOut.map((e) => e.loss))).toBeLessThan(heldOut[0]!.base);
    expect(trained!.keptStep).toBe(heldOut.at(-1)!.step);
    expect(trained!.info).toMatchObject({
      name: 'disc',
      base,
      rank: 4,
      triggers: ['disc style'],
      training: { pictures: 5, steps: trained!.keptStep },
    });
  });

  test('the file fits the model, has its effect, and says nothing of captions', async () => {
    const trained = falls!;
    const bytes = new Uint8Array(Buffer.concat(trained.chunks as Uint8Array[]));
    const peel = fitPeel(await readPeel(bytes, 'x'), adaptable(config), base, 'x');
    expect(peel.info).toEqual(trained.info);
    expect(Buffer.from(bytes).includes('a red sea')).toBe(false);
    expect(Buffer.from(bytes).includes(root)).toBe(false);
    const bare = await painter();
    const see = async (peels: PeelStack) =>
      (await bare.read('a fox', [], peels)).velocity(bucket.layout, { guidance: 1 })(random(1).normals(numbersOf(bucket.layout)), 1);
    expect(await see(withPeel(NO_PEELS, peel))).not.toEqual(await see(NO_PEELS));
    await bare.release();
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
      const [row] = await priorRows(bare, family, bucket, 'a castle at night', random(8));
      const { noisy, t, target } = row!;
      const tuned = await bare.read(
        'a castle at night',
        [],
        withPeel(NO_PEELS, { info: trained!.info, hash: '', tensors: trained!.tensors }),
      );
      const v = await tuned.velocity(bucket.layout, { guidance: 1 })(noisy as Float32Array<ArrayBuffer>, t);
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
      { steps: 6, samples: true, flips: true, trigger: '' },
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
    const { trained } = await run('clock', { steps: undefined, seconds: 4, prior: 0 });
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
});
