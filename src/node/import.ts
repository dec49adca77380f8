// A model of others as one file of ours (models/container.ts): smaller, and ready sooner, for nothing is left to be rounded. Read and
// written as a stream; only heads and a few million numbers are in memory.
import { statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { writeFileWhole } from '../disk/files.ts';
import { licenceAt } from '../hub/about.ts';
import { licenceText } from '../hub/licence.ts';
import { containerBytes, type ContainerBits } from '../models/container.ts';
import type { ModelFile } from '../models/family.ts';
import { openModelFile } from '../models/open.ts';
import { weightsUnder } from '../models/weights-under.ts';
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
    const texts = new Map<string, string>();
    const { id, roundable } = openModelFile(reading(files, texts), files.path);
    if (!roundable) throw new InputError('model.ability', `${files.path}: is one file of its own already; --model takes it as it is`);
    const sha256 = await files.hash();
    const about = { name: id.name, source: basename(files.path), sha256, licence: licenceOf(files.path) };
    await writeFileWhole(out, containerBytes(weightsUnder(files, '', files.path), { bits, roundable: roundable(), texts, about }));
    return { name: id.name, path: out, bytes: statSync(out).size, sha256 };
  } finally {
    files.close();
  }
}

/** The files, whose texts are noted as they are read. */
const reading = (files: ModelFile, texts: Map<string, string>): ModelFile => ({
  ...files,
  text(path) {
    const text = files.text(path);
    if (text !== undefined) texts.set(path, text);
    return text;
  },
});

const licenceOf = (path: string): string => (statSync(path).isDirectory() ? licenceText(licenceAt(path)) : '');
