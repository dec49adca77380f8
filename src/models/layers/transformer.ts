// The denoiser of the layered model: velocities of frames and of thumbnails' tokens. Its blocks are in blocks.ts; the network
// only says what a linear estimate cannot: with l the variance of a channel, the best linear guess of x0 from x_t is l (1 - t) / d of it, d = l (1 - t)^2 + t^2, and what is left has
// the deviation t sqrt(l / d) (EDM's preconditioning, Karras et al. 2022, by channel). So the network's output has variance 1.
// Legend: B batch, N objects, P content tokens, L = N + P, C channels, D width, S reference tokens.
import { rmsNormalize, silu } from '../../graph/functions.ts';
import { add, concat, div, mul, sqrt, sub, unsqueeze } from '../../graph/ops.ts';
import { constant, type Value } from '../../graph/value.ts';
import type { Rotary } from '../../nn/attention.ts';
import { embedding, linear } from '../../nn/layers.ts';
import type { Scope } from '../../nn/scope.ts';
import { float32 } from '../../tensor/tensor.ts';
import { block, chunks, END, modulate, sinusoid, type Conditioning } from './blocks.ts';
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

/** What a step begins with. */
export interface Entry {
  /** (B, L, D) */
  readonly tokens: Value;
  /** (B, 6D), the modulation that all blocks share. */
  readonly shared: Value;
  /** (B, 2D), that of the exit. */
  readonly last: Value;
}

const wide = (t: Value) => unsqueeze(unsqueeze(t, 1), 1); // (B) -> (B, 1, 1)
const forFrames = (t: Value) => estimate(constant(float32([1, 1, FRAME_NUMBERS], FRAME_VARIANCE)), wide(t));
const forContent = (t: Value, variance: Value) => estimate(unsqueeze(unsqueeze(variance, 0), 0), wide(t));

/** Noisy frames and contents to tokens. pooled (B, D): the text as a whole. */
export function entry(
  s: Scope,
  noisy: Parts,
  { t, slots, places, variance, pooled }: Pick<DenoiseInputs, 't' | 'slots' | 'places' | 'variance'> & { readonly pooled: Value },
  { transformer: { width: D } }: LayersConfig,
): Entry {
  const first = (name: string, x: Value) => linear(s.in(name).declare(END), x, D, { bias: true });
  const content = first('content-in', div(noisy.content, forContent(t, variance).size));
  const seen = noisy.frames ? concat([first('frame-in', div(noisy.frames, forFrames(t).size)), content], 1) : content;
  const table = (name: string, ids: Value, rows: number) => embedding(s.in(name).declare({ bits: 5 }), ids, rows, D, { deviation: 0.5 });
  const tokens = add(seen, unsqueeze(add(table('slot', slots, SLOTS), table('place', places, PLACES)), 0)); // (B, L, D)
  return { tokens, ...modulations(s, t, pooled, D) };
}

/** Tokens (B, L, D) to the velocities of noisy frames and contents. */
export function exit(
  s: Scope,
  tokens: Value,
  last: Value,
  noisy: Parts,
  { t, variance, split }: Pick<DenoiseInputs, 't' | 'variance' | 'split'>,
  { transformer: { width: D }, channels }: LayersConfig,
): Parts {
  const [shift, scale] = chunks(last, 2, D);
  const ends = split(modulate(tokens, shift!, scale!));
  const final = (name: string, x: Value, out: number) => linear(s.in(name).declare(END), x, out, { bias: true, deviation: 0 });
  const velocity = (x: Value, { token, output }: ReturnType<typeof estimate>, raw: Value) => sub(mul(token, x), mul(output, raw));
  return {
    ...(noisy.frames && { frames: velocity(noisy.frames, forFrames(t), final('frame-out', ends.frames!, FRAME_NUMBERS)) }),
    content: velocity(noisy.content, forContent(t, variance), final('content-out', ends.content, channels)),
  };
}

/** Velocities of noisy frames and contents. */
export function denoiser(s: Scope, noisy: Parts, inputs: DenoiseInputs, config: LayersConfig): Parts {
  const { condition, rotary, bias } = inputs;
  const { tokens, shared, last } = entry(s, noisy, { ...inputs, pooled: condition.pooled }, config);
  const h = condition.layers.reduce((x, extra, i) => block(s, i, x, shared, { extra, rotary, bias }, config), tokens);
  return exit(s, h, last, noisy, inputs, config);
}

/** What time and text as a whole say to all blocks, (B, 6D), and to the last layer, (B, 2D). */
function modulations(s: Scope, t: Value, pooled: Value, D: number): { shared: Value; last: Value } {
  const inside = s.declare({ bits: 5, adapt: 'modulation' });
  const time = linear(s.in('time').declare({ bits: 6, adapt: 'time' }), sinusoid(t), D, { bias: true });
  const signal = silu(linear(inside.in('signal'), silu(add(time, pooled)), D, { bias: true }));
  const out = (name: string, n: number) => linear(inside.in(name), signal, n * D, { bias: true, deviation: 0.02 / Math.sqrt(D) });
  return { shared: out('modulation', 6), last: out('last-modulation', 2) };
}

/** Logits of how many objects a prompt asks for, 0 to 6: (B, 7) from the pooled text (B, D). */
export function countLogits(s: Scope, pooled: Value): Value {
  return linear(s.in('count').declare({ bits: 6 }), rmsNormalize(pooled), OBJECTS + 1, { bias: true });
}
