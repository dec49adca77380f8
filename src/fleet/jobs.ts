// The server's own jobs (server/jobs.ts), drawn by a fleet: any server of the fleet knows all jobs, and any worker draws them. The last
// thousand that ended are remembered; their pictures stay where the results are until somebody clears them away.
import type { Job, Jobs } from '../server/jobs.ts';
import type { Refusal } from '../server/refusal.ts';
import { InputError } from '../util/errors.ts';
import type { Desk, Standing } from './desk.ts';
import { answered, failureOf, hasEnded, pictureName, PRIORITY, progressOf, statusOf, type FleetEntry, type FleetQueue } from './queue.ts';

const STATES = ['active', 'prioritized', 'delayed', 'waiting', 'completed', 'failed'] as const;
const LISTED = 1000;
/** Jobs that wait before another whose pictures are counted; of more it is guessed. */
const LOOKED_AT = 100;

/** `refusal`: what a client is told of an error. */
export function fleetJobs(desk: Desk, refusal: (error: unknown) => Refusal): Jobs {
  const { fleet } = desk;
  const told = (standing: Standing) => answered(toldOf(fleet, standing, refusal));
  return {
    async submit(request) {
      const { entry, before } = await desk.submit(request, 'batch');
      return { job: await told(await desk.look(entry.data.id)), before };
    },
    async list() {
      const entries = (await answered(fleet.queue.getJobs([...STATES], 0, LISTED - 1))).filter(
        (entry) => entry?.priority === PRIORITY.batch,
      );
      const all = await Promise.all(entries.map(async (entry) => told({ entry, status: await statusOf(fleet, entry) })));
      return all.sort((a, b) => (a.created < b.created ? 1 : -1));
    },
    get: async (id) => told(await desk.look(id)),
    async cancel(id) {
      const standing = await desk.look(id);
      if (hasEnded(standing.status)) return told(standing);
      await desk.cancel(id);
      return told(await desk.look(id));
    },
    async *watch(id, signal) {
      for await (const standing of desk.watch(id, signal)) yield await told(standing);
    },
    async picture(id, index) {
      const { data } = await desk.find(id);
      if (index >= data.count) throw new InputError('job.unknown', `job ${id} has ${data.count} pictures, the first is 0`);
      const name = pictureName(data, index);
      if (!(await desk.results.has(name))) throw new InputError('job.unfinished', `picture ${index} of job ${id} is not there yet`);
      return { bytes: await desk.results.read(name), format: data.format };
    },
    close: () => desk.close(),
  };
}

async function toldOf(fleet: FleetQueue, { entry, status }: Standing, refusal: (error: unknown) => Refusal): Promise<Job> {
  const { id, prompt, count, seed, created } = entry.data;
  const { drawn, step, steps } = progressOf(entry);
  const facts = { id, status, prompt, count, seed, created, drawn };
  if (status === 'drawing') return { ...facts, step, steps, ahead: 0, eta: await etaOf(fleet, leftOf(entry), 1) };
  if (status === 'queued') return { ...facts, ...(await placeOf(fleet, entry)) };
  const finished = new Date(entry.finishedOn ?? Date.now()).toISOString();
  if (status !== 'failed') return { ...facts, finished };
  const { code, message } = refusal(failureOf(entry));
  return { ...facts, finished, error: { code, message } };
}

/** How many are before a job that waits, and when it is done. */
async function placeOf(fleet: FleetQueue, { data }: FleetEntry): Promise<Pick<Job, 'ahead' | 'eta'>> {
  const { queue, redis } = fleet;
  const rank = (await redis.zrank(queue.toKey('prioritized'), data.id)) ?? 0;
  const active = await queue.getActive();
  const some = rank === 0 ? [] : await queue.getPrioritized(0, Math.min(rank, LOOKED_AT) - 1);
  const waiting = some.length === 0 ? 0 : (rank * sum(some, ({ data }) => data.count)) / some.length;
  const pictures = sum(active, leftOf) + waiting + data.count;
  return { ahead: rank + active.length, eta: await etaOf(fleet, pictures) };
}

const sum = (entries: readonly FleetEntry[], of: (entry: FleetEntry) => number): number => entries.reduce((all, one) => all + of(one), 0);

/** Pictures of a job that are not there. */
const leftOf = (entry: FleetEntry): number => entry.data.count - progressOf(entry).drawn;

/** Seconds for so many pictures by the mean of late, with all workers; undefined while none was drawn. */
async function etaOf({ redis, key, queue }: FleetQueue, pictures: number, workers?: number): Promise<number | undefined> {
  const seconds = await redis.get(key('seconds'));
  return seconds === null ? undefined : (Number(seconds) * pictures) / Math.max(1, workers ?? (await queue.getWorkersCount()));
}
