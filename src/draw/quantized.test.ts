// A 4-bit model file, and the networks on the quantized kernels: what is loaded is what the kernels compute with.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockTensors, blockNames, unpackBlocks } from '../quant/int4.ts';
import { dequantizeBlocks } from '../quant/blocks.ts';
import { heldPlan, planOf, relativeError } from '../quant/plan.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { encodeSafetensors } from '../tensor/safetensors.ts';
import type { LazyTensors } from '../tensor/lazy.ts';
import { tensor, type Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { packModel, unpackModel } from '../models/banana/file.ts';
import { randomModel } from '../node/models.ts';
import { openNetworks } from '../models/banana/networks.ts';
import { fastestPrecision, type Precision } from '../quant/precision.ts';
import { specsOf } from '../models/banana/stages.ts';

const model = randomModel('tiny');
const spread = random(2).split('spread'); // untrained, the last layers are zero
for (const [path, w] of Object.entries(model.weights))
  if (/^transformer\.(out|modulation)/.test(path))
    (w.data as Float32Array).forEach((x, i) => ((w.data as Float32Array)[i] = x + 0.1 * spread.normal()));
const plan = planOf(specsOf(model.config));
const { tensors, metadata } = packModel({ ...model, plan });
const file = Buffer.concat(encodeSafetensors(tensors, metadata));
const loaded = unpackModel(file, 'test');

describe('the file', () => {
  test('is little more than half of the 8-bit one where 4 bits are', () => {
    const eight = packModel(model).tensors;
    const inner = 'transformer.blocks.0.mlp.up.weight';
    expect(plan[inner]).toBe(4);
    expect(tensors[inner]!.data.byteLength * 2).toBe(eight[inner]!.data.byteLength);
    expect(loaded.plan).toEqual(heldPlan(plan));
  });

  test('holds exactly what the kernels compute with, and packs to itself', () => {
    for (const [path, bits] of Object.entries(loaded.plan!)) {
      const weight = loaded.weights.read(path) as Tensor<'float32'>;
      const names = blockNames(path, bits);
      const made = blockTensors(path, weight, bits);
      const packed = { values: made[names.values] as Tensor<'uint8'>, scales: made[names.scales] as Tensor<'float32'> };
      expect(dequantizeBlocks(unpackBlocks(packed, bits, weight.shape[0]!)), path).toEqual(weight);
    }
    const again = packModel(loaded);
    expect(Buffer.concat(encodeSafetensors(again.tensors, again.metadata))).toEqual(file);
  });

  test('scales that do not fit are refused', () => {
    const path = Object.keys(plan)[0]!;
    for (const scales of [undefined, tensor('float16', [1, 1], new Uint16Array(1)), tensor('int8', [1], new Int8Array(1))]) {
      const { [`${path}.scale`]: _, ...rest } = tensors;
      const damaged = Buffer.concat(encodeSafetensors({ ...rest, ...(scales && { [`${path}.scale`]: scales }) }, metadata));
      expect(() => unpackModel(damaged, 'test')).toThrow(`weight "${path}" int`);
    }
  });
});

describe('the networks', () => {
  let runtime: Runtime;
  const grid = { rows: 4, columns: 4 };
  const noise = random(7).normals(16 * model.config.channels);
  const run = async (precision: Precision) => {
    const networks = openNetworks(runtime, model.config, loaded.weights, { precision, plan: loaded.plan! });
    const condition = await networks.condition([1, 40, 41, 2]);
    const velocity = await networks.velocity(condition, grid, { guidance: 3 })(noise, 0.8);
    const features = (await networks.features({ ...grid, data: noise })).data as Float32Array;
    await networks.release();
    return { velocity, features };
  };
  let exact: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    runtime = await ortNode({ threads: 1 });
    exact = await run('float32');
  });
  afterAll(() => runtime.release?.());

  test('from the blocks of the file as from float32 weights, which are then not asked for', async () => {
    const asked: string[] = [];
    const weights: LazyTensors = { ...loaded.weights, read: (path) => (asked.push(path), loaded.weights.read(path)) };
    const networks = openNetworks(runtime, model.config, weights, { precision: 'int4', plan: loaded.plan!, blocks: loaded.blocks! });
    const condition = await networks.condition([1, 40, 41, 2]);
    const velocity = await networks.velocity(condition, grid, { guidance: 3 })(noise, 0.8);
    await networks.release();
    expect(velocity).toEqual((await run('int4')).velocity);
    const products = Object.keys(plan).filter((path) => path.endsWith('.weight'));
    expect(asked.filter((path) => products.includes(path))).toEqual([]);
  });

  test('the fastest is int8 on the CPU for weights in few bits, and float32 otherwise', async () => {
    expect(await fastestPrecision(runtime, loaded.plan)).toBe('int8');
    expect(await fastestPrecision(runtime, undefined)).toBe('float32');
    expect(await fastestPrecision({ ...runtime, name: 'reference' }, loaded.plan)).toBe('float32');
    const wrong: Runtime = { name: 'cpu', compile: () => Promise.reject(new Error('no such kernel')) };
    expect(await fastestPrecision(wrong, loaded.plan)).toBe('float32');
  });

  test('a cancel is heard', async () => {
    const networks = openNetworks(runtime, model.config, loaded.weights);
    const condition = await networks.condition([1, 2]);
    await expect(networks.velocity(condition, grid, { guidance: 3, signal: AbortSignal.abort() })(noise, 1)).rejects.toThrow('aborted');
    await networks.release();
  });

  test.each([
    ['int8', 5e-3],
    ['int4', 1e-3],
  ] as const)('at %s they are close to float32', async (precision, most) => {
    const found = await run(precision);
    for (const key of ['velocity', 'features'] as const) {
      expect(relativeError(found[key], exact[key]), key).toBeLessThan(most);
      expect(relativeError(found[key], exact[key]), key).toBeGreaterThan(0);
    }
  });
});
