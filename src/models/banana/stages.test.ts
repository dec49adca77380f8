import { beforeAll, describe, expect, test } from 'vitest';
import { check } from '../../graph/check.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { graph, input, type Value } from '../../graph/value.ts';
import { countParameters, initialize, rootScope, type Specs } from '../../nn/scope.ts';
import { gridPositions, rotaryTable } from '../../nn/rope.ts';
import { ortNode } from '../../runtime/ort-node.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { float32, int64, zeros, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { expectClose } from '../../sdk/testing.ts';
import { random } from '../../util/random.ts';
import { cellsOf, samplingTables } from './renderer.ts';
import { preset, PRESETS } from './config.ts';
import { conditionStage, decodeStage, denoiseParts, denoiseStage, encodeStage, renderStage } from './stages.ts';
import { perPicture, referenceInputs, rotaryInputs, textInputs } from './inputs.ts';
import { conditioning, transformer } from './transformer.ts';

const config = preset('tiny');
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
const named = (name: string, positions: [number, number][], width: number): Tensors => {
  const { cosine, sine } = rotaryTable(positions, width);
  return { [`${name}.cosine`]: cosine, [`${name}.sine`]: sine };
};

describe('presets', () => {
  test('sizes', () => {
    const sizes = PRESETS.map((name) => {
      const c = preset(name);
      const specs: Specs = new Map(
        [conditionStage(c, { references: true }), denoiseStage(c), encodeStage(c), decodeStage(c), renderStage(c)].flatMap((s) => [
          ...s.specs,
        ]),
      );
      return `${name} ${(countParameters(specs) / 1e6).toFixed(2)} M`;
    });
    expect(sizes).toMatchInlineSnapshot(`
      [
        "tiny 0.42 M",
        "pico 12.06 M",
        "nano 117.93 M",
        "xl 1799.70 M",
      ]
    `);
  });

  test('an unknown preset is refused with the ones that there are', () => {
    expect(() => preset('huge')).toThrow('unknown preset "huge": choose one of tiny, pico, nano, xl');
    expect(() => preset('constructor')).toThrow('unknown preset');
  });

  test.each(PRESETS)('%s: every stage is well formed', (name) => {
    const c = preset(name);
    for (const { graph: g } of [
      conditionStage(c),
      conditionStage(c, { references: true }),
      denoiseStage(c),
      encodeStage(c),
      decodeStage(c),
      renderStage(c),
    ])
      check(g);
  });
});

