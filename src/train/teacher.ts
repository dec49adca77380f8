// Teacher training: flow matching on latents (Lipman et al. 2023): from x_t = (1 - t) x_0 + t n predict n - x_0. Captions are
// dropped now and then, so that one network knows the conditional and the unconditional velocity (classifier-free guidance).
// Legend: B batch, L image tokens, T text tokens, S reference tokens, C channels.
import { add, mean, mul, sub, unsqueeze, concat } from '../graph/ops.ts';
import { square } from '../graph/functions.ts';
import { input, constant, type Value } from '../graph/value.ts';
import { perPicture, referenceInputs, textInputs } from '../models/inputs.ts';
import { conditioning, maskBias, transformer } from '../models/transformer.ts';
import type { Config } from '../models/config.ts';
import type { Rotary } from '../nn/attention.ts';
import { gridPositions, rotaryTable } from '../nn/rope.ts';
import { rootScope, type Specs } from '../nn/scope.ts';
import { zeros } from '../tensor/tensor.ts';
import { trainStep, type Program } from './step.ts';

export interface LatentSizes {
  readonly batch: number;
  /** Latent grid. */
  readonly rows: number;
  readonly columns: number;
  /** Reference tokens for each picture; 0 for a step without references. */
  readonly references?: number;
}

/** Rotary tables of an h x w grid as constants. */
export function gridRotary(h: number, w: number, headWidth: number): Rotary {
  const { cosine, sine } = rotaryTable(gridPositions(h, w), headWidth);
  return { cosine: constant(cosine), sine: constant(sine) };
}

/** The bias on the keys of a batch: text and reference padding hidden, image tokens seen. (B, 1, 1, M + L) */
export function keyBias(B: number, L: number, textMask: Value, referenceMask?: Value): Value {
  const parts = [maskBias(textMask), ...(referenceMask ? [maskBias(referenceMask)] : []), constant(zeros('float32', [B, 1, 1, L]))];
  return concat(parts, -1);
}

/**
 * The program. Inputs: latent and noise (B, L, C), t (B), text.ids (B, T), text.positions (T), text.mask (B, T), and with
 * references reference.tokens (B, S, C), .slots (B, S), .mask (B, S), .cosine and .sine (S, d/2).
 * Metrics: the loss itself.
 */
export function teacherProgram(config: Config, { batch: B, rows, columns, references: S = 0 }: LatentSizes): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('transformer');
  const L = rows * columns;
  const latent = input('latent', [B, L, config.channels]);
  const noise = input('noise', [B, L, config.channels]);
  const t = perPicture('t', B);
  const text = textInputs(B, config.text.length);
  const reference = S > 0 ? referenceInputs(B, S, config) : undefined;
  const condition = conditioning(s, text, config, reference);
  const bias = keyBias(B, L, text.mask, S > 0 ? input('reference.mask', [B, S]) : undefined);
  const velocity = sub(noise, latent);
  const at = unsqueeze(unsqueeze(t, 1), 1);
  const noisy = add(latent, mul(at, velocity)); // (1 - t) x_0 + t n
  const rotary = gridRotary(rows, columns, config.transformer.heads.width);
  const guidance = constant(zeros('float32', [B]));
  const predicted = transformer(s, noisy, { t, guidance, condition, rotary, bias }, config);
  const loss = mean(square(sub(predicted, velocity)));
  return { program: trainStep('train-teacher', loss, { specs, ema: 0.999 }), specs };
}
