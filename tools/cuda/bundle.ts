// Writes what tools/cuda runs: a folder with the program as ONNX, the state it begins with, frozen weights, and a plan that
// says where every other input comes from. The folder is all that travels to the machine; data shards are packed beside it.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Graph } from '../../src/graph/value.ts';
import { encodeModel } from '../../src/onnx/encode.ts';
import { writeSafetensors } from '../../src/disk/files.ts';
import type { Tensors } from '../../src/tensor/tensor.ts';
import type { Program } from '../../src/train/step.ts';
import { InputError } from '../../src/util/errors.ts';

/** Where an input comes from, each step. Whatever is drawn is converted to the input's type. */
export type Source =
  /** Rows of the shards' tensor `key`, shuffled; all `data` inputs get the same rows. */
  | { readonly kind: 'data'; readonly key: string }
  | { readonly kind: 'normal' | 'logit-normal'; readonly mean?: number; readonly deviation?: number }
  | { readonly kind: 'uniform'; readonly low?: number; readonly high?: number }
  /** Whole numbers in [low, below). */
  | { readonly kind: 'integer'; readonly low?: number; readonly below: number }
  | { readonly kind: 'constant'; readonly value: number }
  /** One value a step, the last one staying. */
  | { readonly kind: 'table'; readonly values: readonly number[] }
  /** Straight lines through [x, value] points, x the share of the run that is done (0 to 1) or the step. */
  | { readonly kind: 'table'; readonly points: readonly (readonly [number, number])[]; readonly by?: 'done' | 'step' };

export interface Plan {
  readonly inputs: Readonly<Record<string, Source>>;
  /** Values of symbolic sizes. */
  readonly sizes?: Readonly<Record<string, number>>;
  /** Folder of the shards, from the bundle; default `data`. */
  readonly data?: string;
  readonly seed?: number;
  /** Length of the run, where the command does not say. */
  readonly steps?: number;
  readonly seconds?: number;
}

export interface Bundle {
  readonly program: Program;
  /** Weights to begin with. */
  readonly weights: Tensors;
  /** Weights that are read and never written. */
  readonly frozen?: Tensors;
  readonly plan: Plan;
  /** Computes inputs from drawn ones: its outputs are named as inputs of the program. */
  readonly prepare?: Graph;
}

/** Throws InputError naming the inputs of a program, or of the graph that prepares them, that neither `given` nor the plan gives. */
export function checkInputs(program: Graph, given: readonly string[], plan: Plan, prepare?: Graph): void {
  const known = new Set([...given, ...Object.keys(plan.inputs)]);
  const missing = (g: Graph, more: readonly string[] = []) =>
    g.inputs.map((v) => v.name!).filter((name) => !known.has(name) && !more.includes(name));
  const lacking = [...missing(program, Object.keys(prepare?.outputs ?? {})), ...(prepare ? missing(prepare) : [])];
  if (lacking.length > 0)
    throw new InputError('bundle.inputs', `bundle ${program.name}: nothing gives the inputs ${lacking.slice(0, 8).join(', ')}`);
}

/** Writes a bundle. Throws InputError naming the inputs that nothing gives. */
export async function writeBundle(folder: string, { program, weights, frozen = {}, plan, prepare }: Bundle): Promise<void> {
  const state = program.begin(weights);
  checkInputs(program.graph, [...Object.keys(state), ...Object.keys(frozen)], plan, prepare);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'program.onnx'), encodeModel(program.graph).model);
  if (prepare) await writeFile(join(folder, 'prepare.onnx'), encodeModel(prepare).model);
  await writeSafetensors(join(folder, 'state.safetensors'), state, {});
  if (Object.keys(frozen).length > 0) await writeSafetensors(join(folder, 'frozen.safetensors'), frozen, {});
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan, undefined, 2));
}

/** A schedule over the share of the run as points of a plan. */
export function schedulePoints(rate: (done: number) => number, count = 200): [number, number][] {
  return Array.from({ length: count + 1 }, (_, i) => [i / count, rate(i / count)]);
}
