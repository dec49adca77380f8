// The queue between servers and workers: BullMQ over Redis, both optional peers. A job is the same as that of one server alone (server/
// job-store.ts); its request, with the files of pictures, is where the results are, so Redis holds some hundred bytes a job. Who waits for
// an answer comes before who does not.
import type { Job as QueueJob, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ModelInfo } from '../models/family.ts';
import { errorFrom, type ErrorRecord } from '../runtime/engine.ts';
import type { Submitted } from '../server/job-store.ts';
import type { Job } from '../server/jobs.ts';
import type { JobProgress } from '../server/drawing.ts';
import { peer } from '../util/peer.ts';
import { InputError, RuntimeError } from '../util/errors.ts';

export interface FleetJob extends Submitted {
  /** The name of its request among the results. */
  readonly request: string;
  /** Who looks on: the longer side of previews, and the channel of Redis that they go to. */
  readonly previews?: { readonly side: number; readonly channel: string };
}

/** A preview on its way from the worker to who looks on. It is not kept anywhere: nobody misses one that is lost. */
export interface FleetPreview {
  /** The job. */
  readonly id: string;
  readonly index: number;
  readonly step: number;
  readonly steps: number;
  /** A file in base64. */
  readonly image: string;
}

/** What a worker says of a job that it need not draw any more. */
export interface FleetResult {
  readonly status: 'done' | 'cancelled';
}

export type FleetEntry = QueueJob<FleetJob, FleetResult>;

/** BullMQ's numbers: 1 comes first. */
export const PRIORITY = { waited: 1, batch: 2 } as const;
export type Priority = keyof typeof PRIORITY;

export interface FleetOptions {
  /** Where Redis is, such as `redis://127.0.0.1:6379`. */
  readonly redis: string;
  /** Fleets of one Redis are told apart by name; default "banana". */
  readonly name?: string;
}

/** A connection to a fleet's queue. */
export interface FleetQueue {
  readonly name: string;
  readonly redis: Redis;
  readonly queue: Queue<FleetJob, FleetResult>;
  readonly bull: typeof import('bullmq');
  /** A key of this fleet's own in Redis. */
  key(what: string): string;
  close(): Promise<void>;
}

/** Ended jobs that are remembered, of those done and of those failed. */
const ENDED_MAX = 1000;
/** Times that a job is begun for reasons that are not its own. */
const ATTEMPTS = 3;
const CONNECT_MS = 5000;
/** Milliseconds that Redis has for an answer. */
const ANSWER_MS = 3000;

/** Connects. Throws RuntimeError `fleet.missing` without the packages, `fleet.redis` when nothing answers, InputError `fleet.address`. */
export async function openQueue({ redis: url, name = 'banana' }: FleetOptions): Promise<FleetQueue> {
  const [bull, { Redis }] = await peer(Promise.all([import('bullmq'), import('ioredis')]), 'fleet.missing', 'bullmq ioredis');
  const redis = await connected(url, Redis);
  const options = {
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: 1000 },
    removeOnComplete: { count: ENDED_MAX },
    removeOnFail: { count: ENDED_MAX },
  };
  const queue = new bull.Queue<FleetJob, FleetResult>(name, { connection: redis as never, defaultJobOptions: options });
  queue.on('error', () => {}); // ioredis tries again, and who asks is told by `answered`
  return {
    name,
    redis,
    queue: queue as Queue<FleetJob, FleetResult>,
    bull,
    key: (what) => `${name}:fleet:${what}`,
    async close() {
      await queue.close();
      redis.disconnect();
    },
  };
}

async function connected(url: string, Client: typeof Redis): Promise<Redis> {
  if (!/^rediss?:\/\//.test(url) || !URL.canParse(url))
    throw new InputError('fleet.address', 'the address of Redis is none: expected redis://HOST:PORT');
  const redis = new Client(url, { maxRetriesPerRequest: null, lazyConnect: true, connectTimeout: CONNECT_MS });
  let last: Error | undefined;
  redis.on('error', (error: Error) => (last = error));
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(last ?? new Error('no answer')), CONNECT_MS).unref());
  try {
    await Promise.race([redis.connect(), late]);
    await Promise.race([redis.ping(), late]);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw unreachable(url, (last ?? (error as Error)).message, error);
  } finally {
    late.catch(() => {});
  }
}

