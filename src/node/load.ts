// A pipeline from a file on disk, Node only: the model's bytes and their hash, the best runtime, the sessions.
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BaseId } from '../adapters/info.ts';
import { findPeel, peelFolder, readPeelBytes } from './library.ts';
import { openSafetensors, type OpenSafetensors } from '../disk/files.ts';
import { openRuntime } from '../runtime/select.ts';
import { held, storedModel, type Model, type StoredModel } from '../models/banana/file.ts';
import type { Family, ModelFile } from '../models/family.ts';
import { isKnown, openModelFile } from '../models/open.ts';
import { checkHash, SEAL, sealedWords } from '../models/seal.ts';
import { InputError } from '../util/errors.ts';
import { modelPath, publishedHash } from './models.ts';
import type { LoadOptions } from './options.ts';
import type { PeelSource } from '../draw/peels.ts';
import { openPipeline, type Pipeline } from '../draw/text-to-image.ts';

/** Peels by name in a folder, or by path. */
export function peelsIn(folder: string): PeelSource {
  return async ({ name, path }) => {
    const source = await findPeel(name ?? path!, folder);
    const { mtimeMs, size } = await stat(source);
    return { source, stamp: `${mtimeMs} ${size}`, read: () => readPeelBytes(source) };
  };
}

const tensorsOf = ({ places }: OpenSafetensors): ModelFile['tensors'] => new Map(places.map((place) => [place.name, place]));

/** The file at a model's path: itself, or the one in a folder that is a model. Throws InputError for a folder with none, or with several. */
async function fileAt(path: string, families?: readonly Family[]): Promise<string> {
  if (!(await stat(path)).isDirectory()) return path;
  const all = (await readdir(path)).filter((name) => name.endsWith('.safetensors')).sort();
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
    const file = await openSafetensors(path);
    file.close();
    return isKnown({ metadata: file.metadata, tensors: tensorsOf(file) }, families);
  } catch (error) {
    if (error instanceof InputError) return false; // a damaged one among others
    throw error;
  }
}

/** What `read` makes of a model's file, by preset name or path; only the head is in memory. Throws InputError when it is missing or damaged. */
async function opened<T>(
  given: string | undefined,
  read: (file: ModelFile, path: string) => T,
  families?: readonly Family[],
): Promise<{ read: T; hash: string; path: string; close(): void }> {
  const path = await fileAt(modelPath(given), families);
  const file = await openSafetensors(path);
  try {
    const found = read({ ...file, tensors: tensorsOf(file) }, path);
    const hash = (await checkedHash(file, path)).slice(0, 16);
    return { read: found, hash, path, close: file.close };
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * A model of our own family, by preset name or path, of which only the head is in memory: weights are read from its file when asked for.
 * Throws InputError when it is missing, damaged or of another family.
 */
export async function openModel(given?: string): Promise<{ model: StoredModel; base: BaseId; path: string; close(): void }> {
  const { read: model, hash, ...file } = await opened(given, storedModel);
  const { name, version, preset } = model.manifest;
  return { model, base: { name, version, preset, hash }, ...file };
}

/** The SHA-256 of a model's file. Throws InputError unless it, or that of what is in it, is the one that was written down: beside the file, or in it. */
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

/** A model by preset name or path. Throws InputError when it is missing or damaged. */
export async function loadModel(given?: string): Promise<Model> {
  return (await readModel(given)).model;
}

/** A model by preset name or path, and how Peels name it. Throws InputError when it is missing or damaged. */
export async function readModel(given?: string): Promise<{ model: Model; base: BaseId; path: string }> {
  const { model, close, ...found } = await openModel(given);
  const whole = held(model);
  close();
  return { model: whole, ...found };
}

/**
 * For options that were checked. Throws InputError when the model is missing, damaged or of no family that is known, RuntimeError when no
 * runtime opens.
 */
export async function loadPipeline(
  { model: given, runtime: name = 'auto', threads, precision, peels }: LoadOptions = {},
  families?: readonly Family[],
): Promise<Pipeline> {
  const { read: model, hash, close } = await opened(given, (file, path) => openModelFile(file, path, families), families);
  const runtime = await openRuntime({ name, ...(threads !== undefined && { threads }) });
  const painter = await model.painter(runtime, { hash, ...(precision && { precision }) });
  const pipeline = openPipeline(painter, { peels: peelsIn(peelFolder(peels)) });
  return {
    ...pipeline,
    async release() {
      await pipeline.release();
      await runtime.release?.();
      close();
    },
  };
}
