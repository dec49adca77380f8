// A worker of a fleet: takes one job after the other and draws its pictures to where the results are. A worker that is killed keeps nobody
// waiting for long: its claim to a job runs out, another one takes the job and draws the pictures that are not there. What is no fault of
// the job is tried again.
import type { Processor, Worker } from 'bullmq';
import { encodeImage } from '../disk/codec.ts';
import type { PreviewEvent } from '../draw/events.ts';
import type { Limits } from '../draw/request.ts';
import { errorRecord } from '../runtime/engine.ts';
import type { Banana } from '../sdk/banana.ts';
import type { Log } from '../server/door.ts';
import { drawJob } from '../server/drawing.ts';
import { openStudio, type Studio } from '../server/studio.ts';
import type { WireRequest } from '../draw/wire.ts';
import { InputError, RuntimeError } from '../util/errors.ts';
import {
  cancelChannel,
  isCancelled,
  joinModel,
  pictureName,
  type FleetEntry,
  type FleetJob,
  type FleetPreview,
  type FleetQueue,
  type FleetResult,
} from './queue.ts';
import type { Results } from './results.ts';

export interface WorkerOptions {
  readonly limits: Limits;
  readonly log: Log;
  /** Seconds after which a picture is given up; default 600. */
  readonly timeout?: number;
  /** Milliseconds after which a worker that does not speak has lost its job; default 30,000. */
  readonly claim?: number;
}

export interface FleetWorker {
  /** Takes no new job and waits for the one that is drawn; gives it back to the others after so many seconds (30). */
  close(options?: { patience?: number }): Promise<void>;
}

/** Times that a job may lose its worker. */
const STALLS = 5;
/** Share of the newest job in the mean time of a picture. */
const NEWEST = 0.2;

/** Begins to work. Throws InputError `fleet.model`. */
export async function openWorker(
  fleet: FleetQueue,
  results: Results,
  banana: Pick<Banana, 'model' | 'generate'>,
  { limits, log, timeout = 600, claim = 30_000 }: WorkerOptions,
): Promise<FleetWorker> {
  await joinModel(fleet, banana.model);
  const studio = openStudio([banana], { limits, room: 0, timeout });
  const worker: Worker<FleetJob, FleetResult> = new fleet.bull.Worker(fleet.name, processor(fleet, results, studio, log), {
    connection: fleet.redis as never,
    lockDuration: claim,
    stalledInterval: claim,
    maxStalledCount: STALLS,
  });
  worker.on('error', (err) => log.error({ err }, 'worker'));
  const stop = (id: string) => worker.cancelJob(id);
  worker.on('lockRenewalFailed', (ids) => ids.forEach(stop)); // another worker has them: nobody would take the result
  const ear = fleet.redis.duplicate();
  ear.on('error', () => {});
  ear.on('message', (_, id: string) => stop(id));
  await ear.subscribe(cancelChannel(fleet));
  await worker.waitUntilReady();
  return {
    async close({ patience = 30 } = {}) {
      const late = setTimeout(() => void studio.close(0), patience * 1000);
      await worker.close();
      clearTimeout(late);
      ear.disconnect();
    },
  };
}

function processor(fleet: FleetQueue, results: Results, studio: Studio, log: Log): Processor<FleetJob, FleetResult> {
  // BullMQ gives a signal to who names it as the third
  return async (entry, _token, signal) => {
    const { id } = entry.data;
    if (await isCancelled(fleet, id)) return { status: 'cancelled' };
    const from = performance.now();
    try {
      log.info({ job: id, pictures: entry.data.count }, 'begun');
      await drawEntry(fleet, entry, results, studio, signal!);
      await noteSeconds(fleet, (performance.now() - from) / 1000 / entry.data.count).catch(() => {}); // the job is done all the same
      log.info({ job: id, pictures: entry.data.count }, 'done');
      return { status: 'done' };
    } catch (error) {
      if (await isCancelled(fleet, id)) return { status: 'cancelled' };
      const isFinal = error instanceof InputError; // the fault of who asked
      log[isFinal ? 'info' : 'error']({ job: id, err: error }, 'failed');
      const { stack: _, ...record } = errorRecord(error);
      throw new (isFinal ? fleet.bull.UnrecoverableError : Error)(JSON.stringify(record));
    }
  };
}

async function drawEntry(fleet: FleetQueue, entry: FleetEntry, results: Results, studio: Studio, signal: AbortSignal): Promise<void> {
  const job = entry.data;
  const { previews } = job;
  const place = {
    request: () => readRequest(job, results),
    has: (index: number) => results.has(pictureName(job, index)),
    async write(index: number, file: Uint8Array) {
      const name = pictureName(job, index);
      if (!(await results.has(name))) await results.write(name, file); // there when this worker slept and lost its claim meanwhile
    },
  };
  const show = (preview: PreviewEvent) => sendPreview(fleet, previews!.channel, job.id, preview);
  const seen = { ...place, ...(previews && { previews: { side: previews.side, show } }) };
  let told: Promise<unknown> = Promise.resolve();
  await drawJob(studio, job, seen, (progress) => void (told = entry.updateProgress({ ...progress }).catch(() => {})), signal);
  await told;
}

/** What a job asks for, from where its server put it. Throws RuntimeError `fleet.results`. */
async function readRequest({ request }: FleetJob, results: Results): Promise<WireRequest> {
  if (!(await results.has(request)))
    throw new RuntimeError(
      'fleet.results',
      `${request} is not among this worker's results: start servers and workers with the same --results`,
    );
  return JSON.parse(new TextDecoder().decode(await results.read(request))) as WireRequest;
}

async function sendPreview({ redis }: FleetQueue, channel: string, id: string, preview: PreviewEvent): Promise<void> {
  const { index, step, steps, image } = preview;
  const file = Buffer.from(await encodeImage(image, 'webp')).toString('base64');
  await redis.publish(channel, JSON.stringify({ id, index, step, steps, image: file } satisfies FleetPreview)).catch(() => {});
}

/** Keeps the mean time of a picture, for those who wait. */
async function noteSeconds({ redis, key }: FleetQueue, took: number): Promise<void> {
  const mean = Number((await redis.get(key('seconds'))) ?? took);
  await redis.set(key('seconds'), mean + NEWEST * (took - mean));
}
