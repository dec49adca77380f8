// The networks of a Nitro-E model, ready to run: a session a stage, made when first used, and the host work between them (rows of the
// table of embeddings, places, the order of a latent's numbers). Nothing here knows of prompts as text, of files or of progress.
// Legend: h w rows and columns of the latent, C its channels.
import type { Spec } from '../../nn/scope.ts';
import { planOf, type Plan } from '../../quant/plan.ts';
import { fastestPrecision, PRODUCTS, type Precision } from '../../quant/precision.ts';
import { checkpoint } from '../../runtime/engine.ts';
import type { Runtime, Session } from '../../runtime/runtime.ts';
import type { Grid } from '../../sampling/noise.ts';
import { guide } from '../../sampling/guidance.ts';
import type { Velocity } from '../../sampling/sampler.ts';
import { float32, type Tensor } from '../../tensor/tensor.ts';
import type { Weights } from '../../tensor/weights.ts';
import type { ModelPart } from '../family.ts';
import { modelPart } from '../model-part.ts';
import { openCheckpoint, type Memory, type Stage } from '../stage.ts';
import type { TinyLevels } from '../stable-diffusion/tiny-autoencoder.ts';
import { openTinyDecoder, type TinyDecoder } from '../stable-diffusion/tiny-strips.ts';
import type { EmmditConfig } from './emmdit-config.ts';
import { EMBEDDINGS, type LlamaConfig } from './llama.ts';
import { placesOf } from './positions.ts';
import { ANY_SIDES, denoiseStage, pixelsHalves, textStage, textStageCount, textStages } from './stages.ts';

/** Tokens of every prompt, padding included: the denoiser reads all of them. */
export const TOKENS = 128;

/** The parts of a model: their sizes, and their weights as they lie in files. */
export interface NitroWeights {
  readonly text: { readonly config: LlamaConfig; readonly weights: Weights; readonly padding: number };
  readonly denoiser: { readonly config: EmmditConfig; readonly weights: Weights };
  readonly decoder: { readonly levels: TinyLevels; readonly weights: Weights };
}

export interface NitroNetworks {
  readonly precision: Precision;
  /** Features (1, TOKENS, D) of at most TOKENS tokens. */
  features(ids: readonly number[]): Promise<Tensor>;
  /** The velocity of latents h x w. With `unguided`, two forwards a step. Throws the signal's reason once it is aborted. */
  velocity(features: Tensor, grid: Grid, options: { guidance: number; unguided?: Tensor; signal?: AbortSignal | undefined }): Velocity;
  /** Pixels (1, 3, 32 h, 32 w) around [-1, 1] of a latent, cell by cell. */
  pixels(latent: Float32Array, grid: Grid): Promise<Tensor>;
  release(): Promise<void>;
}

/** Bits of the matrices that may be rounded. */
const plan8 = (specs: Iterable<readonly [string, Spec]>): Plan =>
  planOf(
    [...specs].filter(([, { turned }]) => turned),
    8,
  );

