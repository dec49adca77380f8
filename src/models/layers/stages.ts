// The layered model as graphs for inference: prompt -> keys and values (once), noisy frames and contents -> their velocities (once a
// step), thumbnail -> level maps (once a layer), maps -> pixels (once a tile). Sizes are symbols: one session serves every layout.
// Legend: B batch, N objects, P content tokens, L = N + P, M text and reference tokens, T text tokens, S reference tokens, h x w cells,
// H x W pixels.
import { gather } from '../../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../../graph/value.ts';
import type { KeysValues } from '../../nn/attention.ts';
import { rootScope, type Product, type Scope } from '../../nn/scope.ts';
import { cacheName, stage, type Stage } from '../stage.ts';
import { perPicture, referenceInputs, rotaryInputs, textInputs } from './inputs.ts';
import { levelMaps, levelPixels } from './level-sets.ts';
import { block, conditioning } from './blocks.ts';
import { FRAME_NUMBERS, type LayersConfig } from './config.ts';
import { countLogits, denoiser, entry, exit, type Parts } from './transformer.ts';

/** text.*, and reference.* where there are any -> pooled (B, D), each layer's k.i and v.i (B, G, T + S, d), `count` (B, 7): logits of 0 to 6 objects. */
export function conditionStage(config: LayersConfig, product?: Product, withReferences = false): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const references = withReferences ? referenceInputs('B', 'S', config) : undefined;
    const condition = conditioning(s, textInputs('B', 'T'), config, references);
    const cache = condition.layers.flatMap(({ k, v }, i): [string, Value][] => [
      [cacheName('k', i), k],
      [cacheName('v', i), v],
    ]);
    return graph('condition', { pooled: condition.pooled, count: countLogits(s, condition.pooled), ...Object.fromEntries(cache) });
  });
}

/** What a step is given: frames (B, N, 4) if there are objects, content (B, P, C), t (B), what each token is (layout.ts), its keys' cache. */
function stepInputs({ transformer: { heads, depth }, channels }: LayersConfig, objects: boolean) {
  const cached = (kind: 'k' | 'v', i: number) => input(cacheName(kind, i), ['B', heads.groups, 'M', heads.width]);
  const ids = (name: string, count: string) => input(name, [count], 'int64');
  const at = objects && { frames: ids('at.frames', 'N'), content: ids('at.content', 'P') };
  const L = at ? 'N+P' : 'P';
  return {
    L,
    noisy: { ...(at && { frames: input('frames', ['B', 'N', FRAME_NUMBERS]) }), content: input('content', ['B', 'P', channels]) },
    t: perPicture('t', 'B'),
    layers: Array.from({ length: depth }, (_, i): KeysValues => ({ k: cached('k', i), v: cached('v', i) })),
    slots: ids('slots', L),
    places: ids('places', L),
    split: (tokens: Value): Parts =>
      at ? { frames: gather(tokens, at.frames, 1), content: gather(tokens, at.content, 1) } : { content: tokens },
    rotary: rotaryInputs(L, heads.width),
  };
}

const variances = (s: Scope, { channels }: LayersConfig) => s.parameter('variance', [channels], { constant: 1 });
const velocities = ({ frames, content }: Parts) => ({ ...(frames && { 'velocity.frames': frames }), 'velocity.content': content });

/** What a step is given (above), and pooled (B, D) -> the velocities of frames and contents. */
export function denoiseStage(config: LayersConfig, product?: Product, objects = true): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const { noisy, layers, L: _, ...given } = stepInputs(config, objects);
    const condition = { layers, pooled: input('pooled', ['B', config.transformer.width]) };
    return graph('denoise', velocities(denoiser(s, noisy, { ...given, condition, variance: variances(s, config) }, config)));
  });
}

/**
 * The step in parts of at most `most` weights (but at least a block), for runs without hidden keys: each takes what it needs of the step's inputs
 * and of the part before (`tokens`, `shared`, `last`), the last gives the velocities. Between parts an engine can hear a cancel, and while
 * one is loaded the others' weights need not be in memory twice.
 */
export function denoiseParts(config: LayersConfig, most: number, product?: Product, objects = true): Stage[] {
  const { heads, width, hidden, depth } = config.transformer;
  const weights = width * (2 * heads.groups * (heads.share + 1) * heads.width + 3 * hidden);
  const count = Math.ceil(depth / Math.max(1, Math.floor(most / weights)));
  if (count === 1) return [denoiseStage(config, product, objects)];
  const from = (i: number) => Math.floor((i * depth) / count);
  return Array.from({ length: count }, (_, i) =>
    stage((specs) => denoisePart(rootScope(specs, product).in('transformer'), [from(i), from(i + 1)], config, objects)),
  );
}

function denoisePart(s: Scope, [from, to]: readonly [number, number], config: LayersConfig, objects: boolean): Graph {
  const { width, depth } = config.transformer;
  const { noisy, layers, L, ...given } = stepInputs(config, objects);
  const step = { ...given, variance: variances(s, config) };
  const { tokens, shared, last } =
    from === 0
      ? entry(s, noisy, { ...step, pooled: input('pooled', ['B', width]) }, config)
      : { tokens: input('tokens', ['B', L, width]), shared: input('shared', ['B', 6 * width]), last: input('last', ['B', 2 * width]) };
  const read = { rotary: given.rotary, bias: undefined };
  let h = tokens;
  for (let i = from; i < to; i++) h = block(s, i, h, shared, { extra: layers[i]!, ...read }, config);
  if (to === depth) return graph('denoise', velocities(exit(s, h, last, noisy, step, config)));
  return graph('denoise', { next: h, ...(from === 0 && { shared, last }) });
}

/** thumbnails (B, h, w, 5) -> logits (B, 2h, 2w, K), colours (B, h, w, 4K). */
export function mapsStage({ renderer }: LayersConfig): Stage {
  return stage((specs) => {
    const { logits, colours } = levelMaps(rootScope(specs).in('renderer'), input('thumbnails', ['B', 'h', 'w', 5]), renderer);
    return graph('maps', { logits, colours });
  });
}

/** Maps cut to a tile's cells, and its tables -> pixels (B, H, W, 4), premultiplied RGBA plus 1. */
export function pixelsStage({ renderer: { levels } }: LayersConfig): Stage {
  return stage((specs) => {
    const tile = {
      logits: input('logits', ['B', 'c', 'd', levels]),
      colours: input('colours', ['B', 'a', 'b', 4 * levels]),
      rows: input('rows', ['B', 'H', 'a']),
      columns: input('columns', ['B', 'W', 'b']),
      fineRows: input('fineRows', ['B', 'H', 'c']),
      fineColumns: input('fineColumns', ['B', 'W', 'd']),
      scale: input('scale', ['B', 1]),
    };
    return graph('pixels', { pixels: levelPixels(rootScope(specs).in('renderer'), tile) });
  });
}
