import { expect, test } from 'vitest';
import type { LayeredSample } from '../../data/layered.ts';
import { evaluate } from '../../graph/evaluate.ts';
import { layersPreset, PATCH_NUMBERS, THUMBNAIL } from '../../models/layers/config.ts';
import { frameNumbers } from '../../models/layers/frame.ts';
import type { LayerNetworks } from '../../models/layers/networks.ts';
import { encodeThumbnail, type Basis } from '../../models/layers/thumbnail.ts';
import { float32, tensor, type Tensors } from '../../tensor/tensor.ts';
import { trainTokenizer } from '../../tokenizer/tokenizer.ts';
import { random } from '../../util/random.ts';
import { kept, remaker } from './remade.ts';
import { rendererPrepare, windowCells, type Scale } from './renderer.ts';

const config = layersPreset('tiny');
const C = config.channels;
/** A basis that keeps the first numbers of a patch. */
const matrix = new Float32Array(PATCH_NUMBERS * C);
for (let c = 0; c < C; c++) matrix[c * C + c] = 1;
const basis: Basis = { channels: C, mean: new Float32Array(PATCH_NUMBERS), matrix, scale: 0.15 };
const thumbnail = Uint8Array.from({ length: THUMBNAIL ** 2 * 4 }, (_, i) => (i * 37) % 256);
const object = { drawing: 'fox', x: 0.1, y: 0, size: 0.5, height: 0 };
const samples = new Map([['fox', { caption: 'a fox', objects: [object], aspect: [1, 1] } as unknown as LayeredSample]]);

/** Networks that predict this picture, whatever they see. */
const knowing = (picture: (x: Float32Array) => ArrayLike<number>) =>
  ({
    config,
    condition: () => Promise.resolve({ cache: {}, objects: 1 }),
    velocity: () => (x: Float32Array, t: number) => {
      const found = picture(x);
      return Promise.resolve(x.map((v, i) => (v - found[i]!) / t));
    },
  }) as unknown as LayerNetworks;

const remake = (picture: (x: Float32Array) => ArrayLike<number>) =>
  remaker(knowing(picture), basis, trainTokenizer([], 264), samples)('fox', thumbnail, random(1));

test('a model that knows a drawing gives it back as the basis keeps it; one that does not gives back the noise', async () => {
  const truth = [...frameNumbers(object), ...encodeThumbnail({ width: THUMBNAIL, height: THUMBNAIL, pixels: thumbnail }, basis)];
  expect(await remake(() => truth)).toEqual(kept(thumbnail, basis));
  expect(await remake((x) => x)).not.toEqual(kept(thumbnail, basis));
  const unknown = remaker(
    knowing((x) => x),
    basis,
    trainTokenizer([], 264),
    samples,
  );
  expect(await unknown('cat', thumbnail, random(1))).toBeUndefined();
});

test('a degraded window is what the model gave back, or the exact one worn; the last plane says that it is degraded', () => {
  const scale: Scale = { pixels: 2, cells: 2, share: 1, batch: 3 };
  const [B, a, P] = [3, windowCells(scale), 4];
  const bytes = (side: number, value: number) => tensor('uint8', [B, side, side, 4], new Uint8Array(B * side * side * 4).fill(value));
  const each = (...values: number[]) => float32([B], values);
  const feeds: Tensors = {
    cells: bytes(a, 0),
    cut: bytes(a, 51),
    remade: bytes(a, 255),
    target: bytes(P, 0),
    kind: each(0.99, 0, 0), // exact, degraded, degraded
    model: each(0, 0, 0.99), // (exact), given back, worn
    half: each(0, 0, 0),
    mix: each(0, 0, 0),
    noisy: each(0.99, 0.99, 0.99),
    level: each(0, 0, 0),
    normal: float32([B, a, a, 4], new Float32Array(B * a * a * 4)),
  };
  const { window } = evaluate(rendererPrepare(scale), feeds);
  const first = (i: number) =>
    Array.from(window!.data.subarray(i * a * a * 5, i * a * a * 5 + 5) as Float32Array, (v) => Number(v.toFixed(4)));
  expect([0, 1, 2].map(first)).toEqual([
    [0, 0, 0, 0, 0],
    [2, 2, 2, 2, 1],
    [0.4, 0.4, 0.4, 0.4, 1],
  ]);
});
