// A folder of Peels: one file each, called by the file's name. Node only. Every file is read whole and held to its hashes before
// it is taken in or listed; a damaged one is listed as such and harms nothing else.
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readFileWhole, writeFileWhole } from '../tensor/files.ts';
import { InputError } from '../util/errors.ts';
import { checkPeelName } from './info.ts';
import { nameFrom, PEEL_BYTES_MAX, readPeel, type PeelFile, type PeelInfo, type ReadOptions } from './peel.ts';

const ENDING = '.safetensors';

/** The folder to use: the given one, that of the environment variable BANANA_PEELS, or .banana/peels in the user's own. */
export function peelFolder(given?: string): string {
  return given ?? (process.env['BANANA_PEELS'] || join(homedir(), '.banana', 'peels'));
}

/** A Peel of a folder. */
export interface Shelved {
  /** What a prompt calls it: the file's name. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly hash: string;
  readonly info: PeelInfo;
}

export interface Listing {
  readonly peels: Shelved[];
  readonly damaged: { name: string; path: string; error: string }[];
}

/** The bytes of a Peel's file. Throws InputError when it is missing or larger than any Peel. */
export async function readPeelBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const found = await stat(path).catch(() => undefined);
  if (found && found.size > PEEL_BYTES_MAX) throw new InputError('peel.size', `${path}: ${found.size} bytes, more than the ${PEEL_BYTES_MAX} that a Peel may have`);
  return readFileWhole(path);
}

/** A file's content, held to its hashes. Throws InputError. */
export async function openPeel(path: string, options: ReadOptions = {}): Promise<PeelFile & { bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = await readPeelBytes(path);
  return { ...(await readPeel(bytes, path, options)), bytes };
}

const isPath = (text: string) => /[/\\]/.test(text) || text.endsWith(ENDING);
const at = (folder: string, name: string) => join(folder, checkPeelName(name) + ENDING);
const namesIn = async (folder: string) => (existsSync(folder) ? await readdir(folder) : []).filter((file) => file.endsWith(ENDING)).sort().map((file) => file.slice(0, -ENDING.length));

/** The path of a Peel by its name in a folder, or the path itself. Throws InputError, with what there is, when there is none. */
export async function findPeel(nameOrPath: string, folder: string): Promise<string> {
  if (isPath(nameOrPath)) {
    if (!existsSync(nameOrPath)) throw new InputError('peel.missing', `no Peel at ${nameOrPath}`);
    return nameOrPath;
  }
  const path = at(folder, nameOrPath);
  if (existsSync(path)) return path;
  const names = await namesIn(folder);
  throw new InputError('peel.missing', `no Peel "${nameOrPath}" in ${folder}: ${names.length > 0 ? `there are ${names.join(', ')}` : 'it is empty'}; \`banana peel add FILE\` adds one`);
}

/** Every Peel of a folder; one that is not there is empty. */
export async function listPeels(folder: string): Promise<Listing> {
  const listing: Listing = { peels: [], damaged: [] };
  for (const name of await namesIn(folder)) {
    const path = join(folder, name + ENDING);
    try {
      listing.peels.push(await shelved(path, checkPeelName(name)));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      listing.damaged.push({ name, path, error: error.message });
    }
  }
  return listing;
}

/** One Peel, by name or path. Throws InputError when it is missing or damaged. */
export async function showPeel(nameOrPath: string, folder: string): Promise<Shelved> {
  const path = await findPeel(nameOrPath, folder);
  return shelved(path, isPath(nameOrPath) ? nameFrom(path) : nameOrPath);
}

async function shelved(path: string, name: string): Promise<Shelved> {
  const { info, hash, bytes } = await openPeel(path);
  return { name, path, bytes: bytes.length, hash, info: info! };
}

/**
 * Copies a file into a folder under its own name. `adopt` makes a file of another tool one of ours; without it such are refused.
 * Throws InputError when it is damaged, or one of that name is there and `replace` is not set.
 */
export async function addPeel(
  path: string,
  folder: string,
  { replace = false, adopt }: { replace?: boolean; adopt?: (bytes: Uint8Array<ArrayBuffer>) => Promise<{ name: string; bytes: Uint8Array }> } = {},
): Promise<Shelved> {
  let { name, bytes }: { name?: string; bytes: Uint8Array } = adopt ? await adopt(await readPeelBytes(path)) : { bytes: await readPeelBytes(path) };
  const { info, hash } = await readPeel(bytes, path);
  name ??= info!.name;
  const to = at(folder, name);
  if (existsSync(to) && !replace) throw new InputError('peel.exists', `there is a Peel "${name}" in ${folder} already: remove it first, or replace it`);
  await writeFileWhole(to, bytes);
  return { name, path: to, bytes: bytes.length, hash, info: info! };
}

/** Removes a Peel from a folder. Throws InputError when there is none of that name. */
export async function removePeel(name: string, folder: string): Promise<string> {
  const path = await findPeel(checkPeelName(name), folder);
  await rm(path);
  return path;
}
