// Autoencoder: picture to latent tokens and back to a feature map that the renderer draws from. Both halves are
// transformers over tokens, so almost all of their work is MatMul. A latent token has RMS 1 over its channels (it lies
// on a sphere): fixed scale without a KL term, and the decoder projects whatever it is given back onto that sphere.
// Not here: pixels (renderer.ts), losses (train/).
// Legend: B batch, h x w latent tokens, C latent channels, D width, P patch side, F cell width.
import { divideDim, fixed, mulDims, type Dim } from '../../graph/dim.ts';
import { rmsNormalize, silu } from '../../graph/functions.ts';
import { add, reshape, transpose } from '../../graph/ops.ts';
import type { Value } from '../../graph/value.ts';
import { selfAttention, type Rotary } from '../../nn/attention.ts';
import { linear, mix3x3, rmsNorm, swiglu } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { CELLS, ENCODER_PIXELS, INNER, type Config } from './config.ts';

/** Groups side x side neighbours into channels: (B, n*side, m*side, C) to (B, n, m, side*side*C). */
export function spaceToDepth(x: Value, side: number): Value {
  const [B, H, W, C] = x.shape as [Dim, Dim, Dim, number];
  const [n, m] = [divideDim(H, side), divideDim(W, side)];
  const split = transpose(reshape(x, [B, n, side, m, side, C]), [0, 1, 3, 2, 4, 5]);
  return reshape(split, [B, n, m, side * side * C]);
}

/** The inverse of spaceToDepth. */
export function depthToSpace(x: Value, side: number): Value {
  const [B, n, m, K] = x.shape as [Dim, Dim, Dim, number];
  const C = fixed(divideDim(K, side * side), 'depthToSpace');
  const split = transpose(reshape(x, [B, n, m, side, side, C]), [0, 1, 3, 2, 4, 5]);
  return reshape(split, [B, mulDims(n, side), mulDims(m, side), C]);
}

/** What first and last layers declare; the features, which the renderer reads directly, stay float. */
const END = { bits: 6 } as const;

function blocks(s: Scope, x: Value, depth: number, rotary: Rotary, { autoencoder: c }: Config): Value {
  for (let i = 0; i < depth; i++) {
    const block = s.in('blocks').in(i).declare(INNER);
    x = add(x, selfAttention(block.in('attention'), rmsNorm(block.in('attention-norm'), x), c.heads, { rotary }));
    x = add(x, swiglu(block.in('mlp'), rmsNorm(block.in('mlp-norm'), x), c.hidden));
  }
  return x;
}

/** Picture (B, 32h, 32w, 4), premultiplied RGBA in [-1, 1], to latent tokens (B, h*w, C). rotary (h*w, d/2). */
export function encoder(s: Scope, image: Value, rotary: Rotary, config: Config): Value {
  const { autoencoder: c, patch, channels } = config;
  let x = linear(s.in('patch').declare(END), spaceToDepth(image, patch), c.width / 2, { bias: true });
  x = spaceToDepth(silu(x), ENCODER_PIXELS / patch); // (B, h, w, ...)
  const [B, h, w, K] = x.shape as [Dim, Dim, Dim, number];
  x = linear(s.in('merge').declare(END), reshape(x, [B, mulDims(h, w), K]), c.width, { bias: true });
  x = blocks(s, x, c.encoderDepth, rotary, config);
  return rmsNormalize(linear(s.in('out').declare(END), rmsNorm(s.in('norm'), x), channels, { bias: true }));
}

/** Latent tokens (B, h*w, C) of an h x w grid to the feature map (B, 8h, 8w, K) that the renderer reads. */
export function decoder(s: Scope, latent: Value, [h, w]: readonly [Dim, Dim], rotary: Rotary, config: Config): Value {
  const { autoencoder: c } = config;
  let x = linear(s.in('in').declare(END), rmsNormalize(latent), c.width, { bias: true });
  x = blocks(s, x, c.depth, rotary, config);
  x = linear(s.in('cells').declare(END), rmsNorm(s.in('norm'), x), CELLS * CELLS * c.cell, { bias: true }); // (B, h*w, 64F)
  x = depthToSpace(reshape(x, [x.shape[0]!, h, w, CELLS * CELLS * c.cell]), CELLS); //           (B, 8h, 8w, F)
  const mixed = mix3x3(s.in('mix').in(0), x, c.cell, { bias: true });
  x = add(x, mix3x3(s.in('mix').in(1), silu(mixed), c.cell, { bias: true }));
  return linear(s.in('features'), silu(x), c.render[0], { bias: true }); // the renderer's first layer
}
