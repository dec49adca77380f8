// The networks of one model, ready to run: a session a stage, made when first used, and the host work between them (rotary
// tables, tiles, padding). Nothing here knows of prompts as text, files or progress: see text-to-image.ts.
// Legend: h x w latent grid, L = h*w tokens, M text and reference tokens, C latent channels.
import { forInference } from '../graph/passes/optimize.ts';
import { ENCODER_PIXELS, type Config } from '../models/config.ts';
import { conditionStage, decodeStage, denoiseStage, encodeStage, renderStage, type Stage } from '../models/graphs.ts';
import { referenceFeeds } from '../models/references.ts';
import { samplingTables, type Tile } from '../models/renderer.ts';
import { gridPositions, rotaryTable } from '../nn/rope.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import type { Velocity } from '../sampling/sampler.ts';
import { guide } from '../sampling/guidance.ts';
import { float32, int64, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';

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
  /** The velocity that a sampler steps along. With `unguided`, two forwards a step: classifier-free guidance of a teacher. */
  velocity(condition: Condition, grid: { rows: number; columns: number }, options: { guidance: number; unguided?: Condition }): Velocity;
  /** (1, 8h, 8w, K) */
  features(latent: Latent): Promise<Tensor>;
  /** Pixels (1, height, width, 4) of one tile of a width x height picture. */
  render(features: Tensor, tile: Tile, size: { width: number; height: number }): Promise<Tensor>;
  release(): Promise<void>;
}

type StageName = 'condition' | 'conditionReferences' | 'denoise' | 'decode' | 'render' | 'encode';

/** Rotary feeds of an h x w grid. */
function rotary(h: number, w: number, headWidth: number): Tensors {
  const { cosine, sine } = rotaryTable(gridPositions(h, w), headWidth);
  return { 'rotary.cosine': cosine, 'rotary.sine': sine };
}

/** The networks of `config` with `weights`, on `runtime`. Sessions are made on first use. */
export function openNetworks(runtime: Runtime, config: Config, weights: Tensors): Networks {
  const build: Record<StageName, () => Stage> = {
    condition: () => conditionStage(config),
    conditionReferences: () => conditionStage(config, { references: true }),
    denoise: () => denoiseStage(config),
    decode: () => decodeStage(config),
    render: () => renderStage(config),
    encode: () => encodeStage(config),
  };
  const sessions = new Map<StageName, Promise<Session>>();
  const session = (name: StageName): Promise<Session> => {
    let found = sessions.get(name);
    if (!found) sessions.set(name, (found = open(runtime, build[name](), weights)));
    return found;
  };
  const run = async (name: StageName, feeds: Tensors): Promise<Tensors> => (await session(name)).run(feeds);
  const { transformer, autoencoder, channels } = config;

  return {
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
      if (references.length === 0) return { cache: await run('condition', text), length: T };
      const feeds = referenceFeeds(references.map(({ latent, slot }) => ({ ...latent, slot })), config);
      const S = feeds['reference.slots']!.shape[1]!;
      const cache = await run('conditionReferences', { ...text, ...feeds });
      return { cache, length: T + S };
    },
    velocity(condition, { rows, columns }, { guidance, unguided }) {
      const L = rows * columns;
      const table = rotary(rows, columns, transformer.heads.width);
      const see = async (seen: Condition, x: Float32Array<ArrayBuffer>, t: number, scale: number): Promise<Float32Array> => {
        const feeds = {
          ...seen.cache,
          ...table,
          x: float32([1, L, channels], x),
          t: float32([1], [t]),
          guidance: float32([1], [scale]),
          bias: zeros('float32', [1, 1, 1, L + seen.length]),
        };
        return (await run('denoise', feeds)).velocity!.data as Float32Array;
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
      const part = crop(features, rows.from, rows.to, columns.from, columns.to);
      return (await run('render', { ...feeds, features: part })).pixels!;
    },
    async release() {
      for (const s of sessions.values()) await (await s).release();
      sessions.clear();
    },
  };
}

async function open(runtime: Runtime, { graph, specs }: Stage, weights: Tensors): Promise<Session> {
  const bound: Tensors = {};
  for (const [path, { shape }] of specs) {
    const found = weights[path];
    if (!found) throw new InputError('model.weights', `the model has no weight "${path}" that stage "${graph.name}" needs; was it made for another preset?`);
    if (found.shape.join() !== shape.join())
      throw new InputError('model.weights', `weight "${path}" is [${found.shape}], stage "${graph.name}" expects [${shape}]; was it made for another preset?`);
    bound[path] = found;
  }
  return runtime.compile(forInference(graph), { weights: bound });
}

/** Cells [top, bottom) x [left, right) of a feature map (1, a, b, K). */
function crop(features: Tensor, top: number, bottom: number, left: number, right: number): Tensor {
  const [, a, b, K] = features.shape as [number, number, number, number];
  if (top === 0 && left === 0 && bottom === a && right === b) return features;
  const width = (right - left) * K;
  const data = new Float32Array((bottom - top) * width);
  for (let y = top; y < bottom; y++) {
    const start = (y * b + left) * K;
    data.set((features.data as Float32Array).subarray(start, start + width), (y - top) * width);
  }
  return float32([1, bottom - top, right - left, K], data);
}

