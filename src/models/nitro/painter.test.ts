// A folder of Nitro-E's parts draws through the same pipeline as every family; what is missing is said.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixturesOf } from '../../../test/open-weights.ts';
import { run } from '../../cli/run.ts';
import type { Pipeline } from '../../draw/text-to-image.ts';
import type { GenerateOptions } from '../../draw/request.ts';
import type { Image } from '../../image/image.ts';
import { NO_PEELS } from '../../adapters/stack.ts';
import { distance } from '../../doctor/numbers.ts';
import { importModel } from '../../node/import.ts';
import { loadPainter, loadPipeline } from '../../node/load.ts';

const { path } = fixturesOf('nitro');
const FILES = [
  'Nitro-E-512px-dist.safetensors',
  'taesana_decoder.pth',
  'text_encoder/config.json',
  'text_encoder/model.safetensors',
  'tokenizer/tokenizer.json',
];
const MODEL = FILES[0]!;
const folder = mkdtempSync(join(tmpdir(), 'banana-nitro-'));
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
/** A folder like the fixture's without a file, and with others: copies of the fixture's, or bytes. */
function laid(without: string, more: Record<string, string | Uint8Array> = {}): string {
  const place = join(folder, `nitro${count++}`);
  for (const name of FILES.filter((one) => one !== without)) lay(join(place, name), name);
  for (const [name, content] of Object.entries(more)) lay(join(place, name), content);
  return place;
}
function lay(to: string, content: string | Uint8Array): void {
  mkdirSync(dirname(to), { recursive: true });
  if (typeof content === 'string') copyFileSync(path(content), to);
  else writeFileSync(to, content);
}

const opened = (model: string) => loadPipeline({ model, threads: 1 });

async function drawn(pipeline: Pipeline, options: Partial<GenerateOptions>): Promise<Image> {
  for await (const event of pipeline.generate({ prompt: 'a fox', seed: 1, width: 64, height: 64, preview: 0, ...options }))
    if (event.type === 'image') return event.image;
  throw new Error('no picture');
}
const hash = ({ data }: Image) => Buffer.from(data).toString('base64');

describe('the distilled model', () => {
  let pipeline: Pipeline;
  beforeAll(async () => void (pipeline = await opened(path('.'))));
  afterAll(() => pipeline.release());

  test('draws in four steps; the same bytes twice, whatever the case, others for another prompt and seed', async () => {
    expect(pipeline.model).toMatchObject({ family: 'nitro', defaultSteps: 4, guidance: 1, abilities: [], tokens: 256, promptTokens: 128 });
    const first = hash(await drawn(pipeline, {}));
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
  const pipeline = await opened(laid(MODEL, { 'Nitro-E-1024px.safetensors': MODEL }));
  expect(pipeline.model).toMatchObject({ defaultSteps: 20, guidance: 4.5, abilities: ['guidance'], tokens: 1024 });
  const few = { steps: 8, detail: 0.25, width: 96 } as const;
  const guided = hash(await drawn(pipeline, few));
  expect(hash(await drawn(pipeline, { ...few, guidance: 1 }))).not.toBe(guided);
  await pipeline.release();
});

test.each([
  [MODEL, {}, 'no .safetensors file in this folder is a model'],
  ['taesana_decoder.pth', {}, 'it lacks the decoder (taesana_decoder.pth of'],
  ['text_encoder/model.safetensors', {}, 'it lacks the text encoder (Llama-3.2-1B'],
  ['text_encoder/config.json', {}, ': text_encoder/config.json is missing; it belongs to the text encoder'],
  ['tokenizer/tokenizer.json', {}, 'text_encoder/tokenizer.json is missing'],
  ['', { 'b.safetensors': MODEL }, 'several denoisers: Nitro-E-512px-dist.safetensors and b.safetensors; keep one of them'],
])('without "%s" and with %j: what is wrong is said', async (without, more, message) => {
  await expect(opened(laid(without, more))).rejects.toMatchObject({
    name: 'InputError',
    code: 'model.missing',
    message: expect.stringContaining(message),
  });
});

test('a part that is cut short, and one that is a page, are told as such', async () => {
  const cut = readFileSync(path('text_encoder/model.safetensors')).subarray(0, 20_000);
  const name = 'text_encoder/model.safetensors';
  await expect(opened(laid(name, { [name]: cut }))).rejects.toMatchObject({
    code: 'safetensors.range',
    message: expect.stringContaining('model.safetensors'),
  });
  const page = new TextEncoder().encode('<!doctype html><title>Sign in</title>');
  await expect(opened(laid(name, { [name]: page }))).rejects.toMatchObject({ message: expect.stringContaining('an HTML page') });
});

test('the denoiser alone says what else it needs; the commands draw with a folder, and look at it', async () => {
  const told = async (...args: string[]) => {
    let [out, err] = ['', ''];
    const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
    return { code: await run(args, io), out, err };
  };
  await expect(opened(path(MODEL))).rejects.toMatchObject({
    message: expect.stringMatching(/lacks the text encoder .+, and the decoder .+/),
  });
  const report = await told('doctor', path('.'), '--threads', '1');
  expect(report.out).toMatch(/^Nitro-E-512px-dist: family nitro, distilled, [\da-f]{16}\n/);
  for (const part of ['text encoder', 'denoiser', 'decoder']) expect(report.out).toMatch(new RegExp(`${part} .+ none\n`));
  expect(report.out).toMatch(/velocity, step 2 .+another prompt changes the first velocity by [1-9]/s);
});

test('imported as one file: its velocity is that of the folder', async () => {
  const out = join(folder, 'one.safetensors');
  const io = { out: () => {}, err: (text: string) => expect.unreachable(text), terminal: false };
  expect(await run(['import', path('.'), '--out', out], io)).toBe(0);
  const velocity = async (model: string) => {
    const { painter } = await loadPainter({ model, threads: 1 });
    const condition = await painter.read('a fox', [], NO_PEELS);
    const x = Float32Array.from({ length: 512 }, (_, i) => Math.sin(i));
    const v = await condition.velocity(condition.layout({ width: 64, height: 64 }, 1), { guidance: 1 })(x, 0.5);
    await painter.release();
    return v;
  };
  expect(distance(await velocity(out), await velocity(path('.')))).toBeLessThan(1e-3);
  await expect(importModel('pico', out, 8)).rejects.toMatchObject({ code: 'model.ability' });
  await expect(importModel(out, out, 8)).rejects.toMatchObject({ code: 'file.write' });
});
