// Teacher training: flow matching on latents (Lipman et al. 2023): from x_t = (1 - t) x_0 + t n predict n - x_0. Captions are
// dropped now and then, so that one network knows the conditional and the unconditional velocity (classifier-free guidance).
// Legend: B batch, L image tokens, T text tokens, S reference tokens, C channels.
import { add, concat, div, mul, sub, sum, unsqueeze } from '../graph/ops.ts';
import { square } from '../graph/functions.ts';
import { input, constant, type Value } from '../graph/value.ts';
import { perPicture, referenceInputs, textInputs } from '../models/banana/inputs.ts';
import { conditioning, maskBias, transformer } from '../models/banana/transformer.ts';
import type { Config } from '../models/banana/config.ts';
import { rootScope, type Specs } from '../nn/scope.ts';
import { zeros } from '../tensor/tensor.ts';
import { gridInputs } from './grids.ts';
import { trainStep, type Program } from './step.ts';

export interface LatentSizes {
  readonly batch: number;
  /** Room for latent tokens of each picture, whatever its shape: the most of any grid. */
  readonly tokens: number;
  /** Room for reference tokens of each picture, all slots together; 0: no references. */
  readonly references?: number;
}

/** The bias on the keys of a batch: padding of text, references and (where a mask is given) image tokens hidden. (B, 1, 1, M + L) */
export function keyBias(B: number, L: number, textMask: Value, referenceMask?: Value, imageMask?: Value): Value {
  const image = imageMask ? maskBias(imageMask) : constant(zeros('float32', [B, 1, 1, L]));
  return concat([maskBias(textMask), ...(referenceMask ? [maskBias(referenceMask)] : []), image], -1);
}

/**
 * The program. Inputs: latent and noise (B, L, C), t (B), rotary.* and image.mask (grids.ts), text.ids (B, T), text.positions (T),
 * text.mask (B, T), and with references reference.tokens (B, S, C), .slots (B, S), .mask (B, S), .cosine and .sine (S, d/2).
 * Metrics: the loss itself.
 */
export function teacherProgram(
  config: Config,
  { batch: B, tokens: L, references: S = 0 }: LatentSizes,
): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('transformer');
  const latent = input('latent', [B, L, config.channels]);
  const noise = input('noise', [B, L, config.channels]);
  const t = perPicture('t', B);
  const { rotary, mask, kept } = gridInputs(B, L, config);
  const text = textInputs(B, config.text.length);
  const reference = S > 0 ? referenceInputs(B, S, config) : undefined;
  const condition = conditioning(s, text, config, reference);
  const bias = keyBias(B, L, text.mask, S > 0 ? input('reference.mask', [B, S]) : undefined, mask);
  const velocity = sub(noise, latent);
  const at = unsqueeze(unsqueeze(t, 1), 1);
  const noisy = add(latent, mul(at, velocity)); // (1 - t) x_0 + t n
  const guidance = constant(zeros('float32', [B]));
  const predicted = transformer(s, noisy, { t, guidance, condition, rotary, bias }, config);
  const loss = div(sum(mul(square(sub(predicted, velocity)), kept)), mul(sum(mask), config.channels)); // mean over the pictures' tokens
  return { program: trainStep('train-teacher', loss, { specs, ema: 0.998 }), specs };
}
