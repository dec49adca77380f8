// The layered model's networks, ready to run: a session a stage, made when first used, and the host work between them.
import { loraProduct } from '../../adapters/lora.ts';
import { isIdle, NO_PEELS, stackFeeds, type PeelStack } from '../../adapters/stack.ts';
import { matmul } from '../../graph/ops.ts';
import type { Tile } from '../../image/image.ts';
import { rotaryTable } from '../../nn/rope.ts';
import type { BlocksOf } from '../../quant/bind.ts';
import { heldPlan, type Plan } from '../../quant/plan.ts';
import { PRODUCTS, type Precision } from '../../quant/precision.ts';
import { checkpoint } from '../../runtime/engine.ts';
import type { Product } from '../../nn/scope.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import type { Velocity } from '../../sampling/sampler.ts';
import { lazily, type LazyTensors } from '../../tensor/lazy.ts';
import { float32, int64, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { MARGIN } from './level-sets.ts';
import type { Layout as Parts } from '../layout.ts';
import { FRAME_NUMBERS, OBJECTS, type LayersConfig } from './config.ts';
import { CELLS_PER_OBJECT, contentTokens, kindsOf, layoutIn, referenceCells, type Layout } from './layout.ts';
import { drawLevels, type LevelMap } from './levels.ts';
import { mixesPay, openMixes, type Mixes } from './mixes.ts';
import { conditionStage, denoiseParts, mapsStage } from './stages.ts';
import { openStage, type Stage } from '../stage.ts';

/** A prompt as the denoiser wants it. */
export interface LayersCondition {
  /** pooled, k.i, v.i */
  readonly cache: Tensors;
  /** Objects that it asks for, 1 to 6. */
  readonly objects: number;
}

/** A subject of a prompt: the tokens of its thumbnail (16 * C), and its number there. */
export interface LayersReference {
  readonly slot: number;
  readonly tokens: ArrayLike<number>;
}

/** A picture that is to be drawn at any size: premultiplied RGBA -1 to 1, rows first. */
export interface Pixels {
  readonly pixels: Float32Array;
  readonly width: number;
  readonly height: number;
}

export interface LayerNetworks {
  readonly config: LayersConfig;
  condition(ids: readonly number[], references?: readonly LayersReference[]): Promise<LayersCondition>;
  /** Velocities of a latent of these parts. Throws the signal's reason once it is aborted. */
  velocity(condition: LayersCondition, parts: Parts, signal?: AbortSignal): Velocity;
  /** Maps of thumbnails of one size. `exact`: they were not cut, sampled or noisy. Around them is nothing, or what is at their edge. */
  maps(thumbnails: readonly Pixels[], options: { exact: boolean; around: 'nothing' | 'edge' }): Promise<LevelMap[]>;
  /** Pixels (1, H, W, 4), premultiplied RGBA -1 to 1, of a tile (its corner in pixels from the thumbnail's) at `scale` pixels to a cell. */
  pixels(maps: LevelMap, tile: Tile, scale: number): Tensor;
  /**
   * The same networks with Peels on: conditions and velocities from it have their effect. The sessions that take them are made when first
   * used, and then serve every stack and weight; no stack, or one of weight 0, is these networks themselves.
   */
  withPeels(stack: PeelStack): LayerNetworks;
  release(): Promise<void>;
}

export interface LayerNetworksOptions {
  readonly precision?: Precision;
  /** Of 'int4': 4 rounds activations to 8 bits too, which is faster; 0 leaves them, for predictions that are learned from. */
  readonly accuracy?: 0 | 4;
  /** Bits of each weight. */
  readonly plan?: Plan | undefined;
  /** The blocks of the model's file. */
  readonly blocks?: BlocksOf | undefined;
}

/** Weights in a part of the denoiser: some 25 ms of int8 at 256 tokens on two cores, after which a cancel is heard. */
const PART = 2 ** 25;
/** A stage in more parts than this gives working memory back after each run. */
const MANY = 4;

type Build = (c: LayersConfig, product: Product) => Stage[];
const BUILD = {
  condition: (c, product) => [conditionStage(c, product)],
  'condition with references': (c, product) => [conditionStage(c, product, true)],
  denoise: (c, product) => denoiseParts(c, PART, product),
  'denoise a whole picture': (c, product) => denoiseParts(c, PART, product, false),
  maps: (c) => [mapsStage(c)],
} satisfies Record<string, Build>;
type StageName = keyof typeof BUILD;
/** The one weight that pixels are drawn by (stages.ts: pixelsStage), its logarithm. */
const SHARPNESS = 'renderer.sharpness';

interface OpenStage {
  readonly stage: Stage;
  readonly session: Promise<Session>;
}

/** The networks of `config` with `weights`. Sessions are made on first use. */
export function openLayerNetworks(
  runtime: Runtime,
  config: LayersConfig,
  weights: LazyTensors | Tensors,
  { precision = 'float32', accuracy, plan = {}, blocks }: LayerNetworksOptions = {},
): LayerNetworks {
  const plain = precision === 'float32' ? matmul : PRODUCTS[precision](heldPlan(plan), accuracy);
  const withSides = loraProduct(plain);
  const stages = new Map<string, readonly OpenStage[]>();
  const opened = (name: StageName, adapted: boolean): readonly OpenStage[] => {
    const key = adapted ? `${name} with Peels` : name;
    let found = stages.get(key);
    if (!found) {
      const parts = (BUILD[name] as Build)(config, adapted ? withSides : plain);
      const frugal = parts.length > MANY;
      let last: Promise<unknown> = Promise.resolve(); // one after the other: what one was made from is gone before the next
      const open = (stage: Stage): OpenStage => {
        const session = last.then(() => openStage(runtime, stage, weights, { blocks, frugal }));
        last = session;
        session.catch(() => {}); // told where it is awaited
        return { stage, session };
      };
      stages.set(key, (found = parts.map(open)));
    }
    return found;
  };
  /** What a stage gives, part by part; before each the signal is looked at. */
  const run = async (name: StageName, all: Tensors, peels: PeelStack = NO_PEELS, signal?: AbortSignal): Promise<Tensors> => {
    const adapted = peels.length > 0;
    let found: Tensors = {};
    for (const { stage, session } of opened(name, adapted)) {
      await checkpoint(signal);
      const part = await session;
      const feeds = Object.fromEntries(part.inputs.flatMap(({ name: own }) => (all[own] ? [[own, all[own]]] : [])));
      found = await part.run(adapted ? { ...feeds, ...stackFeeds(stage.specs, peels) } : feeds);
      all = { ...all, ...found, ...(found.next && { tokens: found.next }) };
    }
    return found;
  };
  const own = precision === 'int8' && mixesPay(runtime);
  let renderer: Mixes | undefined;
  const mixes: Mixes = (...thumbnail) => (renderer ??= openMixes(weights, config.renderer))(...thumbnail);
  let exponent: number | undefined;
  const sharpness = (): number => Math.exp((exponent ??= lazily(weights).read(SHARPNESS).data[0] as number));
  const networks = (peels: PeelStack): LayerNetworks => ({
    config,
    async condition(ids, references = []) {
      const T = ids.length;
      const text = {
        'text.ids': int64([1, T], [...ids]),
        'text.mask': float32([1, T], Array<number>(T).fill(1)),
        'text.positions': int64([T], [...ids.keys()]),
      };
      const name = references.length > 0 ? 'condition with references' : 'condition';
      const { count, ...cache } = await run(name, { ...referenceFeeds(references, config), ...text }, peels);
      const logits = Array.from(count!.data as Float32Array).slice(1, OBJECTS + 1);
      return { cache, objects: 1 + logits.indexOf(Math.max(...logits)) };
    },
    velocity({ cache }, parts, signal) {
      const layout = layoutIn(parts);
      const fixed = layoutFeeds(layout, config);
      const [N, P] = [layout.objects, contentTokens(layout)];
      return async (x, t) => {
        const frames = N > 0 && { frames: float32([1, N, FRAME_NUMBERS], x.subarray(0, N * FRAME_NUMBERS)) };
        const content = float32([1, P, config.channels], x.subarray(N * FRAME_NUMBERS));
        const name = N > 0 ? 'denoise' : 'denoise a whole picture';
        const found = await run(name, { ...fixed, ...cache, ...frames, content, t: float32([1], [t]) }, peels, signal);
        const out = new Float32Array(x.length);
        if (N > 0) out.set(found['velocity.frames']!.data as Float32Array);
        out.set(found['velocity.content']!.data as Float32Array, N * FRAME_NUMBERS);
        return out;
      };
    },
    async maps(thumbnails, options) {
      if (thumbnails.length === 0) return [];
      const { width, height } = thumbnails[0]!;
      const seen = padded(thumbnails, options);
      if (own) return thumbnails.map((_, i) => ({ ...mixes(row(seen, i), height + 2 * MARGIN, width + 2 * MARGIN), width, height }));
      const { logits, colours } = await run('maps', { thumbnails: seen });
      return thumbnails.map((_, i) => ({ logits: row(logits!, i), colours: row(colours!, i), width, height }));
    },
    pixels: (maps, tile, scale) => float32([1, tile.height, tile.width, 4], drawLevels(maps, tile, scale, sharpness())),
    withPeels: (stack) => networks(isIdle(stack) ? NO_PEELS : stack),
    async release() {
      const all = [...stages.values()].flat();
      stages.clear();
      for (const { session } of all) await (await session).release();
    },
  });
  return networks(NO_PEELS);
}

/** Row i of a tensor's first axis. */
function row({ shape, data }: Tensor, i: number): Float32Array {
  const each = data.length / shape[0]!;
  return (data as Float32Array).subarray(i * each, (i + 1) * each);
}

/** What each token of a layout is, as feeds of the denoiser. */
function layoutFeeds(layout: Layout, { transformer }: LayersConfig): Tensors {
  const { slots, places, positions } = kindsOf(layout);
  const { cosine, sine } = rotaryTable(positions, transformer.heads.width);
  const all = [...slots.keys()];
  const ids = (list: readonly number[]) => int64([list.length], list);
  return {
    slots: ids(slots),
    places: ids(places),
    ...(layout.objects > 0 && { 'at.frames': ids(all.slice(0, layout.objects)), 'at.content': ids(all.slice(layout.objects)) }),
    'rotary.cosine': cosine,
    'rotary.sine': sine,
  };
}

/** References as feeds of the conditioning; none where there are none. */
function referenceFeeds(references: readonly LayersReference[], { transformer, channels }: LayersConfig): Tensors {
  if (references.length === 0) return {};
  const slots = references.flatMap(({ slot }) => Array<number>(CELLS_PER_OBJECT).fill(slot));
  const { cosine, sine } = rotaryTable(referenceCells(references.length), transformer.heads.width);
  return {
    'reference.tokens': float32([1, slots.length, channels], Float32Array.from(references.flatMap(({ tokens }) => Array.from(tokens)))),
    'reference.slots': int64([1, slots.length], slots),
    'reference.cosine': cosine,
    'reference.sine': sine,
  };
}

/** Thumbnails as the renderer reads them: (B, h + 2 MARGIN, w + 2 MARGIN, 5), plus 1, with the plane that says whether they are exact. */
function padded(thumbnails: readonly Pixels[], { exact, around }: { exact: boolean; around: 'nothing' | 'edge' }): Tensor {
  const { width, height } = thumbnails[0]!;
  const [h, w] = [height + 2 * MARGIN, width + 2 * MARGIN];
  const data = new Float32Array(thumbnails.length * h * w * 5);
  if (!exact) for (let i = 4; i < data.length; i += 5) data[i] = 1;
  const margin = around === 'edge' ? MARGIN : 0;
  const inside = (at: number, side: number) => Math.min(side - 1, Math.max(0, at));
  thumbnails.forEach(({ pixels }, b) => {
    for (let y = -margin; y < height + margin; y++)
      for (let x = -margin; x < width + margin; x++) {
        const from = (inside(y, height) * width + inside(x, width)) * 4;
        for (let c = 0; c < 4; c++) data[((b * h + y + MARGIN) * w + x + MARGIN) * 5 + c] = pixels[from + c]! + 1;
      }
  });
  return float32([thumbnails.length, h, w, 5], data);
}
