// The networks of one model, ready to run: a session a stage, made when first used, and the host work between them (rotary
// tables, tiles, padding). Nothing here knows of prompts as text, files or progress: see text-to-image.ts.
// Legend: h x w latent grid, L = h*w tokens, M text and reference tokens, C latent channels.
import { loraProduct } from '../../adapters/lora.ts';
import { isIdle, NO_PEELS, stackFeeds, type PeelStack } from '../../adapters/stack.ts';
import { ENCODER_PIXELS, type Config } from './config.ts';
import { conditionStage, decodeStage, denoiseParts, encodeStage, renderStage, type StageOptions, specsOf } from './stages.ts';
import { cutCells, openStage, type Stage } from '../stage.ts';
import { referenceFeeds } from './references.ts';
import { samplingTables } from './renderer.ts';
import type { Tile } from '../../image/image.ts';
import { gridPositions, rotaryTable } from '../../nn/rope.ts';
import type { BlocksOf } from '../../quant/bind.ts';
import { heldPlan, planOf, type Plan } from '../../quant/plan.ts';
import { PRODUCTS, type Precision } from '../../quant/precision.ts';
import { checkpoint } from '../../runtime/engine.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import type { Velocity } from '../../sampling/sampler.ts';
import { guide } from '../../sampling/guidance.ts';
import type { LazyTensors } from '../../tensor/lazy.ts';
import { float32, int64, type Tensor, type Tensors } from '../../tensor/tensor.ts';

/** A picture as latent tokens, rows first. */
export interface Latent {
  readonly rows: number;
  readonly columns: number;
  /** rows * columns * C */
  readonly data: Float32Array;
}

/** A prompt (and references) as the denoiser wants it. */
export interface Condition {
  /** `pooled`, `k.i`, `v.i` */
  readonly cache: Tensors;
  /** Keys that come before the image's own. */
  readonly length: number;
}

/** One reference subject. */
export interface Reference {
  /** 1 to 5. */
  readonly slot: number;
  readonly latent: Latent;
}

export interface Networks {
  readonly config: Config;
  /** (1, H, W, 4) premultiplied in [-1, 1], sides multiples of 32. */
  encode(image: Tensor): Promise<Latent>;
  condition(ids: readonly number[], references?: readonly Reference[]): Promise<Condition>;
  /** The velocity that a sampler steps along. With `unguided`, two forwards a step: classifier-free guidance of a teacher. Throws the signal's reason once it is aborted. */
  velocity(
    condition: Condition,
    grid: { rows: number; columns: number },
    options: { guidance: number; unguided?: Condition; signal?: AbortSignal },
  ): Velocity;
  /** (1, 8h, 8w, K) */
  features(latent: Latent): Promise<Tensor>;
  /** Pixels (1, height, width, 4) of one tile of a width x height picture. */
  render(features: Tensor, tile: Tile, size: { width: number; height: number }): Promise<Tensor>;
  /**
   * The same networks with Peels on: conditions and velocities from it have their effect. The sessions that take them are made
   * when first used, and then serve every stack and weight; no stack, or one of weight 0, is these networks themselves.
   */
  withPeels(stack: PeelStack): Networks;
  /** Gives the decoder's memory back; it is made anew when it is next asked for. For a picture that needs that memory itself. */
  restDecoder(): Promise<void>;
  release(): Promise<void>;
}

type StageName = 'condition' | 'conditionReferences' | 'decode' | 'render' | 'encode';

/** Weights in a part of the denoiser: some 25 ms of int8 at 256 tokens on two cores, after which a cancel is heard. */
const PART = 2 ** 25;
/** Stages of every picture keep their working memory (the decoder without it: 2.5 times the time); others, and a stage in many parts, give it back. */
const REPEATED: readonly (StageName | 'denoise')[] = ['denoise', 'decode', 'render'];
const MANY = 4;

/** Rotary feeds of an h x w grid. */
function rotary(h: number, w: number, headWidth: number): Tensors {
  const { cosine, sine } = rotaryTable(gridPositions(h, w), headWidth);
  return { 'rotary.cosine': cosine, 'rotary.sine': sine };
}

export interface NetworksOptions {
  readonly precision?: Precision;
  /** Of 'int4': 4 rounds activations to 8 bits too, which is faster; 0 leaves them, for predictions that are learned from. */
  readonly accuracy?: 0 | 4;
  /** Bits of each weight: what the model's file says, or the usual ones. Kernels hold numbers of 5 to 7 bits in 8. */
  readonly plan?: Plan;
  /** The blocks of the model's file, so that quantized products need no float32 weights. */
  readonly blocks?: BlocksOf;
}

