// Where the inputs of a training program come from, as data: what a recipe writes beside a program, and whoever runs it
// (tools/cuda) draws each step by. What is drawn may go through a small graph first, which prepares the program's own inputs.
import type { Graph } from '../graph/value.ts';
import { InputError } from '../util/errors.ts';

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

/** Throws InputError naming the inputs of a program, or of the graph that prepares them, that neither `given` nor the plan gives. */
export function checkInputs(program: Graph, given: readonly string[], plan: Plan, prepare?: Graph): void {
  const known = new Set([...given, ...Object.keys(plan.inputs)]);
  const missing = (g: Graph, more: readonly string[] = []) =>
    g.inputs.map((v) => v.name!).filter((name) => !known.has(name) && !more.includes(name));
  const lacking = [...missing(program, Object.keys(prepare?.outputs ?? {})), ...(prepare ? missing(prepare) : [])];
  if (lacking.length > 0)
    throw new InputError('bundle.inputs', `bundle ${program.name}: nothing gives the inputs ${lacking.slice(0, 8).join(', ')}`);
}

/** A schedule over the share of the run as points of a plan. */
export function schedulePoints(rate: (done: number) => number, count = 200): [number, number][] {
  return Array.from({ length: count + 1 }, (_, i) => [i / count, rate(i / count)]);
}
