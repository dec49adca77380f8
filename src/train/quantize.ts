// Quantization-aware training of a student: a copy with the arithmetic of the quantized kernels (quant/fake-quant.ts) learns to
// draw what the float student draws, from the same noisy latents, times and guidance. The target is another network's output, not
// data, so that pictures at equal seeds stay the same. (distill.ts with the same product is the other way: distil again, in few
// bits; it costs twice as much a step, and the pictures drift from the float student's.)
// Legend: B batch, L image tokens, T text tokens, C channels; f(x, t) = x - t F(x, t), the image predicted at time t.
import { add, div, mean, mul, sub, unsqueeze } from '../graph/ops.ts';
import { mse, square } from '../graph/functions.ts';
import { graph, input, type Graph, type Value } from '../graph/value.ts';
import { perPicture, referenceInputs, textInputs } from '../models/banana/inputs.ts';
import { conditioning, transformer } from '../models/banana/transformer.ts';
import type { Config } from '../models/banana/config.ts';
import { levelsOf } from '../quant/fake-quant.ts';
import { rootScope, type Product, type Scope, type Specs } from '../nn/scope.ts';
import { gridInputs } from './grids.ts';
import { keyBias, type LatentSizes } from './teacher.ts';
import { trainStep, type Program } from './step.ts';

/**
 * Bits from a share of the training in few bits on; no weight has fewer than its plan says. Short: of 200 steps with `tiny`, 4 bits
 * from the start was best by 0.5 dB, 8-6-4 over a quarter of the run 1.5 dB behind.
 */
const STAGES = [
  [0, 6],
  [0.05, 4],
] as const;
export const bitsAt = (done: number): number => STAGES.findLast(([from]) => done >= from)![1];

/** The fewest levels of a weight as points of a plan, where training in few bits begins at this share of the run. */
export const bitsPoints = (from = 0): [number, number][] =>
  STAGES.flatMap(([share, bits], i): [number, number][] => {
    const at = from + share * (1 - from);
    return i === 0
      ? [[0, levelsOf(bits)]]
      : [
          [at, levelsOf(STAGES[i - 1]![1])],
          [at, levelsOf(bits)],
        ];
  });

/** Prefix of the frozen float student's weights among the inputs. */
export const EXACT = 'exact';

/**
 * The inputs of a student's forward pass, and the images that it predicts under a scope, idle tokens zero. Inputs: latent and noise (B, L, C), t and
 * guidance (B), rotary.*, image.mask, text.* and reference.* as in teacher.ts.
 */
function forward(config: Config, { batch: B, tokens: L, references: S = 0 }: LatentSizes): (s: Scope) => Value {
  const latent = input('latent', [B, L, config.channels]);
  const noise = input('noise', [B, L, config.channels]);
  const [t, guidance] = [perPicture('t', B), perPicture('guidance', B)];
  const text = textInputs(B, config.text.length);
  const { rotary, mask, kept } = gridInputs(B, L, config);
  const reference = S > 0 ? referenceInputs(B, S, config) : undefined;
  const bias = keyBias(B, L, text.mask, S > 0 ? input('reference.mask', [B, S]) : undefined, mask);
  const time = unsqueeze(unsqueeze(t, 1), 1); // (B, 1, 1)
  const at = add(latent, mul(time, sub(noise, latent))); // x_t
  return (s) =>
    mul(
      kept,
      sub(at, mul(time, transformer(s, at, { t, guidance, condition: conditioning(s, text, config, reference), rotary, bias }, config))),
    );
}

/** A student's predicted images as a graph with the output `image`: to measure what a change of its weights does. */
export function studentGraph(config: Config, sizes: LatentSizes): Graph {
  return graph('student', { image: forward(config, sizes)(rootScope().in('transformer')) });
}

/**
 * The program. Inputs as above, what `product` wants, and the float student's weights under `exact.transformer.`.
 * Metric: the squared error of the image over its power.
 */
export function quantizeProgram(config: Config, sizes: LatentSizes, { product }: { product: Product }): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const image = forward(config, sizes);
  const exact = image(rootScope().in(EXACT).in('transformer'));
  const loss = mse(image(rootScope(specs, product).in('transformer')), exact);
  return {
    program: trainStep('quantize-student', loss, { specs, metrics: { relative: div(loss, mean(square(exact))) }, ema: 0.99 }),
    specs,
  };
}
