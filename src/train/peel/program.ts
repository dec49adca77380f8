// The training step of a Peel: the model's weights are frozen, only A and B of some layers move. What the loss is says the family
// (family.ts): the teacher's own, flow matching.
// Prior preservation (Ruiz et al. 2023): some rows of each batch are pictures of the base for everyday captions, whose target is the
// base's own prediction. Here is what families share; the loop is train.ts, its files are files.ts.
import { loraNames, loraProduct } from '../../adapters/lora.ts';
import type { Value } from '../../graph/value.ts';
import type { LayersConfig } from '../../models/layers/config.ts';
import { rootScope, type Scope, type Specs, type Traits } from '../../nn/scope.ts';
import type { Plan } from '../../quant/plan.ts';
import type { EncodedCaption } from '../captions.ts';
import { adamw } from '../optimizer.ts';
import { trainStep, trainStepInParts, type Program } from '../step.ts';
import { frozenProduct } from './frozen.ts';

/** Groups of layers that can be trained. */
export const LAYERS = ['attention', 'mlp', 'text', 'modulation', 'ends'] as const;
export type LayerGroup = (typeof LAYERS)[number];

export interface PeelStepOptions {
  readonly batch: number;
  /** Rows of the batch whose activations are held at once: a divisor of it; default: all. */
  readonly rows?: number;
  /** Bits of the frozen weights that the graph unpacks from blocks (frozen.ts); default: none, all are float32. */
  readonly frozen?: Plan;
  readonly rank: number;
  readonly layers: readonly LayerGroup[];
}

/** A program, and the specs of what it trains. */
export interface PeelStep {
  readonly program: Program;
  readonly specs: Specs;
}

/**
 * The step that lowers the loss of a batch; with fewer rows than the batch, in parts (step.ts), each of that many. `lossOf` builds the loss
 * of so many rows under a scope whose products have A and B. The specs are those of A and B; every other weight is to be bound.
 */
export function peelStep(
  { batch, rows = batch, frozen = {}, rank, layers }: PeelStepOptions,
  lossOf: (s: Scope, rows: number) => { readonly loss: Value; readonly metrics: Readonly<Record<string, Value>> },
): PeelStep {
  const sides = new Map<string, { a: Value; b: Value }>();
  const where = ({ adapt }: Traits) => layers.some((group) => group === adapt);
  const { loss, metrics } = lossOf(rootScope(new Map(), loraProduct(frozenProduct(frozen), { rank, where, sides })), rows);
  const specs: Specs = new Map();
  for (const [path, { a, b }] of sides) {
    const [width] = a.shape as [number, number];
    const names = loraNames(path);
    specs.set(names.a, { shape: a.shape as number[], init: { deviation: 1 / Math.sqrt(width) }, value: a });
    specs.set(names.b, { shape: b.shape as number[], init: { constant: 0 }, value: b }); // starts as no change at all
  }
  const step = rows < batch ? trainStepInParts : trainStep;
  return { program: step('train-peel', loss, { specs, metrics, ema: 0.98, optimizer: () => adamw() }), specs };
}

/** Bytes that the activations of one row take, about: kept for the gradient in each block (nano: 265 MB, pico: 15 MB). */
export function rowBytes({ transformer: { width, depth, hidden, heads }, text }: LayersConfig, tokens: number): number {
  const scores = heads.groups * heads.share * (text.length + tokens);
  return 4 * tokens * depth * (10 * width + 5 * hidden + 1.5 * scores);
}

/** The most rows of a batch that fit into some bytes and divide it; 1 at least. */
export function rowsThatFit(batch: number, bytes: number, config: LayersConfig, tokens: number): number {
  const fits = Array.from({ length: batch }, (_, i) => batch - i).find(
    (rows) => batch % rows === 0 && rows * rowBytes(config, tokens) <= bytes,
  );
  return fits ?? 1;
}

/** One row of a batch: a point of a path, and the picture that should be seen from there. */
export interface PeelRow {
  readonly caption: EncodedCaption;
  /** A latent at time t. */
  readonly noisy: Float32Array;
  readonly t: number;
  readonly target: Float32Array;
}

/** Times that the sampler visits, which prior preservation and the held-out loss look at. */
export const SAMPLED = [1, 0.75, 0.5, 0.25] as const;