/** The networks of `config` with `weights`, on `runtime`. Sessions are made on first use. */
export function openNetworks(
  runtime: Runtime,
  config: Config,
  weights: Tensors | LazyTensors,
  { precision = 'float32', accuracy, plan: given = precision === 'float32' ? {} : planOf(specsOf(config)), blocks }: NetworksOptions = {},
): Networks {
  const plan = heldPlan(given);
  const plain: StageOptions = { product: PRODUCTS[precision](plan, accuracy) };
  const withSides: StageOptions = { product: loraProduct(plain.product!) };
  const build: Record<StageName, (options: StageOptions) => Stage> = {
    condition: (options) => conditionStage(config, options),
    conditionReferences: (options) => conditionStage(config, { ...options, references: true }),
    decode: (options) => decodeStage(config, options),
    render: () => renderStage(config),
    encode: (options) => encodeStage(config, options),
  };
  const stages = new Map<string, readonly OpenStage[]>();
  const opened = (name: StageName | 'denoise', adapted: boolean): readonly OpenStage[] => {
    const key = adapted ? `${name} with Peels` : name;
    let found = stages.get(key);
    if (!found) {
      const options = adapted ? withSides : plain;
      const parts = name === 'denoise' ? denoiseParts(config, PART, options) : [build[name](options)];
      let last: Promise<unknown> = Promise.resolve(); // one after the other: what one was made from is gone before the next
      stages.set(
        key,
        (found = parts.map((stage) => {
          const session = last.then(() =>
            openStage(runtime, stage, weights, { blocks, frugal: !REPEATED.includes(name) || parts.length > MANY }),
          );
          last = session;
          session.catch(() => {}); // told where it is awaited
          return { stage, session };
        })),
      );
    }
    return found;
  };
  const runPart = async ({ stage: { specs }, session }: OpenStage, feeds: Tensors, peels: PeelStack): Promise<Tensors> =>
    (await session).run(peels.length > 0 ? { ...feeds, ...stackFeeds(specs, peels) } : feeds);
  const run = (name: StageName, feeds: Tensors, peels = NO_PEELS): Promise<Tensors> =>
    runPart(opened(name, peels.length > 0)[0]!, feeds, peels);
  /** A step of the denoiser, part by part; before each the signal is looked at. */
  const step = async (all: Tensors, peels: PeelStack, signal?: AbortSignal): Promise<Tensor> => {
    for (const part of opened('denoise', peels.length > 0)) {
      await checkpoint(signal);
      const { inputs } = await part.session;
      const feeds = Object.fromEntries(inputs.filter(({ name }) => all[name]).map(({ name }) => [name, all[name]!]));
      const { next, ...found } = await runPart(part, feeds, peels);
      all = { ...all, ...found, ...(next && { tokens: next }) };
    }
    return all.velocity!;
  };
  const { transformer, autoencoder, channels } = config;

  const networks = (peels: PeelStack): Networks => ({
    config,
    async encode(image) {
      const [, H, W] = image.shape as [number, number, number];
      const [rows, columns] = [H / ENCODER_PIXELS, W / ENCODER_PIXELS];
      const shaped = { ...image, shape: [1, rows, ENCODER_PIXELS, columns, ENCODER_PIXELS, 4] };
      const { latent } = await run('encode', { image: shaped, ...rotary(rows, columns, autoencoder.heads.width) });
      return { rows, columns, data: latent!.data as Float32Array };
    },
    async condition(ids, references = []) {
      const T = ids.length;
      const text = {
        'text.ids': int64([1, T], [...ids]),
        'text.positions': int64([T], [...ids.keys()]),
        'text.mask': float32([1, T], new Float32Array(T).fill(1)),
      };
      if (references.length === 0) return { cache: await run('condition', text, peels), length: T };
      const feeds = referenceFeeds(
        references.map(({ latent, slot }) => ({ ...latent, slot })),
        config,
      );
      const S = feeds['reference.slots']!.shape[1]!;
      const cache = await run('conditionReferences', { ...text, ...feeds }, peels);
      return { cache, length: T + S };
    },
    velocity(condition, { rows, columns }, { guidance, unguided, signal }) {
      const L = rows * columns;
      const table = rotary(rows, columns, transformer.heads.width);
      const see = async (seen: Condition, x: Float32Array<ArrayBuffer>, t: number, scale: number): Promise<Float32Array> => {
        const feeds = { ...seen.cache, ...table, x: float32([1, L, channels], x), t: float32([1], [t]), guidance: float32([1], [scale]) };
        return (await step(feeds, peels, signal)).data as Float32Array;
      };
      if (!unguided) return (x, t) => see(condition, x, t, guidance);
      return async (x, t) => guide(await see(condition, x, t, 0), await see(unguided, x, t, 0), guidance);
    },
    async features({ rows, columns, data }) {
      const latent = float32([1, rows, columns, channels], data);
      const { features } = await run('decode', { latent, ...rotary(rows, columns, autoencoder.heads.width) });
      return features!;
    },
    async render(features, tile, { width, height }) {
      const [, a, b] = features.shape as [number, number, number, number];
      const { feeds, rows, columns } = samplingTables(tile, width, height, { rows: a, columns: b });
      const part = cutCells(features, [rows.from, rows.to, columns.from, columns.to]);
      return (await run('render', { ...feeds, features: part })).pixels!;
    },
    async restDecoder() {
      const found = stages.get('decode');
      stages.delete('decode');
      for (const { session } of found ?? []) await (await session).release();
    },
    withPeels: (stack) => (isIdle(stack) ? networks(NO_PEELS) : networks(stack)),
    async release() {
      const all = [...stages.values()].flat();
      stages.clear();
      for (const { session } of all) await (await session).release();
    },
  });
  return networks(NO_PEELS);
}

interface OpenStage {
  readonly stage: Stage;
  readonly session: Promise<Session>;
}
