// A training step is an ordinary graph: weights, moments and a batch in; loss, next weights and next moments out. An output
// named `next/X` is the next value of the input X; that is the whole protocol between a program and whoever runs it (run.ts
// here, tools/cuda elsewhere). Everything else that goes in is a batch, everything else that comes out is a number to log.
// Where the activations of a batch do not fit, the step is two graphs: gradients of a part of the batch, run once for each
// part, and the update by their mean. The mean over parts of equal size is the mean over the batch, so only memory differs.
import { add, min, mul, sub, div } from '../graph/ops.ts';
import { gradients } from '../graph/grad.ts';
import { graph, input, type Graph, type Value } from '../graph/value.ts';
import type { Spec, Specs } from '../nn/scope.ts';
import { checkpoint } from '../runtime/engine.ts';
import type { Port, Runtime, Session } from '../runtime/runtime.ts';
import { float32, scalar, sizeOf, zeros, type Tensor, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { adamw, clipGradients, muon, type Optimizer } from './optimizer.ts';

export const NEXT = 'next/';
const GRADIENT = 'gradient/';

export interface StepOptions {
  /** Weights that are trained; others of the loss are fed and stay. */
  readonly specs: Specs;
  /** Numbers to log beside the loss: scalars. */
  readonly metrics?: Readonly<Record<string, Value>>;
  /** Decay of an average of the weights, kept as `ema/PATH`; none when omitted. */
  readonly ema?: number;
  /** Largest joint norm of the gradient. */
  readonly clip?: number;
  /** Optimizer of a weight. */
  readonly optimizer?: (path: string, spec: Spec) => Optimizer;
}

export interface Program {
  /** The step; where there is an `update`, the gradients of a part of the batch. */
  readonly graph: Graph;
  /** The step from the mean of the parts' gradients. */
  readonly update?: Graph;
  /** The state of a run that begins with these weights: moments, average, step number. */
  readonly begin: (weights: Tensors) => Tensors;
}

/** Muon for the matrices inside the network; AdamW for tables, gains, biases, and the first and last layers. */
export function defaultOptimizer(_path: string, { inner }: Spec): Optimizer {
  return inner ? muon() : adamw();
}

/** The step that lowers `loss`. The learning rate is the scalar input `rate`. */
export function trainStep(name: string, loss: Value, options: StepOptions): Program {
  const { specs, metrics } = options;
  const { outputs, begin } = updateOf(gradients(loss, valuesOf(specs)), options);
  return { graph: graph(name, { loss, ...metrics, ...outputs }), begin };
}

/** The same in parts: `loss` is the mean over a part of the batch; loss and metrics are logged as means over the parts. */
export function trainStepInParts(name: string, loss: Value, options: StepOptions): Program {
  const { specs, metrics } = options;
  const paths = [...specs.keys()];
  const found = gradients(loss, valuesOf(specs));
  const { outputs, begin } = updateOf(
    paths.map((path) => input(GRADIENT + path, specs.get(path)!.shape)),
    options,
  );
  const each = Object.fromEntries(paths.map((path, i) => [GRADIENT + path, found[i]!]));
  return { graph: graph(name, { loss, ...metrics, ...each }), update: graph(`${name}-update`, outputs), begin };
}

const valuesOf = (specs: Specs): Value[] => [...specs.values()].map(({ value }) => value);

/** What comes out of a step besides the loss, from the gradients in the order of the specs; and how a run begins. */
function updateOf(
  raw: readonly Value[],
  { specs, ema, clip = 1, optimizer = defaultOptimizer }: StepOptions,
): { outputs: Record<string, Value>; begin: Program['begin'] } {
  const rate = input('rate', []);
  const step = input('step', []);
  const nextStep = add(step, 1);
  const list = [...specs];
  const { gradients: clipped, norm } = clipGradients(raw, clip);
  const outputs: Record<string, Value> = { 'gradient-norm': norm, [`${NEXT}step`]: nextStep };
  const moments: [string, readonly number[]][] = [];
  const warm = ema === undefined ? undefined : min(div(nextStep, add(nextStep, 10)), ema);
  list.forEach(([path, spec], i) => {
    const rule = optimizer(path, spec);
    const before = rule.moments.map((m) => input(`${m}/${path}`, spec.shape));
    const after = rule.update(spec.value, clipped[i]!, before, rate, nextStep);
    outputs[NEXT + path] = after.weight;
    rule.moments.forEach((m, j) => {
      outputs[`${NEXT}${m}/${path}`] = after.moments[j]!;
      moments.push([`${m}/${path}`, spec.shape]);
    });
    if (warm) {
      const average = input(`ema/${path}`, spec.shape);
      outputs[`${NEXT}ema/${path}`] = add(average, mul(sub(1, warm), sub(after.weight, average)));
    }
  });
  return {
    outputs,
    begin: (weights) => ({
      step: scalar(0),
      ...Object.fromEntries(moments.map(([key, shape]) => [key, zeros('float32', shape)])),
      ...(ema === undefined ? {} : Object.fromEntries(list.map(([path]) => [`ema/${path}`, weights[path]!]))),
      ...weights,
    }),
  };
}

/**
 * A program ready to run as one session: feeds of a whole batch in, the step's results out. A program in parts is run part by
 * part (feeds that are larger than the graph's own along the first axis are cut), then updated; `signal` is heard between them.
 */
export async function openStep(
  runtime: Runtime,
  { graph, update }: Program,
  weights: Tensors = {},
  signal?: AbortSignal,
): Promise<Session> {
  if (!update) return runtime.compile(graph, { weights });
  const part = await runtime.compile(graph, { weights, unplanned: true });
  const last = await runtime.compile(update, { frugal: true });
  const named = (session: Session, feeds: Tensors) =>
    Object.fromEntries(session.inputs.filter(({ name }) => feeds[name]).map(({ name }) => [name, feeds[name]!]));
  const own = last.inputs.filter(({ name }) => !name.startsWith(GRADIENT) && !part.inputs.some((p) => p.name === name));
  return {
    inputs: [...part.inputs, ...own],
    outputs: [...part.outputs.filter(({ name }) => !name.startsWith(GRADIENT)), ...last.outputs],
    async run(feeds) {
      const { parts, of } = cut(part.inputs, named(part, feeds));
      const totals: Record<string, Float32Array> = {};
      const shapes: Record<string, readonly number[]> = {};
      for (let i = 0; i < parts; i++) {
        if (i > 0) await checkpoint(signal);
        for (const [name, { shape, data }] of Object.entries(await part.run(of(i)))) {
          const total = (totals[name] ??= new Float32Array(data.length));
          shapes[name] = shape;
          for (let j = 0; j < data.length; j++) total[j]! += (data[j] as number) / parts;
        }
      }
      const means = Object.fromEntries(
        Object.entries(totals).map(([name, data]) => [name, float32(shapes[name]!, data as Float32Array<ArrayBuffer>)]),
      );
      const found = await last.run(named(last, { ...feeds, ...means }));
      return { ...Object.fromEntries(Object.entries(means).filter(([name]) => !name.startsWith(GRADIENT))), ...found };
    },
    async release() {
      await part.release();
      await last.release();
    },
  };
}

/** How many parts the feeds are of what the ports take, and the feeds of part i. */
function cut(ports: readonly Port[], feeds: Tensors): { parts: number; of: (i: number) => Tensors } {
  const times = ports.map(({ name, shape }) => (feeds[name]!.shape[0] ?? 1) / ((shape[0] as number | undefined) ?? 1));
  const parts = Math.max(...times);
  const wrong = ports.find((_, i) => times[i] !== 1 && times[i] !== parts);
  if (wrong || !Number.isInteger(parts))
    throw new InputError(
      'feeds.parts',
      `the feeds are no whole number of parts of the step${wrong ? `: "${wrong.name}" [${feeds[wrong.name]!.shape}] for [${wrong.shape}]` : ''}`,
    );
  const of = (i: number) =>
    Object.fromEntries(
      ports.map(({ name, shape }, p) => [
        name,
        times[p] === 1 ? feeds[name]! : rowsOf(feeds[name]!, i * (shape[0] as number), shape[0] as number),
      ]),
    );
  return { parts, of };
}

/** `count` rows of a tensor, in the same memory. */
function rowsOf({ dtype, shape, data }: Tensor, from: number, count: number): Tensor {
  const each = sizeOf(shape.slice(1));
  return { dtype, shape: [count, ...shape.slice(1)], data: data.subarray(from * each, (from + count) * each) } as Tensor;
}

/** The averaged weights of a state, by path. */
export function averageOf(state: Tensors, specs: Specs): Tensors {
  return Object.fromEntries([...specs.keys()].map((path) => [path, (state[`ema/${path}`] ?? state[path])!]));
}
