// The layered model as graphs for inference: prompt -> keys and values (once), noisy frames and contents -> their velocities (once a
// step), thumbnail -> level maps (once a layer), maps -> pixels (once a tile). Sizes are symbols: one session serves every layout.
// Legend: B batch, N objects, P content tokens, L = N + P, M text and reference tokens, T text tokens, S reference tokens, h x w cells,
// H x W pixels.
import { gather } from '../../graph/ops.ts';
import { graph, input, type Value } from '../../graph/value.ts';
import type { KeysValues } from '../../nn/attention.ts';
import { rootScope, type Product } from '../../nn/scope.ts';
import { cacheName, stage, type Stage } from '../stage.ts';
import { perPicture, referenceInputs, rotaryInputs, textInputs } from '../banana/inputs.ts';
import { levelMaps, levelPixels } from '../banana/level-sets.ts';
import { conditioning } from '../banana/transformer.ts';
import { FRAME_NUMBERS, type LayersConfig } from './config.ts';
import { countLogits, denoiser } from './transformer.ts';

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

/** frames (B, N, 4) if there are objects, content (B, P, C), t (B), the cache and what each token is (layout.ts) -> their velocities. */
export function denoiseStage(config: LayersConfig, product?: Product, objects = true): Stage {
  return stage((specs) => {
    const s = rootScope(specs, product).in('transformer');
    const { heads, width, depth } = config.transformer;
    const cached = (kind: 'k' | 'v', i: number) => input(cacheName(kind, i), ['B', heads.groups, 'M', heads.width]);
    const layers = Array.from({ length: depth }, (_, i): KeysValues => ({ k: cached('k', i), v: cached('v', i) }));
    const ids = (name: string, count: string) => input(name, [count], 'int64');
    const at = objects && { frames: ids('at.frames', 'N'), content: ids('at.content', 'P') };
    const L = at ? 'N+P' : 'P';
    const velocity = denoiser(
      s,
      { ...(at && { frames: input('frames', ['B', 'N', FRAME_NUMBERS]) }), content: input('content', ['B', 'P', config.channels]) },
      {
        t: perPicture('t', 'B'),
        condition: { layers, pooled: input('pooled', ['B', width]) },
        slots: ids('slots', L),
        places: ids('places', L),
        split: (tokens) => (at ? { frames: gather(tokens, at.frames, 1), content: gather(tokens, at.content, 1) } : { content: tokens }),
        rotary: rotaryInputs(L, heads.width),
        variance: s.parameter('variance', [config.channels], { constant: 1 }),
      },
      config,
    );
    return graph('denoise', { ...(velocity.frames && { 'velocity.frames': velocity.frames }), 'velocity.content': velocity.content });
  });
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
