// Whole models of the family, from folders and from a single file, against diffusers from the same noise: tiny ones with random weights
// (tools/reference/pipelines.py). And what cannot be drawn with, each told in one line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tensorsOf } from '../../test/open-weights.ts';
import type { GenerateOptions } from '../draw/request.ts';
import { openPipeline } from '../draw/text-to-image.ts';
import type { ModelFile, Painter } from '../models/family.ts';
import { canvasOf } from '../models/layout.ts';
import { openModelFile } from '../models/open.ts';
import { NO_PEELS } from '../adapters/stack.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { openRuntime } from '../runtime/select.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { fromHalf } from '../util/float16.ts';
import type { Random } from '../util/random.ts';
import { openModelFiles } from './model-files.ts';

const MODELS = fileURLToPath(new URL('../../test/fixtures/open-weights/stable-diffusion', import.meta.url));
const golden = tensorsOf('pipelines.safetensors');
const PROMPT = 'A photo of an astronaut, riding a horse!';

let runtime: Runtime;
beforeAll(async () => void (runtime = await openRuntime({ name: 'cpu', threads: 1 })));
afterAll(() => runtime.release?.());

/** (1, C, h, w) as (h, w, C). */
function channelsLast({ shape, data }: Tensor): Float32Array<ArrayBuffer> {
  const [, C, h, w] = shape as [number, number, number, number];
  const at = (i: number) => (i % C) * h * w + Math.floor(i / C);
  return Float32Array.from({ length: C * h * w }, (_, i) => data[at(i)] as number);
}

/** Signal to noise in decibels. */
function decibels(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [power, error] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    power += expected[i]! ** 2;
    error += (found[i]! - expected[i]!) ** 2;
  }
  expect(found.length).toBe(expected.length);
  return 10 * Math.log10(power / error);
}

/** Noise in the order in which diffusers drew it. */
function recorded(name: string): Random {
  let at = 0;
  return { normals: () => channelsLast(golden[`${name}.noise.${at++}`]!) } as unknown as Random;
}

async function drawn(painter: Painter, name: string, { steps, guidance }: { steps: number; guidance: number }) {
  const layout = canvasOf({ rows: 4, columns: 4 }, 4);
  const condition = await painter.read(PROMPT, [], NO_PEELS);
  const velocity = condition.velocity(layout, { guidance });
  let latent = new Float32Array();
  for await (const step of painter.sampler(velocity, channelsLast(golden.noise!), painter.times(steps), recorded(name)))
    latent = step.latent;
  const size = { width: 32, height: 32 };
  const { data } = await (await painter.decode(latent, layout)).render({ x: 0, y: 0, ...size }, size);
  return { latent, picture: [...(data as Float32Array)].filter((_, i) => i % 4 < 3) };
}

test.each(['sd1', 'turbo', 'sdxl', 'sdxs', 'single'])('%s: what the networks ask for is there, and nothing more', async (name) => {
  const files = await openModelFiles(join(MODELS, name));
  const parts = openModelFile(files, name).parts!();
  files.close();
  const unread = name === 'sdxl' ? /^text_model\.(encoder\.layers\.1\.|final_layer_norm)/ : /^$/; // SDXL leaves out its first encoder's last layer
  for (const { name: part, asked, found } of parts) {
    expect(
      asked.filter((one) => !found.includes(one)),
      part,
    ).toEqual([]);
    expect(
      found.filter((one) => !asked.includes(one) && !unread.test(one)),
      part,
    ).toEqual([]);
  }
  expect(parts.map((part) => part.name)).toContain('U-Net');
});

async function painterOf(path: string, change: (files: ModelFile) => ModelFile = (files) => files): Promise<Painter> {
  const files = await openModelFiles(path);
  const painter = await openModelFile(change(files), path).painter(runtime, { hash: 'x' });
  files.close();
  return painter;
}

