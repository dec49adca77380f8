// The judge: a small network that tells which thing, in which style, on which background a picture of one object shows. It is
// trained on real renders only (train-judge.ts), never on what the model draws, and its accuracy on renders that it has not
// seen is printed beside every score. Shifted 3x3 mixes on three scales, 16x16, 8x8 and 4x4, then one linear layer a head.
// Legend: B batch, S side of the picture, D width, n classes.
import { silu } from '../graph/functions.ts';
import { add, argmax, cast, div, equal, exp, log, maximum, mean, mul, pad, reshape, slice, softmax, sub, sum } from '../graph/ops.ts';
import { END } from '../graph/rules.ts';
import { constant, graph, input, type Graph, type Value } from '../graph/value.ts';
import { spaceToDepth } from '../models/autoencoder.ts';
import { linear, mix3x3, rmsNorm } from '../nn/layers.ts';
import { rootScope, type Scope, type Specs } from '../nn/scope.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { readSafetensors, writeSafetensors } from '../tensor/files.ts';
import { float32, int64, tensor, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { pixels } from '../train/autoencoder.ts';
import { trainStep, type Program } from '../train/step.ts';
import { fromHalf, toHalf } from '../util/float16.ts';
import { InputError } from '../util/errors.ts';
import { HEADS, type Classes, type Head } from './cases.ts';

/** Side in pixels of the pictures that a judge sees. */
export const JUDGE_SIDE = 64;
/** Width and blocks of each scale. */
const LEVELS = [[48, 1], [96, 2], [160, 2]] as const;
const HIDDEN = 320;
/** Share of the target that is spread over all classes: judges should doubt. */
const SMOOTHING = 0.05;

/** x + W silu(mix(norm(x))): a residual block over (B, h, w, D). */
function block(s: Scope, x: Value, width: number): Value {
  const mixed = mix3x3(s.in('mix'), rmsNorm(s.in('norm'), x), width, { bias: true });
  return add(x, linear(s.in('out'), silu(mixed), width, { deviation: 0.5 / Math.sqrt(width) }));
}

/** Picture (B, S, S, 4) in [-1, 1] to the logits (B, n) of each head. */
export function judge(s: Scope, image: Value, classes: Classes): Record<Head, Value> {
  let x = spaceToDepth(image, 4); // (B, S/4, S/4, 64)
  LEVELS.forEach(([width, depth], i) => {
    const level = s.in('levels').in(i);
    if (i > 0) x = spaceToDepth(x, 2);
    x = linear(level.in('in'), x, width, { bias: true });
    for (let k = 0; k < depth; k++) x = block(level.in('blocks').in(k), x, width);
  });
  const features = mean(silu(linear(s.in('features'), rmsNorm(s.in('norm'), x), HIDDEN, { bias: true })), { axes: [1, 2] }); // (B, HIDDEN)
  const norm = rmsNorm(s.in('pooled-norm'), features);
  return Object.fromEntries(HEADS.map((head) => [head, linear(s.in(head), norm, classes[head].length, { bias: true })])) as Record<Head, Value>;
}

/** Mean over each pixel's 3x3 neighbours; outside counts as the lowest value. */
function soften(x: Value): Value {
  const padded = add(pad(add(x, 1), [0, 1, 1, 0, 0, 1, 1, 0]), -1);
  const ends = [-2, -1, END];
  const views = ends.flatMap((bottom, dy) => ends.map((right, dx) => slice(slice(padded, 1, dy, bottom), 2, dx, right)));
  return div(views.reduce((a, b) => add(a, b)), 9);
}

/** Class numbers (B, 1) as rows of zeros and a one, (B, n). */
function oneHot(labels: Value, n: number): Value {
  return cast(equal(labels, constant(int64([1, n], [...Array(n).keys()]))), 'float32');
}

/** Mean cross-entropy of logits (B, n) with targets (B, n) that sum to 1. */
export function crossEntropy(logits: Value, targets: Value): Value {
  const shifted = sub(logits, maximum(logits, { axes: [-1], keepdims: true }));
  const logs = sub(shifted, log(sum(exp(shifted), { axes: [-1], keepdims: true })));
  return mul(mean(sum(mul(targets, logs), { axes: [-1] })), -1);
}

/**
 * The training step. Inputs: image (B, S, S, 4) uint8, blur (B) in [0, 1] (how much of each picture is softened, so that a judge
 * knows soft drawings too), and label.concept, label.style, label.background (B, 1) int64. Metrics: each head's accuracy.
 */
export function judgeProgram(classes: Classes, B: number): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const S = JUDGE_SIDE;
  const sharp = pixels(input('image', [B, S, S, 4], 'uint8'));
  const blur = reshape(input('blur', [B]), [B, 1, 1, 1]);
  const image = add(sharp, mul(blur, sub(soften(soften(sharp)), sharp)));
  const logits = judge(rootScope(specs).in('judge'), image, classes);
  const losses = HEADS.map((head) => {
    const n = classes[head].length;
    const target = oneHot(input(`label.${head}`, [B, 1], 'int64'), n);
    return { head, loss: crossEntropy(logits[head], add(mul(target, 1 - SMOOTHING), SMOOTHING / n)), target };
  });
  const right = ({ head, target }: { head: Head; target: Value }) => mean(sum(mul(oneHot(argmax(logits[head]), classes[head].length), target), { axes: [-1] }));
  const metrics = Object.fromEntries(losses.map((l) => [l.head, right(l)]));
  const loss = losses.map((l) => l.loss).reduce((a, b) => add(a, b));
  return { program: trainStep('train-judge', loss, { specs, metrics, ema: 0.99 }), specs };
}

