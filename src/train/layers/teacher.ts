// Teacher of the layered model: flow matching (Lipman et al. 2023) on frames and thumbnails, x_t = (1 - t) x_0 + t n. The loss is the
// squared error of the predicted picture over max(t, 0.1)^2, so that of the velocity but for the last tenth of the way, in units
// of the data. A head on the text learns how many objects a prompt asks for. One program trains one room: up to N objects with or
// without a canvas; objects that a picture does not have are hidden from attention and from the loss.
// Legend: B batch, N room for objects, P content tokens, L = N + P, T text tokens, C channels.
import {
  add,
  concat,
  div,
  equal,
  cast,
  exp,
  expand,
  log,
  maximum,
  mean,
  min,
  mul,
  reshape,
  slice,
  sub,
  sum,
  unsqueeze,
} from '../../graph/ops.ts';
import { square } from '../../graph/functions.ts';
import { constant, input, type Value } from '../../graph/value.ts';
import { perPicture, textInputs } from '../../models/banana/inputs.ts';
import { conditioning, maskBias, type Conditioning } from '../../models/banana/transformer.ts';
import { FRAME_NUMBERS, OBJECTS, type LayersConfig } from '../../models/layers/config.ts';
import { FRAME_GAIN } from '../../models/layers/frame.ts';
import { CELLS_PER_OBJECT, canvasTokens, contentTokens, kindsOf, type Layout } from '../../models/layers/layout.ts';
import { CONTENT_GAIN } from '../../models/layers/thumbnail.ts';
import { countLogits, denoiser, type DenoiseInputs, type Parts } from '../../models/layers/transformer.ts';
import { rotaryTable } from '../../nn/rope.ts';
import { rootScope, type Scope, type Specs } from '../../nn/scope.ts';
import { float32, int64 } from '../../tensor/tensor.ts';
import { adamw } from '../optimizer.ts';
import { trainStep, type Program } from '../step.ts';

/** Pictures of one program: room for so many objects, with or without a canvas, and for so many text tokens. */
export interface Room {
  readonly batch: number;
  readonly layout: Layout;
  readonly text: number;
}

/** What the frames' error counts beside the contents', and the head's. */
const FRAME_WEIGHT = 0.25;
const COUNT_WEIGHT = 0.02;
/** Times below are weighed as this one: the end of the path is noise of the data's own. */
const LEAST_TIME = 0.1;

/** Latents of a batch, and which of their parts a picture has. */
export interface LatentInputs {
  readonly data: Parts;
  readonly noise: Parts;
  /** (B, N) and (B): 1 where the picture has this object, and a canvas. */
  readonly objects: Value;
  readonly canvas: Value | undefined;
}

/** Inputs frames, frames.noise (B, N, 4), content, content.noise (B, P, C), objects (B, N) and, where there is room for one, canvas (B). */
export function latentInputs({ batch: B, layout }: Room, { channels }: LayersConfig): LatentInputs {
  const [frames, content] = [
    [B, layout.objects, FRAME_NUMBERS],
    [B, contentTokens(layout), channels],
  ];
  return {
    data: { frames: input('frames', frames), content: input('content', content) },
    noise: { frames: input('frames.noise', frames), content: input('content.noise', content) },
    objects: input('objects', [B, layout.objects]),
    canvas: layout.canvas && perPicture('canvas', B),
  };
}

/** Which content tokens a picture has: (B, P) of ones and zeros. */
export function contentMask({ objects, canvas }: LatentInputs, { batch: B, layout }: Room): Value {
  const each = reshape(expand(unsqueeze(objects, -1), [B, layout.objects, CELLS_PER_OBJECT]), [B, layout.objects * CELLS_PER_OBJECT]);
  return canvas ? concat([each, expand(unsqueeze(canvas, -1), [B, canvasTokens(layout)])], 1) : each;
}

