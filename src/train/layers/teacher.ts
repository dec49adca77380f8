// Teacher of the layered model: flow matching (Lipman et al. 2023) on frames and thumbnails, x_t = (1 - t) x_0 + t n. The loss is the
// squared error of the predicted picture over max(t, 0.1)^2, so that of the velocity but for the last tenth of the way, in units
// of the data. A head on the text learns how many objects a prompt asks for. One program trains one room: up to N objects with or
// without a canvas and with or without their references, or a whole picture as a canvas alone. What a picture does not have is
// hidden from attention and from the loss.
// Legend: B batch, N room for objects, P content tokens, L = N + P, T text tokens, S = 16 N reference tokens, C channels.
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
import { perPicture, textInputs } from '../../models/layers/inputs.ts';
import { conditioning, maskBias, type Conditioning, type ReferenceInputs } from '../../models/layers/blocks.ts';
import { FRAME_NUMBERS, OBJECTS, type LayersConfig } from '../../models/layers/config.ts';
import { FRAME_GAIN } from '../../models/layers/frame.ts';
import { CELLS_PER_OBJECT, canvasTokens, contentTokens, kindsOf, referenceCells, type Layout } from '../../models/layers/layout.ts';
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
  /** Is there room for a reference of each object? */
  readonly references?: boolean | undefined;
}

/** Law of the times that are trained at: the logistic of a normal number (Esser et al. 2024), shifted to noise (docs/log.md). */
export const TIMES = { mean: 0.8, deviation: 1.2 } as const;
/** What the frames' error counts beside the contents', and the head's. */
export const FRAME_WEIGHT = 0.25;
const COUNT_WEIGHT = 0.02;
/** Times below are weighed as this one: the end of the path is noise of the data's own. */
const LEAST_TIME = 0.1;

/** Latents of a batch, and which of their parts a picture has. */
export interface LatentInputs {
  readonly data: Parts;
  readonly noise: Parts;
  /** (B, N) and (B): 1 where the picture has this object, and a canvas. None where there is no room for one. */
  readonly objects: Value | undefined;
  readonly canvas: Value | undefined;
}

/** Inputs content, content.noise (B, P, C) and, where there is room, frames, frames.noise (B, N, 4), objects (B, N), canvas (B). */
export function latentInputs({ batch: B, layout }: Room, { channels }: LayersConfig): LatentInputs {
  const N = layout.objects;
  const parts = (suffix: string): Parts => ({
    ...(N > 0 && { frames: input(`frames${suffix}`, [B, N, FRAME_NUMBERS]) }),
    content: input(`content${suffix}`, [B, contentTokens(layout), channels]),
  });
  return {
    data: parts(''),
    noise: parts('.noise'),
    objects: N > 0 ? input('objects', [B, N]) : undefined,
    canvas: layout.canvas && perPicture('canvas', B),
  };
}

/** Each of (B, n) repeated `times`: (B, n * times). */
const repeated = (x: Value, B: number, n: number, times: number): Value => reshape(expand(unsqueeze(x, -1), [B, n, times]), [B, n * times]);

/** Which content tokens a picture has: (B, P) of ones and zeros. */
export function contentMask({ objects, canvas }: LatentInputs, { batch: B, layout }: Room): Value {
  const each = objects && repeated(objects, B, layout.objects, CELLS_PER_OBJECT);
  const behind = canvas && expand(unsqueeze(canvas, -1), [B, canvasTokens(layout)]);
  return concat(
    [each, behind].filter((x) => x !== undefined),
    1,
  );
}

/** What tokens of a room are, as constants: the denoiser's inputs but for time and text. */
export function roomInputs({ layout }: Room, { transformer, channels }: LayersConfig): Omit<DenoiseInputs, 't' | 'condition' | 'bias'> {
  const { slots, places, positions } = kindsOf(layout);
  const N = layout.objects;
  const ids = (list: readonly number[]) => constant(int64([list.length], list));
  const { cosine, sine } = rotaryTable(positions, transformer.heads.width);
  return {
    slots: ids(slots),
    places: ids(places),
    split: (tokens) => (N > 0 ? { frames: slice(tokens, 1, 0, N), content: slice(tokens, 1, N) } : { content: tokens }),
    rotary: { cosine: constant(cosine), sine: constant(sine) },
    variance: input('variance', [channels]),
  };
}

/** References of a room: inputs reference.tokens (B, S, C), .slots and .mask (B, S). */
function roomReferences({ batch: B, layout }: Room, { transformer, channels }: LayersConfig): ReferenceInputs & { mask: Value } {
  const S = layout.objects * CELLS_PER_OBJECT;
  const { cosine, sine } = rotaryTable(referenceCells(layout.objects), transformer.heads.width);
  return {
    tokens: input('reference.tokens', [B, S, channels]),
    slots: input('reference.slots', [B, S], 'int64'),
    mask: input('reference.mask', [B, S]),
    rotary: { cosine: constant(cosine), sine: constant(sine) },
  };
}

