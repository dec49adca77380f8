// A model of others as one file of ours on this disk (models/import.ts).
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { writeFileWhole } from '../disk/files.ts';
import { licenceAt } from '../hub/about.ts';
import { licenceText } from '../hub/licence.ts';
import type { ContainerBits } from '../models/container.ts';
import { importBytes } from '../models/import.ts';
import { InputError } from '../util/errors.ts';
import { openModelFiles } from './model-files.ts';
import { modelPath } from './models.ts';

export interface Imported {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  /** Of the source, as its own hash says what it was. */
  readonly sha256: string;
}

/**
 * Writes a model's file in `bits`. Throws InputError when the source is missing, damaged or of a family of which models are files of ours
 * already, or the place cannot be written.
 */
export async function importModel(source: string, out: string, bits: ContainerBits): Promise<Imported> {
  const from = modelPath(source);
  if (resolve(out) === resolve(from)) throw new InputError('file.write', `${out}: is the model itself; write to another file`);
  const files = await openModelFiles(from);
  try {
    const sha256 = await files.hash();
    const about = { source: basename(files.path), sha256, licence: licenceOf(files.path) };
    const { name, bytes } = importBytes(files, { source: files.path, bits, about });
    await writeFileWhole(out, bytes);
    return { name, path: out, bytes: statSync(out).size, sha256 };
  } finally {
    files.close();
  }
}

const licenceOf = (path: string): string => (statSync(path).isDirectory() ? licenceText(licenceAt(path)) : '');
