// What a look at a model says of one that is well, and of ones that are not.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { NO_PEELS } from '../adapters/stack.ts';
import type { Painter } from '../models/family.ts';
import { canvasOf } from '../models/layout.ts';
import { fixturesOf } from '../../test/open-weights.ts';
import { importModel } from '../node/import.ts';
import { loadPainter } from '../node/load.ts';
import { float32 } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { examine } from './examine.ts';
import { distance, numbersOf } from './numbers.ts';
import { leftOver, reportOf } from './parts.ts';

const small = { size: { width: 64, height: 64 } };

describe('the shipped model', () => {
  let painter: Painter;
  beforeAll(async () => void ({ painter } = await loadPainter({ threads: 1 })));
  afterAll(() => painter.release());

  test('is well: every stage is told, with what to expect', async () => {
    const { stages, findings, heard, expected, steps } = await examine(painter, small);
    expect(findings).toEqual([]);
    expect(stages.map(({ name, step }) => `${name} ${step ?? ''}`.trim())).toEqual([
      'text',
      'velocity 1',
      'velocity 2',
      'latent',
      'pixels',
    ]);
    expect(steps).toBe(2);
    expect(heard).toBeGreaterThan(0.01);
    expect(expected.all).toBeCloseTo(expected.text + painter.info.defaultSteps * expected.step + expected.pixels, 9);
  });

  /** The model with another way to predict or to draw. */
  const sick = (velocity: (v: Float32Array) => Float32Array, pixel?: number) => (): Painter => ({
    ...painter,
    async read(...prompt) {
      const condition = await painter.read(...prompt);
      return {
        ...condition,
        velocity: (...given) => {
          const well = condition.velocity(...given);
          return async (x, t) => velocity(await well(x, t));
        },
      };
    },
    ...(pixel !== undefined && {
      decode: async () => ({
        render: async ({ width, height }) => float32([1, height, width, 4], new Float32Array(width * height * 4).fill(pixel)),
      }),
    }),
  });
  test.each([
    ['NaN', sick((v) => v.map((x, i) => (i === 3 ? NaN : x))), /^velocity of step 1: 1 of \d+ numbers are NaN or infinite$/],
    ['too far', sick((v) => v.map((x) => 1e4 * x)), /^velocity of step 1: its numbers spread by .+e\+4, expected 0.02 to 50$/],
    ['deaf', sick((v) => v.map((_, i) => Math.sin(i))), /^the prompt is not heard: another one changes the velocity by 0.0 %$/],
    ['black', sick((v) => v, -1), /^pixels: its numbers spread by 0.00, expected .+: a picture of one colour/],
  ])('%s is found', async (_, model, finding) => {
    expect((await examine(model(), small)).findings).toContainEqual(expect.stringMatching(finding));
  });
});

test('the command: a report for people, or as JSON', async () => {
  const told = async (...flags: string[]) => {
    let [out, err] = ['', ''];
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
    return { code: await run(['doctor', 'pico', '--threads', '1', ...flags], io), out, err };
  };
  expect(await told()).toEqual({
    code: 0,
    err: '',
    out: expect.stringMatching(/family layers, pico.+velocity, step 2 .+nothing is wrong\n$/s),
  });
});

test('a folder of Stable Diffusion: what nothing asks for; as one file it has the same numbers', async () => {
  const { path } = fixturesOf('stable-diffusion');
  const { model, painter } = await loadPainter({ model: path('sdxl'), threads: 1 });
  const [text, ...others] = model.parts!().map(reportOf);
  expect(text).toMatchObject({ name: 'text encoder', tensors: 36, stored: ['F16'], missing: [] });
  expect(text!.unused.every((name) => /layers\.1\.|final_layer_norm/.test(name))).toBe(true); // SDXL reads the last layer but one
  expect(others.map(({ name, unused, missing }) => [name, ...unused, ...missing])).toEqual([
    ['text encoder 2'],
    ['U-Net'],
    ['autoencoder'],
  ]);
  const folder = mkdtempSync(join(tmpdir(), 'banana-import-'));
  const one = join(folder, 'one.safetensors');
  await importModel(path('sdxl'), one, 8);
  const imported = await loadPainter({ model: one, threads: 1 });
  const numbers = async (found: Painter) => (await examine(found, small)).stages.map((stage) => stage.numbers);
  expect(await numbers(imported.painter)).toEqual(await numbers(painter));
  for (const opened of [imported.painter, painter]) await opened.release();
  rmSync(folder, { recursive: true });
});

test('a checkpoint in one file is imported as the folder that it could have been', async () => {
  const { path } = fixturesOf('stable-diffusion');
  const folder = mkdtempSync(join(tmpdir(), 'banana-import-'));
  const [source, one] = [path('single/tiny.safetensors'), join(folder, 'one.safetensors')];
  await importModel(source, one, 16);
  const [from, to] = [await loadPainter({ model: source, threads: 1 }), await loadPainter({ model: one, threads: 1 })];
  for (const { tensors, unused, missing } of to.model.parts!().map(reportOf))
    expect([tensors > 0, unused, missing]).toEqual([true, [], []]);
  expect(to.painter.info).toMatchObject({ ...from.painter.info, hash: to.painter.info.hash, name: 'one' });
  const text = 'a photo of an astronaut riding a horse!';
  expect(to.painter.tokensIn(text)).toBe(from.painter.tokensIn(text));
  const layout = canvasOf({ rows: 4, columns: 4 }, 4);
  const x = random(0).normals(4 * 4 * 4);
  const velocity = async ({ painter }: typeof from) => (await painter.read(text, [], NO_PEELS)).velocity(layout, { guidance: 1 })(x, 0.5);
  const pixels = async ({ painter }: typeof from) => {
    const size = { width: 32, height: 32 };
    return (await (await painter.decode(x, layout)).render({ x: 0, y: 0, ...size }, size)).data as Float32Array;
  };
  for (const look of [velocity, pixels]) expect(distance(await look(to), await look(from))).toBeLessThan(0.01); // of 32 bits became 16
  for (const { painter } of [from, to]) await painter.release();
  rmSync(folder, { recursive: true });
});

test('the rest of a summary is of the numbers that are some', () => {
  expect(numbersOf([1, NaN, 3, Infinity])).toEqual({ count: 4, bad: 2, min: 1, max: 3, mean: 2, deviation: 1 });
});

test('tensors that nothing asks for are named, and those that lack', () => {
  const part = reportOf({ name: 'text', asked: ['a', 'b'], found: ['b', 'c', 'd', 'e'], stored: ['BF16'], numbers: 9 });
  expect(part).toMatchObject({ tensors: 4, unused: ['c', 'd', 'e'], missing: ['a'] });
  expect(leftOver(part.unused)).toBe('3: c, d, ...');
});