/** (1 - t) x + t n of both parts. */
export function noisy({ data, noise }: LatentInputs, t: Value): Parts {
  const at = unsqueeze(unsqueeze(t, 1), 1);
  const mixed = (x: Value, n: Value) => add(x, mul(at, sub(n, x)));
  return { ...(data.frames && { frames: mixed(data.frames, noise.frames!) }), content: mixed(data.content, noise.content) };
}

/** Mean over the tokens that are there of the squared error of predicted pictures, over max(t, 0.1)^2, in units of the data. */
export function pathLoss(velocity: Parts, { data, noise, objects }: LatentInputs, content: Value, t: Value): Parts {
  const weight = unsqueeze(unsqueeze(min(mul(t, 1 / LEAST_TIME), 1), 1), 1);
  const part = (v: Value, x: Value, n: Value, mask: Value, gain: number) => {
    const width = v.shape.at(-1) as number;
    const wrong = square(mul(sub(v, sub(n, x)), weight));
    return mul(div(sum(mul(wrong, unsqueeze(mask, -1))), sum(mask)), 1 / (width * gain ** 2));
  };
  return {
    content: part(velocity.content, data.content, noise.content, content, CONTENT_GAIN),
    ...(objects && { frames: part(velocity.frames!, data.frames!, noise.frames!, objects, FRAME_GAIN) }),
  };
}

/** The loss of the number of objects beside others, and the cross-entropy itself. */
export function countLoss(s: Scope, condition: Conditioning, objects: Value): { loss: Value; metrics: Record<string, Value> } {
  const count = crossEntropy(s, condition, objects);
  return { loss: mul(count, COUNT_WEIGHT), metrics: { 'count-error': count } };
}

/** Cross-entropy of the number of objects. */
function crossEntropy(s: Scope, { pooled }: Conditioning, objects: Value): Value {
  const logits = countLogits(s, pooled); // (B, 7)
  const rest = sub(logits, maximum(logits, { axes: [-1], keepdims: true }));
  const classes = constant(float32([1, OBJECTS + 1], [...Array(OBJECTS + 1).keys()]));
  const right = cast(equal(sum(objects, { axes: [1], keepdims: true }), classes), 'float32');
  return mean(sub(log(sum(exp(rest), { axes: [-1] })), sum(mul(rest, right), { axes: [-1] })));
}

/** What every program of a room reads, and the denoiser with some weights. */
export interface OpenedRoom {
  readonly latents: LatentInputs;
  /** Which content tokens a picture has, (B, P). */
  readonly mask: Value;
  /** Under a scope: what the texts say, and velocities of noisy parts at times (B). */
  open(s: Scope): { condition: Conditioning; velocity(noisy: Parts, t: Value): Parts };
}

/**
 * Opens a room. Inputs: those of `latentInputs`, variance (C), text.ids and .mask (B, T), text.positions (T), and those of its references.
 */
export function openRoom(config: LayersConfig, room: Room): OpenedRoom {
  const latents = latentInputs(room, config);
  const text = textInputs(room.batch, room.text);
  const references = room.references ? roomReferences(room, config) : undefined;
  const mask = contentMask(latents, room);
  const keys = [text.mask, references?.mask, latents.objects, mask].filter((x) => x !== undefined);
  const read = { ...roomInputs(room, config), bias: maskBias(concat(keys, 1)) };
  return {
    latents,
    mask,
    open(s) {
      const condition = conditioning(s, text, config, references);
      return { condition, velocity: (noisy, t) => denoiser(s, noisy, { ...read, t, condition }, config) };
    },
  };
}

/** How the weights of the layered model are moved. */
export const layersOptimizer = () => adamw({ beta2: 0.98, decay: 0.01 });

/** The loss of a room's paths, of what is read of its texts. */
export interface RoomLoss {
  readonly loss: Value;
  /** The errors of contents and of frames. */
  readonly metrics: Readonly<Record<string, Value>>;
  readonly condition: Conditioning;
  readonly latents: LatentInputs;
}

/** The loss of a room with the weights of a scope. Inputs: those of the room, and t (B). */
export function roomLoss(s: Scope, config: LayersConfig, room: Room): RoomLoss {
  const { latents, mask, open } = openRoom(config, room);
  const t = perPicture('t', room.batch);
  const { condition, velocity } = open(s);
  const { content, frames } = pathLoss(velocity(noisy(latents, t), t), latents, mask, t);
  return {
    loss: frames ? add(content, mul(frames, FRAME_WEIGHT)) : content,
    metrics: { 'content-error': content, ...(frames && { 'frame-error': frames }) },
    condition,
    latents,
  };
}

/** The program of a room: its loss, and that of the number of objects, whose cross-entropy is a metric too. */
export function layeredTeacher(config: LayersConfig, room: Room): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const s = rootScope(specs).in('transformer');
  const { loss, metrics, condition, latents } = roomLoss(s, config, room);
  const count = latents.objects && countLoss(s, condition, latents.objects);
  const options = { specs, metrics: { ...metrics, ...count?.metrics }, ema: 0.998, optimizer: layersOptimizer };
  return { program: trainStep('train-layers', count ? add(loss, count.loss) : loss, options), specs };
}
