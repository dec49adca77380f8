// Adapters of other tools on tiny models, against what diffusers, PEFT and LyCORIS make of the same files (tools/reference/adapters.py); and
// at full size, by names and shapes alone: what our networks multiply with is what an adapter may name.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, keyLists, tensorsOf } from '../../../test/open-weights.ts';
import { foreignFitter } from '../../adapters/foreign-peel.ts';
import { withConfig } from '../../adapters/peft-folder.ts';
import { NO_PEELS, withPeel, type PeelStack } from '../../adapters/stack.ts';
import { openModelFiles } from '../../node/model-files.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { openRuntime } from '../../runtime/select.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { componentsOf } from './components.ts';
import { openNetworks, type Networks } from './networks.ts';
import { clipConfig } from './clip.ts';
import type { Components } from './part.ts';
import { changeable, modulesOf } from './peels.ts';
import { settingsOf } from './settings.ts';
import { textStage, unetStage } from './stages.ts';
import { unetConfig } from './unet-config.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/open-weights/stable-diffusion', import.meta.url));
const golden = tensorsOf('adapters/golden.safetensors');
const BASE = { name: 'tiny', version: 'sd1', preset: 'sd1', hash: 'x' };

const bytesOf = (name: string) => new Uint8Array(readFileSync(`${FIXTURES}/adapters/${name}.safetensors`));
const folder = (name: string) =>
  withConfig(bytesOf(`${name}/adapter_model`), readFileSync(`${FIXTURES}/adapters/${name}/adapter_config.json`, 'utf8'), name);
const FILES: Readonly<Record<string, () => Uint8Array>> = { peft: () => folder('peft'), dora: () => folder('dora') };

let [runtime, compiled] = [undefined as unknown as Runtime, 0];
const closing: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  const inner = await openRuntime({ name: 'cpu', threads: 1 });
  runtime = { ...inner, compile: (...given) => (compiled++, inner.compile(...given)) };
  closing.push(() => inner.release?.());
});
afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function opened(name: string) {
  const files = await openModelFiles(`${FIXTURES}/${name}`);
  const components = componentsOf(files, name);
  const networks = await openNetworks(runtime, components, { precision: 'float32' });
  closing.push(networks.release, files.close);
  const fit = foreignFitter(() => changeable(components), BASE);
  return { components, networks, fit: (file: string) => fit((FILES[file] ?? (() => bytesOf(file)))(), `${file}.safetensors`) };
}

const channelsLast = ({ shape, data }: Tensor): Tensor<'float32'> => {
  const [, C, h, w] = shape as [number, number, number, number];
  return float32(
    [1, h, w, C],
    Float32Array.from({ length: C * h * w }, (_, i) => data[(i % C) * h * w + Math.floor(i / C)] as number),
  );
};

async function predicted(networks: Networks, peels: PeelStack, told = {}): Promise<Tensor> {
  const data = await networks.predict(channelsLast(golden['x']!), 501, { context: golden['context']!, ...told }, peels);
  return float32([1, 4, 4, 4], data);
}

const IDS = [...(golden['ids']!.data as Int32Array)].map(Number);
/** Features of the first eight tokens. */
async function read({ texts }: Components, networks: Networks, peels: PeelStack) {
  const { context, pooled } = await networks.text(
    texts.map(() => IDS),
    peels,
  );
  const width = context.shape[2]!;
  return { context: float32([1, 8, width], (context.data as Float32Array).subarray(0, 8 * width)), pooled };
}

