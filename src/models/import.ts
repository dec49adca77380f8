// A model of others as one file of ours, wherever its files lie (a disk, a site, a browser's private files): what of it is rounded is what
// its family says, and what it is read with goes along. Only heads and a few million numbers are in memory.
import { InputError } from '../util/errors.ts';
import { containerBytes, type ContainerBits } from './container.ts';
import type { ModelFile } from './family.ts';
import { openModelFile } from './open.ts';
import { weightsUnder } from './weights-under.ts';

export interface ImportOptions {
  /** What messages call it. */
  readonly source: string;
  readonly bits: ContainerBits;
  /** What else the head is to say: source, licence ... */
  readonly about: Readonly<Record<string, string>>;
  /** What the model is called; default: what its family makes of `source`. */
  readonly name?: string;
}

/**
 * The name of a model and the bytes of its file. Throws InputError when it is damaged, or of a family of which models are files of ours
 * already.
 */
export function importBytes(
  file: ModelFile,
  { source, bits, about, name }: ImportOptions,
): { name: string; bytes: AsyncGenerator<Uint8Array> } {
  const read = new Map<string, string>();
  const opened = openModelFile(reading(file, read), source);
  if (!opened.roundable) throw new InputError('model.ability', `${source}: is one file of its own already; --model takes it as it is`);
  const { weights, texts } = opened.relaid?.() ?? { weights: weightsUnder(file, '', source), texts: read };
  const called = name ?? opened.id.name;
  return {
    name: called,
    bytes: containerBytes(weights, { bits, roundable: opened.roundable(), texts, about: { name: called, ...about } }),
  };
}

/** The file, whose texts are noted as they are read. */
const reading = (file: ModelFile, texts: Map<string, string>): ModelFile => ({
  ...file,
  text(path) {
    const text = file.text(path);
    if (text !== undefined) texts.set(path, text);
    return text;
  },
});
