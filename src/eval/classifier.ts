// The classifier: what lies in a box, and in which style. It sees the object alone, a square crop around its box, always of one
// size: position, size and most of the background are gone before it begins, and the art is a closed set of some ten thousand
// drawings, so it learns in minutes. The features of the last grid are laid side by side, not averaged: what is aligned may say
// where it is.
// Legend: B batch, S side of the crop, n classes.
import { silu } from '../graph/functions.ts';
import { add, reshape, softmax } from '../graph/ops.ts';
import { graph, input, type Graph, type Value } from '../graph/value.ts';
import { linear } from '../nn/layers.ts';
import { rootScope, type Scope, type Specs } from '../nn/scope.ts';
import { pixels } from '../train/autoencoder.ts';
import { trainStep, type Program } from '../train/step.ts';
import { head, judged, pyramid, type Level } from './judge-layers.ts';

/** Side in pixels of the crops that the classifier sees, and how much longer than the object's longer side a crop is. */
export const CROP = { side: 48, margin: 1.15 } as const;
const LEVELS: readonly Level[] = [[64, 1], [128, 2], [192, 1]];
const PATCH = 4;
const HIDDEN = 320;

export const OBJECT_HEADS = ['concept', 'style'] as const;
export type ObjectHead = (typeof OBJECT_HEADS)[number];
/** Number of classes by head. */
export type ObjectSizes = Readonly<Record<ObjectHead, number>>;

/** Crop (B, S, S, 4) in [-1, 1] to the logits (B, n) of each head. */
export function classifier(s: Scope, crop: Value, sizes: ObjectSizes): Record<ObjectHead, Value> {
  const last = pyramid(s, crop, LEVELS, PATCH).at(-1)!;
  const [B, h, w, D] = last.shape as [number, number, number, number];
  const features = silu(linear(s.in('features'), reshape(last, [B, h * w * D]), HIDDEN, { bias: true }));
  return { concept: head(s.in('concept'), features, sizes.concept), style: head(s.in('style'), features, sizes.style) };
}

/** The training step. Inputs: crop (B, S, S, 4) uint8, label.concept and label.style (B, 1) int64. Metrics: shares that are right. */
export function classifierProgram(sizes: ObjectSizes, B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const logits = classifier(rootScope(specs).in('classifier'), pixels(input('crop', [B, CROP.side, CROP.side, 4], 'uint8')), sizes);
  const [concept, style] = OBJECT_HEADS.map((h) => judged(logits[h], input(`label.${h}`, [B, 1], 'int64'))) as [ReturnType<typeof judged>, ReturnType<typeof judged>];
  return { program: trainStep('train-classifier', add(concept.loss, style.loss), { specs, metrics: { concept: concept.right, style: style.right }, ema: 0.99 }), specs };
}

/** The classifier for use: crop (B, S, S, 4) in [-1, 1] -> the probability of each class, by head. */
export function classifierStage(sizes: ObjectSizes): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  const { concept, style } = classifier(rootScope(specs).in('classifier'), input('crop', ['B', CROP.side, CROP.side, 4]), sizes);
  return { graph: graph('classifier', { concept: softmax(concept), style: softmax(style) }), specs };
}
