// A job's pictures, one after the other, each with a place in the line of its own; those that are there are left as they are, so a job
// that was broken off anywhere is gone on with. Where its request and its files are is the caller's: a folder, or a fleet's storage.
import { setTimeout as sleep } from 'node:timers/promises';
import type { PreviewEvent } from '../draw/events.ts';
import { partWire, type WireRequest } from '../draw/wire.ts';
import { drawnFiles } from '../node/index.ts';
import { BananaError } from '../util/errors.ts';
import type { Submitted } from './job-store.ts';
import type { Served } from './models.ts';
import { unwired } from './pictures.ts';
import type { Order, Studio } from './studio.ts';

/** Where a job's request and pictures are. */
export interface JobPlace {
  request(): Promise<WireRequest>;
  has(index: number): Promise<boolean>;
  /** Writes a picture's file, whole or not at all. */
  write(index: number, file: Uint8Array): Promise<void>;
  /** Who looks on, at previews of so many pixels; default: nobody. */
  readonly previews?: { readonly side: number; show(preview: PreviewEvent): Promise<void> } | undefined;
}

/** How far a job is. */
export interface JobProgress {
  /** Pictures that are there. */
  readonly drawn: number;
  /** The step of the picture that is drawn. */
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
  /** What the model was told, and its tokens. */
  readonly text?: string | undefined;
  readonly tokens?: number | undefined;
}

/** Times that a picture may lose the engine. */
const LOSSES = 3;

/** Draws the pictures of a job that are not there. Throws as Studio.draw and its events do, and what the place throws. */
export async function drawJob(
  studio: Studio,
  job: Submitted,
  place: JobPlace,
  tell: (progress: JobProgress) => void,
  signal: AbortSignal,
): Promise<void> {
  const order = orderOf(job, await place.request(), studio.models.find(job.model), place.previews?.side);
  let said: Pick<JobProgress, 'text' | 'tokens'> = {};
  const note = ({ text = said.text, tokens = said.tokens, ...progress }: JobProgress) =>
    tell({ ...progress, ...(said = { text, tokens }) });
  for (let index = 0; index < job.count; index++) {
    if (!(await place.has(index))) await drawSurely({ studio, job, place, tell: note, signal }, order(index), index);
    note({ drawn: index + 1 });
  }
}

interface Task {
  readonly studio: Studio;
  readonly job: Submitted;
  readonly place: JobPlace;
  readonly tell: (progress: JobProgress) => void;
  readonly signal: AbortSignal;
}

/** Draws a picture, again when the engine is lost under it. */
async function drawSurely(task: Task, order: Order, index: number): Promise<void> {
  for (let losses = 0; ; )
    try {
      return await drawPicture(task, order, index);
    } catch (error) {
      if (!(error instanceof BananaError && error.code === 'engine.lost' && ++losses < LOSSES)) throw error;
      await sleep(1000, undefined, { signal: task.signal });
    }
}

async function drawPicture({ studio, job, place, tell, signal }: Task, order: Order, index: number): Promise<void> {
  const { format, quality } = job;
  const files = drawnFiles(order.options.background !== 'transparent');
  for await (const event of studio.draw(order, signal, { unbounded: true }).events) {
    if (format === 'png') files.see(event);
    if (event.type === 'text') tell({ drawn: index, text: event.text, tokens: event.tokens });
    if (event.type === 'step') tell({ drawn: index, step: event.step, steps: event.steps });
    if (event.type === 'preview') await place.previews?.show({ ...event, index });
    if (event.type !== 'image') continue;
    await place.write(index, await files.file(event, format, quality === undefined ? {} : { quality }));
  }
}

/** What is drawn for each picture of a job; its pictures are unpacked when it is its turn. */
function orderOf(job: Submitted, request: WireRequest, by: Served, preview = 0): (index: number) => Order {
  const { pictures: sent, rest } = partWire(request);
  const pictures = sent && (() => unwired({ prompt: job.prompt, ...sent }, by.limits));
  return (index) => ({ by, options: { ...rest, seed: job.seed + index, count: 1, preview }, ...(pictures && { pictures }) });
}
