// The networks of one model on a runtime: a session each, opened when the model is (the picture's encoder when it is first asked for), so
// that a weight that does not fit is told before anyone waits.
import type { PeelStack } from '../../adapters/stack.ts';
import { planOf } from '../../quant/plan.ts';
import { CONVOLUTIONS, PRODUCTS, type Precision } from '../../quant/precision.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import { float32, int64, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { openCheckpoint, type Stage } from '../stage.ts';
import { openAdapted, type Adapted, type Network } from './adapted.ts';
import type { Components, PicturePart } from './part.ts';
import { TEXT_NAMES } from './peels.ts';
import { decodeHalves, decodeStage, encodeStage, pixelsOf, textStage, unetStage, type StageOptions } from './stages.ts';
import { decodedInTiles } from './tiles.ts';
import { openTinyDecoder } from './tiny-strips.ts';

/** A text as the U-Net reads it: `context` (1, M, D), and of SDXL `pooled` (1, P). */
export type TextFeatures = Readonly<Record<'context' | 'pooled', Tensor | undefined>> & { readonly context: Tensor };

export interface Networks {
  /** Features of a text as ids for each text encoder. */
  text(ids: readonly (readonly number[])[], peels: PeelStack): Promise<TextFeatures>;
  /** What the U-Net says of x (1, h, w, C) at a step of the training, among `told`. */
  predict(x: Tensor, step: number, told: Tensors, peels: PeelStack): Promise<Float32Array>;
  /** The picture (1, 3, 8h, 8w) of a latent (1, h, w, C). */
  decode(latent: Tensor): Promise<Tensor<'float32'>>;
  /** The latent of a picture (1, 8h, 8w, 3) in [-1, 1]. */
  encode(pixels: Tensor): Promise<Tensor<'float32'>>;
  release(): Promise<void>;
}

type Kept = <T extends { release(): Promise<void> }>(one: Promise<T>) => Promise<T>;

/** Bits of the large matrices of a precision. */
const BITS = { float32: undefined, int8: 8, int4: 4 } as const satisfies Record<Precision, number | undefined>;

/** Opens the networks. Throws InputError `weights.missing` or `weights.shape` for weights that do not fit, RuntimeError. */
export async function openNetworks(
  runtime: Runtime,
  { unet, texts, pictures }: Components,
  { precision }: { precision: Precision },
): Promise<Networks> {
  const opened: { release(): Promise<void> }[] = [];
  const release = async () => void (await Promise.all(opened.splice(0).map((one) => one.release())));
  const kept: Kept = async (one) => {
    opened.push(await one);
    return one;
  };
  const adapted = (network: Network): Promise<Adapted> => kept(openAdapted(runtime, network));
  try {
    const readers: Adapted[] = [];
    for (const [i, { config, weights }] of texts.entries()) {
      const build = (options?: StageOptions) => textStage(config, weights.names, texts.length > 1, options);
      readers.push(
        await adapted({ name: TEXT_NAMES[i]!, weights, plain: productsOf(precision, build()), memory: { frugal: true }, build }),
      );
    }
    const plain = productsOf(precision, unetStage(unet.config));
    const build = (options?: StageOptions) => unetStage(unet.config, options);
    const denoiser = await adapted({ name: 'unet', weights: unet.weights, plain, memory: { unplanned: true }, build });
    const decode = await openDecoder(runtime, pictures, kept);
    let encoder: Promise<Session> | undefined;
    return {
      async text(ids, peels) {
        const found: Tensors[] = [];
        for (const [i, reader] of readers.entries()) found.push(await reader.run({ ids: int64([1, ids[i]!.length], [...ids[i]!]) }, peels));
        return { context: sideBySide(found.map(({ features }) => features!)), pooled: found.at(-1)!.pooled };
      },
      async predict(x, step, told, peels) {
        const { prediction } = await denoiser.run({ x, time: float32([1], [step]), ...told }, peels);
        return prediction!.data as Float32Array;
      },
      decode,
      async encode(pixels) {
        encoder ??= kept(openCheckpoint(runtime, encodeStage(pictures), pictures.weights, { frugal: true }));
        return (await (await encoder).run({ pixels })).latent as Tensor<'float32'>;
      },
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** A tiny decoder in strips, a large one in tiles. `kept` releases what is opened. */
async function openDecoder(runtime: Runtime, part: PicturePart, kept: Kept): Promise<Networks['decode']> {
  if (part.kind === 'tiny') {
    const tiny = await kept(openTinyDecoder(runtime, decodeHalves(part.config), part.weights));
    return (latent) => tiny.decode({ latent });
  }
  const session = await kept(openCheckpoint(runtime, decodeStage(part), part.weights, { frugal: true }));
  const decode = async (latent: Tensor) => (await session.run({ latent })).pixels as Tensor<'float32'>;
  return (latent) => decodedInTiles(latent, pixelsOf(part), decode);
}

/** How weights are multiplied. */
function productsOf(precision: Precision, { specs }: Stage): StageOptions {
  const bits = BITS[precision];
  return bits === undefined ? {} : { product: PRODUCTS[precision](planOf(specs, bits)), convolve: CONVOLUTIONS[precision] };
}

/** Features (1, M, D) of several encoders as (1, M, all D). */
function sideBySide(all: readonly Tensor[]): Tensor {
  if (all.length === 1) return all[0]!;
  const [, M] = all[0]!.shape as [number, number];
  const widths = all.map(({ shape }) => shape[2]!);
  const width = widths.reduce((sum, each) => sum + each, 0);
  const data = new Float32Array(M * width);
  let from = 0;
  for (const [i, { data: one }] of all.entries()) {
    const each = widths[i]!;
    for (let m = 0; m < M; m++) data.set((one as Float32Array).subarray(m * each, (m + 1) * each), m * width + from);
    from += each;
  }
  return float32([1, M, width], data);
}

/** Whether an autoencoder's files have the way from pictures to latents. */
export const hasEncoder = ({ weights }: PicturePart): boolean => weights.names.some((name) => name.startsWith('encoder.'));
