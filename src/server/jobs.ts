// Jobs: drawn when there is time, one picture after the other, each with a place in the line of its own, so that who waits for an answer
// comes before who does not. They outlive their client, and the server: what was not done when it ended is gone on with, picture by
// picture, at its next start.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFileWhole, writeFileWhole } from '../disk/files.ts';
import { randomSeed } from '../draw/text-to-image.ts';
import type { WireRequest } from '../draw/wire.ts';
import { mailbox, type Mailbox } from '../runtime/mailbox.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import type { ImageFormat } from '../disk/codec.ts';
import { drawJob, type JobProgress } from './drawing.ts';
import type { Ended, JobStore, Submitted } from './job-store.ts';
import type { Counter } from './metrics.ts';
import type { KeptFile } from './pictures.ts';
import type { Refusal } from './refusal.ts';
import type { Studio } from './studio.ts';

/** What a client is told of a job. */
export interface Job {
  readonly id: string;
  readonly status: 'queued' | 'drawing' | Ended['status'];
  readonly prompt: string;
  readonly count: number;
  readonly seed: number;
  readonly created: string;
  readonly finished?: string | undefined;
  /** Pictures that are there. */
  readonly drawn: number;
  /** The step of the picture that is drawn. */
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
  /** Requests and jobs before it; 0 when it is being drawn. */
  readonly ahead?: number | undefined;
  /** Seconds until it is done, by how long pictures took of late. */
  readonly eta?: number | undefined;
  readonly error?: Ended['error'];
}

export interface JobRequest {
  readonly request: WireRequest;
  readonly model?: string | undefined;
  readonly format: ImageFormat;
  readonly quality?: number | undefined;
  readonly key?: string | undefined;
}

export interface Jobs {
  /** Settles when the job is on the disk. `before`: it was there already. Throws InputError `job.conflict`, RuntimeError `server.full`. */
  submit(request: JobRequest): Promise<{ job: Job; before: boolean }>;
  /** All, the newest first. */
  list(): Promise<Job[]>;
  /** Throws InputError `job.unknown`, as all below. */
  get(id: string): Promise<Job>;
  /** Ends a job; its pictures stay. */
  cancel(id: string): Promise<Job>;
  /** What becomes of a job from now on, until it has ended; the first event says how it stands. Throws the signal's reason. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<Job, void, void>;
  /** A picture's file. Throws InputError `job.unfinished` while it is not there. */
  picture(id: string, index: number): Promise<KeptFile>;
  /** Waits until nothing is written any more. To be called after the studio was closed. */
  close(): Promise<void>;
}

interface Held {
  readonly job: Submitted;
  readonly stop: AbortController;
  readonly watchers: Set<Mailbox<Job, void>>;
  /** Settles when it is on the disk. */
  stored: Promise<void>;
  progress: JobProgress;
  begun: boolean;
  ended?: Ended | undefined;
}

/** Jobs that may wait, and ended ones that are remembered. */
const WAITING_MAX = 1000;
const ENDED_MAX = 1000;

/** What goes through all that is done with jobs. */
interface Shelf {
  readonly studio: Studio;
  readonly store: JobStore;
  readonly held: Map<string, Held>;
  /** Not ended, in the order asked. */
  readonly queue: Held[];
  readonly counted: Counter;
}

/** Goes on with the jobs of a store. `failed` is told of an error and says what the client is told. */
export function openJobs(studio: Studio, store: JobStore, failed: (error: unknown) => Refusal): Jobs {
  const shelf: Shelf = { studio, store, held: new Map(), queue: [], counted: studio.metrics.counter('banana_jobs_total', 'Jobs ended.') };
  const { held, queue } = shelf;
  studio.metrics.gauge('banana_jobs_waiting', 'Jobs not begun or not done.', () => queue.length);
  let working: Promise<void> | undefined;
  const wake = () => {
    working ??= work(shelf, failed)
      .catch(failed)
      .then(() => void (working = undefined));
  };
  for (const { job, ended } of store.found) if (!add(shelf, job, ended).ended) queue.push(held.get(job.id)!);
  wake();
  return {
    async submit(request) {
      const found = await submit(shelf, request);
      wake();
      return found;
    },
    list: async () => [...held.values()].reverse().map((one) => told(shelf, one)),
    get: async (id) => told(shelf, find(shelf, id)),
    async cancel(id) {
      const one = find(shelf, id);
      const ended = end(shelf, one, 'cancelled');
      one.stop.abort(new DOMException('the job was cancelled', 'AbortError'));
      await ended;
      return told(shelf, one);
    },
    watch: (id, signal) => watch(shelf, find(shelf, id), signal),
    picture: async (id, index) => picture(shelf, find(shelf, id), index),
    async close() {
      const closing = new RuntimeError('server.closing', 'the server is being stopped');
      for (const { watchers } of held.values()) for (const box of watchers) box.fail(closing);
      await working;
      await store.close();
    },
  };
}

function add({ held, store }: Shelf, job: Submitted, ended?: Ended): Held {
  const drawn = Array.from({ length: job.count }, (_, i) => i).filter((i) => existsSync(store.picture(job, i))).length;
  const one: Held = {
    job,
    progress: { drawn },
    stop: new AbortController(),
    watchers: new Set(),
    stored: Promise.resolve(),
    begun: false,
    ended,
  };
  held.set(job.id, one);
  return one;
}