/** What tokens of a room are, as constants: the denoiser's inputs but for time and text. */
export function roomInputs({ layout }: Room, { transformer, channels }: LayersConfig): Omit<DenoiseInputs, 't' | 'condition' | 'bias'> {
  const { slots, places, positions } = kindsOf(layout);
  const ids = (list: readonly number[]) => constant(int64([list.length], list));
  const { cosine, sine } = rotaryTable(positions, transformer.heads.width);
  return {
    slots: ids(slots),
    places: ids(places),
    split: (tokens) => ({ frames: slice(tokens, 1, 0, layout.objects), content: slice(tokens, 1, layout.objects) }),
    rotary: { cosine: constant(cosine), sine: constant(sine) },
    variance: input('variance', [channels]),
  };
}

/** The bias on the keys of a room, text first: (B, 1, 1, M + L). */
export function roomBias(textMask: Value, objects: Value, content: Value): Value {
  return maskBias(concat([textMask, objects, content], 1));
}

/** (1 - t) x + t n of both parts. */
export function noisy({ data, noise }: LatentInputs, t: Value): Parts {
  const at = unsqueeze(unsqueeze(t, 1), 1);
  const mixed = (x: Value, n: Value) => add(x, mul(at, sub(n, x)));
  return { frames: mixed(data.frames, noise.frames), content: mixed(data.content, noise.content) };
}

/** Mean over the tokens that are there of the squared error of predicted pictures, over max(t, 0.1)^2, in units of the data. */
export function pathLoss(
  velocity: Parts,
  { data, noise, objects }: LatentInputs,
  content: Value,
  t: Value,
): { content: Value; frames: Value } {
  const weight = unsqueeze(unsqueeze(min(mul(t, 1 / LEAST_TIME), 1), 1), 1);
  const part = (v: Value, x: Value, n: Value, mask: Value, gain: number) => {
    const width = v.shape.at(-1) as number;
    const wrong = square(mul(sub(v, sub(n, x)), weight));
    return mul(div(sum(mul(wrong, unsqueeze(mask, -1))), sum(mask)), 1 / (width * gain ** 2));
  };
  return {
    content: part(velocity.content, data.content, noise.content, content, CONTENT_GAIN),
    frames: part(velocity.frames, data.frames, noise.frames, objects, FRAME_GAIN),
  };
}

/** Cross-entropy of the number of objects. */
function countLoss(s: Scope, { pooled }: Conditioning, objects: Value): Value {
  const logits = countLogits(s, pooled); // (B, 7)
  const rest = sub(logits, maximum(logits, { axes: [-1], keepdims: true }));
  const classes = constant(float32([1, OBJECTS + 1], [...Array(OBJECTS + 1).keys()]));
  const right = cast(equal(sum(objects, { axes: [1], keepdims: true }), classes), 'float32');
  return mean(sub(log(sum(exp(rest), { axes: [-1] })), sum(mul(rest, right), { axes: [-1] })));
}

/**
 * The program of a room. Inputs: those of `latentInputs`, t (B), variance (C), text.ids and .mask (B, T), text.positions (T).
 * Metrics: the errors of contents and of frames, the cross-entropy of the number of objects.
 */
export function layeredTeacher(config: LayersConfig, room: Room): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('transformer');
  const latents = latentInputs(room, config);
  const t = perPicture('t', room.batch);
  const text = textInputs(room.batch, room.text);
  const condition = conditioning(s, text, config);
  const mask = contentMask(latents, room);
  const bias = roomBias(text.mask, latents.objects, mask);
  const velocity = denoiser(s, noisy(latents, t), { ...roomInputs(room, config), t, condition, bias }, config);
  const { content, frames } = pathLoss(velocity, latents, mask, t);
  const count = countLoss(s, condition, latents.objects);
  const loss = add(content, add(mul(frames, FRAME_WEIGHT), mul(count, COUNT_WEIGHT)));
  const optimizer = () => adamw({ beta2: 0.98, decay: 0.01 });
  return {
    program: trainStep('train-layers', loss, {
      specs,
      metrics: { 'content-error': content, 'frame-error': frames, 'count-error': count },
      ema: 0.998,
      optimizer,
    }),
    specs,
  };
}
