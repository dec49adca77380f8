// The stages of the layered model: every preset's are well formed, and a step in parts is the step.
import { beforeAll, describe, expect, test } from 'vitest';
import { check } from '../../graph/check.ts';
import { evaluate } from '../../graph/evaluate.ts';
import type { Value } from '../../graph/value.ts';
import { rotaryTable } from '../../nn/rope.ts';
import { countParameters, initialize, type Specs } from '../../nn/scope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { expectClose } from '../../sdk/testing.ts';
import { float32, int64, type Tensors } from '../../tensor/tensor.ts';
import { random } from '../../util/random.ts';
import { LAYERED_PRESETS, layersPreset } from './config.ts';
import { layersSpecs } from './file.ts';
import { kindsOf } from './layout.ts';
import { conditionStage, denoiseParts, denoiseStage, mapsStage, pixelsStage } from './stages.ts';

const config = layersPreset('tiny');
const { channels } = config;
const rng = random(11);
let runtime: Runtime;
beforeAll(async () => {
  runtime = await ortNode({ threads: 1 });
});

/** Weights with life in the ones that start as zeros. */
function lively(specs: Specs): Tensors {
  const weights = initialize(specs, random(5));
  for (const [path, w] of Object.entries(weights))
    if ((w.data as Float32Array).every((x) => x === 0))
      weights[path] = float32(
        w.shape,
        random(6)
          .split(path)
          .normals(w.data.length)
          .map((x) => x * 0.1),
      );
  return weights;
}

const normals = (...shape: number[]) => float32(shape, rng.normals(shape.reduce((a, b) => a * b)));
describe('presets', () => {
  test('sizes', () => {
    const sizes = LAYERED_PRESETS.map((name) => `${name} ${(countParameters(layersSpecs(layersPreset(name))) / 1e6).toFixed(2)} M`);
    expect(sizes).toMatchInlineSnapshot(`
      [
        "tiny 0.26 M",
        "pico 8.13 M",
        "nano 100.75 M",
        "xl 1707.36 M",
      ]
    `);
  });

  test('an unknown preset is refused with the ones that there are', () => {
    expect(() => layersPreset('huge')).toThrow('unknown preset "huge": choose one of tiny, pico, nano, xl');
    expect(() => layersPreset('constructor')).toThrow('unknown preset');
  });

  test.each(LAYERED_PRESETS)('%s: every stage is well formed', (name) => {
    const c = layersPreset(name);
    const parts = [...denoiseParts(c, 2 ** 25), ...denoiseParts(c, 2 ** 25, undefined, false)];
    for (const { graph: g } of [conditionStage(c), conditionStage(c, undefined, true), ...parts, mapsStage(c), pixelsStage(c)]) check(g);
  });
});

describe('networks', () => {
  test.each([2, 0])('a step in parts is the whole step: %i objects', (objects) => {
    const { heads, depth, width } = config.transformer;
    const layout = { objects, canvas: { rows: 2, columns: 2 } };
    const { slots, places, positions } = kindsOf(layout);
    const { cosine, sine } = rotaryTable(positions, heads.width);
    const whole = denoiseStage(config, undefined, objects > 0);
    const weights = lively(whole.specs);
    const P = slots.length - objects;
    const ids = (from: number, to: number) => int64([to - from], [...Array(to).keys()].slice(from));
    const cache = Array.from({ length: depth }, (_, i) =>
      ['k', 'v'].map((kind) => [`${kind}.${i}`, normals(1, heads.groups, 5, heads.width)]),
    );
    let all: Tensors = {
      ...(Object.fromEntries(cache.flat()) as Tensors),
      content: normals(1, P, channels),
      ...(objects > 0 && { frames: normals(1, objects, 4), 'at.frames': ids(0, objects), 'at.content': ids(objects, slots.length) }),
      t: float32([1], [0.3]),
      pooled: normals(1, width),
      slots: int64([slots.length], slots),
      places: int64([places.length], places),
      'rotary.cosine': cosine,
      'rotary.sine': sine,
    };
    const expected = evaluate(whole.graph, { ...only(weights, whole.graph.inputs), ...only(all, whole.graph.inputs) });
    const parts = denoiseParts(config, 1, undefined, objects > 0);
    expect(parts).toHaveLength(depth);
    expect(new Set(parts.flatMap(({ specs }) => [...specs.keys()]))).toEqual(new Set(whole.specs.keys()));
    for (const { graph: g } of parts) {
      check(g);
      const { next, ...found } = evaluate(g, { ...only(weights, g.inputs), ...only(all, g.inputs) });
      all = { ...all, ...found, ...(next && { tokens: next }) };
    }
    expectClose(
      only(
        all,
        Object.keys(expected).map((name) => ({ name }) as Value),
      ),
      expected,
      { rtol: 1e-5, atol: 1e-6 },
    );
    expect(denoiseParts(config, 1e9)).toHaveLength(1);
  });

  test('padding changes nothing', async () => {
    const stage = conditionStage(config);
    const session = await runtime.compile(stage.graph, { weights: lively(stage.specs) });
    const feeds = (ids: number[], seen: number): Tensors => ({
      'text.ids': int64([1, ids.length], ids),
      'text.positions': int64([ids.length], [...ids.keys()]),
      'text.mask': float32(
        [1, ids.length],
        ids.map((_, i) => (i < seen ? 1 : 0)),
      ),
    });
    const bare = await session.run(feeds([1, 9, 2], 3));
    const padded = await session.run(feeds([1, 9, 2, 0, 0, 0], 3));
    expectClose(padded.pooled!, bare.pooled!, { rtol: 1e-4, atol: 1e-5 });
  });
});

function only(weights: Tensors, inputs: readonly Value[]): Tensors {
  const names = new Set(inputs.map((v) => v.name));
  return Object.fromEntries(Object.entries(weights).filter(([path]) => names.has(path)));
}
