// A training step is an ordinary graph: weights, moments and a batch in; loss, next weights and next moments out. An output
// named `next/X` is the next value of the input X; that is the whole protocol between a program and whoever runs it (loop.ts
// here, tools/cuda elsewhere). Everything else that goes in is a batch, everything else that comes out is a number to log.
import { add, min, mul, sub, div } from '../graph/ops.ts';
import { gradients } from '../graph/grad.ts';
import { graph, input, type Graph, type Value } from '../graph/value.ts';
import type { Spec, Specs } from '../nn/scope.ts';
import { scalar, zeros, type Tensors } from '../tensor/tensor.ts';
import { adamw, clipGradients, muon, type Optimizer } from './optimizer.ts';

export const NEXT = 'next/';

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
  readonly graph: Graph;
  /** The state of a run that begins with these weights: moments, average, step number. */
  readonly begin: (weights: Tensors) => Tensors;
}

/** Muon for the matrices inside the network; AdamW for tables, gains, biases, and the first and last layers. */
export function defaultOptimizer(path: string, { shape }: Spec): Optimizer {
  const inner = shape.length === 2 && /\.blocks\./.test(`.${path}`) && path.endsWith('.weight');
  return inner ? muon() : adamw();
}

/** The step that lowers `loss`. The learning rate is the scalar input `rate`. */
export function trainStep(
  name: string,
  loss: Value,
  { specs, metrics = {}, ema, clip = 1, optimizer = defaultOptimizer }: StepOptions,
): Program {
  const rate = input('rate', []);
  const step = input('step', []);
  const nextStep = add(step, 1);
  const list = [...specs];
  const raw = gradients(loss, list.map(([, spec]) => spec.value));
  const { gradients: clipped, norm } = clipGradients(raw, clip);
  const outputs: Record<string, Value> = { loss, ...metrics, 'gradient-norm': norm, [`${NEXT}step`]: nextStep };
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
    graph: graph(name, outputs),
    begin: (weights) => ({
      step: scalar(0),
      ...Object.fromEntries(moments.map(([key, shape]) => [key, zeros('float32', shape)])),
      ...(ema === undefined ? {} : Object.fromEntries(list.map(([path]) => [`ema/${path}`, weights[path]!]))),
      ...weights,
    }),
  };
}

/** The averaged weights of a state, by path. */
export function averageOf(state: Tensors, specs: Specs): Tensors {
  return Object.fromEntries([...specs.keys()].map((path) => [path, (state[`ema/${path}`] ?? state[path])!]));
}
