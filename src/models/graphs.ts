// The networks as graphs for inference, one a stage: text -> keys and values (once a prompt), noisy latent -> velocity (once a
// step), latent -> features, features -> pixels (once a tile), picture -> latent. All sizes are symbols, so one session serves
// every size and aspect ratio.
// Legend: B batch, L image tokens, M text and reference tokens, T text tokens, S reference tokens, h x w latent grid.
import { reshape } from '../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../graph/value.ts';
import type { KeysValues } from '../nn/attention.ts';
import { rootScope, type Product, type Specs } from '../nn/scope.ts';
import { decoder, encoder } from './autoencoder.ts';
import { ENCODER_PIXELS, type Config } from './config.ts';
import { perPicture, referenceInputs, rotaryInputs, textInputs } from './inputs.ts';
import { POSITION_CODE, renderer } from './renderer.ts';
import { conditioning, transformer } from './transformer.ts';

/** A stage: its graph and the weights that it wants. */
export interface Stage {
  readonly graph: Graph;
  readonly specs: Specs;
}

export interface StageOptions {
  /** How weights are multiplied: plain, quantized, with Peels. */
  readonly product?: Product;
}

/** Name of layer i's keys or values, as outputs of one stage and inputs of the next. */
export const cacheName = (kind: 'k' | 'v', i: number) => `${kind}.${i}`;

function stage(build: (specs: Specs) => Graph): Stage {
  const specs: Specs = new Map();
  return { graph: build(specs), specs };
}

/** Prompt (and references) to `pooled` (B, D) and each layer's `k.i`, `v.i` (B, G, M, d). */
export function conditionStage(config: Config, { references = false, product }: StageOptions & { references?: boolean } = {}): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const reference = references ? referenceInputs('B', 'S', config) : undefined;
    const { layers, pooled } = conditioning(s, textInputs('B', 'T'), config, reference);
    const cache = layers.flatMap(({ k, v }, i): [string, Value][] => [[cacheName('k', i), k], [cacheName('v', i), v]]);
    return graph('condition', { pooled, ...Object.fromEntries(cache) });
  });
}

/** One step: x (B, L, C), t, guidance (B), the cache, bias (B, 1, 1, M+L) on the keys -> velocity (B, L, C). */
export function denoiseStage(config: Config, { product }: StageOptions = {}): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const { heads, width, depth } = config.transformer;
    const cached = (kind: 'k' | 'v', i: number) => input(cacheName(kind, i), ['B', heads.groups, 'M', heads.width]);
    const layers = Array.from({ length: depth }, (_, i): KeysValues => ({ k: cached('k', i), v: cached('v', i) }));
    const velocity = transformer(
      s,
      input('x', ['B', 'L', config.channels]),
      {
        t: perPicture('t', 'B'),
        guidance: perPicture('guidance', 'B'),
        condition: { layers, pooled: input('pooled', ['B', width]) },
        rotary: rotaryInputs('L', heads.width),
        bias: input('bias', ['B', 1, 1, 'L+M']),
      },
      config,
    );
    return graph('denoise', { velocity });
  });
}

/** latent (B, h, w, C) -> features (B, 8h, 8w, K). */
export function decodeStage(config: Config, { product }: StageOptions = {}): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('decoder');
    const rotary = rotaryInputs('h*w', config.autoencoder.heads.width);
    const latent = reshape(input('latent', ['B', 'h', 'w', config.channels]), ['B', 'h*w', config.channels]);
    return graph('decode', { features: decoder(s, latent, ['h', 'w'], rotary, config) });
  });
}

/** features (B, a, b, K) of a tile and its tables -> pixels (B, H, W, 4). */
export function renderStage(config: Config): Stage {
  return stage((specs) => {
    const s = rootScope(specs).in('renderer');
    const pixels = renderer(
      s,
      {
        features: input('features', ['B', 'a', 'b', config.autoencoder.render[0]]),
        rows: input('rows', ['B', 'H', 'a']),
        columns: input('columns', ['B', 'W', 'b']),
        rowCode: input('rowCode', ['B', 'H', POSITION_CODE]),
        columnCode: input('columnCode', ['B', 'W', POSITION_CODE]),
        scale: input('scale', ['B', 1]),
      },
      config,
    );
    return graph('render', { pixels });
  });
}

const N = ENCODER_PIXELS;
/** image (B, h, 32, w, 32, 4), which is (B, 32h, 32w, 4) in memory, in [-1, 1] -> latent (B, h*w, C). */
export function encodeStage(config: Config, { product }: StageOptions = {}): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('encoder');
    const rotary = rotaryInputs('h*w', config.autoencoder.heads.width);
    const image = reshape(input('image', ['B', 'h', N, 'w', N, 4]), ['B', `${N}*h`, `${N}*w`, 4]);
    return graph('encode', { latent: encoder(s, image, rotary, config) });
  });
}
