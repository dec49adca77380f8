// The batches of a training: step i draws a bucket, rows of the Peel's own pictures at any time, and rows that the base
// drew. All from a stream named after the step, so that a run taken up again sees what it would have seen.
import { scalar, type Tensors } from '../../tensor/tensor.ts';
import { noised } from '../../sampling/path.ts';
import type { Random } from '../../util/random.ts';
import type { Variant } from './family.ts';
import type { Prepared } from './prepare.ts';
import type { PeelRow } from './program.ts';
import { BUCKET } from './programs.ts';
import type { Training } from './training.ts';

const CAPTION_DROPPED = 0.1;

/** Feeds of step i. Buckets come as often as pictures are shown in them. */
export function batchesOf(training: Training, { learned, buckets, bank }: Prepared): (step: number) => Tensors {
  const {
    settings: { batch, prior },
    family,
    rng,
  } = training;
  const shown = buckets.map((bucket) =>
    learned.map(({ variants }) => variants.filter((one) => one.bucket === bucket)).filter((variants) => variants.length > 0),
  );
  const shares = shown.map((list) => list.reduce((sum, variants) => sum + variants.length, 0));
  return (step) => {
    const stream = rng.split(`batch:${step}`);
    const which = stream.weighted(shares);
    const bucket = buckets[which]!;
    const own = Array.from({ length: batch - prior }, () => learnedRow(training, stream, shown[which]!));
    const drawn = Array.from({ length: prior }, () => stream.pick(bank.get(bucket)!));
    return { ...family.feeds([...own, ...drawn], bucket), [BUCKET]: scalar(which) };
  };
}

/** A row of the Peel's own pictures: of each, the ways to show it. */
function learnedRow({ settings, family, say }: Training, rng: Random, pictures: readonly (readonly Variant[])[]): PeelRow {
  const { trigger } = settings;
  const { latent, caption } = rng.pick(rng.pick(pictures));
  const noise = rng.normals(latent.length);
  const t = family.time(rng);
  const text = trigger && rng.uniform() < CAPTION_DROPPED ? trigger : say(caption);
  const encoded = family.tokenizer.encode(text, family.config.text.length);
  return { caption: encoded, noisy: noised(latent, noise, t), t, target: latent };
}
