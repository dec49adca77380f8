// The hash that a model's file carries of all else in it, whatever its family: damage is told before anything is drawn. It is no
// signature: who can change the file can change the hash.
import { headWords, type Outline } from '../tensor/safetensors.ts';
import { InputError } from '../util/errors.ts';

/** The key of the metadata that holds the hash of all else in the file. A file without it is read unchecked. */
export const SEAL = 'banana.sha256';

/** What a model's hash is taken of before its tensors' bytes, as they lie in the file. */
export const sealedWords = (
  metadata: Readonly<Record<string, string>>,
  tensors: Iterable<readonly [name: string, tensor: Outline]>,
): Uint8Array => headWords(metadata, tensors, SEAL);

/** Throws InputError unless a hash is the one that was written down; `where`: what holds that one. */
export function checkHash(found: string, said: string | undefined, source: string, where: string): void {
  if (said !== undefined && said !== found)
    throw new InputError(
      'model.damaged',
      `${source}: its SHA-256 is ${found.slice(0, 16)}..., ${where} says ${said.slice(0, 16)}...; the file is damaged: fetch it again, or make it anew`,
    );
}
