// The denoiser of the layered model: velocities of frames and of thumbnails' tokens. The blocks are those of the flat model
// (banana/transformer.ts); what differs is what a token is, and that the network only says what a linear estimate cannot: with l the
// variance of a channel, the best linear guess of x0 from x_t is l (1 - t) / d of it, d = l (1 - t)^2 + t^2, and what is left has
// the deviation t sqrt(l / d) (EDM's preconditioning, Karras et al. 2022, by channel). So the network's output has variance 1.
// Legend: B batch, N objects, P content tokens, L = N + P, C channels, D width, S reference tokens.
import { rmsNormalize, silu } from '../../graph/functions.ts';
import { add, concat, div, mul, sqrt, sub, unsqueeze } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import type { Rotary } from '../../nn/attention.ts';
import { embedding, linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { block, chunks, END, modulate, sinusoid, type Conditioning } from '../banana/transformer.ts';
import { FRAME_NUMBERS, OBJECTS, type LayersConfig } from './config.ts';
import { FRAME_VARIANCE } from './frame.ts';
import { PLACES, SLOTS } from './layout.ts';

/** Frames and contents of a picture: noisy, or their velocities. */
export interface Parts {
  /** (B, N, 4); none where a picture has no objects. */
  readonly frames?: Value | undefined;
  /** (B, P, C) */
  readonly content: Value;
}

/** What the denoiser reads besides its tokens. */
export interface DenoiseInputs {
  /** (B) in [0, 1], 1 is noise. */
  readonly t: Value;
  readonly condition: Conditioning;
  /** (L) int64 each: rows of the slot and of the place table (layout.ts). */
  readonly slots: Value;
  readonly places: Value;
  /** Cuts tokens (B, L, D) into those of frames (B, N, D) and of contents (B, P, D). */
  readonly split: (tokens: Value) => Parts;
  /** Tables (L, d/2). */
  readonly rotary: Rotary;
  /** (C): variance of each content channel in the data. */
  readonly variance: Value;
  /** (B, 1, 1, M + L) on the keys, text and references first. */
  readonly bias?: Value | undefined;
}

/** Linear estimate: what a token is divided by, and the factors of token and output in the velocity. */
function estimate(l: Value, t: Value): { size: Value; token: Value; output: Value } {
  const rest = sub(1, t);
  const d = add(mul(l, mul(rest, rest)), mul(t, t)); // (B, 1, C)
  const size = sqrt(d);
  return { size, token: div(sub(t, mul(l, rest)), d), output: div(sqrt(l), size) };
}

/** Velocities of noisy frames and contents. */
export function denoiser(s: Scope, noisy: Parts, inputs: DenoiseInputs, { transformer: c, channels }: LayersConfig): Parts {
  const D = c.width;
  const t = unsqueeze(unsqueeze(inputs.t, 1), 1); // (B, 1, 1)
  const forFrames = estimate(constant(float32([1, 1, FRAME_NUMBERS], FRAME_VARIANCE)), t);
  const forContent = estimate(unsqueeze(unsqueeze(inputs.variance, 0), 0), t);
  const first = (name: string, x: Value) => linear(s.in(name).declare(END), x, D, { bias: true });
  const content = first('content-in', div(noisy.content, forContent.size));
  const seen = noisy.frames ? concat([first('frame-in', div(noisy.frames, forFrames.size)), content], 1) : content;
  const table = (name: string, ids: Value, rows: number) => embedding(s.in(name).declare({ bits: 5 }), ids, rows, D, { deviation: 0.5 });
  let h = add(seen, unsqueeze(add(table('slot', inputs.slots, SLOTS), table('place', inputs.places, PLACES)), 0)); // (B, L, D)
  const { shared, last } = modulations(s, inputs, D);
  const read = { rotary: inputs.rotary, bias: inputs.bias };
  h = inputs.condition.layers.reduce((x, extra, i) => block(s, i, x, shared, { extra, ...read }, { transformer: c }), h);
  const [shift, scale] = chunks(last, 2, D);
  const y = modulate(h, shift!, scale!);
  const ends = inputs.split(y);
  const final = (name: string, x: Value, out: number) => linear(s.in(name).declare(END), x, out, { bias: true, deviation: 0 });
  const velocity = (x: Value, { token, output }: typeof forFrames, raw: Value) => sub(mul(token, x), mul(output, raw));
  return {
    ...(noisy.frames && { frames: velocity(noisy.frames, forFrames, final('frame-out', ends.frames!, FRAME_NUMBERS)) }),
    content: velocity(noisy.content, forContent, final('content-out', ends.content, channels)),
  };
}

/** What time and text as a whole say to all blocks, (B, 6D), and to the last layer, (B, 2D). */
function modulations(s: Scope, { t, condition }: DenoiseInputs, D: number): { shared: Value; last: Value } {
  const inside = s.declare({ bits: 5, adapt: 'modulation' });
  const time = linear(s.in('time').declare({ bits: 6, adapt: 'time' }), sinusoid(t), D, { bias: true });
  const signal = silu(linear(inside.in('signal'), silu(add(time, condition.pooled)), D, { bias: true }));
  const out = (name: string, n: number) => linear(inside.in(name), signal, n * D, { bias: true, deviation: 0.02 / Math.sqrt(D) });
  return { shared: out('modulation', 6), last: out('last-modulation', 2) };
}

/** Logits of how many objects a prompt asks for, 0 to 6: (B, 7) from the pooled text (B, D). */
export function countLogits(s: Scope, pooled: Value): Value {
  return linear(s.in('count').declare({ bits: 6 }), rmsNormalize(pooled), OBJECTS + 1, { bias: true });
}
