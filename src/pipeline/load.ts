// A pipeline from a file on disk, Node only: the model's bytes and their hash, the best runtime, the sessions.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { BaseId } from '../adapters/info.ts';
import { findPeel, peelFolder, readPeelBytes } from '../adapters/library.ts';
import { readFileWhole } from '../tensor/files.ts';
import { openRuntime, type RuntimeName } from '../runtime/select.ts';
import { InputError } from '../util/errors.ts';
import { unpackModel, type Model } from './model-file.ts';
import { modelPath } from './model.ts';
import type { PeelSource } from './peels.ts';
import { openPipeline, type Pipeline } from './text-to-image.ts';

export interface LoadOptions {
  /** A preset's name, or the path of a model file; default: the shipped model. */
  model?: string;
  /** 'auto': the CPU by onnxruntime-node where that is installed, else WebAssembly. */
  runtime?: RuntimeName | 'auto';
  threads?: number;
  /** Folder of the Peels that a request may name; default: the environment's BANANA_PEELS, or .banana/peels in the user's own. */
  peels?: string;
}

/** Peels by name in a folder, or by path. */
export function peelsIn(folder: string): PeelSource {
  return async ({ name, path }) => {
    const source = await findPeel(name ?? path!, folder);
    const { mtimeMs, size } = await stat(source);
    return { source, stamp: `${mtimeMs} ${size}`, read: () => readPeelBytes(source) };
  };
}

/** A model by preset name or path, and how Peels name it. Throws InputError when it is missing or damaged. */
export async function readModel(model?: string): Promise<{ model: Model; base: BaseId; path: string }> {
  const path = modelPath(model);
  const bytes = await readFileWhole(path);
  const found = unpackModel(bytes, path);
  const { name, version, preset } = found.manifest;
  return { model: found, base: { name, version, preset, hash: createHash('sha256').update(bytes).digest('hex').slice(0, 16) }, path };
}

/** Throws InputError when the model is missing or damaged, RuntimeError when no runtime opens. */
export async function loadPipeline({ model: given, runtime: name = 'auto', threads, peels }: LoadOptions = {}): Promise<Pipeline> {
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 256))
    throw new InputError('options.threads', `threads ${threads}: expected a whole number from 1 to 256`);
  const { model, base } = await readModel(given);
  const runtime = await openRuntime({ name, ...(threads !== undefined && { threads }) });
  const pipeline = await openPipeline(model, runtime, base.hash, { peels: peelsIn(peelFolder(peels)) });
  return {
    ...pipeline,
    async release() {
      await pipeline.release();
      await runtime.release?.();
    },
  };
}
