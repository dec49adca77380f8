// Peels on the networks, on ONNX Runtime: on, stacked, turned down, off again, without another session and without a trace.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loraNames, mergeLora } from '../../adapters/lora.ts';
import type { Peel } from '../../adapters/peel.ts';
import { NO_PEELS, withoutPeel, withPeel, withWeight, type PeelStack } from '../../adapters/stack.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { float32, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { expectClose } from '../../sdk/testing.ts';
import { random } from '../../util/random.ts';
import { randomFlatModel } from '../../../test/tiny-flat.ts';
import { openNetworks, type Networks } from './networks.ts';
import { adaptable } from './adaptable.ts';

const model = randomFlatModel('tiny', 3);
const out = 'transformer.out.weight';
model.weights[out] = float32(model.weights[out]!.shape, random(5).normals(model.weights[out]!.data.length)); // starts as zeros: nothing would show

const changeable = adaptable(model.config);

/** A Peel on every layer, with a small effect. */
function peelOf(name: string, seed: number): Peel {
  const rng = random(seed);
  const rank = 2 + (seed % 3);
  const tensors: Tensors = {};
  for (const [path, w] of Object.entries(model.weights)) {
    if (!path.startsWith('transformer.') || !changeable.has(path)) continue;
    const [width, columns] = w.shape as [number, number];
    const { a, b } = loraNames(path);
    tensors[a] = float32(
      [width, rank],
      rng.normals(width * rank).map((x) => x / Math.sqrt(width)),
    );
    tensors[b] = float32(
      [rank, columns],
      rng.normals(rank * columns).map((x) => x * 0.2),
    );
  }
  const base = { name: 'tiny', version: '0', preset: 'tiny', hash: '' };
  return {
    info: { name, base, rank, alpha: rank, layers: [], triggers: [], licence: '', thumbnails: [], training: {} },
    hash: '',
    tensors,
  };
}

let [runtime, compiled] = [undefined as unknown as Runtime, 0];
let networks: Networks;
beforeAll(async () => {
  const inner = await ortNode({ threads: 1 });
  runtime = { ...inner, compile: (...args) => (compiled++, inner.compile(...args)) };
  networks = openNetworks(runtime, model.config, model.weights);
});
afterAll(() => networks.release());

const grid = { rows: 2, columns: 3 };
async function velocity(of: Networks): Promise<Float32Array> {
  const condition = await of.condition([1, 40, 41, 2]);
  return of.velocity(condition, grid, { guidance: 3 })(random(9).normals(6 * model.config.channels), 0.8);
}
const [ink, chalk, gold] = [peelOf('ink', 1), peelOf('chalk', 2), peelOf('gold', 3)];
const merged = (stack: PeelStack): Tensors =>
  Object.fromEntries(
    Object.entries(model.weights).map(([path, w]) => {
      const { a, b } = loraNames(path);
      return [
        path,
        stack.reduce(
          (sum, { peel, weight }) =>
            peel.tensors[a] && changeable.has(path) ? mergeLora(sum, peel.tensors[a] as never, peel.tensors[b] as never, weight) : sum,
          w as Tensor<'float32'>,
        ),
      ];
    }),
  );

test('a stack of three equals the three merged; taken off, every byte is as before; no session is made in between', async () => {
  const before = await velocity(networks);
  const plain = compiled;
  let stack = withPeel(NO_PEELS, ink);
  const first = await velocity(networks.withPeels(stack));
  const opened = compiled;
  expect(opened).toBe(plain + 2); // the conditioning and the denoiser
  expect(first).not.toEqual(before);

  stack = withPeel(withPeel(stack, chalk, 0.6), gold, -0.3);
  const three = await velocity(networks.withPeels(stack));
  const baked = openNetworks(runtime, model.config, merged(stack));
  expectClose(three, await velocity(baked), { rtol: 1e-3, atol: 2e-3 });
  await baked.release();
  const now = compiled;

  stack = withWeight(stack, 'ink', 0.2);
  expect(await velocity(networks.withPeels(stack))).not.toEqual(three);
  for (const name of ['chalk', 'ink', 'gold']) stack = withoutPeel(stack, name);
  expect(await velocity(networks.withPeels(stack))).toEqual(before);
  expect(await velocity(networks)).toEqual(before);
  expect(compiled).toBe(now);
});

test('the sessions that take Peels give the same bytes without one', async () => {
  // A Peel of zeros still goes through them.
  const faint: Peel = {
    ...ink,
    tensors: Object.fromEntries(Object.entries(ink.tensors).map(([key, t]) => [key, float32(t.shape, new Float32Array(t.data.length))])),
  };
  expect(await velocity(networks.withPeels(withPeel(NO_PEELS, faint)))).toEqual(await velocity(networks));
});

test('two stacks at once do not see each other', async () => {
  const [a, b] = [withPeel(NO_PEELS, ink), withPeel(NO_PEELS, chalk)].map((s) => networks.withPeels(s)) as [Networks, Networks];
  const alone = [await velocity(a), await velocity(b)];
  expect(await Promise.all([velocity(a), velocity(b)])).toEqual(alone);
  expect(alone[0]).not.toEqual(alone[1]);
});

test('a decoder that gave its memory back is made anew, and decodes the same', async () => {
  const latent = { ...grid, data: random(11).normals(6 * model.config.channels) };
  const before = await networks.features(latent);
  const sessions = compiled;
  await networks.restDecoder();
  await networks.restDecoder();
  expect(await networks.features(latent)).toEqual(before);
  expect(compiled).toBe(sessions + 1);
});
