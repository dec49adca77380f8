// A folder of Nitro-E's parts draws through the same pipeline as every family; what is missing is said.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixturesOf } from '../../../test/open-weights.ts';
import { openPipeline, type Pipeline } from '../../draw/text-to-image.ts';
import type { GenerateOptions } from '../../draw/request.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Image } from '../../image/image.ts';
import { bytesRanges } from '../../tensor/ranges.ts';
import { safetensorsWeights } from '../../tensor/weights.ts';
import { nitroPainter } from './painter.ts';
import { nitroParts, type Folder } from './parts.ts';

const { path, textOf, weightsOf } = fixturesOf('nitro');
const FILES = [
  'Nitro-E-512px-dist.safetensors',
  'taesana_decoder.pth',
  'text_encoder/config.json',
  'text_encoder/model.safetensors',
  'tokenizer/tokenizer.json',
];
/** The fixture, files by other names. */
const folder = (names: Record<string, string> = Object.fromEntries(FILES.map((name) => [name, name]))): Folder => ({
  source: 'nitro',
  names: Object.keys(names),
  text: async (name) => textOf(names[name]!),
  weights: (name) => weightsOf(names[name]!),
});
const without = (name: string, more: Record<string, string> = {}) =>
  folder({ ...Object.fromEntries(FILES.filter((one) => one !== name).map((one) => [one, one])), ...more });

const runtime = await ortNode({ threads: 1 });
const opened = async (files: Folder) => openPipeline(await nitroPainter(await nitroParts(files), runtime, { name: 'nitro', hash: '0' }));
const MODEL = FILES[0]!;

async function drawn(pipeline: Pipeline, options: Partial<GenerateOptions>): Promise<Image> {
  for await (const event of pipeline.generate({ prompt: 'a fox', seed: 1, width: 64, height: 64, preview: 0, ...options }))
    if (event.type === 'image') return event.image;
  throw new Error('no picture');
}
const hash = ({ data }: Image) => Buffer.from(data).toString('base64');

describe('the distilled model', () => {
  let pipeline: Pipeline;
  beforeAll(async () => void (pipeline = await opened(folder())));
  afterAll(() => pipeline.release());

  test('draws in four steps; the same bytes twice, others for another prompt and seed', async () => {
    expect(pipeline.model).toMatchObject({ family: 'nitro', defaultSteps: 4, guidance: 1, abilities: [], tokens: 256, promptTokens: 128 });
    const first = hash(await drawn(pipeline, {}));
    expect(hash(await drawn(pipeline, {}))).toBe(first);
    expect(hash(await drawn(pipeline, { prompt: 'A FOX ' }))).toBe(first);
    for (const change of [{ prompt: 'a dog' }, { seed: 2, steps: 2 }]) expect(hash(await drawn(pipeline, change))).not.toBe(first);
  });

  test('a wide picture is the middle of the square', async () => {
    const [wide, square] = [await drawn(pipeline, { width: 128 }), await drawn(pipeline, { width: 128, height: 128 })];
    const rows = square.data.subarray(32 * 128 * 4, 96 * 128 * 4);
    expect(hash(wide)).toBe(Buffer.from(rows).toString('base64'));
  });

  test('it has no guidance', async () => {
    await expect(drawn(pipeline, { guidance: 2 })).rejects.toMatchObject({ code: 'model.ability' });
  });
});

test('the whole model is guided; that of 1024 pixels has cells in the shape of the picture', async () => {
  const pipeline = await opened(without(MODEL, { 'transformer/Nitro-E-1024px.safetensors': MODEL }));
  expect(pipeline.model).toMatchObject({ defaultSteps: 20, guidance: 4.5, abilities: ['guidance'], tokens: 1024 });
  const few = { steps: 8, detail: 0.25, width: 96 } as const;
  const guided = hash(await drawn(pipeline, few));
  expect(hash(await drawn(pipeline, { ...few, guidance: 1 }))).not.toBe(guided);
  await pipeline.release();
});

test.each([
  [without(MODEL), 'nitro: of a Nitro-E model it lacks the denoiser (banana pull amd/Nitro-E'],
  [without('taesana_decoder.pth'), 'it lacks the decoder (taesana_decoder.pth of'],
  [without('text_encoder/model.safetensors'), 'it lacks the text encoder (Llama-3.2-1B'],
  [without('text_encoder/config.json'), 'nitro: text_encoder/config.json is missing; it belongs to the text encoder'],
  [without('tokenizer/tokenizer.json'), 'text_encoder/tokenizer.json is missing'],
  [without('', { 'b.safetensors': MODEL }), 'several denoisers: Nitro-E-512px-dist.safetensors and b.safetensors; keep one of them'],
])('%#: what is missing is named', async (files, message) => {
  await expect(nitroParts(files)).rejects.toMatchObject({
    name: 'InputError',
    code: 'model.missing',
    message: expect.stringContaining(message),
  });
});

test('a file that is cut short is told as such', async () => {
  const cut = { ...folder(), weights: async () => safetensorsWeights(bytesRanges(readFileSync(path(MODEL)).subarray(0, 1000), MODEL)) };
  await expect(nitroParts(cut)).rejects.toMatchObject({ name: 'InputError', message: expect.stringContaining(MODEL) });
});
