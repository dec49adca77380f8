// A tiny decoder in two sessions: its coarse levels whole, the finest, where most of the memory would go, in strips of rows. A strip takes
// along the rows around it that its pixels depend on, so that the strips together are the whole.
import { graph, input, type Value } from '../../graph/value.ts';
import type { Scope, Specs } from '../../nn/scope.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { float32, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import { openCheckpoint, stage, type Stage } from '../stage.ts';
import { tinyFeatures, tinyPixels, tinyReach, type TinyDecoderConfig, type TinyLayers } from './tiny-autoencoder.ts';

export interface Halves {
  /** latent -> features (B, C, a, b) */
  readonly coarse: Stage;
  /** features -> pixels (B, 3, 2a, 2b) around [-1, 1] */
  readonly fine: Stage;
  /** Rows of features around some that their pixels depend on. */
  readonly reach: number;
}

/** Of a latent (B, C, h, w). */
export function tinyHalves(config: TinyDecoderConfig, layers: TinyLayers, root: (specs: Specs) => Scope, latent: Value): Halves {
  const features = input('features', ['B', config.decoder.at(-2)!.channels, 'a', 'b']);
  return {
    coarse: stage((specs) => graph('coarse', { features: tinyFeatures(root(specs), latent, config, layers) })),
    fine: stage((specs) => graph('fine', { pixels: tinyPixels(root(specs), features, config, layers) })),
    reach: tinyReach(config),
  };
}

/** Numbers of features that are made pixels of at a time: 64 rows of a picture 512 pixels wide. More take more memory, fewer more time. */
const STRIP = 2 ** 20;

export interface TinyDecoder {
  /** The pixels (1, 3, H, W) of what the coarse stage takes. */
  decode(feeds: Tensors): Promise<Tensor<'float32'>>;
  release(): Promise<void>;
}

/** Throws InputError for weights that do not fit, RuntimeError. */
export async function openTinyDecoder(
  runtime: Runtime,
  { coarse, fine, reach }: Halves,
  weights: Weights,
  strip = STRIP,
): Promise<TinyDecoder> {
  const near = await openCheckpoint(runtime, coarse, weights, { frugal: true });
  const far = await openCheckpoint(runtime, fine, weights, { frugal: true });
  return {
    decode: async (feeds) => pixelsOf((await near.run(feeds))['features'] as Tensor<'float32'>, far, reach, strip),
    release: async () => void (await Promise.all([near.release(), far.release()])),
  };
}

async function pixelsOf(features: Tensor<'float32'>, fine: Session, reach: number, strip: number): Promise<Tensor<'float32'>> {
  const [, C, rows, columns] = features.shape as [number, number, number, number];
  const step = Math.max(1, Math.floor(strip / (C * columns)));
  const [channels, height, width] = [3, 2 * rows, 2 * columns];
  const pixels = new Float32Array(channels * height * width);
  for (let top = 0; top < rows; top += step) {
    const [from, bottom] = [Math.max(0, top - reach), Math.min(rows, top + step)];
    const found = await fine.run({ features: rowsOf(features, from, Math.min(rows, bottom + reach)) });
    const strip = rowsOf(found['pixels'] as Tensor<'float32'>, 2 * (top - from), 2 * (bottom - from));
    const size = 2 * (bottom - top) * width;
    for (let c = 0; c < channels; c++) pixels.set(strip.data.subarray(c * size, (c + 1) * size), (c * height + 2 * top) * width);
  }
  return float32([1, channels, height, width], pixels);
}

/** Rows [from, to) of planes (1, C, H, W). */
function rowsOf(planes: Tensor<'float32'>, from: number, to: number): Tensor<'float32'> {
  const [, C, H, W] = planes.shape as [number, number, number, number];
  if (from === 0 && to === H) return planes;
  const size = (to - from) * W;
  const data = new Float32Array(C * size);
  for (let c = 0; c < C; c++) data.set(planes.data.subarray((c * H + from) * W, (c * H + to) * W), c * size);
  return float32([1, C, to - from, W], data);
}