describe('conditioning', () => {
  test('cached keys and values equal the uncached network, with text and references', async () => {
    const [B, L, T, S] = [2, 6, 5, 4];
    const specs: Specs = new Map();
    const s = rootScope(specs).in('transformer');
    const condition = conditioning(s, textInputs(B, T), config, referenceInputs(B, S, config));
    const velocity = transformer(
      s,
      input('x', [B, L, channels]),
      {
        t: perPicture('t', B),
        guidance: perPicture('guidance', B),
        condition,
        rotary: rotaryInputs(L, 16),
        bias: input('bias', [B, 1, 1, L + T + S]),
      },
      config,
    );
    const weights = lively(specs);
    const text: Tensors = {
      'text.ids': int64([B, T], [1, 9, 8, 2, 0, 1, 7, 2, 0, 0]),
      'text.positions': int64([T], [0, 1, 2, 3, 4]),
      'text.mask': float32([B, T], [1, 1, 1, 1, 0, 1, 1, 1, 0, 0]),
      'reference.tokens': normals(B, S, channels),
      'reference.slots': int64([B, S], [1, 1, 2, 2, 1, 1, 3, 3]),
      ...named('reference', gridPositions(2, 2, [0, -9]), 16),
    };
    const hidden = [0, 0, 0, 0, -1e4, 0, 0, 0, -1e4, -1e4];
    const bias = zeros('float32', [B, 1, 1, L + T + S]);
    for (let b = 0; b < B; b++) bias.data.set(hidden.slice(b * T, (b + 1) * T), b * (L + T + S));
    const step: Tensors = {
      x: normals(B, L, channels),
      t: float32([B], [0.3, 1]),
      guidance: float32([B], [0, 4]),
      bias,
      ...named('rotary', gridPositions(2, 3), 16),
    };
    const whole = await (await runtime.compile(graph('whole', { velocity }), { weights })).run({ ...text, ...step });
    const stages = [conditionStage(config, { references: true }), denoiseStage(config)];
    const [first, second] = await Promise.all(stages.map(({ graph: g }) => runtime.compile(g, { weights: only(weights, g.inputs) })));
    const cache = await first!.run(text);
    const stepped = await second!.run({ ...cache, ...step });
    expectClose(stepped.velocity!, whole.velocity!, { rtol: 1e-4, atol: 1e-5 });
    // And against the slow, obvious interpreter.
    expectClose(evaluate(stages[1]!.graph, { ...only(weights, stages[1]!.graph.inputs), ...cache, ...step }).velocity!, whole.velocity!, {
      rtol: 1e-3,
      atol: 1e-4,
    });
  });

  test('a step in parts is the whole step', async () => {
    const [L, M] = [6, 5];
    const { heads, depth } = config.transformer;
    const whole = denoiseStage(config);
    const weights = lively(whole.specs);
    const cache = Object.fromEntries(
      Array.from({ length: depth }, (_, i) => ['k', 'v'].map((kind) => [`${kind}.${i}`, normals(1, heads.groups, M, heads.width)])).flat(),
    );
    let all: Tensors = {
      ...cache,
      x: normals(1, L, channels),
      t: float32([1], [0.3]),
      guidance: float32([1], [4]),
      pooled: normals(1, config.transformer.width),
      ...named('rotary', gridPositions(2, 3), 16),
    };
    const expected = evaluate(whole.graph, { ...weights, ...all, bias: zeros('float32', [1, 1, 1, L + M]) }).velocity!;
    const parts = denoiseParts(config, 1);
    expect(parts.map(({ from, to }) => [from, to])).toEqual(Array.from({ length: depth }, (_, i) => [i, i + 1]));
    expect(new Set(parts.flatMap(({ specs }) => [...specs.keys()]))).toEqual(new Set(whole.specs.keys()));
    for (const { graph: g } of parts) {
      check(g);
      const { next, ...found } = evaluate(g, {
        ...only(weights, g.inputs),
        ...Object.fromEntries(Object.entries(all).filter(([name]) => g.inputs.some((v) => v.name === name))),
      });
      all = { ...all, ...found, ...(next && { tokens: next }) };
    }
    expectClose(all.velocity!, expected, { rtol: 1e-5, atol: 1e-6 });
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

describe('autoencoder', () => {
  test('encodes and decodes any aspect ratio with one session each', async () => {
    const [encode, decode] = [encodeStage(config), decodeStage(config)];
    const encoder = await runtime.compile(encode.graph, { weights: lively(encode.specs) });
    const decoder = await runtime.compile(decode.graph, { weights: lively(decode.specs) });
    for (const [h, w] of [
      [1, 2],
      [3, 1],
      [2, 2],
    ] as const) {
      const rotary = named('rotary', gridPositions(h, w), 16);
      const { latent } = await encoder.run({ image: normals(1, h, 32, w, 32, 4), ...rotary });
      expect(latent!.shape).toEqual([1, h * w, channels]);
      for (let i = 0; i < h * w; i++) {
        const token = (latent!.data as Float32Array).subarray(i * channels, (i + 1) * channels);
        expect(Math.sqrt(token.reduce((sum, x) => sum + x * x, 0) / channels)).toBeCloseTo(1, 3); // on the sphere
      }
      const { features } = await decoder.run({ latent: float32([1, h, w, channels], latent!.data as Float32Array), ...rotary });
      expect(features!.shape).toEqual([1, 8 * h, 8 * w, config.autoencoder.render[0]]);
    }
  });

  test('tiles are the whole: rendering in pieces gives the same pixels', async () => {
    const stage = renderStage(config);
    const session = await runtime.compile(stage.graph, { weights: lively(stage.specs) });
    const [h, w] = [2, 3];
    const K = config.autoencoder.render[0];
    const cells = cellsOf(h, w);
    const features = normals(1, cells.rows, cells.columns, K);
    const size = { width: 75, height: 50 };
    const draw = async (x: number, y: number, width: number, height: number): Promise<Tensor> => {
      const { feeds, rows, columns } = samplingTables({ x, y, width, height }, size.width, size.height, cells);
      const part: number[] = [];
      for (let r = rows.from; r < rows.to; r++)
        part.push(
          ...(features.data as Float32Array).subarray((r * cells.columns + columns.from) * K, (r * cells.columns + columns.to) * K),
        );
      return (await session.run({ ...feeds, features: float32([1, rows.to - rows.from, columns.to - columns.from, K], part) })).pixels!;
    };
    const whole = await draw(0, 0, size.width, size.height);
    let worst = 0;
    for (const [y, height] of [
      [0, 17],
      [17, 20],
      [37, 13],
    ] as const)
      for (const [x, width] of [
        [0, 40],
        [40, 35],
      ] as const) {
        const tile = await draw(x, y, width, height);
        for (let r = 0; r < height; r++)
          for (let c = 0; c < width * 4; c++)
            worst = Math.max(
              worst,
              Math.abs((tile.data[r * width * 4 + c] as number) - (whole.data[((y + r) * size.width + x) * 4 + c] as number)),
            );
      }
    expect(worst).toBeLessThan(1e-4);
    expect((whole.data as Float32Array).some((v) => Math.abs(v) > 0.05)).toBe(true);
  });
});
