// What lies at a model's path, Node only: a .safetensors, the one in a folder that is a model, or the folder of a pipeline's parts as
// diffusers keeps it (model_index.json). Only heads are in memory; of several weights of a part those are taken that a pull would bring.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openSafetensors, readFileWhole, type OpenSafetensors } from '../disk/files.ts';
import { openWeights } from '../disk/weights.ts';
import { packagePath } from '../disk/package.ts';
import { needed, type ModelIndex } from '../hub/choose.ts';
import type { Family, ModelFile } from '../models/family.ts';
import { containedText, isContainer } from '../models/container.ts';
import { FAMILIES } from '../models/families.ts';
import { isKnown } from '../models/open.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import type { TensorPlace } from '../tensor/safetensors.ts';
import { cutRows, type Tensors } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { publishedHash } from './models.ts';

const INDEX = 'model_index.json';

/** A model's files, open. */
export interface ModelFiles extends ModelFile {
  /** The file, or the folder. */
  readonly path: string;
  /** SHA-256 of all that it consists of. Throws InputError unless it is the one that was written down: beside the file, or in it. */
  hash(): Promise<string>;
  close(): void;
}

/** Opens what lies at a path. Throws InputError for a folder with no model or several, and for what is missing or damaged. */
export async function openModelFiles(path: string, families?: readonly Family[]): Promise<ModelFiles> {
  if (!statSync(path).isDirectory()) return oneFile(path, sharedText);
  const assembled = await assembledIn(path, families);
  if (assembled) return assembled;
  if (existsSync(join(path, INDEX))) return partsIn(path);
  return oneFile(await fileIn(path, families), textsIn(path));
}

async function oneFile(path: string, text: ModelFile['text']): Promise<ModelFiles> {
  const file = await openSafetensors(path);
  const contained: ModelFile['text'] = (one) => containedText(file.metadata, one) ?? text(one);
  return { ...file, tensors: tensorsOf(file), text: contained, path, hash: () => checkedHash(file, path) };
}

const tensorsOf = ({ places }: OpenSafetensors): ModelFile['tensors'] => new Map(places.map((place) => [place.name, place]));

/** Texts in a folder, and those that all models of a kind share. */
const textsIn = (folder: string) => (path: string) =>
  existsSync(join(folder, path)) ? readFileSync(join(folder, path), 'utf8') : sharedText(path);

/** A text of the package's own: "clip/merges.txt". */
function sharedText(path: string): string | undefined {
  const shared = packagePath('models', `${path}.gz`);
  return existsSync(shared) ? gunzipSync(readFileSync(shared)).toString() : undefined;
}

/** The one file of a folder that is a model. */
async function fileIn(path: string, families?: readonly Family[]): Promise<string> {
  const all = readdirSync(path)
    .filter((name) => name.endsWith('.safetensors'))
    .sort();
  const known =
    all.length === 1
      ? all
      : await Promise.all(all.map((name) => isModelAt(join(path, name), families))).then((are) => all.filter((_, i) => are[i]));
  if (known.length === 1) return join(path, known[0]!);
  const why =
    known.length === 0
      ? 'no .safetensors file in this folder is a model that is known here'
      : `several models in this folder: name one of ${known.join(', ')}`;
  throw new InputError('model.missing', `${path}: ${why}`);
}

async function isModelAt(path: string, families?: readonly Family[]): Promise<boolean> {
  try {
    const file = await oneFile(path, () => undefined);
    file.close();
    return isKnown(file, families);
  } catch (error) {
    if (error instanceof InputError) return false; // a damaged one among others
    throw error;
  }
}

/** A folder of parts: the weights of all as one, each under the name of its part. */
async function partsIn(folder: string): Promise<ModelFiles> {
  const paths = neededIn(folder);
  const opened = new Map<string, OpenSafetensors>();
  try {
    for (const path of paths.filter((one) => one.endsWith('.safetensors'))) opened.set(path, await openSafetensors(join(folder, path)));
  } catch (error) {
    opened.forEach((file) => file.close());
    throw error;
  }
  return together(folder, opened, paths);
}

/** Files of a folder whose tensors are named after the folders in it, or after a file beside these. `paths`: all that the model is. */
function together(folder: string, opened: ReadonlyMap<string, OpenSafetensors>, paths: readonly string[]): ModelFiles {
  const places = [...opened].flatMap(([path, file]) =>
    file.places.map((place): [string, { file: OpenSafetensors; place: TensorPlace }] => [
      `${path.includes('/') ? posix.dirname(path) : path}/${place.name}`,
      { file, place },
    ]),
  );
  const named = new Map(places);
  return {
    tensors: new Map(places.map(([name, { place }]) => [name, place])),
    metadata: Object.assign({}, ...[...opened.values()].map(({ metadata }) => metadata)),
    read(name, rows) {
      const { file, place } = named.get(name)!;
      return file.read(place.name, rows);
    },
    text: textsIn(folder),
    path: folder,
    hash: () => hashOfAll(folder, paths, opened),
    close: () => opened.forEach((file) => file.close()),
  };
}

