// A fleet as a server uses it: opened by the address of its Redis and the place of its results, closed as one.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Jobs } from '../server/jobs.ts';
import { refusalOf } from '../server/refusal.ts';
import type { Banana } from '../sdk/banana.ts';
import { RuntimeError } from '../util/errors.ts';
import { fleetBanana } from './banana.ts';
import { openDesk } from './desk.ts';
import { fleetJobs } from './jobs.ts';
import { modelOf, openQueue, type FleetOptions } from './queue.ts';
import { openResults } from './results.ts';

export interface Fleet {
  readonly banana: Pick<Banana, 'model' | 'generate'>;
  readonly jobs: Jobs;
  close(): Promise<void>;
}

export interface OpenFleetOptions extends FleetOptions {
  /** A folder, or `s3://BUCKET/PREFIX`. */
  readonly results: string;
  /** Seconds to wait for the first worker, which says with what it draws; default 60. */
  readonly patience?: number;
  readonly signal?: AbortSignal;
}

const LOOK_MS = 250;

/** Opens a fleet. Throws as openQueue and openResults, RuntimeError `fleet.empty` where no worker has been, the signal's reason. */
export async function openFleet({ results: place, patience = 60, signal, ...options }: OpenFleetOptions): Promise<Fleet> {
  const results = await openResults(place);
  const fleet = await openQueue(options);
  try {
    const until = performance.now() + patience * 1000;
    let model = await modelOf(fleet);
    for (; !model && performance.now() < until; model = await modelOf(fleet)) await sleep(LOOK_MS, undefined, { signal });
    if (!model) throw new RuntimeError('fleet.empty', `fleet "${fleet.name}" has no worker: start one with \`banana worker --redis URL\``);
    const desk = await openDesk(fleet, results);
    return {
      banana: fleetBanana(desk, model),
      jobs: fleetJobs(desk, (error) => refusalOf(error, [place])),
      async close() {
        await desk.close();
        await fleet.close();
      },
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
