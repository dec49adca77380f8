// The networks as graphs for inference, one a stage: text -> keys and values (once a prompt), noisy latent -> velocity (once a
// step), latent -> features, features -> pixels (once a tile), picture -> latent. All sizes are symbols, so one session serves
// every size and aspect ratio.
// Legend: B batch, L image tokens, M text and reference tokens, T text tokens, S reference tokens, h x w latent grid.
import { reshape } from '../../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../../graph/value.ts';
import type { KeysValues } from '../../nn/attention.ts';
import { rootScope, type Product, type Scope, type Specs } from '../../nn/scope.ts';
import { cacheName, stage, type Stage } from '../stage.ts';
import { decoder, encoder } from './autoencoder.ts';
import { ENCODER_PIXELS, type Config } from './config.ts';
import { perPicture, referenceInputs, rotaryInputs, textInputs } from './inputs.ts';
import { POSITION_CODE, renderer } from './renderer.ts';
import { block, conditioning, entry, exit, transformer } from './transformer.ts';

export interface StageOptions {
  /** How weights are multiplied: plain, quantized, with Peels. */
  readonly product?: Product;
}

/** Prompt (and references) to `pooled` (B, D) and each layer's `k.i`, `v.i` (B, G, M, d). */
export function conditionStage(config: Config, { references = false, product }: StageOptions & { references?: boolean } = {}): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const reference = references ? referenceInputs('B', 'S', config) : undefined;
    const { layers, pooled } = conditioning(s, textInputs('B', 'T'), config, reference);
    const cache = layers.flatMap(({ k, v }, i): [string, Value][] => [
      [cacheName('k', i), k],
      [cacheName('v', i), v],
    ]);
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

/** A run of the transformer's blocks, and what stands before the first and after the last. */
export interface DenoisePart extends Stage {
  /** Blocks [from, to). */
  readonly from: number;
  readonly to: number;
}

/**
 * The step in parts of at most `most` weights (but at least a block), for runs without hidden keys: each takes what it needs of the
 * step's inputs and of the part before (`tokens`, `shared`, `last`), the last gives `velocity`. Between parts an engine can hear a
 * cancel, and while one is loaded the others' weights need not be in memory twice.
 */
export function denoiseParts(config: Config, most: number, { product }: StageOptions = {}): DenoisePart[] {
  const { heads, width, hidden, depth } = config.transformer;
  const weights = width * (2 * heads.groups * (heads.share + 1) * heads.width + 3 * hidden);
  const count = Math.ceil(depth / Math.max(1, Math.floor(most / weights)));
  return Array.from({ length: count }, (_, i): DenoisePart => {
    const [from, to] = [Math.floor((i * depth) / count), Math.floor(((i + 1) * depth) / count)];
    return { from, to, ...stage((specs) => denoisePart(rootScope(specs, product).in('transformer'), from, to, config)) };
  });
}

function denoisePart(s: Scope, from: number, to: number, config: Config): Graph {
  const { heads, width, depth } = config.transformer;
  const cached = (kind: 'k' | 'v', i: number) => input(cacheName(kind, i), ['B', heads.groups, 'M', heads.width]);
  const { tokens, shared, last } =
    from === 0
      ? entry(
          s,
          input('x', ['B', 'L', config.channels]),
          { t: perPicture('t', 'B'), guidance: perPicture('guidance', 'B'), pooled: input('pooled', ['B', width]) },
          config,
        )
      : { tokens: input('tokens', ['B', 'L', width]), shared: input('shared', ['B', 6 * width]), last: input('last', ['B', 2 * width]) };
  const rotary = rotaryInputs('L', heads.width);
  let h = tokens;
  for (let i = from; i < to; i++) h = block(s, i, h, shared, { extra: { k: cached('k', i), v: cached('v', i) }, rotary }, config);
  if (to === depth) return graph('denoise', { velocity: exit(s, h, last, config) });
  return graph('denoise', { next: h, ...(from === 0 && { shared, last }) });
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

/** Every weight of the networks. */
export function specsOf(config: Config): Specs {
  const stages = [
    conditionStage(config, { references: true }),
    denoiseStage(config),
    encodeStage(config),
    decodeStage(config),
    renderStage(config),
  ];
  return new Map(stages.flatMap(({ specs }) => [...specs]));
}
