// Student of the layered model: consistency distillation (distill.ts) of the teacher, room by room, on frames and thumbnails. The
// teacher is not guided: a layered prompt is read exactly, and there is no empty one. The head that counts objects goes on learning,
// since the text that it reads changes. With a fake-quantized product the same program distils into few bits.
// Legend: B batch, N room for objects, P content tokens, C channels.
import { add, div, mean, mul, sub, unsqueeze } from '../../graph/ops.ts';
import { square } from '../../graph/functions.ts';
import type { Value } from '../../graph/value.ts';
import { perPicture } from '../../models/layers/inputs.ts';
import type { LayersConfig } from '../../models/layers/config.ts';
import { FRAME_GAIN } from '../../models/layers/frame.ts';
import { CONTENT_GAIN } from '../../models/layers/thumbnail.ts';
import type { Parts } from '../../models/layers/transformer.ts';
import { rootScope, type Product, type Specs } from '../../nn/scope.ts';
import { consistencyLoss, consistencyPairs, TEACHER } from '../distill.ts';
import { trainStep, type Program } from '../step.ts';
import { countLoss, FRAME_WEIGHT, layersOptimizer, noisy, openRoom, type Room } from './teacher.ts';

const listOf = ({ content, frames }: Parts): Value[] => (frames ? [content, frames] : [content]);
const partsOf = ([content, frames]: readonly Value[]): Parts => ({ content: content!, frames });

/**
 * The program of a room. Inputs: those of the room (teacher.ts), t and s (B) with s < t, and the teacher's weights under
 * `teacher.transformer.`. Metrics: mean squared distance of contents and of frames to the target, in units of the data, and the
 * cross-entropy of the number of objects. `product` is how the student multiplies.
 */
export function layeredStudent(
  config: LayersConfig,
  room: Room,
  { product }: { product?: Product } = {},
): { program: Program; specs: Specs } {
  const specs: Specs = new Map();
  const root = rootScope(specs, product).in('transformer');
  const { latents, mask, open } = openRoom(config, room);
  const [t, s] = [perPicture('t', room.batch), perPicture('s', room.batch)];
  const [teacher, student] = [open(rootScope().in(TEACHER).in('transformer')), open(root)];
  const velocities = (of: typeof student) => (x: readonly Value[], time: Value) => listOf(of.velocity(partsOf(x), time));
  const pairs = consistencyPairs(listOf(noisy(latents, t)), { t, s, teacher: velocities(teacher), student: velocities(student) });
  const there = [mask, latents.objects];
  const [content, frames] = pairs.map(({ predicted, target }, i) => {
    const scale = mul(unsqueeze(there[i]!, -1), 1 / [CONTENT_GAIN, FRAME_GAIN][i]!);
    return [mul(predicted, scale), mul(target, scale)] as const;
  });
  const count = latents.objects && countLoss(root, student.condition, latents.objects);
  const terms = [consistencyLoss(...content!), frames && mul(consistencyLoss(...frames), FRAME_WEIGHT), count?.loss];
  const loss = terms.filter((x) => x !== undefined).reduce(add);
  const distance = ([predicted, target]: readonly [Value, Value], kept: Value) => div(mean(square(sub(predicted, target))), mean(kept));
  const metrics = {
    distance: distance(content!, mask),
    ...(frames && { 'frame-distance': distance(frames, latents.objects!) }),
    ...count?.metrics,
  };
  return { program: trainStep('train-layers-student', loss, { specs, metrics, ema: 0.995, optimizer: layersOptimizer }), specs };
}
