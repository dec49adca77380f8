// The folder in which huggingface_hub keeps models, read and written as Python does, so that either finds what the other has
// downloaded: models--org--name/{blobs/HASH, refs/REVISION (a commit, as text), snapshots/COMMIT/PATH (links to blobs; the files
// themselves where links cannot be)}. Nothing is read from the network here.
// https://huggingface.co/docs/huggingface_hub/guides/manage-cache
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import { writeFileWhole } from '../disk/files.ts';
import { partIn } from '../disk/parts.ts';
import { InputError } from '../util/errors.ts';
import { isCommit, modelName, type ModelName } from './name.ts';
import { placeOf, type Place } from './place.ts';

const MAIN = 'main';
const PREFIX = 'models--';

/** The folder of a repository. */
export const repositoryFolder = (cache: string, id: string): string => join(cache, PREFIX + id.replace('/', '--'));

/** A version of a model on this disk. */
export interface Snapshot {
  readonly id: string;
  readonly commit: string;
  readonly path: string;
}

/** The snapshot of a model that is in the cache: that of its revision; of `main`, or else the only one, where none is asked for. */
export function findSnapshot({ id, revision }: ModelName, { cache }: Pick<Place, 'cache'> = placeOf()): Snapshot | undefined {
  const folder = repositoryFolder(cache, id);
  const commit =
    revision !== undefined && isCommit(revision)
      ? revision
      : (refOf(folder, revision ?? MAIN) ?? (revision === undefined ? only(folder) : undefined));
  const path = commit && join(folder, 'snapshots', commit);
  return path && existsSync(path) ? { id, commit, path } : undefined;
}

/** The folder of a model by its name, or its file where it is but one; undefined when the text is no name. Throws InputError `model.missing` when it is not there. */
export function snapshotPath(text: string, place: Pick<Place, 'cache'> = placeOf()): string | undefined {
  const name = modelName(text);
  if (!name) return undefined;
  const found = findSnapshot(name, place);
  if (!found)
    throw new InputError('model.missing', `no file ${text}, and no model of that name in ${place.cache}: banana pull ${text} brings it`);
  return oneFile(found.path) ?? found.path;
}

/** The weights of a snapshot that needs no other file: a model of ours. */
export function oneFile(snapshot: string): string | undefined {
  const inside = names(snapshot);
  const [weights, ...more] = inside.filter((name) => name.endsWith('.safetensors'));
  const isPipeline = inside.some((name) => name === 'config.json' || name === 'model_index.json');
  return weights && more.length === 0 && !isPipeline ? join(snapshot, weights) : undefined;
}

function refOf(folder: string, revision: string): string | undefined {
  const path = join(folder, 'refs', revision);
  const commit = existsSync(path) && statSync(path).isFile() ? readFileSync(path, 'utf8').trim() : '';
  return isCommit(commit) ? commit : undefined;
}

function only(folder: string): string | undefined {
  const commits = names(join(folder, 'snapshots')).filter(isCommit);
  return commits.length === 1 ? commits[0] : undefined;
}

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** Where the content of this hash lies in a repository's folder. */
export const blobPath = (folder: string, hash: string): string => join(folder, 'blobs', hash);

/** Bytes of what a path leads to; undefined when it leads nowhere. */
export const sizeAt = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.size;

interface Content {
  readonly path: string;
  readonly size: number;
  /** Name of its blob. */
  readonly hash: string;
}

/** A file of a commit: where it lies, or undefined when it is not there whole. */
export function presentAt(folder: string, commit: string, { path, size, hash }: Content): string | undefined {
  return [join(folder, 'snapshots', commit, path), blobPath(folder, hash)].find((place) => sizeAt(place) === size);
}

/** Makes downloaded blobs the files of a commit: by links; where `links` is false or the disk has none, by copies in the blobs' place. */
export function linkAll(folder: string, commit: string, files: readonly Content[], links: boolean): void {
  const copied = files.filter((file) => linkOne(folder, commit, file, links) === 'copied');
  for (const { hash } of copied) rmSync(blobPath(folder, hash), { force: true });
}

function linkOne(folder: string, commit: string, { path, size, hash }: Content, links: boolean): 'linked' | 'copied' | undefined {
  const blob = blobPath(folder, hash);
  const pointer = join(folder, 'snapshots', commit, path);
  if (sizeAt(pointer) === size) return undefined;
  mkdirSync(dirname(pointer), { recursive: true });
  const beside = partIn(dirname(pointer));
  const done = links && linked(relative(dirname(pointer), blob), beside);
  if (!done) copyFileSync(blob, beside);
  renameSync(beside, pointer);
  return done ? 'linked' : 'copied';
}

function linked(target: string, path: string): boolean {
  try {
    symlinkSync(target.replaceAll('\\', '/'), path, 'file');
    return true;
  } catch {
    return false; // Windows without the right to, exFAT
  }
}

/** Says which commit a branch or tag is: the last step of a pull, so that a name always means a whole snapshot. */
export async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  if (isCommit(revision) || refOf(folder, revision) === commit) return;
  await writeFileWhole(join(folder, 'refs', ...revision.split('/')), commit); // no newline: Python reads it as it is
}

/** A repository in the cache. */
export interface Cached {
  readonly id: string;
  /** Bytes on disk, what is not whole included. */
  readonly bytes: number;
  /** Bytes of downloads that were stopped. */
  readonly unfinished: number;
  readonly folder: string;
  /** The snapshot that its name means; undefined when there is none. */
  readonly snapshot: Snapshot | undefined;
  readonly snapshots: number;
}

/** Every model of a cache by name. */
export function listCached(place: Pick<Place, 'cache'> = placeOf()): Cached[] {
  return names(place.cache)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => cachedIn(place, name));
}

function cachedIn(place: Pick<Place, 'cache'>, name: string): Cached {
  const id = name.slice(PREFIX.length).replace('--', '/');
  const folder = join(place.cache, name);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sizes = files.map((entry) => [entry.name, sizeAt(join(entry.parentPath, entry.name)) ?? 0] as const);
  const sum = (test: (name: string) => boolean) => sizes.reduce((total, [file, size]) => total + (test(file) ? size : 0), 0);
  const snapshots = names(join(folder, 'snapshots')).filter(isCommit);
  const commit = refOf(folder, MAIN) ?? snapshots.at(-1);
  const snapshot = commit && snapshots.includes(commit) ? { id, commit, path: join(folder, 'snapshots', commit) } : undefined;
  return {
    id,
    bytes: sum(() => true),
    unfinished: sum((file) => file.endsWith('.incomplete')),
    folder,
    snapshot,
    snapshots: snapshots.length,
  };
}

/** Removes a model from a cache; the bytes that it took. It is gone at once, not file by file. Throws InputError when there is none. */
export function removeCached({ id }: ModelName, place: Pick<Place, 'cache'> = placeOf()): Cached {
  const found = listCached(place).find((one) => one.id === id);
  if (!found) throw new InputError('hub.missing', `no model ${id} in ${place.cache}; banana models lists those that are there`);
  const aside = partIn(place.cache);
  renameSync(found.folder, aside);
  rmSync(aside, { recursive: true, force: true });
  rmSync(lockFolder(place.cache, id), { recursive: true, force: true });
  return found;
}

/** The folder for locks of a repository. */
export const lockFolder = (cache: string, id: string): string => join(cache, '.locks', posix.basename(repositoryFolder(cache, id)));
