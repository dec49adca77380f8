// Nitro-E as graphs: embedded prompt -> features (once), noisy latent -> velocity (once a step), latent -> pixels. Weights are called as
// in the files, matrices turned.
// Legend: B pictures or texts, L tokens of a text, h w rows and columns of the latent, D width.
import { divideDim, mulDims, type Dim } from '../../graph/dim.ts';
import { graph, input } from '../../graph/value.ts';
import { rootScope, type Product, type Scope, type Specs } from '../../nn/scope.ts';
import { stage, type Stage } from '../stage.ts';
import { RAW_LAYERS, TAESANA, type TinyDecoderConfig } from '../stable-diffusion/tiny-autoencoder.ts';
import { tinyHalves, type Halves } from '../stable-diffusion/tiny-strips.ts';
import { emmdit } from './emmdit.ts';
import { COMPRESSED, SIDE, type EmmditConfig } from './emmdit-config.ts';
import { llamaFeatures, llamaRoot, type LlamaConfig } from './llama.ts';

/** Matrices lie turned in files, and large ones may be rounded. */
const root = (specs: Specs, product?: Product): Scope => rootScope(specs, product).declare({ turned: true, bits: 8 });

/** Layers of the text encoder that are one stage: what a session is made from is in memory twice while it is made. */
const TOGETHER = 4;

/** How many stages the text encoder is. */
export const textStageCount = ({ depth }: LlamaConfig): number => Math.ceil(depth / TOGETHER);

/** Stage i: x (B, L, D), seen (B, L) -> features (B, L, D), the x of the next stage. `names`: of the file's weights. */
export function textStage(i: number, config: LlamaConfig, length: number, names: readonly string[], product?: Product): Stage {
  const inputs = [input('x', ['B', length, config.width]), input('seen', ['B', length])] as const;
  const layers = [i * TOGETHER, Math.min(config.depth, (i + 1) * TOGETHER)] as const;
  return stage((specs) =>
    graph('text', { features: llamaFeatures(llamaRoot(root(specs, product), names), ...inputs, config, layers) }, inputs),
  );
}

export const textStages = (config: LlamaConfig, length: number, names: readonly string[]): Stage[] =>
  Array.from({ length: textStageCount(config) }, (_, i) => textStage(i, config, length, names));

/** Rows and columns of a latent. */
export interface Sides {
  readonly rows: Dim;
  readonly columns: Dim;
}

/** Sides of any grid, for a network that allows it. */
export const ANY_SIDES: Sides = { rows: `${SIDE}*a`, columns: `${SIDE}*b` };

/** x (B, h, w, C), time (B), context (B, M, .), and where the cells are (positions.ts) -> velocity (B, h w, C). */
export function denoiseStage(config: EmmditConfig, tokens: number, sides: Sides, product?: Product): Stage {
  return stage((specs) => {
    const cells = mulDims(sides.rows, sides.columns);
    const ids = (name: string, count: Dim) => input(name, [count], 'int64');
    const inputs = {
      x: input('x', ['B', sides.rows, sides.columns, config.channels]),
      time: input('time', ['B']),
      context: input('context', ['B', tokens, config.context]),
      places: input('places', [1, cells, config.width]),
      cells: ids('cells', cells),
      halves: ids('halves', divideDim(cells, COMPRESSED[0] ** 2)),
      quarters: ids('quarters', divideDim(cells, COMPRESSED[1] ** 2)),
    };
    return graph('denoise', { velocity: emmdit(root(specs, product), inputs, config) }, Object.values(inputs));
  });
}

/** latent (B, C, h, w) -> pixels (B, 3, 32 h, 32 w) around [-1, 1]. */
export const pixelsHalves = (channels: number, config: TinyDecoderConfig = TAESANA): Halves =>
  tinyHalves(config, RAW_LAYERS, (specs) => root(specs), input('latent', ['B', channels, 'h', 'w']));