/** The networks on a runtime. `precision`: as is fastest there when left out. */
export async function openNetworks(runtime: Runtime, weights: NitroWeights, asked?: Precision): Promise<NitroNetworks> {
  const { text, denoiser, decoder } = weights;
  const { config } = denoiser;
  const plans = matricesOf(weights);
  const precision = asked ?? (await fastestPrecision(runtime, plans.denoiser));
  const sessions = new Map<string, Promise<Session>>();
  let pictures: Promise<TinyDecoder> | undefined;
  let last: Promise<unknown> = Promise.resolve(); // one after the other: what one was made from is gone before the next
  const session = (name: string, build: () => Stage, weights: Weights, memory: Memory): Promise<Session> => {
    const made = sessions.get(name) ?? last.catch(() => {}).then(() => openCheckpoint(runtime, build(), weights, memory));
    sessions.set(name, made);
    return (last = made);
  };
  const product = (plan: Plan) => PRODUCTS[precision](plan);
  return {
    precision,
    async features(ids) {
      const seen = Float32Array.from({ length: TOKENS }, (_, i) => (i < ids.length ? 1 : 0));
      const all = [...ids, ...new Array<number>(TOKENS - ids.length).fill(text.padding)];
      let x = await embedded(all, text);
      for (let i = 0; i < textStageCount(text.config); i++) {
        const build = () => textStage(i, text.config, TOKENS, text.weights.names, product(plans.text));
        const layers = await session(`text ${i}`, build, text.weights, { frugal: true });
        x = (await layers.run({ x, seen: float32([1, TOKENS], seen) }))['features']!;
      }
      return x;
    },
    velocity(features, grid, { guidance, unguided, signal }) {
      const sides = sidesOf(config, grid);
      const build = () => denoiseStage(config, TOKENS, sides, product(plans.denoiser));
      const places = placesOf(grid, config);
      const see = async (context: Tensor, x: Float32Array<ArrayBuffer>, t: number) => {
        await checkpoint(signal);
        const feeds = { x: float32([1, grid.rows, grid.columns, config.channels], x), time: float32([1], [1000 * t]), context, ...places };
        const denoise = await session(`denoise ${sides.rows} ${sides.columns}`, build, denoiser.weights, { unplanned: true });
        return (await denoise.run(feeds))['velocity']!.data as Float32Array;
      };
      if (!unguided) return (x, t) => see(features, x, t);
      return async (x, t) => guide(await see(features, x, t), await see(unguided, x, t), guidance);
    },
    async pixels(latent, grid) {
      pictures ??= openTinyDecoder(runtime, pixelsOf(config, decoder), decoder.weights);
      return (await pictures).decode({ latent: byChannel(latent, grid) });
    },
    async release() {
      const all = [...sessions.values()];
      sessions.clear();
      for (const one of [...all, pictures]) await (await one)?.release();
      pictures = undefined;
    },
  };
}

/** Matrices of each network that may be rounded, by name. */
export const matricesOf = ({ text, denoiser: { config } }: NitroWeights): Readonly<Record<'text' | 'denoiser', Plan>> => ({
  text: plan8(textStages(text.config, TOKENS, text.weights.names).flatMap(({ specs }) => [...specs])),
  denoiser: plan8(denoiseStage(config, TOKENS, sidesOf(config, { rows: config.cells, columns: config.cells })).specs),
});

/** Its networks against its files. */
export function partsOf({ text, denoiser, decoder }: NitroWeights): ModelPart[] {
  const { config } = denoiser;
  const sides = sidesOf(config, { rows: config.cells, columns: config.cells });
  const { coarse, fine } = pixelsOf(config, decoder);
  return [
    modelPart('text encoder', textStages(text.config, TOKENS, text.weights.names), text.weights, [embeddingsOf(text.weights)]),
    modelPart('denoiser', [denoiseStage(config, TOKENS, sides)], denoiser.weights),
    modelPart('decoder', [coarse, fine], decoder.weights),
  ];
}

const pixelsOf = ({ channels }: EmmditConfig, { levels }: NitroWeights['decoder']) =>
  pixelsHalves(channels, { decoder: levels, pictureChannels: 3 });

/** A network that attends by regions is made for each grid, another serves all. */
const sidesOf = ({ regions }: EmmditConfig, grid: Grid) => (regions ? grid : ANY_SIDES);

/** What the table of embeddings is called. */
const embeddingsOf = ({ names }: Weights): string => names.find((name) => name === `model.${EMBEDDINGS}`) ?? EMBEDDINGS;

/** The rows of the table of embeddings for some tokens: (1, L, D). Of a table of a gigabyte they are a megabyte. */
async function embedded(ids: readonly number[], { config, weights }: NitroWeights['text']): Promise<Tensor> {
  const name = embeddingsOf(weights);
  const rows = new Map<number, Float32Array>();
  for (const id of new Set(ids)) rows.set(id, (await weights.read(name, [id, id + 1])).data as Float32Array);
  const data = new Float32Array(ids.length * config.width);
  ids.forEach((id, i) => data.set(rows.get(id)!, i * config.width));
  return float32([1, ids.length, config.width], data);
}

/** A latent cell by cell as (1, C, h, w). */
function byChannel(latent: Float32Array, { rows, columns }: Grid): Tensor {
  const cells = rows * columns;
  const C = latent.length / cells;
  const data = new Float32Array(latent.length);
  for (let i = 0; i < cells; i++) for (let c = 0; c < C; c++) data[c * cells + i] = latent[i * C + c]!;
  return float32([1, C, rows, columns], data);
}
