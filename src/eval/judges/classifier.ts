// The classifier: what lies in a box, and in which style. The art is a closed set of some eleven thousand drawings, so it learns one
// thing only: to lay crops of the same drawing near each other on a sphere, whatever is behind them, however they are cut, turned,
// softened or painted, and crops of different drawings apart (contrast within a batch: Chen et al. 2020, with labels). That is
// learned in a tenth of the time that a classifier of words takes, which must see every word a hundred times. Then each drawing
// is put on the sphere where its own crops lie (imprinting: Qi, Brown & Lowe 2018), and both are tuned as one softmax over drawings.
// A concept's probability is the sum over its drawings, a style's likewise.
// Legend: B batch, S side of the crop, E width of the sphere, N drawings.
import { add, div, matmul, mul, reshape, softmax, sqrt, sum, transposeLast } from '../../graph/ops.ts';
import { constant, graph, input, type Graph, type Value } from '../../graph/value.ts';
import { linear, rmsNorm } from '../../nn/layers.ts';
import { rootScope, type Scope, type Spec, type Specs } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { adamw } from '../../train/optimizer.ts';
import { defaultOptimizer, trainStep, type Program } from '../../train/step.ts';
import { right, crossEntropy, judged, pyramid, type Level, pixels } from './judge-layers.ts';

/** Side in pixels of the crops that the classifier sees, and how much longer than the object's longer side a crop is. */
export const CROP = { side: 64, margin: 1.15 } as const;
const LEVELS: readonly Level[] = [
  [64, 1],
  [128, 2],
  [160, 1],
];
const PATCH = 4;
/** Width of the sphere. */
export const SPHERE = 80;
/** Cosines times this are logits: in a batch, and among all drawings. */
const [CONTRAST, SHARPNESS] = [12, 20];

/** Path of the table with each drawing's place. */
export const DRAWINGS = 'classifier.drawings.table';

/** x (..., E) of length 1. */
const unit = (x: Value) => div(x, sqrt(add(sum(mul(x, x), { axes: [-1], keepdims: true }), 1e-8)));

/** Crop (B, S, S, 4) in [-1, 1] to its place on the sphere (B, E). The last grid is laid out flat: what is aligned may say where it is. */
export function place(s: Scope, crop: Value): Value {
  const last = pyramid(s, crop, LEVELS, PATCH).at(-1)!;
  const [B, h, w, D] = last.shape as [number, number, number, number];
  return unit(linear(s.in('place'), reshape(rmsNorm(s.in('norm'), last), [B, h * w * D]), SPHERE));
}

/** Cosines of places (B, E) with every drawing's, sharpened: logits (B, N). */
function nearness(s: Scope, places: Value, drawings: number): Value {
  const table = s.in('drawings').parameter('table', [drawings, SPHERE], { deviation: 1 / Math.sqrt(SPHERE) });
  return mul(matmul(places, transposeLast(unit(table))), SHARPNESS);
}

/** The first stage of training. Input: crop (B, S, S, 4) uint8, crops 2i and 2i+1 of one drawing, of different drawings otherwise. */
export function contrastProgram(B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const places = place(rootScope(specs).in('classifier'), pixels(input('crop', [B, CROP.side, CROP.side, 4], 'uint8')));
  const table = (at: (i: number, j: number) => number) =>
    constant(
      float32(
        [B, B],
        Array.from({ length: B * B }, (_, k) => at(Math.floor(k / B), k % B)),
      ),
    );
  const logits = add(
    mul(matmul(places, transposeLast(places)), CONTRAST),
    table((i, j) => (i === j ? -1e4 : 0)),
  );
  const partner = table((i, j) => Number(j === (i ^ 1)));
  return {
    program: trainStep('train-contrast', crossEntropy(logits, partner), { specs, metrics: { partner: right(logits, partner) }, ema: 0.99 }),
    specs,
  };
}

/**
 * A drawing's place is moved by its own crops, not by the hum of all others: beside this, a gradient is small (Adam alone would
 * make steps of one size of both, and a drawing is seen once in a hundred steps).
 */
const HUM = 1e-3;

/** The second stage. Inputs: crop (B, S, S, 4) uint8, label.drawing (B, 1) int64. */
export function classifierProgram(drawings: number, B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('classifier');
  const logits = nearness(s, place(s, pixels(input('crop', [B, CROP.side, CROP.side, 4], 'uint8'))), drawings);
  const optimizer = (path: string, spec: Spec) => (path === DRAWINGS ? adamw({ epsilon: HUM }) : defaultOptimizer(path, spec));
  const { loss, right: drawing } = judged(logits, input('label.drawing', [B, 1], 'int64'));
  return { program: trainStep('train-classifier', loss, { specs, metrics: { drawing }, ema: 0.99, optimizer }), specs };
}

/** Places alone: crop (B, S, S, 4) in [-1, 1] -> place (B, E). */
export function placeStage(): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  return {
    graph: graph('place', { place: place(rootScope(specs).in('classifier'), input('crop', ['B', CROP.side, CROP.side, 4])) }),
    specs,
  };
}

/** The classifier for use: crop (B, S, S, 4) in [-1, 1] -> the probability of each drawing (B, N). */
export function classifierStage(drawings: number): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('classifier');
  return {
    graph: graph('classifier', { drawing: softmax(nearness(s, place(s, input('crop', ['B', CROP.side, CROP.side, 4])), drawings)) }),
    specs,
  };
}

/** Probabilities of drawings (N), summed by the class that each belongs to: (n). */
export function readings(drawing: Float32Array, classOf: readonly number[], n: number): Float32Array {
  const sums = new Float32Array(n);
  drawing.forEach((p, i) => (sums[classOf[i]!]! += p));
  return sums;
}
