// The layered model's networks, ready to run: a session a stage, made when first used, and the host work between them.
import { forInference } from '../../graph/passes/optimize.ts';
import { rotaryTable } from '../../nn/rope.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import type { Velocity } from '../../sampling/sampler.ts';
import { float32, int64, type Tensor, type Tensors } from '../../tensor/tensor.ts';
import { MARGIN, type Cells } from '../banana/level-sets.ts';
import { FRAME_NUMBERS, type LayersConfig } from './config.ts';
import { contentTokens, kindsOf, type Layout } from './layout.ts';
import { conditionStage, denoiseStage, mapsStage, pixelsStage, type Stage } from './stages.ts';

/** A prompt as the denoiser wants it. */
export interface Condition {
  /** pooled, k.i, v.i */
  readonly cache: Tensors;
  /** Objects that it asks for, 1 to 6. */
  readonly objects: number;
}

/** Level maps of a thumbnail. */
export interface Maps {
  readonly logits: Tensor;
  readonly colours: Tensor;
}

export interface LayerNetworks {
  condition(ids: readonly number[]): Promise<Condition>;
  /** Velocities of a flat latent: frames, then content tokens. */
  velocity(condition: Condition, layout: Layout): Velocity;
  /** Maps of a thumbnail: premultiplied RGBA -1 to 1, rows first. `exact`: it was not cut, sampled or noisy. */
  maps(thumbnail: Float32Array, width: number, height: number, exact: boolean): Promise<Maps>;
  /** Pixels (1, H, W, 4), premultiplied RGBA -1 to 1. */
  pixels(maps: Maps, tables: Tensors, cells: Cells, fine: Cells): Promise<Tensor>;
  release(): Promise<void>;
}

/** The networks of `config` with `weights`. Sessions are made on first use. */
export function openLayerNetworks(runtime: Runtime, config: LayersConfig, weights: Tensors): LayerNetworks {
  const build = { condition: conditionStage, denoise: denoiseStage, maps: mapsStage, pixels: pixelsStage } satisfies Record<string, (c: LayersConfig) => Stage>;
  const sessions = new Map<string, Promise<Session>>();
  const session = (name: keyof typeof build): Promise<Session> => {
    const found = sessions.get(name);
    if (found) return found;
    const { graph, specs } = build[name](config);
    const bound = Object.fromEntries([...specs.keys()].map((path) => [path, weights[path]!]));
    const made = runtime.compile(forInference(graph), { weights: bound });
    sessions.set(name, made);
    return made;
  };
  return {
    async condition(ids) {
      const T = ids.length;
      const { count, ...cache } = await (await session('condition')).run({ 'text.ids': int64([1, T], ids), 'text.mask': float32([1, T], Array(T).fill(1)), 'text.positions': int64([T], [...ids.keys()]) });
      const logits = Array.from(count!.data as Float32Array).slice(1);
      return { cache, objects: 1 + logits.indexOf(Math.max(...logits)) };
    },
    velocity({ cache }, layout) {
      const fixed = layoutFeeds(layout, config);
      const N = layout.objects;
      const P = contentTokens(layout);
      return async (x, t) => {
        const frames = float32([1, N, FRAME_NUMBERS], x.subarray(0, N * FRAME_NUMBERS));
        const content = float32([1, P, config.channels], x.subarray(N * FRAME_NUMBERS));
        const found = await (await session('denoise')).run({ ...fixed, ...cache, frames, content, t: float32([1], [t]) });
        const out = new Float32Array(x.length);
        out.set(found['velocity.frames']!.data as Float32Array);
        out.set(found['velocity.content']!.data as Float32Array, N * FRAME_NUMBERS);
        return out;
      };
    },
    async maps(thumbnail, width, height, exact) {
      const { logits, colours } = await (await session('maps')).run({ thumbnails: padded(thumbnail, width, height, exact) });
      return { logits: logits!, colours: colours! };
    },
    async pixels({ logits, colours }, tables, cells, fine) {
      const { pixels } = await (await session('pixels')).run({ ...tables, colours: cut(colours, cells), logits: cut(logits, fine) });
      const data = (pixels!.data as Float32Array).map((v) => Math.min(1, Math.max(-1, v - 1)));
      return float32(pixels!.shape as number[], data);
    },
    async release() {
      for (const made of sessions.values()) await (await made).release();
      sessions.clear();
    },
  };
}

/** What each token of a layout is, as feeds of the denoiser. */
function layoutFeeds(layout: Layout, { transformer }: LayersConfig): Tensors {
  const { slots, places, positions } = kindsOf(layout);
  const { cosine, sine } = rotaryTable(positions, transformer.heads.width);
  const all = [...slots.keys()];
  const ids = (list: readonly number[]) => int64([list.length], list);
  return { slots: ids(slots), places: ids(places), 'at.frames': ids(all.slice(0, layout.objects)), 'at.content': ids(all.slice(layout.objects)), 'rotary.cosine': cosine, 'rotary.sine': sine };
}

/** A thumbnail as the renderer reads it: (1, h + 2 MARGIN, w + 2 MARGIN, 5), plus 1, with the plane that says whether it is exact. */
function padded(thumbnail: Float32Array, width: number, height: number, exact: boolean): Tensor {
  const [h, w] = [height + 2 * MARGIN, width + 2 * MARGIN];
  const data = new Float32Array(h * w * 5);
  if (!exact) for (let i = 4; i < data.length; i += 5) data[i] = 1;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) for (let c = 0; c < 4; c++) data[((y + MARGIN) * w + x + MARGIN) * 5 + c] = thumbnail[(y * width + x) * 4 + c]! + 1;
  return float32([1, h, w, 5], data);
}

/** Cells [top, bottom) x [left, right) of a map (1, a, b, K). */
function cut(map: Tensor, [top, bottom, left, right]: Cells): Tensor {
  const [, , b, K] = map.shape as [number, number, number, number];
  const width = (right - left) * K;
  const data = new Float32Array((bottom - top) * width);
  for (let y = top; y < bottom; y++) data.set((map.data as Float32Array).subarray((y * b + left) * K, (y * b + left) * K + width), (y - top) * width);
  return float32([1, bottom - top, right - left, K], data);
}