/** A .pth is a tiny decoder's, and read whole; a large one is no part that is known here. */
const LARGEST_PTH = 2 ** 27;
const LOOSE = /\.(safetensors|pth)$/;

/**
 * What a person laid in a folder from several places, for a family of which a model is put together so: all weights in it and in the folders
 * in it. Undefined where it is no such model. Throws InputError for one of which a file is damaged.
 */
async function assembledIn(folder: string, families: readonly Family[] = FAMILIES): Promise<ModelFiles | undefined> {
  const kinds = families.filter(({ assembled }) => assembled);
  const paths = kinds.length > 0 ? loosePaths(folder) : [];
  const opened = new Map<string, OpenSafetensors>();
  const failures: unknown[] = [];
  for (const path of paths.filter((one) => LOOSE.test(one)))
    await (path.endsWith('.pth') ? openPth : openSafetensors)(join(folder, path)).then(
      (file) => opened.set(path, file),
      (error: unknown) => failures.push(error),
    );
  for (const [path, file] of opened) if (isContainer(file.metadata)) file.close(), opened.delete(path); // a whole model by itself
  const files = together(folder, opened, paths);
  const known = kinds.some((family) => family.recognises(files));
  if (known && failures.length === 0) return files;
  files.close();
  if (known) throw failures[0];
  return undefined;
}

/** Weights and settings of a folder and the folders in it. */
function loosePaths(folder: string): string[] {
  const below = (path: string) =>
    readdirSync(join(folder, path))
      .map((name) => posix.join(path, name))
      .map((one) => ({ path: one, stat: statSync(join(folder, one), { throwIfNoEntry: false }) }));
  const all = below('').flatMap((one) => (one.stat?.isDirectory() ? below(one.path) : [one]));
  const wanted = ({ path, stat }: (typeof all)[number]) =>
    stat?.isFile() && (path.endsWith('.pth') ? stat.size <= LARGEST_PTH : /\.(safetensors|json)$/.test(path));
  return all.filter(wanted).map(({ path }) => path);
}

/** The weights of a PyTorch file, in memory, as an open file. */
async function openPth(path: string): Promise<OpenSafetensors> {
  const weights = await openWeights(path);
  const tensors: Tensors = {};
  for (const name of weights.names) tensors[name] = await weights.read(name);
  await weights.close();
  const places = weights.names.map((name) => ({ name, ...weights.outline(name), begin: 0, end: 0 }));
  return {
    places,
    metadata: {},
    read: (name, rows) => (rows ? cutRows(tensors[name]!, rows) : tensors[name]!),
    chunks: () => createReadStream(path),
    close: () => {},
  };
}

/** Paths of the files that draw. Throws InputError naming the folder for a part that is not there, or not whole. */
function neededIn(folder: string): string[] {
  try {
    const index = JSON.parse(readFileSync(join(folder, INDEX), 'utf8')) as ModelIndex;
    const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
    const files = paths.map((path) => ({ path, stat: statSync(join(folder, path)) })).filter(({ stat }) => stat.isFile());
    return needed(
      files.map(({ path, stat: { size } }) => ({ path, size })),
      index,
    ).map(({ path }) => path);
  } catch (cause) {
    if (cause instanceof InputError) throw new InputError(cause.code, `${folder}: ${cause.message}`, { cause });
    throw new InputError('model.manifest', `${join(folder, INDEX)}: is no JSON, or cannot be read`, { cause });
  }
}

async function hashOfAll(folder: string, paths: readonly string[], opened: ReadonlyMap<string, OpenSafetensors>): Promise<string> {
  const all = createHash('sha256');
  for (const path of [...paths].sort()) {
    const one = createHash('sha256');
    const file = opened.get(path);
    if (file) for await (const chunk of file.chunks()) one.update(chunk);
    else one.update(await readFileWhole(join(folder, path)));
    all.update(`${one.digest('hex')}  ${path}\n`);
  }
  return all.digest('hex');
}

/** The SHA-256 of one file. Throws InputError unless it, or that of what is in it, is the one that was written down. */
async function checkedHash(file: OpenSafetensors, path: string): Promise<string> {
  const whole = createHash('sha256');
  const said = file.metadata[SEAL];
  const content =
    said === undefined
      ? undefined
      : createHash('sha256').update(
          sealedWords(
            file.metadata,
            file.places.map((place) => [place.name, place]),
          ),
        );
  let skip = Math.min(...file.places.map(({ begin }) => begin)); // the head
  for await (const chunk of file.chunks()) {
    whole.update(chunk);
    content?.update(chunk.subarray(Math.min(skip, chunk.length)));
    skip = Math.max(0, skip - chunk.length);
  }
  if (content) checkHash(content.digest('hex'), said, path, 'its own head');
  const hash = whole.digest('hex');
  checkHash(hash, await publishedHash(path), path, 'the .json beside it');
  return hash;
}