/** The judge for use: image (B, S, S, 4) in [-1, 1] -> the probability of each class, by head. */
export function judgeStage(classes: Classes): { graph: Graph; specs: Specs } {
  const specs: Specs = new Map();
  const logits = judge(rootScope(specs).in('judge'), input('image', ['B', JUDGE_SIDE, JUDGE_SIDE, 4]), classes);
  return { graph: graph('judge', Object.fromEntries(HEADS.map((head) => [head, softmax(logits[head])]))), specs };
}

/** Accuracy on real renders that the judge has not seen, by head; `count` renders each. */
export type Accuracy = Readonly<Record<Head, number>> & { readonly count: number };

export interface JudgeFile {
  readonly classes: Classes;
  readonly weights: Tensors;
  /** Measured when it was trained, on seen and on held-out combinations. */
  readonly accuracy: Readonly<Record<'seen' | 'heldOut', Accuracy>>;
  /** How it was trained, in words. */
  readonly training: string;
}

const FORMAT = 'banana-judge-1';

/** Writes a judge, its weights as float16. */
export async function saveJudge(path: string, { weights, ...facts }: JudgeFile): Promise<void> {
  const halves = Object.entries(weights).map(([key, t]) => [key, tensor('float16', t.shape, Uint16Array.from(t.data as Float32Array, toHalf))]);
  await writeSafetensors(path, Object.fromEntries(halves) as Tensors, { format: FORMAT, judge: JSON.stringify(facts) });
}

/** Reads a judge. Throws InputError when the file is none. */
export async function loadJudge(path: string): Promise<JudgeFile> {
  const { tensors, metadata } = await readSafetensors(path);
  if (metadata.format !== FORMAT || !metadata.judge) throw new InputError('judge.format', `${path} is not a judge (format "${metadata.format ?? 'none'}", expected "${FORMAT}"): remove it, and it is trained again`);
  const weights = Object.entries(tensors).map(([key, t]) => [key, float32(t.shape, Float32Array.from(t.data as Uint16Array, fromHalf))]);
  return { ...(JSON.parse(metadata.judge) as Omit<JudgeFile, 'weights'>), weights: Object.fromEntries(weights) as Tensors };
}

/** What a judge says of one picture: the probability of each class. */
export type Verdict = Readonly<Record<Head, Float32Array>>;

export interface Judge {
  readonly classes: Classes;
  /** Verdicts of pictures, each (1, S, S, 4) in [-1, 1] with S = JUDGE_SIDE. */
  verdicts(pictures: readonly Tensor[]): Promise<Verdict[]>;
  release(): Promise<void>;
}

const BATCH = 64;

export async function openJudge(runtime: Runtime, { classes, weights }: Pick<JudgeFile, 'classes' | 'weights'>): Promise<Judge> {
  const { graph: g } = judgeStage(classes);
  const session = await runtime.compile(g, { weights });
  const size = JUDGE_SIDE * JUDGE_SIDE * 4;
  return {
    classes,
    async verdicts(pictures) {
      const found: Verdict[] = [];
      for (let first = 0; first < pictures.length; first += BATCH) {
        const part = pictures.slice(first, first + BATCH);
        const data = new Float32Array(part.length * size);
        part.forEach((p, i) => data.set(p.data as Float32Array, i * size));
        const out = await session.run({ image: float32([part.length, JUDGE_SIDE, JUDGE_SIDE, 4], data) });
        for (const i of part.keys())
          found.push(Object.fromEntries(HEADS.map((head) => [head, (out[head]!.data as Float32Array).slice(i * classes[head].length, (i + 1) * classes[head].length)])) as unknown as Verdict);
      }
      return found;
    },
    release: () => session.release(),
  };
}

/** Means over side x side blocks of picture (1, H, W, 4), down to JUDGE_SIDE; clipped to what can be shown. */
export function forJudge(picture: Tensor): Tensor<'float32'> {
  const [, H, W] = picture.shape as [number, number, number];
  const k = H / JUDGE_SIDE;
  if (W !== H || !Number.isInteger(k)) throw new InputError('judge.size', `a picture of ${W}x${H} for a judge: expected a square, a multiple of ${JUDGE_SIDE} wide`);
  const data = picture.data as Float32Array;
  const out = new Float32Array(JUDGE_SIDE * JUDGE_SIDE * 4);
  for (let y = 0; y < H; y++)
    for (let x = 0; x < W; x++)
      for (let c = 0; c < 4; c++)
        out[(Math.floor(y / k) * JUDGE_SIDE + Math.floor(x / k)) * 4 + c]! += Math.min(1, Math.max(-1, data[(y * W + x) * 4 + c]!)) / (k * k);
  return float32([1, JUDGE_SIDE, JUDGE_SIDE, 4], out);
}

/** Place of class `index` among the verdict's probabilities: 0 is the most likely. */
export function rankOf(probabilities: ArrayLike<number>, index: number): number {
  let rank = 0;
  for (let i = 0; i < probabilities.length; i++) if (probabilities[i]! > probabilities[index]!) rank++;
  return rank;
}
