// Which family a model's file is of: its head says, not its name.
import { decodeSafetensors, type Safetensors } from '../tensor/safetensors.ts';
import { cutRows } from '../tensor/tensor.ts';
import { InputError } from '../util/errors.ts';
import { containedText } from './container.ts';
import { FAMILIES } from './families.ts';
import type { Family, ModelFile, OpenedModel } from './family.ts';

/** Formats of models of earlier versions, in one piece of learned tokens. */
const FLAT = /^banana-model-/;

/** Whether a file is a model of any of the families. */
export const isKnown = (head: Pick<ModelFile, 'metadata' | 'tensors' | 'text'>, families: readonly Family[] = FAMILIES): boolean =>
  families.some((one) => one.recognises(head));

/** Opens a model of any of the families. Throws InputError `model.format` naming `source` for a file that is of none. */
export function openModelFile(file: ModelFile, source: string, families: readonly Family[] = FAMILIES): OpenedModel {
  const family = families.find((one) => one.recognises(file));
  if (family) return family.open(file, source);
  if (FLAT.test(file.metadata['format'] ?? ''))
    throw new InputError(
      'model.format',
      `${source}: a flat model of an earlier version, which this one does not draw with: leave the model out to draw with the shipped one, in layers, or train one with npm run recipe`,
    );
  const names = families.map(({ name }) => name).join(', ');
  const said = file.metadata['format'];
  const known = said === undefined ? 'its head has no format' : `its format is "${said}"`;
  throw new InputError('model.format', `${source}: a .safetensors file, but no model that is known here (${known}; known are ${names})`);
}

/** The file of a model in memory. */
export const fileOf = ({ tensors, metadata }: Safetensors): ModelFile => ({
  tensors: new Map(Object.entries(tensors)),
  metadata,
  read: (name, rows) => (rows ? cutRows(tensors[name]!, rows) : tensors[name]!),
  text: (path) => containedText(metadata, path),
});

/** The same for the bytes of a file. Throws InputError too when they are no .safetensors. */
export const openModelBytes = (bytes: Uint8Array, source: string, families?: readonly Family[]): OpenedModel =>
  openModelFile(fileOf(decodeSafetensors(bytes, source)), source, families);