function find({ held }: Shelf, id: string): Held {
  const one = held.get(id);
  if (!one) throw new InputError('job.unknown', `there is no job "${id.slice(0, 80)}"`);
  return one;
}

/** Tells who watches how a job stands. */
function tell(shelf: Shelf, one: Held): void {
  for (const box of one.watchers) {
    box.put({ event: told(shelf, one) });
    if (one.ended) box.put({ result: undefined });
  }
}

/** Ends a job, unless it has; the oldest of too many that have ended are forgotten. */
async function end(shelf: Shelf, one: Held, status: Ended['status'], error?: Ended['error']): Promise<void> {
  if (one.ended) return;
  const { held, queue, store, counted } = shelf;
  one.ended = { id: one.job.id, status, finished: new Date().toISOString(), ...(error && { error }) };
  if (queue.includes(one)) queue.splice(queue.indexOf(one), 1);
  await store.end(one.ended);
  counted.add({ status });
  tell(shelf, one);
  for (const { job } of [...held.values()].filter(({ ended }) => ended).slice(0, -ENDED_MAX)) {
    held.delete(job.id);
    await store.forget(job.id);
  }
}

/** Draws one job after the other until none waits, or the server ends. */
async function work(shelf: Shelf, failed: (error: unknown) => Refusal): Promise<void> {
  const { queue, studio } = shelf;
  for (let one = queue[0]; one && studio.ready(); one = queue[0])
    try {
      one.begun = true;
      await drawHeld(shelf, one);
      await end(shelf, one, 'done');
    } catch (error) {
      if (one.ended || !studio.ready()) continue; // cancelled; or to be gone on with at the next start
      const { code, message } = failed(error);
      await end(shelf, one, 'failed', { code, message });
    }
}

async function submit(shelf: Shelf, { request, model, format, quality, key }: JobRequest): Promise<{ job: Job; before: boolean }> {
  const { held, queue, store } = shelf;
  const print = createHash('sha256')
    .update(JSON.stringify([request, format, quality, model]))
    .digest('hex')
    .slice(0, 16);
  const before = key === undefined ? undefined : [...held.values()].find(({ job }) => job.key === key);
  if (before && before.job.print !== print)
    throw new InputError('job.conflict', `the job "${key}" was asked for something else: choose another key`);
  if (before) return before.stored.then(() => ({ job: told(shelf, before), before: true }));
  if (queue.length >= WAITING_MAX) throw new RuntimeError('server.full', `${queue.length} jobs wait already: ask again later`);
  const { prompt, count = 1, seed = randomSeed() } = request;
  const one = add(shelf, { id: randomUUID(), key, print, created: new Date().toISOString(), model, prompt, count, seed, format, quality });
  one.stored = store.submit(one.job, request);
  await one.stored.catch((error: unknown) => {
    held.delete(one.job.id);
    throw error;
  });
  if (!one.ended) queue.push(one); // it may have been cancelled meanwhile
  return { job: told(shelf, one), before: false };
}

async function* watch(shelf: Shelf, one: Held, signal: AbortSignal): AsyncGenerator<Job, void, void> {
  const box = mailbox<Job, void>();
  const leave = () => box.fail(signal.reason);
  signal.addEventListener('abort', leave);
  box.put({ event: told(shelf, one) });
  if (one.ended) box.put({ result: undefined });
  one.watchers.add(box);
  try {
    yield* box.read();
  } finally {
    signal.removeEventListener('abort', leave);
    one.watchers.delete(box);
  }
}

async function picture({ store }: Shelf, { job }: Held, index: number): Promise<KeptFile> {
  const path = store.picture(job, index);
  if (index >= job.count) throw new InputError('job.unknown', `job ${job.id} has ${job.count} pictures, the first is 0`);
  if (!existsSync(path)) throw new InputError('job.unfinished', `picture ${index} of job ${job.id} is not there yet`);
  return { bytes: await readFileWhole(path), format: job.format };
}

function told({ queue, studio: { line } }: Shelf, one: Held): Job {
  const { job, ended, begun } = one;
  const { drawn, step, steps } = one.progress;
  const { id, prompt, count, seed, created } = job;
  const facts = { id, status: ended?.status ?? (begun ? 'drawing' : 'queued'), prompt, count, seed, created, drawn } as const;
  if (ended) return { ...facts, finished: ended.finished, ...(ended.error && { error: ended.error }) };
  const before = queue.slice(0, queue.indexOf(one));
  const pictures = [...before, one].reduce((sum, { job, progress }) => sum + job.count - progress.drawn, 0);
  const seconds = line.seconds();
  const ahead = before.length + (begun ? 0 : line.waiting);
  return { ...facts, step, steps, ahead, eta: seconds === undefined ? undefined : seconds * pictures };
}

/** Draws a job's pictures into its folder. */
async function drawHeld(shelf: Shelf, one: Held): Promise<void> {
  const { studio, store } = shelf;
  const { job, stop } = one;
  const place = {
    request: () => store.request(job.id),
    has: async (index: number) => existsSync(store.picture(job, index)),
    write: (index: number, file: Uint8Array) => writeFileWhole(store.picture(job, index), file),
  };
  tell(shelf, one);
  const note = (progress: JobProgress) => {
    one.progress = progress;
    tell(shelf, one);
  };
  await drawJob(studio, job, place, note, stop.signal);
}
