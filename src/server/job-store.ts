// Jobs on disk: a journal of what was asked for and what became of it, a folder a job with its request and its pictures. A job is in the
// journal before its client is told of it, so a server that was killed finds at its next start all that was promised and not done.
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writeFileWhole } from '../disk/files.ts';
import { sweepParts } from '../disk/parts.ts';
import type { ImageFormat } from '../disk/codec.ts';
import type { WireRequest } from '../draw/wire.ts';
import { openJournal, type Journal } from '../jobs/journal.ts';
import { InputError } from '../util/errors.ts';

/** What a job was asked for, but for its pictures. */
export interface Submitted {
  readonly id: string;
  /** The client's own name for it; the same name again is the same job. */
  readonly key?: string | undefined;
  /** Hash of all that was asked. */
  readonly print: string;
  /** ISO 8601. */
  readonly created: string;
  /** The model that was named; left out: the first one that there is. */
  readonly model?: string | undefined;
  readonly prompt: string;
  readonly count: number;
  /** Picture i has seed + i. */
  readonly seed: number;
  readonly format: ImageFormat;
  readonly quality?: number | undefined;
}

export interface Ended {
  readonly id: string;
  readonly status: 'done' | 'failed' | 'cancelled';
  readonly finished: string;
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

type Entry = ({ type: 'submit' } & Submitted) | ({ type: 'end' } & Ended) | { type: 'forget'; id: string };

export interface Stored {
  readonly job: Submitted;
  ended?: Ended;
}

export interface JobStore {
  /** What was found when it was opened, in the order asked. */
  readonly found: readonly Stored[];
  submit(job: Submitted, request: WireRequest): Promise<void>;
  end(ended: Ended): Promise<void>;
  /** Removes a job and its pictures. */
  forget(id: string): Promise<void>;
  request(id: string): Promise<WireRequest>;
  /** Path of a picture's file, there or not. */
  picture(job: Submitted, index: number): string;
  close(): Promise<void>;
}

/** The folder to use: the given one, that of the environment variable BANANA_JOBS, or .banana/jobs in the user's own. */
export function jobFolder(given?: string): string {
  return given ?? (process.env['BANANA_JOBS'] || join(homedir(), '.banana', 'jobs'));
}

const FOLDERS = 20;

/** Opens the jobs in a folder; while another server has them, those in `FOLDER-2`, and so on. */
export async function openJobStore(folder: string): Promise<JobStore> {
  for (let i = 1; ; i++)
    try {
      return await openAt(i === 1 ? folder : `${folder}-${i}`);
    } catch (error) {
      if (!(error instanceof InputError && error.code === 'journal.locked' && i < FOLDERS)) throw error;
    }
}

async function openAt(folder: string): Promise<JobStore> {
  const jobs = new Map<string, Stored>();
  const journal = await openCompact(join(folder, 'journal.jsonl'), jobs);
  const at = (id: string, name = '') => join(folder, id, name);
  for (const { job, ended } of jobs.values()) if (!ended) await sweepParts(at(job.id));
  return {
    found: [...jobs.values()],
    async submit(job, request) {
      await writeFileWhole(at(job.id, 'request.json'), JSON.stringify(request));
      await journal.append({ type: 'submit', ...job });
    },
    end: (ended) => journal.append({ type: 'end', ...ended }),
    async forget(id) {
      await journal.append({ type: 'forget', id });
      await rm(at(id), { recursive: true, force: true });
    },
    request: async (id) => JSON.parse(await readFile(at(id, 'request.json'), 'utf8')) as WireRequest,
    picture: ({ id, format }, index) => at(id, `${index}.${format}`),
    close: () => journal.close(),
  };
}

/** Lines of a journal that say nothing any more, before it is written anew without them. */
const STALE = 1000;

/** Opens a journal; `jobs` gets what it holds. */
async function openCompact(path: string, jobs: Map<string, Stored>): Promise<Journal<Entry>> {
  let lines = 0;
  const note = (entry: Entry) => {
    lines++;
    if (entry.type === 'submit') jobs.set(entry.id, { job: entry });
    else if (entry.type === 'forget') jobs.delete(entry.id);
    else if (jobs.has(entry.id)) jobs.get(entry.id)!.ended = entry;
  };
  const journal = await openJournal<Entry>(path, note);
  const live = [...jobs.values()].flatMap(({ job, ended }) => (ended ? [job, ended] : [job]));
  if (lines - live.length < STALE || !existsSync(path)) return journal;
  await journal.close();
  await writeFileWhole(path, live.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  return openJournal<Entry>(path, () => {});
}
