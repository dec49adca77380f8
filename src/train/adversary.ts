// A discriminator for drawn pieces (PatchGAN, Isola et al. 2017; hinge losses, Lim & Ye 2017): it learns to tell real crops from
// drawn ones, patch by patch, and the decoder learns to be taken for real. Absolute errors alone are least with soft edges
// wherever the latent leaves a doubt; vector art has none. Both players are one loss and one step: each part of it stops the
// gradients that are the other's.
// Legend: B batch, P side of a crop.
import { add, conv2d, matmul, mean, mul, neg, relu, stopGradient, sub } from '../graph/ops.ts';
import { silu } from '../graph/functions.ts';
import type { Value } from '../graph/value.ts';
import { spaceToDepth } from '../models/banana/autoencoder.ts';
import { linear, mix3x3 } from '../nn/layers.ts';
import type { Scope } from '../nn/scope.ts';

/** Width at a quarter and at an eighth of the crop's resolution. */
const WIDTHS = [48, 96] as const;

/** Crop (B, P, P, 4) in [-1, 1] to how real each patch looks, (B, P/8, P/8, 1); above 1 is surely real, below -1 surely drawn. */
export function discriminator(s: Scope, crop: Value): Value {
  let x = spaceToDepth(crop, 4);
  WIDTHS.forEach((width, i) => {
    const level = s.in('levels').in(i);
    if (i > 0) x = spaceToDepth(x, 2);
    x = silu(linear(level.in('in'), x, width, { bias: true }));
    x = silu(mix3x3(level.in('mix'), x, width, { bias: true }));
  });
  return linear(s.in('out'), x, 1, { bias: true });
}

/** The same weights, but no gradient reaches them. */
function still(s: Scope): Scope {
  return {
    path: s.path,
    in: (name) => still(s.in(name)),
    declare: (traits) => still(s.declare(traits)),
    parameter: (name, shape, init) => stopGradient(s.parameter(name, shape, init)),
    product: (x, name, shape, init) => matmul(x, stopGradient(s.parameter(name, shape, init))),
    convolve: (x, name, shape, init, options) => conv2d(x, stopGradient(s.parameter(name, shape, init)), options),
  };
}

/** What the drawer loses where its crops look drawn, and what the discriminator loses where it is wrong. real, drawn (B, P, P, 4). */
export function adversary(s: Scope, real: Value, drawn: Value): { fooling: Value; telling: Value } {
  const fooling = neg(mean(discriminator(still(s), drawn)));
  const telling = add(mean(relu(sub(1, discriminator(s, real)))), mean(relu(add(1, discriminator(s, stopGradient(drawn))))));
  return { fooling, telling: mul(telling, 0.5) };
}
