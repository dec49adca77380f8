// The batches of a training: step i draws a bucket, rows of the Peel's own pictures at times of the objective, and rows that the base
// drew. All from a stream named after the step, so that a run taken up again sees what it would have seen.
import type { Tensors } from '../../tensor/tensor.ts';
import { noised } from '../../sampling/path.ts';
import type { Random } from '../../util/random.ts';
import type { EncodedPicture } from './pictures.ts';
import type { Prepared } from './prepare.ts';
import { peelBatch, trainingTime, type PeelRow } from './program.ts';
import type { Training } from './training.ts';

const CAPTION_DROPPED = 0.1;
const HOP = 1 / 8;

/** Feeds of step i. Buckets come as often as pictures are in them. */
export function batchesOf(training: Training, { learned, buckets, bank }: Prepared): (step: number) => Tensors {
  const {
    settings: { batch, prior },
    model: { manifest, config },
    rng,
  } = training;
  const pictures = buckets.map((bucket) => learned.filter((p) => p.bucket === bucket));
  const shares = pictures.map((list) => list.length);
  return (step) => {
    const stream = rng.split(`batch:${step}`);
    const which = stream.weighted(shares);
    const bucket = buckets[which]!;
    const own = Array.from({ length: batch - prior }, () => learnedRow(training, stream, pictures[which]!));
    const guidance = own.map(() => manifest.guidance * (0.75 + 0.5 * stream.uniform()));
    const drawn = Array.from({ length: prior }, () => stream.pick(bank.get(bucket)!));
    return peelBatch([...own, ...drawn], [...guidance, ...drawn.map((row) => row.guidance)], bucket, config);
  };
}

/** A row of the Peel's own pictures. */
function learnedRow({ settings, model, say }: Training, rng: Random, pictures: readonly EncodedPicture[]): PeelRow {
  const { objective, trigger } = settings;
  const { tokenizer, config } = model;
  const { latent, caption } = rng.pick(rng.pick(pictures).variants);
  const noise = rng.normals(latent.length);
  const t = trainingTime(objective, rng);
  const s = Math.max(0, t - HOP);
  const near = objective === 'consistency' && s > 0 ? { x: noised(latent, noise, s), s } : undefined;
  const text = trigger && rng.uniform() < CAPTION_DROPPED ? trigger : say(caption);
  const encoded = tokenizer.encode(text, config.text.length);
  return { caption: encoded, noisy: noised(latent, noise, t), t, target: latent, weight: 1, ...(near && { near }) };
}
