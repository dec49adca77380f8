// What comes before the first step: the pictures as latents, some of them held out where there are enough, what the base draws (it must
// not forget that), and how near the base is to what is held out. Told as it goes.
import { NO_PEELS, type PeelStack } from '../../adapters/stack.ts';
import { breathe } from '../../runtime/engine.ts';
import type { Random } from '../../util/random.ts';
import type { Bucket, EncodedPicture } from './family.ts';
import { claimStore } from './files.ts';
import { priorCaptions } from './prior.ts';
import type { PeelRow } from './program.ts';
import { heldOutLoss, priorRows } from './samples.ts';
import type { TrainPeelEvent, Training } from './training.ts';

/** Pictures that are needed to hold one out; one more for every so many, up to a few. */
const ENOUGH = 5;
const HELD_OUT_EACH = 10;
const HELD_OUT_MAX = 4;
const PRIOR_BANK = 64;

type Bank = ReadonlyMap<Bucket, readonly PeelRow[]>;

export interface Prepared {
  readonly learned: readonly EncodedPicture[];
  /** Tells when to stop; may be empty. */
  readonly heldOut: readonly EncodedPicture[];
  /** Those of what is learned from. */
  readonly buckets: readonly Bucket[];
  /** Rows that the base drew, by bucket; empty when none are asked for. */
  readonly bank: Bank;
  /** Loss of the base on what is held out; NaN when nothing is. */
  readonly before: number;
}

/** Makes everything that the steps need. The store is emptied first when it belongs to another training. */
export async function* prepare(training: Training): AsyncGenerator<TrainPeelEvent, Prepared, void> {
  const { settings, rng } = training;
  const encoded = yield* encodeAll(training);
  await claimStore(training, encoded);
  const [learned, heldOut] = settings.heldOut ? holdOut(encoded, rng.split('held out')) : [encoded, []];
  const buckets = [...new Set(learned.flatMap(({ variants }) => variants.map(({ bucket }) => bucket)))];
  yield { type: 'pictures', pictures: learned.length, heldOut: heldOut.length, buckets };
  const bank = settings.prior > 0 ? yield* drawBank(training, buckets) : new Map<Bucket, PeelRow[]>();
  return { learned, heldOut, buckets, bank, before: await evaluate(training, heldOut, NO_PEELS) };
}

/** Loss with some Peels on what is held out; NaN when nothing is. */
export async function evaluate({ painter, say, rng }: Training, heldOut: readonly EncodedPicture[], peels: PeelStack): Promise<number> {
  return heldOut.length > 0 ? heldOutLoss(painter, peels, heldOut, say, rng.split('evaluate')) : Number.NaN;
}

async function* encodeAll({ pictures, painter, family, settings, rng }: Training): AsyncGenerator<TrainPeelEvent, EncodedPicture[], void> {
  const encoded: EncodedPicture[] = [];
  for await (const one of family.encode(pictures, painter, { flips: settings.flips, rng: rng.split('pictures') })) {
    encoded.push(one);
    yield { type: 'prepare', done: encoded.length, total: pictures.length + PRIOR_BANK };
    await breathe();
  }
  return encoded;
}

/** What is learned from, and what is held out to tell when to stop. */
function holdOut(encoded: readonly EncodedPicture[], rng: Random): [learned: EncodedPicture[], heldOut: EncodedPicture[]] {
  const left = [...encoded];
  const count = encoded.length < ENOUGH ? 0 : Math.min(HELD_OUT_MAX, Math.max(1, Math.floor(encoded.length / HELD_OUT_EACH)));
  const heldOut = Array.from({ length: count }, () => left.splice(rng.integer(left.length), 1)[0]!);
  return [left, heldOut];
}

/** What the base draws in each bucket for everyday captions. */
async function* drawBank(training: Training, buckets: readonly Bucket[]): AsyncGenerator<TrainPeelEvent, Bank, void> {
  const { family, painter, pictures, rng } = training;
  const bank = new Map(buckets.map((bucket) => [bucket, [] as PeelRow[]]));
  let done = 0;
  for (const [bucket, rows] of bank) {
    const stream = rng.split(`prior:${bucket.name}`);
    for (const caption of priorCaptions(family.styles, stream, Math.ceil(PRIOR_BANK / buckets.length))) {
      rows.push(...(await priorRows(painter, family, bucket, caption, stream)));
      done++;
      yield { type: 'prepare', done: pictures.length + Math.min(PRIOR_BANK, done), total: pictures.length + PRIOR_BANK };
      await breathe();
    }
  }
  return bank;
}
