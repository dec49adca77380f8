// Where pictures are written: names for one or many, and a look before the long work whether they can be.
import { open, rm, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { formatFor } from '../node/index.ts';
import { reason } from '../disk/files.ts';
import { partIn } from '../disk/parts.ts';
import { InputError } from '../util/errors.ts';

/** Path of picture `index` of `count`: banana-SEED.png where none is asked for; FILE-1.png, FILE-2.png... for several. */
export function pathOf(output: string | undefined, seed: number, index: number, count: number): string {
  if (output === undefined) return `banana-${seed}.png`;
  if (count === 1) return output;
  const ending = extname(output);
  return `${output.slice(0, output.length - ending.length)}-${index + 1}${ending}`;
}

/** Throws InputError unless a picture can be written at `path`: tried with an empty file beside it, which is removed again. */
export async function checkWritable(path: string): Promise<void> {
  formatFor(path);
  await checkPlace(path);
}

/** The same for any file. */
export async function checkPlace(path: string): Promise<void> {
  const refuse = (why: string) => new InputError('output.path', `cannot write ${path}: ${why}`);
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENAMETOOLONG') throw refuse(reason(error));
  });
  if (await isFolder(path)) throw refuse('it is a folder');
  let folder = dirname(path); // the deepest one that exists: those below it are made when the picture is written
  while (!(await exists(folder)) && dirname(folder) !== folder) folder = dirname(folder);
  if (!(await isFolder(folder))) throw refuse(`${folder} is not a folder`);
  const probe = partIn(folder);
  try {
    await (await open(probe, 'wx')).close();
  } catch (error) {
    throw refuse(`no file can be made in ${folder} (${(error as NodeJS.ErrnoException).code})`);
  }
  await rm(probe, { force: true });
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );
const isFolder = (path: string) =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
