// Getting a model: what it would take (a plan, which a person may look at), then the files themselves, into the cache that Python
// uses too. A name means the new snapshot only when all of it is there.
import { statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { blobPath, linkAll, lockFolder, presentAt, repositoryFolder, sizeAt, writeRef } from './cache.ts';
import { included, needed, type ModelIndex } from './choose.ts';
import { download, partialOf, type Source } from './download.ts';
import { needsConsent } from './licence.ts';
import { filePath, repository, type HubFile, type Repository } from './listing.ts';
import { locked } from './lock.ts';
import { checkedName } from './name.ts';
import { placeOf, type Place } from './place.ts';
import { ask } from './request.ts';
import { InputError, RuntimeError } from '../util/errors.ts';

export interface PullOptions {
  /** Only files whose paths match one of these, folders and all: *.json, unet/*. Default: what is needed. */
  readonly include?: readonly string[];
  readonly place?: Place;
  readonly signal?: AbortSignal;
  /** Seconds without a byte until a connection is given up; seconds before the first new try. */
  readonly patience?: number;
  readonly pause?: number;
}

/** What a pull will do. */
export interface Plan {
  readonly id: string;
  readonly revision: string;
  readonly repository: Repository;
  readonly files: readonly HubFile[];
  /** Those that are not in the cache, no content twice. */
  readonly missing: readonly HubFile[];
  /** Bytes of all the files, and of those that are missing. */
  readonly bytes: number;
  readonly missingBytes: number;
  /** Somebody has to agree to the licence first. */
  readonly consent: boolean;
  /** The folder that the model will be in. */
  readonly path: string;
}

export type PullEvent =
  /** Somebody else is pulling this model: its end is waited for. `place`: the file that says so. */
  | { readonly type: 'waiting'; readonly holder: string; readonly place: string }
  /** `done` of `total` bytes are on this disk; `received` of them came in this call. */
  | { readonly type: 'progress'; readonly path: string; readonly done: number; readonly total: number; readonly received: number };

const PATIENCE = 60;
const PAUSE = 1;
const sizeOf = (files: readonly HubFile[]) => files.reduce((sum, { size }) => sum + size, 0);

/** Asks the hub what a model has and chooses what is needed of it. Throws InputError or RuntimeError naming the model. */
export async function planPull(name: string, { include, place = placeOf(), signal }: PullOptions = {}): Promise<Plan> {
  const { id, revision = 'main' } = checkedName(name);
  if (place.offline) throw new InputError('hub.offline', `cannot pull ${id}: HF_HUB_OFFLINE forbids the network`);
  const found = await repository(place, id, revision, signal);
  const index = include?.length ? undefined : await modelIndex(place, id, found, signal);
  const files = named(id, () => (include?.length ? included(found.files, include) : needed(found.files, index)));
  const folder = repositoryFolder(place.cache, id);
  const missing = missingOf(folder, found.commit, files);
  const consent = missing.length > 0 && needsConsent(found.licence, found.gated);
  return {
    id,
    revision,
    repository: found,
    files,
    missing,
    bytes: sizeOf(files),
    missingBytes: sizeOf(missing),
    consent,
    path: join(folder, 'snapshots', found.commit),
  };
}

/** An error about files says whose they are. */
function named<T>(id: string, choose: () => T): T {
  try {
    return choose();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const hint = error.code === 'hub.weights' || error.code === 'hub.choose' ? '; --include takes files by name' : '';
    throw new InputError(error.code, `${id}: ${error.message}${hint}`, { cause: error });
  }
}

function missingOf(folder: string, commit: string, files: readonly HubFile[]): HubFile[] {
  const absent = files.filter((file) => presentAt(folder, commit, file) === undefined);
  return [...new Map(absent.map((file) => [file.hash, file])).values()];
}

/** What a pipeline is made of: from the hub, since the choice hangs on it. */
async function modelIndex(place: Place, id: string, { commit, files }: Repository, signal?: AbortSignal): Promise<ModelIndex | undefined> {
  const path = 'model_index.json';
  if (!files.some((file) => file.path === path)) return undefined;
  const response = await ask(place, filePath(id, commit, path), { what: `${path} of ${id}`, signal });
  const found = (await response.json().catch(() => undefined)) as ModelIndex | undefined;
  if (typeof found !== 'object' || found === null) throw new RuntimeError('hub.answer', `${path} of ${id}: what comes is no JSON`);
  return found;
}

/**
 * Downloads what a plan says. It can be stopped between any two bytes: what has come stays and the next call goes on from there, and
 * the model's name means what it meant before. Throws InputError `hub.space`, and as `download` does.
 */
export async function* pull(
  plan: Plan,
  { place = placeOf(), signal, patience = PATIENCE, pause = PAUSE }: PullOptions = {},
): AsyncGenerator<PullEvent> {
  const folder = repositoryFolder(place.cache, plan.id);
  const { commit } = plan.repository;
  const waiting = (holder: string, place: string): PullEvent => ({ type: 'waiting', holder, place });
  yield* locked<PullEvent>(lockFolder(place.cache, plan.id), signal, waiting, async function* () {
    const missing = missingOf(folder, commit, plan.files); // another pull may have brought some
    await checkSpace(folder, missing);
    yield* bring({ asker: place, id: plan.id, commit, signal, patience, pause }, folder, missing, sizeOf(plan.files));
    linkAll(folder, commit, plan.files, place.links);
    await writeRef(folder, plan.revision, commit);
  });
}

async function* bring(source: Source, folder: string, files: readonly HubFile[], total: number): AsyncGenerator<PullEvent> {
  let [done, received] = [total - sizeOf(files), 0];
  for (const file of files) {
    let last: number | undefined;
    for await (const size of download(source, file, blobPath(folder, file.hash))) {
      received += Math.max(0, size - (last ?? size));
      last = size;
      yield { type: 'progress', path: file.path, done: done + size, total, received };
    }
    done += file.size;
  }
}

/** Throws InputError when the disk has no room for what will come. */
async function checkSpace(folder: string, files: readonly HubFile[]): Promise<void> {
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  const { bavail, bsize } = await statfs(place);
  const begun = files.reduce((sum, { hash }) => sum + (sizeAt(partialOf(blobPath(folder, hash))) ?? 0), 0);
  const need = sizeOf(files) - begun;
  if (need > bavail * bsize)
    throw new InputError(
      'hub.space',
      `${folder}: ${need} bytes will come, the disk has room for ${bavail * bsize}; HF_HUB_CACHE names another place`,
    );
}
