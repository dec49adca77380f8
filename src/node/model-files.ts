// What lies at a model's path, Node only: a .safetensors, the one in a folder that is a model, or the folder of a pipeline's parts as
// diffusers keeps it (model_index.json). Only heads are in memory; of several weights of a part those are taken that a pull would bring.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { openSafetensors, readFileWhole, type OpenSafetensors } from '../disk/files.ts';
import { packagePath } from '../disk/package.ts';
import { needed, type ModelIndex } from '../hub/choose.ts';
import type { Family, ModelFile } from '../models/family.ts';
import { isKnown } from '../models/open.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import type { TensorPlace } from '../tensor/safetensors.ts';
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
  if (!statSync(path).isDirectory()) return oneFile(path, () => undefined);
  if (existsSync(join(path, INDEX))) return partsIn(path);
  return oneFile(await fileIn(path, families), textsIn(path));
}

async function oneFile(path: string, text: ModelFile['text']): Promise<ModelFiles> {
  const file = await openSafetensors(path);
  return { ...file, tensors: tensorsOf(file), text, path, hash: () => checkedHash(file, path) };
}

const tensorsOf = ({ places }: OpenSafetensors): ModelFile['tensors'] => new Map(places.map((place) => [place.name, place]));

/** Texts in a folder; those that all models of a kind share are the package's own. */
const textsIn = (folder: string) => (path: string) => {
  const [own, shared] = [join(folder, path), packagePath('models', `${path}.gz`)];
  if (existsSync(own)) return readFileSync(own, 'utf8');
  return existsSync(shared) ? gunzipSync(readFileSync(shared)).toString() : undefined;
};

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
  const close = () => opened.forEach((file) => file.close());
  try {
    for (const path of paths.filter((one) => one.endsWith('.safetensors'))) opened.set(path, await openSafetensors(join(folder, path)));
  } catch (error) {
    close();
    throw error;
  }
  const places = [...opened].flatMap(([path, file]) =>
    file.places.map((place): [string, { file: OpenSafetensors; place: TensorPlace }] => [
      `${posix.dirname(path)}/${place.name}`,
      { file, place },
    ]),
  );
  const named = new Map(places);
  return {
    tensors: new Map(places.map(([name, { place }]) => [name, place])),
    metadata: Object.assign({}, ...[...opened.values()].map(({ metadata }) => metadata)),
    read(name) {
      const { file, place } = named.get(name)!;
      return file.read(place.name);
    },
    text: textsIn(folder),
    path: folder,
    hash: () => hashOfAll(folder, paths, opened),
    close,
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
