// The server's side of a fleet's queue: jobs are put in, looked at, watched and ended. Two doors stand on it: that of the server's own jobs
// (jobs.ts), and one that draws as an opened banana does, for who waits for an answer (banana.ts).
import { createHash, randomUUID } from 'node:crypto';
import type { QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { randomSeed } from '../draw/text-to-image.ts';
import type { JobRequest } from '../server/jobs.ts';
import type { Submitted } from '../server/job-store.ts';
import { mailbox } from '../runtime/mailbox.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import {
  answered,
  cancelJob,
  hasEnded,
  PRIORITY,
  statusOf,
  type FleetEntry,
  type FleetJob,
  type FleetPreview,
  type FleetQueue,
  type JobStatus,
  type Priority,
} from './queue.ts';
import type { Results } from './results.ts';

/** How a job stands: what is known of it is as new as its status, or newer. */
export interface Standing {
  readonly entry: FleetEntry;
  readonly status: JobStatus;
}

/** Is shown a job's previews, of so many pixels on the longer side. */
export interface Onlooker {
  readonly side: number;
  show(preview: FleetPreview): void;
}

export interface Desk {
  readonly fleet: FleetQueue;
  readonly results: Results;
  /**
   * Settles when the job is in the queue. `before`: it was there already. `look`: who is shown its previews, until it is forgotten. Throws
   * InputError `job.conflict`, RuntimeError `server.full`.
   */
  submit(request: JobRequest, priority: Priority, look?: Onlooker): Promise<{ entry: FleetEntry; before: boolean }>;
  /** Throws InputError `job.unknown`. */
  find(id: string): Promise<FleetEntry>;
  /** Throws likewise. */
  look(id: string): Promise<Standing>;
  cancel(id: string): Promise<void>;
  /** The job as it is now, then each time that something became of it, until it has ended. Throws the signal's reason. */
  watch(id: string, signal: AbortSignal): AsyncGenerator<Standing, void, void>;
  /** Forgets a job with all its files. */
  forget(entry: FleetEntry, files: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Jobs that may wait. */
const WAITING_MAX = 10_000;
const EVENTS = ['active', 'progress', 'completed', 'failed'] as const;
/** What names a job: other names would be other keys of the queue's in Redis. */
const ID = /^(key-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

const hashed = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

export async function openDesk(fleet: FleetQueue, results: Results): Promise<Desk> {
  const watchers = new Map<string, Set<() => void>>();
  const wake = (id: string) => watchers.get(id)?.forEach((one) => one());
  const events: QueueEvents = new fleet.bull.QueueEvents(fleet.name, { connection: fleet.redis as never });
  events.on('error', () => {});
  for (const name of EVENTS) events.on(name, ({ jobId }: { jobId: string }) => wake(jobId));
  await events.waitUntilReady();
  const onlookers = new Map<string, Onlooker>();
  const channel = fleet.key(`previews:${randomUUID()}`);
  const ear = await listenTo(fleet, channel, (preview) => {
    onlookers.get(preview.id)?.show(preview);
    wake(preview.id);
  });
  const closing = new AbortController();
  const find = async (id: string) => {
    const entry = ID.test(id) ? await answered(fleet.queue.getJob(id)) : undefined;
    if (!entry) throw new InputError('job.unknown', `there is no job "${id.slice(0, 80)}"`);
    return entry;
  };
  const look = async (id: string) => {
    const status = await answered(statusOf(fleet, await find(id)));
    return { entry: await find(id), status };
  };
  return {
    fleet,
    results,
    look,
    async submit(request, priority, look) {
      const id = request.key === undefined ? randomUUID() : `key-${hashed(request.key)}`;
      if (look) onlookers.set(id, look);
      const previews = look && { side: look.side, channel };
      try {
        return await submit(fleet, results, request, { id, priority, ...(previews && { previews }) });
      } catch (error) {
        onlookers.delete(id);
        throw error;
      }
    },
    find,
    async cancel(id) {
      await answered(cancelJob(fleet, id));
      wake(id);
    },
    async *watch(id, signal) {
      const box = mailbox<true, void>();
      const put = () => box.put({ event: true });
      const leave = ({ target }: { target: unknown }) => box.fail((target as AbortSignal).reason);
      const signals = [signal, closing.signal];
      for (const one of signals) one.aborted ? leave({ target: one }) : one.addEventListener('abort', leave);
      watchers.set(id, (watchers.get(id) ?? new Set()).add(put));
      put();
      try {
        for await (const _ of box.read()) {
          const standing = await look(id);
          yield standing;
          if (hasEnded(standing.status)) return;
        }
      } finally {
        for (const one of signals) one.removeEventListener('abort', leave);
        watchers.get(id)?.delete(put);
        if (watchers.get(id)?.size === 0) watchers.delete(id);
      }
    },
    async forget(entry, files) {
      onlookers.delete(entry.data.id);
      await entry.remove().catch(() => {}); // one that is drawn cannot be: it is forgotten with the oldest
      await results.remove([entry.data.request, ...files]);
    },
    async close() {
      closing.abort(new RuntimeError('server.closing', 'the server is being stopped'));
      ear.disconnect();
      await events.close();
    },
  };
}

/** Hears the previews of a channel, by a connection of its own. */
async function listenTo({ redis }: FleetQueue, channel: string, hear: (preview: FleetPreview) => void): Promise<Redis> {
  const ear = redis.duplicate();
  ear.on('error', () => {}); // ioredis connects and subscribes again
  ear.on('message', (_, text: string) => hear(JSON.parse(text) as FleetPreview));
  await ear.subscribe(channel);
  return ear;
}

async function submit(
  { queue }: FleetQueue,
  results: Results,
  { request, format, quality, key }: JobRequest,
  { id, priority, previews }: Pick<FleetJob, 'id' | 'previews'> & { priority: Priority },
): Promise<{ entry: FleetEntry; before: boolean }> {
  const print = hashed(JSON.stringify([request, format, quality])).slice(0, 16);
  const found = key === undefined ? undefined : await answered(queue.getJob(id));
  if (found) return { entry: same(found, print, key), before: true };
  if ((await answered(queue.count())) >= WAITING_MAX)
    throw new RuntimeError('server.full', `${WAITING_MAX} jobs wait already: ask again later`);
  const { prompt, count = 1, seed = randomSeed() } = request;
  const job: Submitted = { id, key, print, created: new Date().toISOString(), prompt, count, seed, format, quality };
  const name = `${id}/request-${randomUUID()}.json`;
  await results.write(name, new TextEncoder().encode(JSON.stringify(request)));
  await answered(queue.add('draw', { ...job, request: name, ...(previews && { previews }) }, { jobId: id, priority: PRIORITY[priority] }));
  const entry = (await answered(queue.getJob(id)))!;
  if (entry.data.request === name) return { entry, before: false };
  await results.remove([name]); // somebody else was first with this key
  return { entry: same(entry, print, key), before: true };
}

function same(entry: FleetEntry, print: string, key: string | undefined): FleetEntry {
  if (entry.data.print !== print) throw new InputError('job.conflict', `the job "${key}" was asked for something else: choose another key`);
  return entry;
}
