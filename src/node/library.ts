// A folder of Peels: one file each, called by the file's name; and those that are shipped with the package, which are found after
// it and never changed. Node only. Every file is read whole and held to its hashes before it is taken in or listed; a damaged
// one is listed as such and harms nothing else.
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { readFileWhole, writeFileWhole } from '../disk/files.ts';
import { InputError } from '../util/errors.ts';
import { packagePath } from '../disk/package.ts';
import { checkPeelName } from '../adapters/info.ts';
import { describedPeel, type DescribedPeel } from '../adapters/foreign-peel.ts';
import { PEFT_FILES, withConfig } from '../adapters/peft-folder.ts';
import { nameFrom, PEEL_BYTES_MAX, readPeel, type PeelFile, type ReadOptions } from '../adapters/peel.ts';

const ENDING = '.safetensors';

/** The folder to use: the given one, that of the environment variable BANANA_PEELS, or .banana/peels in the user's own. */
export function peelFolder(given?: string): string {
  return given ?? (process.env['BANANA_PEELS'] || join(homedir(), '.banana', 'peels'));
}

/** The folder of the Peels that come with the package. */
export const shippedPeels = (): string => packagePath('peels');

/** A Peel of a folder. */
export interface Shelved extends DescribedPeel {
  /** What a prompt calls it: the file's name. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** It came with the package; it is not in the folder. */
  readonly shipped: boolean;
}

export interface Listing {
  readonly peels: Shelved[];
  readonly damaged: { name: string; path: string; error: string }[];
}

/** Where the matrices of a Peel lie: the path itself, or in a folder that PEFT made. */
export const peelFile = (path: string): string => (existsSync(join(path, PEFT_FILES.config)) ? join(path, PEFT_FILES.weights) : path);

/** The bytes of a Peel's file, or of a folder of PEFT's as one. Throws InputError when it is missing or larger than any Peel. */
export async function readPeelBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = peelFile(path);
  const found = await stat(file).catch(() => undefined);
  if (found && found.size > PEEL_BYTES_MAX)
    throw new InputError('peel.size', `${path}: ${found.size} bytes, more than the ${PEEL_BYTES_MAX} that a Peel may have`);
  const bytes = await readFileWhole(file);
  return file === path ? bytes : withConfig(bytes, new TextDecoder().decode(await readFileWhole(join(path, PEFT_FILES.config))), path);
}

/** One of our own, held to its hashes. Throws InputError. */
export async function openPeel(path: string, options: ReadOptions = {}): Promise<PeelFile & { bytes: Uint8Array<ArrayBuffer> }> {
  const bytes = await readPeelBytes(path);
  return { ...(await readPeel(bytes, path, options)), bytes };
}

const isPath = (text: string) => /[/\\]/.test(text) || text.endsWith(ENDING);
const at = (folder: string, name: string) => join(folder, checkPeelName(name) + ENDING);
const namesIn = async (folder: string) =>
  (existsSync(folder) ? await readdir(folder) : [])
    .filter((file) => file.endsWith(ENDING))
    .sort()
    .map((file) => file.slice(0, -ENDING.length));

/** The path of a Peel by its name in a folder, else among the shipped; or the path itself. Throws InputError, with what there is, when there is none. */
export async function findPeel(nameOrPath: string, folder: string, shipped = shippedPeels()): Promise<string> {
  if (isPath(nameOrPath)) {
    if (!existsSync(nameOrPath)) throw new InputError('peel.missing', `no Peel at ${nameOrPath}`);
    return nameOrPath;
  }
  const found = [folder, shipped].map((place) => at(place, nameOrPath)).find(existsSync);
  if (found) return found;
  const [own, others] = [await namesIn(folder), await namesIn(shipped)];
  const there = [
    own.length > 0 ? `there are ${own.join(', ')}` : 'it is empty',
    ...(others.length > 0 ? [`shipped are ${others.join(', ')}`] : []),
  ];
  throw new InputError('peel.missing', `no Peel "${nameOrPath}" in ${folder}: ${there.join('; ')}; \`banana peel add FILE\` adds one`);
}

/** Every Peel of a folder, and the shipped ones whose names are free; a folder that is not there is empty. */
export async function listPeels(folder: string, shipped = shippedPeels()): Promise<Listing> {
  const listing: Listing = { peels: [], damaged: [] };
  const own = await namesIn(folder);
  const others = (await namesIn(shipped)).filter((name) => !own.includes(name));
  for (const [place, names] of [
    [folder, own],
    [shipped, others],
  ] as const)
    for (const name of names) {
      const path = join(place, name + ENDING);
      try {
        listing.peels.push(await shelved(path, checkPeelName(name), shipped));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        listing.damaged.push({ name, path, error: error.message });
      }
    }
  return listing;
}

/** One Peel, by name or path. Throws InputError when it is missing or damaged. */
export async function showPeel(nameOrPath: string, folder: string, shipped = shippedPeels()): Promise<Shelved> {
  const path = await findPeel(nameOrPath, folder, shipped);
  return shelved(path, isPath(nameOrPath) ? nameFrom(path) : nameOrPath, shipped);
}

async function shelved(path: string, name: string, shipped: string): Promise<Shelved> {
  const bytes = await readPeelBytes(path);
  return { name, path, bytes: bytes.length, shipped: dirname(path) === shipped, ...(await describedPeel(bytes, path)) };
}

/**
 * Copies a file into a folder under its own name. `adopt` says what is taken of a file, such as of another tool; without it those are refused.
 * Throws InputError when it is damaged, or one of that name is there and `replace` is not set.
 */
export async function addPeel(
  path: string,
  folder: string,
  {
    replace = false,
    adopt,
  }: { replace?: boolean; adopt?: (bytes: Uint8Array<ArrayBuffer>) => Promise<{ name: string; bytes: Uint8Array }> } = {},
): Promise<Shelved> {
  let { name, bytes }: { name?: string; bytes: Uint8Array } = adopt
    ? await adopt(await readPeelBytes(path))
    : { bytes: await readPeelBytes(path) };
  const described = await describedPeel(bytes, path);
  if (described.report && !adopt)
    throw new InputError('peel.foreign', `${path}: made by another tool: it does not say which model it is for`);
  name ??= described.info.name;
  const to = at(folder, name);
  if (existsSync(to) && !replace)
    throw new InputError('peel.exists', `there is a Peel "${name}" in ${folder} already: remove it first, or replace it`);
  await writeFileWhole(to, bytes);
  return { name, path: to, bytes: bytes.length, shipped: false, ...described };
}

/** Removes a Peel from a folder. Throws InputError when there is none of that name: the shipped ones stay. */
export async function removePeel(name: string, folder: string, shipped = shippedPeels()): Promise<string> {
  const path = at(folder, name);
  if (existsSync(path)) await rm(path);
  else if (await findPeel(name, folder, shipped))
    throw new InputError('peel.shipped', `Peel "${name}" is shipped with banana-sdk and not in ${folder}: it stays`);
  return path;
}
