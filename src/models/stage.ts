// Stages of any family: a graph and the weights that it wants, how one is opened, and what stages hand on to each other.
import { forInference } from '../graph/passes/optimize.ts';
import type { Graph } from '../graph/value.ts';
import type { Specs } from '../nn/scope.ts';
import { quantizedWeights, type BlocksOf } from '../quant/bind.ts';
import { checkpointStream, type ChangeWeight } from '../quant/checkpoint.ts';
import type { CompileOptions, Runtime, Session } from '../runtime/runtime.ts';
import { lazily, type LazyTensors } from '../tensor/lazy.ts';
import { float32, type Tensor, type Tensors } from '../tensor/tensor.ts';
import type { Weights } from '../tensor/weights.ts';
import { InputError } from '../util/errors.ts';

/** A stage: its graph and the weights that it wants. */
export interface Stage {
  readonly graph: Graph;
  readonly specs: Specs;
}

/** The stage of a graph whose weights are asked for while it is built. */
export function stage(build: (specs: Specs) => Graph): Stage {
  const specs: Specs = new Map();
  return { graph: build(specs), specs };
}

/** Name of layer i's keys or values, as outputs of one stage and inputs of the next. */
export const cacheName = (kind: 'k' | 'v', i: number): string => `${kind}.${i}`;

export interface OpenStageOptions {
  /** The blocks of the model's file, so that quantized products need no float32 weights. */
  readonly blocks?: BlocksOf | undefined;
  /** Whether working memory is given back after each run. */
  readonly frugal?: boolean;
}

/** A stage with a model's weights, ready to run. Throws InputError `model.weights` for one that is missing or of another shape. */
export async function openStage(
  runtime: Runtime,
  { graph, specs }: Stage,
  weights: LazyTensors | Tensors,
  { blocks, frugal = false }: OpenStageOptions = {},
): Promise<Session> {
  const plain = new Set(graph.inputs.map(({ name }) => name));
  const { outline, read } = lazily(weights);
  const fitting = <T extends { readonly shape: readonly number[] }>(path: string, { shape }: T): void => {
    const expected = specs.get(path)!.shape;
    if (shape.join() !== expected.join())
      throw new InputError(
        'model.weights',
        `weight "${path}" is [${shape}], stage "${graph.name}" expects [${expected}]; was it made for another preset?`,
      );
  };
  const bound: Tensors = {};
  for (const path of specs.keys()) {
    if (!outline(path))
      throw new InputError(
        'model.weights',
        `the model has no weight "${path}" that stage "${graph.name}" needs; was it made for another preset?`,
      );
    if (plain.has(path)) fitting(path, (bound[path] = read(path)));
  }
  const quantized = quantizedWeights(graph, weights, (path) => {
    const found = blocks?.(path);
    if (found) fitting(path, found.values);
    return found;
  });
  return runtime.compile(forInference(graph), { weights: { ...bound, ...quantized }, frugal });
}

/** What becomes of a session's working memory (runtime.ts). */
export type Memory = Pick<CompileOptions, 'frugal' | 'unplanned'>;

export interface OpenCheckpointOptions extends Memory {
  readonly change?: ChangeWeight | undefined;
}

/** A stage with the weights of a checkpoint, ready to run. Throws InputError `weights.missing` or `weights.shape` for what does not fit. */
export function openCheckpoint(
  runtime: Runtime,
  { graph, specs }: Stage,
  weights: Weights,
  { change, ...memory }: OpenCheckpointOptions = {},
): Promise<Session> {
  return runtime.compile(forInference(graph), { weights: () => checkpointStream(graph, specs, weights, change), ...memory });
}

/** A rectangle of cells: [rows from, to, columns from, to). */
export type Cells = readonly [top: number, bottom: number, left: number, right: number];

/** Some cells of a map (1, a, b, K); the map itself for all of them. */
export function cutCells(map: Tensor, [top, bottom, left, right]: Cells): Tensor {
  const [, a, b, K] = map.shape as [number, number, number, number];
  if (top === 0 && left === 0 && bottom === a && right === b) return map;
  const width = (right - left) * K;
  const data = new Float32Array((bottom - top) * width);
  for (let y = top; y < bottom; y++) {
    const start = (y * b + left) * K;
    data.set((map.data as Float32Array).subarray(start, start + width), (y - top) * width);
  }
  return float32([1, bottom - top, right - left, K], data);
}
