// Peels through the whole pipeline: named in the prompt or the options, found, fitted, noted in the recipe, gone without a trace.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loraNames } from '../adapters/lora.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { adaptable } from '../models/layers/adaptable.ts';
import { layersSpecs, packLayers, storedLayers, type LayersModel } from '../models/layers/file.ts';
import { mergePeels } from '../models/layers/merge.ts';
import { openPainter } from '../models/layers/painter.ts';
import { fileOf as modelFileOf } from '../models/open.ts';
import { lazily } from '../tensor/lazy.ts';
import { encodePeel, peelFitter, type PeelInfo } from '../adapters/peel.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Image } from '../image/image.ts';
import { float32, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { random } from '../util/random.ts';
import type { ImageEvent } from './events.ts';
import { decodeSafetensors, encodeSafetensors } from '../tensor/safetensors.ts';
import { planOf, relativeError } from '../quant/plan.ts';
import { peelShelf, peelsOf, type PeelSource } from './peels.ts';
import { parametersOf } from './recipe.ts';
import { openPipeline, type Pipeline } from './text-to-image.ts';
import type { GenerateOptions } from './request.ts';

const said = ['a fox, ink style, chalk style, gold style, flat style, transparent background'];
const model = tinyLayersModel({ said, abilities: ['references'] });
const base = { name: 'tiny-untrained', version: '0', preset: 'tiny', hash: 'abc' };

async function fileOf(name: string, seed: number, more: Partial<PeelInfo> = {}): Promise<Uint8Array> {
  const rng = random(seed);
  const tensors: Tensors = {};
  for (const [path, { shape }] of adaptable(model.config)) {
    const [width, out] = shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32(
      [width, 2],
      rng.normals(width * 2).map((x) => x / Math.sqrt(width)),
    );
    tensors[b] = float32(
      [2, out],
      rng.normals(2 * out).map((x) => x * 0.3),
    );
  }
  const info = {
    name,
    base,
    rank: 2,
    alpha: 2,
    layers: [],
    triggers: [`${name} style`],
    licence: 'CC0-1.0',
    thumbnails: [],
    training: {},
    ...more,
  };
  return new Uint8Array(Buffer.concat(await encodePeel({ info, tensors })));
}

const files: Record<string, Uint8Array> = {};
let reads = 0;
const source: PeelSource = async ({ name = '' }) => {
  if (!files[name]) throw new InputError('peel.missing', `no Peel "${name}"`);
  return { source: name, stamp: '1', read: async () => (reads++, files[name]!) };
};
let [runtime, compiled] = [undefined as unknown as Runtime, 0];
let pipeline: Pipeline;
beforeAll(async () => {
  for (const [i, name] of ['ink', 'chalk', 'gold'].entries()) files[name] = await fileOf(name, i);
  files.other = await fileOf('other', 9, { base: { ...base, hash: 'xyz' } });
  const inner = await ortNode({ threads: 1 });
  runtime = { ...inner, compile: (...args) => (compiled++, inner.compile(...args)) };
  pipeline = await openPipeline(await openPainter(model, runtime, { hash: 'abc' }), { peels: source });
});
afterAll(() => pipeline.release());

async function drawn(options: Partial<GenerateOptions>, from = pipeline): Promise<ImageEvent> {
  let last: ImageEvent | undefined;
  for await (const event of from.generate({ prompt: 'a fox', seed: 7, width: 64, height: 64, preview: 0, steps: 2, ...options }))
    if (event.type === 'image') last = event;
  return last!;
}
const difference = (a: Image, b: Image) => [...a.data].reduce((sum, x, i) => sum + Math.abs(x - b.data[i]!), 0);

describe('drawing', () => {
  test('on, stacked, weighed, off: the same bytes as before; sessions are made once, files read once', async () => {
    const before = await drawn({});
    const one = await drawn({ peels: [{ name: 'ink' }] });
    expect(one.image.data).not.toEqual(before.image.data);
    const [now, read] = [compiled, reads];
    expect((await drawn({ peels: [{ name: 'ink' }] })).image).toEqual(one.image);
    expect((await drawn({ peels: [{ name: 'ink', weight: 0.5 }] })).image.data).not.toEqual(one.image.data);
    expect(reads).toBe(read);
    const three = await drawn({ prompt: 'a fox <peel:ink> <peel:chalk:0.5>', peels: [{ name: 'gold', weight: -0.5 }] });
    expect(three.image.data).not.toEqual(one.image.data);
    expect(await drawn({})).toEqual(before);
    expect(compiled).toBe(now);
  });

  test('with a subject too, and off again without a trace', async () => {
    const options = {
      prompt: '<2> runs',
      references: [
        {
          slot: 2,
          image: {
            width: 32,
            height: 32,
            data: new Uint8ClampedArray(
              random(5)
                .normals(4096)
                .map((x) => 128 + 60 * x),
            ),
          },
        },
      ],
    };
    const before = await drawn(options);
    expect((await drawn({ prompt: 'runs' })).image.data).not.toEqual(before.image.data);
    expect((await drawn({ ...options, peels: [{ name: 'ink' }] })).image.data).not.toEqual(before.image.data);
    expect(await drawn(options)).toEqual(before);
  });

  test('the prompt and the options mean the same, and the recipe draws it again', async () => {
    const said = await drawn({ prompt: '<peel:ink:0.7> a fox' });
    const given = await drawn({ peels: [{ name: 'ink', weight: 0.7 }] });
    expect(said).toEqual(given);
    expect(said.recipe).toMatchObject({
      prompt: 'a fox',
      peels: [{ name: 'ink', weight: 0.7, hash: expect.stringMatching(/^[0-9a-f]{16}$/) }],
    });
    expect(await drawn({ prompt: said.recipe.prompt, peels: said.recipe.peels!.map(({ name, weight }) => ({ name, weight })) })).toEqual(
      said,
    );
    expect(parametersOf(said.recipe, said.text)).toMatch(/^a fox, ink style <peel:ink:0.7>\n.*Peel hashes: "ink: [0-9a-f]{16}"/);
    expect((await drawn({})).recipe).not.toHaveProperty('peels');
  });

  test('trigger words are added unless said, or the Peel is turned around', async () => {
    expect((await drawn({ peels: [{ name: 'ink' }], style: 'flat' })).text).toBe('a fox, ink style, flat style');
    expect((await drawn({ prompt: 'an Ink style fox', peels: [{ name: 'ink' }] })).text).toBe('an Ink style fox');
    expect((await drawn({ peels: [{ name: 'ink', weight: -1 }] })).text).toBe('a fox');
  });

  test('a prompt that is too long loses its own end, never the trigger words', async () => {
    const { text } = await drawn({ prompt: 'a fox in the snow on a hill at night', peels: [{ name: 'ink' }] });
    expect(text).toMatch(/^a fox.*, ink style$/);
    expect(text).not.toContain('night');
  });

  test('bytes need no library; names do', async () => {
    const alone = await openPipeline(await openPainter(model, runtime, { hash: 'abc' }));
    const { image } = await drawn({ peels: [{ bytes: files.ink! }] }, alone);
    expect(image).toEqual((await drawn({ peels: [{ name: 'ink' }] })).image);
    await expect(drawn({ peels: [{ name: 'ink' }] }, alone)).rejects.toThrow('there is no library here');
    await alone.release();
  });

  test('one baked in draws what one applied does', async () => {
    const stack = await peelShelf(
      peelFitter(() => adaptable(model.config), base),
      source,
    )([{ name: 'ink', weight: 0.8 }]);
    const merged = mergePeels(model, stack, 'tiny-ink');
    expect(merged.manifest).toMatchObject({ name: 'tiny-ink', licence: expect.stringContaining('ink 0.8 (CC0-1.0)') });
    const baked = await openPipeline(await openPainter(merged, runtime, { hash: 'abc' }));
    const plain = await drawn({ prompt: 'a fox, ink style' });
    const [applied, drawnBaked] = [
      await drawn({ peels: [{ name: 'ink', weight: 0.8 }] }),
      await drawn({ prompt: 'a fox, ink style' }, baked),
    ];
    expect(difference(applied.image, drawnBaked.image)).toBeLessThan(0.05 * difference(applied.image, plain.image));
    await baked.release();
  });
});

test("a merged model's file of 4 bits holds what the Peel added, and leaves all else as it was", async () => {
  const read = (from: LayersModel, plan = from.plan) => {
    const { tensors, metadata } = packLayers(from, plan);
    const bytes = new Uint8Array(Buffer.concat(encodeSafetensors(tensors, metadata)));
    return storedLayers(modelFileOf(decodeSafetensors(bytes, 'test')), 'test');
  };
  const four = read(model, planOf(layersSpecs(model.config)));
  const stack = await peelShelf(
    peelFitter(() => adaptable(model.config), base),
    source,
  )([{ name: 'ink', weight: 0.1 }]);
  const merged = mergePeels(four, stack, 'tiny-ink');
  const [old, exact, back] = [four, merged, read(merged)].map(({ weights }) => lazily(weights));
  let changed = 0;
  for (const path of exact!.names) {
    const [before, wanted, found] = [old!, exact!, back!].map(({ read }) => read(path).data as Float32Array);
    if (wanted!.every((x, i) => x === before![i])) expect(found, path).toEqual(wanted);
    else {
      changed++;
      expect(relativeError(found!, wanted!), path).toBeLessThan(1e-4); // 4 bits: some 6e-3
    }
  }
  expect(changed).toBe(adaptable(model.config).size);
});

describe('refusals', () => {
  test.each<[string, Partial<GenerateOptions>]>([
    ['one of name, path and bytes', { peels: [{}] }],
    ['one of name, path and bytes', { peels: [{ name: 'a', path: 'b' }] }],
    ['one of name, path and bytes', { peels: [null as never] }],
    ['expected a list', { peels: 'ink' as never }],
    ['cannot name a Peel', { peels: [{ name: '../ink' }] }],
    ['expected a number from -4 to 4', { peels: [{ name: 'ink', weight: 40 }] }],
    ['at most 8', { peels: Array(9).fill({ name: 'ink' }) }],
    ['used twice', { prompt: 'x <peel:ink>', peels: [{ name: 'ink' }] }],
    ['no Peel "none"', { peels: [{ name: 'none' }] }],
    ['made for tiny-untrained 0 (xyz)', { peels: [{ name: 'other' }] }],
    ['the prompt is empty', { prompt: '<peel:ink>' }],
  ])('%s', async (why, options) => {
    await expect(drawn(options)).rejects.toThrow(why);
  });

  test('forced, one of another model draws', async () => {
    expect((await drawn({ peels: [{ name: 'other', force: true }] })).recipe.peels).toMatchObject([{ name: 'other' }]);
  });

  test('no Peels: the prompt is left as it is', () => {
    expect(peelsOf({ prompt: ' a <1> fox ' })).toEqual({ prompt: 'a <1> fox', peels: [] });
  });
});
