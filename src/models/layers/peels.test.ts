// Peels on the layered networks, on ONNX Runtime: on, stacked, turned down, off again, without another session and without a trace; baked in.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyLayersModel } from '../../../test/tiny-layers.ts';
import { loraNames } from '../../adapters/lora.ts';
import { encodePeel, type Peel } from '../../adapters/peel.ts';
import { NO_PEELS, withoutPeel, withPeel, withWeight, type PeelStack } from '../../adapters/stack.ts';
import type { ImageEvent } from '../../draw/events.ts';
import { openPipeline } from '../../draw/text-to-image.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { expectClose } from '../../sdk/testing.ts';
import { encodeSafetensors } from '../../tensor/safetensors.ts';
import { float32, type Tensors } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { numbersOf } from '../layout.ts';
import { openModelBytes } from '../open.ts';
import { adaptable } from './adaptable.ts';
import { packLayers } from './file.ts';
import { partsOf, type Layout } from './layout.ts';
import { openLayerNetworks, type LayerNetworks } from './networks.ts';

const model = tinyLayersModel();
const { config } = model;
const bytesOf = ({ tensors, metadata }: { tensors: Tensors; metadata: Record<string, string> }) =>
  new Uint8Array(Buffer.concat(encodeSafetensors(tensors, metadata)));
const opened = openModelBytes(bytesOf(packLayers(model, {})), 'tiny'); // no bits: float16
const base = { ...opened.id, hash: 'abc' };

/** A Peel on every layer, with a small effect. */
function peelOf(name: string, seed: number): Peel {
  const rng = random(seed);
  const rank = 2 + (seed % 3);
  const tensors: Tensors = {};
  for (const [path, { shape }] of adaptable(config)) {
    const [width, out] = shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32(
      [width, rank],
      rng.normals(width * rank).map((x) => x / Math.sqrt(width)),
    );
    tensors[b] = float32(
      [rank, out],
      rng.normals(rank * out).map((x) => x * 0.1),
    );
  }
  const info = { name, base, rank, alpha: rank, layers: [], triggers: [], licence: 'CC0-1.0', thumbnails: [], training: {} };
  return { info, hash: '', tensors };
}
const [ink, chalk, gold] = [peelOf('ink', 1), peelOf('chalk', 2), peelOf('gold', 3)];

let [runtime, compiled] = [undefined as unknown as Runtime, 0];
let networks: LayerNetworks;
beforeAll(async () => {
  const inner = await ortNode({ threads: 1 });
  runtime = { ...inner, compile: (...args) => (compiled++, inner.compile(...args)) };
  networks = openLayerNetworks(runtime, config, model.weights);
});
afterAll(() => networks.release());

const SCENE: Layout = { objects: 2, canvas: { rows: 4, columns: 4 } };
async function velocity(of: LayerNetworks, layout = SCENE): Promise<Float32Array> {
  const parts = partsOf(layout, config.channels);
  const x = random(9).normals(numbersOf(parts));
  return of.velocity(await of.condition([1, 40, 41, 2]), parts)(x, 0.8);
}

test('taken off, every byte is as before; turned down and up no session is made', async () => {
  const before = await velocity(networks);
  const plain = compiled;
  let stack: PeelStack = withPeel(NO_PEELS, ink);
  expect(await velocity(networks.withPeels(stack))).not.toEqual(before);
  expect(compiled).toBe(plain + 2); // the conditioning and the denoiser
  stack = withPeel(withPeel(stack, chalk, 0.6), gold, -0.3);
  const three = await velocity(networks.withPeels(stack));
  expect(await velocity(networks.withPeels(withWeight(stack, 'ink', 0.2)))).not.toEqual(three);
  for (const name of ['chalk', 'ink', 'gold']) stack = withoutPeel(stack, name);
  expect(await velocity(networks.withPeels(stack))).toEqual(before);
  expect(await velocity(networks)).toEqual(before);
  expect(await velocity(networks.withPeels(withPeel(NO_PEELS, ink, 0)))).toEqual(before);
  expect(compiled).toBe(plain + 2);
});

test('they reach whole pictures too', async () => {
  const whole: Layout = { objects: 0, canvas: { rows: 8, columns: 8 } };
  const before = await velocity(networks, whole);
  expect(await velocity(networks.withPeels(withPeel(NO_PEELS, ink)), whole)).not.toEqual(before);
  expect(await velocity(networks, whole)).toEqual(before);
});

describe('a model of a file', () => {
  test('a stack of three is the three baked in, and the file of that is a model', async () => {
    const stack = withPeel(withPeel(withPeel(NO_PEELS, ink), chalk, 0.6), gold, -0.3);
    const { licence, ...file } = opened.peels!.own!.merged(stack, 'tiny-three');
    expect(licence).toBe('none; with Peels: ink 1 (CC0-1.0), chalk 0.6 (CC0-1.0), gold -0.3 (CC0-1.0)');
    const copy = openModelBytes(bytesOf(file), 'merged');
    expect(copy.id).toMatchObject({ name: 'tiny-three', preset: 'tiny' });
    const [applied, baked] = [await opened.painter(runtime, { hash: 'abc' }), await copy.painter(runtime, { hash: 'def' })];
    const see = async (painter: typeof applied, peels: PeelStack) => {
      const condition = await painter.read('a fox', [], peels);
      const layout = condition.layout({ width: 64, height: 64 }, 1, { least: 2, more: false });
      return condition.velocity(layout, { guidance: 1 })(random(3).normals(numbersOf(layout)), 0.7);
    };
    expectClose(await see(applied, stack), await see(baked, NO_PEELS), { rtol: 2e-2, atol: 2e-2 });
    await applied.release();
    await baked.release();
  });

  test('named in a prompt it draws, and is gone without a trace', async () => {
    const bytes = new Uint8Array(Buffer.concat(await encodePeel(ink)));
    const pipeline = openPipeline(await opened.painter(runtime, { hash: 'abc' }), {
      peels: async () => ({ source: 'ink', stamp: '1', read: async () => bytes }),
    });
    const drawn = async (prompt: string) => {
      for await (const event of pipeline.generate({ prompt, seed: 1, width: 64, height: 64, steps: 2, preview: 0 }))
        if (event.type === 'image') return (({ image, recipe }: ImageEvent) => ({ data: image.data, peels: recipe.peels }))(event);
      throw new Error('no picture');
    };
    const plain = await drawn('a fox');
    const inked = await drawn('a fox <peel:ink:0.7>');
    expect(inked.data).not.toEqual(plain.data);
    expect(inked.peels).toMatchObject([{ name: 'ink', weight: 0.7 }]);
    expect(await drawn('a fox')).toEqual(plain);
    await pipeline.release();
  });
});
