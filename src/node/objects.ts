// Objects of a request as JSON on a disk has them: a layer to keep and a reference are the paths of files, found from a folder on. Every
// other value is left to the check of requests.
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { reason } from '../disk/files.ts';
import type { ObjectRequest } from '../draw/object-options.ts';
import { InputError } from '../util/errors.ts';
import { readLayer } from './layers.ts';

type Entry = Readonly<Record<string, unknown>>;

/** Objects with their files read. Throws InputError naming a file that cannot be. */
export async function loadObjects(value: unknown, folder: string): Promise<unknown> {
  return Array.isArray(value) ? Promise.all(value.map((one) => loadObject(one, folder))) : value;
}

async function loadObject(one: unknown, folder: string): Promise<unknown> {
  if (typeof one !== 'object' || one === null) return one;
  const { keep, reference, ...said } = one as Entry;
  const slot = typeof said['slot'] === 'number' ? said['slot'] : undefined;
  const layer = async (path: unknown) => (typeof path === 'string' ? readLayer(resolve(folder, path), slot) : path);
  const picture = async (path: unknown) => {
    const found = await layer(path);
    return typeof found === 'object' && found !== null && 'image' in found ? found.image : found;
  };
  return {
    ...said,
    ...(keep !== undefined && { keep: await layer(keep) }),
    ...(reference !== undefined && { reference: await picture(reference) }),
  };
}

function withFiles(one: unknown, at: (path: unknown) => unknown): unknown {
  if (typeof one !== 'object' || one === null) return one;
  const { keep, reference, ...said } = one as Entry;
  return { ...said, ...(keep !== undefined && { keep: at(keep) }), ...(reference !== undefined && { reference: at(reference) }) };
}

/** Objects as a flag says them: JSON, or the path of a file with it. Throws InputError for what is neither. */
export const readObjects = async (text: string): Promise<readonly ObjectRequest[]> =>
  (await loadObjects(await objectsIn(text), '.')) as readonly ObjectRequest[];

/** The same with files not read yet: their paths are from here on. */
export async function objectsIn(text: string): Promise<unknown> {
  if (/^\s*[[{]/.test(text)) return parsed(text, '--objects');
  const json = await readFile(text, 'utf8').catch((error: unknown) => refuse(text, reason(error)));
  const at = (path: unknown) => (typeof path === 'string' ? resolve(dirname(text), path) : path);
  const found = parsed(json, text);
  return Array.isArray(found) ? found.map((one: unknown) => withFiles(one, at)) : found;
}

function parsed(json: string, source: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    return refuse(source, `no JSON (${(cause as Error).message})`);
  }
}

function refuse(source: string, why: string): never {
  throw new InputError('objects.file', `${source}: ${why}; expected a list such as [{ "slot": 1, "box": [0.1, 0.4, 0.3, 0.3] }]`);
}