/** Without the password that may be in the address. */
const unreachable = (url: string, why: string, cause?: unknown) =>
  new RuntimeError('fleet.redis', `Redis cannot be reached at ${url.replace(/\/\/[^@/]*@/, '//')}: ${why}`, { cause });

/** What Redis answers. Throws RuntimeError `fleet.redis` while it is away. */
export async function answered<T>(asking: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const away = new Promise<never>((_, reject) => {
    const error = new RuntimeError('fleet.redis', 'Redis cannot be reached for now: ask again in a while');
    late = setTimeout(() => reject(error), ANSWER_MS);
  });
  try {
    return await Promise.race([asking, away]);
  } finally {
    clearTimeout(late);
  }
}

/** The model that a fleet draws with; undefined while no worker has been there. */
export async function modelOf({ redis, key }: FleetQueue): Promise<ModelInfo | undefined> {
  const text = await redis.get(key('model'));
  return text === null ? undefined : (JSON.parse(text) as ModelInfo);
}

/** Says what a worker draws with. Throws InputError `fleet.model` when others draw with another model. */
export async function joinModel(fleet: FleetQueue, model: ModelInfo): Promise<void> {
  const other = await modelOf(fleet);
  if (other && other.hash !== model.hash && (await fleet.queue.getWorkersCount()) > 0)
    throw new InputError(
      'fleet.model',
      `the workers of fleet "${fleet.name}" draw with ${other.name}, this one with ${model.name}: give it another --fleet`,
    );
  await fleet.redis.set(fleet.key('model'), JSON.stringify(model));
}

/** The names of a job's files among the results. */
export const pictureName = ({ id, format }: Pick<Submitted, 'id' | 'format'>, index: number): string => `${id}/${index}.${format}`;

/** Whether somebody ended a job. */
export const isCancelled = async ({ redis, key }: FleetQueue, id: string): Promise<boolean> =>
  (await redis.exists(key(`cancel:${id}`))) > 0;

/** Where workers hear which job is ended. */
export const cancelChannel = ({ key }: FleetQueue): string => key('cancel');

const CANCEL_SECONDS = 7 * 86_400;

/** Ends a job wherever it is. */
export async function cancelJob(fleet: FleetQueue, id: string): Promise<void> {
  await fleet.redis.set(fleet.key(`cancel:${id}`), new Date().toISOString(), 'EX', CANCEL_SECONDS);
  await fleet.redis.publish(cancelChannel(fleet), id);
}

export const progressOf = ({ progress }: FleetEntry): JobProgress =>
  typeof progress === 'object' && 'drawn' in progress ? (progress as JobProgress) : { drawn: 0 };

/** Why a job failed; of one whose workers were all lost BullMQ says so in its own words. */
export function failureOf({ failedReason = '' }: FleetEntry): Error {
  try {
    return errorFrom(JSON.parse(failedReason) as ErrorRecord);
  } catch {
    return new RuntimeError('engine.lost', `the workers that drew it were lost: ${failedReason.slice(0, 200)}`);
  }
}

export type JobStatus = Job['status'];

export const hasEnded = (status: JobStatus): boolean => status !== 'queued' && status !== 'drawing';

/** Whether a job waits, is drawn, or how it ended. */
export async function statusOf(fleet: FleetQueue, entry: FleetEntry): Promise<JobStatus> {
  if (await isCancelled(fleet, entry.id!)) return entry.returnvalue?.status ?? 'cancelled';
  const state = await entry.getState();
  if (state === 'completed') return entry.returnvalue?.status ?? 'done';
  return state === 'failed' ? 'failed' : state === 'active' ? 'drawing' : 'queued';
}