describe('on SD 1', () => {
  let sd1: Awaited<ReturnType<typeof opened>>;
  let [plain, words] = [undefined as unknown as Tensor, undefined as unknown as Tensor];
  beforeAll(async () => {
    sd1 = await opened('sd1');
    plain = await predicted(sd1.networks, NO_PEELS);
    words = (await read(sd1.components, sd1.networks, NO_PEELS)).context;
  });

  const weights: Readonly<Record<string, number>> = { kohya: 0.7 };
  test.each(['kohya', 'locon', 'diffusers', 'peft', 'dora', 'loha', 'lokr'])('%s: what the reference predicts and reads', async (name) => {
    const { networks, components, fit } = sd1;
    const stack = withPeel(NO_PEELS, await fit(name), weights[name]);
    const expected = channelsLast(golden[`${name}.unet`]!);
    const found = await predicted(networks, stack);
    expect(errorOf(found, expected)).toBeLessThan(1e-4);
    expect(errorOf(plain, expected)).toBeGreaterThan(1e-3);
    const text = golden[`${name}.text`];
    const { context } = await read(components, networks, stack);
    if (text) expect(errorOf(context, text)).toBeLessThan(1e-4);
    else expect(context.data).toEqual(words.data);
    expect((await predicted(networks, NO_PEELS)).data).toEqual(plain.data); // off: the same numbers
  });

  test('another one, another weight, two at once: the same session', async () => {
    const { networks, fit } = sd1;
    const of = async (name: string, weight = 1) => withPeel(NO_PEELS, await fit(name), weight);
    const first = await predicted(networks, await of('kohya'));
    const before = compiled;
    const second = await predicted(networks, await of('diffusers'));
    const half = await predicted(networks, await of('kohya', 0.5));
    const both = await predicted(networks, withPeel(await of('kohya', 0.5), await fit('peft'), 0.5));
    expect(compiled).toBe(before);
    expect(new Set([first, second, half, both].map(({ data }) => data.join())).size).toBe(4);
  });

  test('several kinds at once are what each adds to the weights', async () => {
    const { networks, fit } = sd1;
    const all = ['loha', 'lokr', 'locon'];
    const stacks = [all, [...all].reverse()].map(async (names) => {
      let stack = NO_PEELS;
      for (const name of names) stack = withPeel(stack, await fit(name), 0.3);
      return predicted(networks, stack);
    });
    const [one, other] = [await stacks[0]!, await stacks[1]!];
    expect(errorOf(one, other)).toBeLessThan(1e-5);
    expect(errorOf(one, plain)).toBeGreaterThan(1e-3);
  });

  test('what its head says', async () => {
    const { info, report } = await sd1.fit('kohya');
    expect(info).toMatchObject({ name: 'kohya', rank: 2, triggers: ['ink style'], base: BASE });
    expect(report).toMatchObject({ base: 'stable diffusion 1', tags: ['ink style', 'a fox'], fits: [{ matched: 6 }, { matched: 3 }] });
  });

  test('made for SDXL: refused with the counts', async () => {
    const error = await sd1.fit('kohya-xl').catch((reason: unknown) => reason as Error & { code: string });
    expect(error).toMatchObject({ code: 'peel.layers' });
    expect((error as Error).message).toMatch(
      /^kohya-xl\.safetensors: does not fit: unet 1 match, \d are no layer of it .*made for stable diffusion xl$/,
    );
    expect((error as Error).message).toContain('text_encoder_2 0 match, 3 are no layer of it');
  });
});

test('on SDXL, by the names of single files, and both text encoders', async () => {
  const { networks, components, fit } = await opened('sdxl');
  const stack = withPeel(NO_PEELS, await fit('kohya-xl'));
  const told = { pooled: golden['pooled']!, sizes: golden['sizes']! };
  expect(errorOf(await predicted(networks, stack, told), channelsLast(golden['kohya-xl.unet']!))).toBeLessThan(1e-4);
  const { context, pooled } = await read(components, networks, stack);
  expect(errorOf(context, golden['kohya-xl.text']!)).toBeLessThan(1e-4);
  expect(errorOf(pooled!, golden['kohya-xl.pooled']!)).toBeLessThan(1e-4);
});

// At full size no numbers are needed: of what our networks ask for, each tool's names (adapters/foreign.test.ts) must be all there is.
const FULL: Readonly<Record<string, readonly string[]>> = {
  sd1: ['unet', 'text_encoder'],
  sdxl: ['unet', 'text_encoder_2'],
  turbo: ['unet', 'text_encoder'],
  sdxs: ['unet'],
};
test.each(Object.entries(FULL))(
  '%s: an adapter may name every matrix and convolution of the full-size model, and no other',
  (model, names) => {
    const lists = keyLists();
    for (const name of names) {
      const { config, weights } = lists[`${model}/${name}`]!;
      const shapes = new Map(weights.map(([key, shape]) => [key, shape]));
      const file = { names: [...shapes.keys()], outline: (key: string) => ({ shape: shapes.get(key)! }) } as unknown as Weights;
      const settings = settingsOf(JSON.stringify(config), name);
      const found =
        name === 'unet'
          ? modulesOf(unetStage(unetConfig(settings)).specs, file)
          : modulesOf(textStage(clipConfig(settings), file.names, model === 'sdxl').specs, file);
      const expected = weights.filter(([key, shape]) => shape.length > 1 && !key.includes('embeddings.'));
      expect([...found.keys()].sort()).toEqual(expected.map(([key]) => key.replace(/\.weight$/, '')).sort());
    }
  },
);
