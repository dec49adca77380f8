// A 4-bit model file, and the networks on the quantized kernels: what is loaded is what the kernels compute with.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockTensors, blockNames, unpackBlocks } from '../quant/int4.ts';
import { dequantizeBlocks } from '../quant/blocks.ts';
import { heldPlan, planOf, relativeError } from '../quant/plan.ts';
import { ortNode } from '../runtime/ort-node.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { decodeSafetensors, encodeSafetensors } from '../tensor/safetensors.ts';
import { lazily, type LazyTensors } from '../tensor/lazy.ts';
import { tensor, type Tensor } from '../tensor/tensor.ts';
import { random } from '../util/random.ts';
import { tinyLayersModel } from '../../test/tiny-layers.ts';
import { layersSpecs, packLayers, storedLayers } from '../models/layers/file.ts';
import { partsOf } from '../models/layers/layout.ts';
import { openLayerNetworks } from '../models/layers/networks.ts';
import { numbersOf } from '../models/layout.ts';
import { fileOf } from '../models/open.ts';
import { fastestPrecision, type Precision } from '../quant/precision.ts';

const model = tinyLayersModel();
const plan = planOf(layersSpecs(model.config));
const { tensors, metadata } = packLayers(model, plan);
const file = Buffer.concat(encodeSafetensors(tensors, metadata));
const stored = (bytes: Uint8Array) => storedLayers(fileOf(decodeSafetensors(bytes, 'test')), 'test');
const loaded = stored(file);
const weights = lazily(loaded.weights);

describe('the file', () => {
  test('is little more than half of the 8-bit one where 4 bits are', () => {
    const eight = packLayers(model).tensors;
    const inner = 'transformer.blocks.0.mlp.up.weight';
    expect(plan[inner]).toBe(4);
    expect(tensors[inner]!.data.byteLength * 2).toBe(eight[inner]!.data.byteLength);
    expect(loaded.plan).toEqual({ ...heldPlan(plan), 'basis.matrix': 8 });
  });

  test('holds exactly what the kernels compute with, and packs to itself', () => {
    for (const [path, bits] of Object.entries(loaded.plan!)) {
      const weight = weights.read(path) as Tensor<'float32'>;
      const names = blockNames(path, bits);
      const made = blockTensors(path, weight, bits);
      const packed = { values: made[names.values] as Tensor<'uint8'>, scales: made[names.scales] as Tensor<'float32'> };
      const { shape, data } = dequantizeBlocks(unpackBlocks(packed, bits, weight.shape[0]!));
      expect(shape, path).toEqual(weight.shape);
      expect(
        data.findIndex((x, i) => x !== weight.data[i]),
        path,
      ).toBe(-1);
    }
    const again = packLayers(loaded, loaded.plan);
    expect(Buffer.concat(encodeSafetensors(again.tensors, again.metadata)).equals(file)).toBe(true);
  });

  test('scales that do not fit are refused', () => {
    const path = Object.keys(plan)[0]!;
    for (const scales of [undefined, tensor('float16', [1, 1], new Uint16Array(1)), tensor('int8', [1], new Int8Array(1))]) {
      const { [`${path}.scale`]: _, ...rest } = tensors;
      const damaged = Buffer.concat(encodeSafetensors({ ...rest, ...(scales && { [`${path}.scale`]: scales }) }, metadata));
      expect(() => stored(damaged)).toThrow(`weight "${path}" int`);
    }
  });
});

describe('the networks', () => {
  let runtime: Runtime;
  const parts = partsOf({ objects: 1, canvas: { rows: 4, columns: 4 } }, model.config.channels);
  const noise = random(7).normals(numbersOf(parts));
  const velocityOf = async (options: Partial<Parameters<typeof openLayerNetworks>[3]>, from: LazyTensors = weights) => {
    const networks = openLayerNetworks(runtime, model.config, from, { ...(loaded.plan && { plan: loaded.plan }), ...options });
    const velocity = await networks.velocity(await networks.condition([1, 40, 41, 2]), parts)(noise, 0.8);
    await networks.release();
    return velocity;
  };
  const run = (precision: Precision) => velocityOf({ precision });
  let exact: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    runtime = await ortNode({ threads: 1 });
    exact = await run('float32');
  });
  afterAll(() => runtime.release?.());

  test('from the blocks of the file as from float32 weights, which are then not asked for', async () => {
    const asked: string[] = [];
    const watched: LazyTensors = { ...weights, read: (path) => (asked.push(path), weights.read(path)) };
    expect(await velocityOf({ precision: 'int4', blocks: loaded.blocks }, watched)).toEqual(await run('int4'));
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
    const networks = openLayerNetworks(runtime, model.config, weights);
    const condition = await networks.condition([1, 2]);
    await expect(networks.velocity(condition, parts, AbortSignal.abort())(noise, 1)).rejects.toThrow('aborted');
    await networks.release();
  });

  test.each([
    ['int8', 5e-3],
    ['int4', 1e-3],
  ] as const)('at %s they are close to float32', async (precision, most) => {
    const error = relativeError(await run(precision), exact);
    expect(error).toBeLessThan(most);
    expect(error).toBeGreaterThan(0);
  });
});