describe('the same noise gives what diffusers draws, at 60 dB or more', () => {
  test.each([
    ['sd1', { steps: 3, guidance: 7.5 }, 20],
    ['turbo', { steps: 2, guidance: 1 }, 4],
    ['sdxl', { steps: 3, guidance: 5 }, 20],
    ['sdxs', { steps: 1, guidance: 1 }, 1],
    ['single', { steps: 4, guidance: 7.5 }, 20],
  ] as const)('%s', async (name, how, usual) => {
    const painter = await painterOf(join(MODELS, name));
    const { latent, picture } = await drawn(painter, name, how);
    expect(decibels(latent, channelsLast(golden[`${name}.latent`]!))).toBeGreaterThan(60);
    const expected = golden[`${name}.picture`]!;
    const halves = { ...expected, data: Float32Array.from(expected.data as Uint16Array, fromHalf) } as unknown as Tensor;
    expect(decibels(picture, channelsLast(halves))).toBeGreaterThan(60);
    expect(painter.info.defaultSteps).toBe(usual);
    await painter.release();
  });

  test('a consistency model, which is told the guidance', async () => {
    const lcm = await openModelFiles(join(MODELS, 'sd1'));
    const unet = tensorsOf('lcm/unet/diffusion_pytorch_model.safetensors');
    const scheduler = JSON.stringify({ _class_name: 'LCMScheduler', beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' });
    const painter = await painterOf(join(MODELS, 'sd1'), (files) => ({
      ...files,
      tensors: new Map([...files.tensors, ...Object.entries(unet).map(([name, t]) => [`unet/${name}`, t] as const)]),
      read: (name) => unet[name.replace('unet/', '')] ?? files.read(name),
      text: (path) =>
        path === 'scheduler/scheduler_config.json'
          ? scheduler
          : path === 'unet/config.json'
            ? readFileSync(join(MODELS, 'lcm', path), 'utf8')
            : files.text(path),
    }));
    lcm.close();
    const { latent } = await drawn(painter, 'lcm', { steps: 4, guidance: 8.5 });
    expect(decibels(latent, channelsLast(golden['lcm.latent']!))).toBeGreaterThan(60);
    expect(painter.info).toMatchObject({ defaultSteps: 4, guidance: 8.5 });
    await painter.release();
  });
});

describe('what is not done twice', () => {
  /** A runtime that notes which graphs are run. */
  const noting = (notes: string[]): Runtime => ({
    ...runtime,
    async compile(graph, options) {
      const session = await runtime.compile(graph, options);
      return { ...session, run: (feeds) => (notes.push(graph.name), session.run(feeds)) };
    },
  });
  const count = (notes: readonly string[], name: string) => notes.filter((one) => one === name).length;
  async function* drawing(model: string, ...requests: Partial<GenerateOptions>[]) {
    const notes: string[] = [];
    const files = await openModelFiles(join(MODELS, model));
    const pipeline = openPipeline(await openModelFile(files, model).painter(noting(notes), { hash: 'x' }));
    for (const request of requests) {
      const previews: string[] = [];
      for await (const event of pipeline.generate({ prompt: 'a fox', width: 64, height: 64, steps: 4, seed: 1, preview: 0, ...request }))
        if (event.type === 'preview') previews.push(String(event.image.data));
      yield { notes: notes.splice(0), previews };
    }
    await pipeline.release();
    files.close();
  }

  test('a text: the second picture of the same prompt does not read it again, nor what is not to be there', async () => {
    const negative = { negative: 'a horse', guidance: 3 };
    const found: number[][] = [];
    for await (const { notes } of drawing('sd1', negative, { ...negative, seed: 2 }, { ...negative, prompt: 'a dog' }))
      found.push([count(notes, 'text'), count(notes, 'unet')]);
    expect(found).toEqual([
      [2, 8],
      [0, 8],
      [1, 8],
    ]);
  });

  test('pixels: previews are glances but the last, for which the decoder is asked once', async () => {
    const found: number[] = [];
    for await (const { notes, previews } of drawing('sd1', { preview: 16 }, { preview: 16, seed: 2 }, {})) {
      found.push(count(notes, 'decode'));
      expect(new Set(previews).size).toBe(previews.length);
    }
    expect(found).toEqual([2, 1, 1]);
  });
});
