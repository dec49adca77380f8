// A pipeline from a file on disk, Node only: the model's bytes and their hash, the best runtime, the sessions.
import { stat } from 'node:fs/promises';
import type { BaseId } from '../adapters/info.ts';
import { findPeel, peelFile, peelFolder, readPeelBytes } from './library.ts';
import { openRuntime } from '../runtime/select.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Family, ModelAbout, ModelFile, OpenedModel, Painter, PeelTarget } from '../models/family.ts';
import { openModelFile } from '../models/open.ts';
import { openModelFiles } from './model-files.ts';
import { modelPath } from './models.ts';
import type { LoadOptions } from './options.ts';
import type { PeelSource } from '../draw/peels.ts';
import { folderStore } from '../disk/files.ts';
import { openScratch } from '../disk/scratch.ts';
import { addedPeels, trainer, type PeelEngine } from '../sdk/peels.ts';
import { memoryStore } from '../tensor/store.ts';
import { InputError } from '../util/errors.ts';
import { trainableOf, type Trainable } from '../train/peel/families.ts';
import { openPipeline, type Pipeline } from '../draw/text-to-image.ts';

/** Peels by name in a folder, or by path. */
export function peelsIn(folder: string): PeelSource {
  return async ({ name, path }) => {
    const source = await findPeel(name ?? path!, folder);
    const { mtimeMs, size } = await stat(peelFile(source));
    return { source, stamp: `${mtimeMs} ${size}`, read: () => readPeelBytes(source) };
  };
}

/** What `read` makes of a model's files, by preset name or path; only heads are in memory. Throws InputError when they are missing or damaged. */
async function opened<T>(
  given: string | undefined,
  read: (file: ModelFile, path: string) => T,
  families?: readonly Family[],
): Promise<{ read: T; hash: string; path: string; close(): void }> {
  const files = await openModelFiles(modelPath(given), families);
  try {
    const found = read(files, files.path);
    return { read: found, hash: (await files.hash()).slice(0, 16), path: files.path, close: files.close };
  } catch (error) {
    files.close();
    throw error;
  }
}

/**
 * A model of any family that takes Peels, by name or path, what they can do to it, and how they name it. Throws InputError when it is missing,
 * damaged, or takes none.
 */
export async function openPeelTarget(given?: string): Promise<{ target: PeelTarget; base: BaseId; path: string; close(): void }> {
  const { read: model, hash, ...file } = await opened(given, openModelFile);
  if (model.peels) return { target: model.peels, base: { ...model.id, hash }, ...file };
  file.close();
  throw new InputError('model.ability', `model "${model.id.name}" takes no Peels: choose another model`);
}

/**
 * A model that Peels can be trained for, by name or path, of which only the head is in memory, and how Peels name it. Throws InputError when it
 * is missing, damaged, or of a family that cannot be trained.
 */
export async function openTrainable(given?: string): Promise<{ model: Trainable; base: BaseId; path: string; close(): void }> {
  const { read: found, hash, ...file } = await opened(given, openModelFile);
  try {
    return { model: trainableOf(found), base: { ...found.id, hash }, ...file };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What is known of a model by its file, by name or path, before anything computes. Throws InputError when it is missing or damaged. */
export async function describeModel(given?: string): Promise<BaseId & ModelAbout> {
  const { read: model, hash, close } = await opened(given, openModelFile);
  close();
  return { ...model.id, ...model.about, hash };
}

/**
 * For options that were checked. Throws InputError when the model is missing, damaged or of no family that is known, RuntimeError when no
 * runtime opens.
 */
export async function loadPipeline(options: LoadOptions = {}, families?: readonly Family[]): Promise<Pipeline> {
  const { painter } = await loadPainter(options, families);
  return openPipeline(painter, { peels: peelsIn(peelFolder(options.peels)) });
}

/** A pipeline that also takes and trains Peels. Throws as loadPipeline does. */
export async function loadEngine(options: LoadOptions = {}, families?: readonly Family[]): Promise<Pipeline & PeelEngine> {
  const { painter, model: opened, runtime } = await loadPainter(options, families);
  const { source, ...peels } = addedPeels(painter, peelsIn(peelFolder(options.peels)));
  const train = trainer({ opened, painter, runtime }, (keep) => (keep === undefined ? memoryStore() : folderStore(keep)));
  return { ...openPipeline(painter, { peels: source }), ...peels, train };
}

/** A model that is ready, and what it consists of. Releasing the painter gives everything back. Throws as loadPipeline does. */
export async function loadPainter(
  { model: given, runtime: name = 'auto', threads, precision }: LoadOptions = {},
  families?: readonly Family[],
): Promise<{ painter: Painter; model: OpenedModel; runtime: Runtime; path: string }> {
  const { read: model, hash, path, close } = await opened(given, (file, path) => openModelFile(file, path, families), families);
  const runtime = await openRuntime({ name, scratch: openScratch, ...(threads !== undefined && { threads }) });
  const painter = await model.painter(runtime, { hash, ...(precision && { precision }) });
  const release = async () => {
    await painter.release();
    await runtime.release?.();
    close();
  };
  return { painter: { ...painter, release }, model, runtime, path };
}
