// The files of a training in its store, so that a run that was left can go on: the settings that it was begun with, the state of the
// loop, the best state with the curve, and a log.
import { sha256 } from '../../adapters/hash.ts';
import { decodeSafetensors, type Safetensors } from '../../tensor/safetensors.ts';
import type { Store } from '../../tensor/store.ts';
import type { Tensors } from '../../tensor/tensor.ts';
import { InputError } from '../../util/errors.ts';
import type { EncodedPicture } from './family.ts';
import type { Training } from './training.ts';

export const FILES = { settings: 'settings', state: 'state.safetensors', best: 'best.safetensors', log: 'log.jsonl' } as const;

/** Removes what a training left in its store. */
export const clearTraining = (store: Store): Promise<void> => store.remove(Object.values(FILES));

/** A file of tensors; undefined when there is none. Throws InputError for a damaged one. */
export async function readTensors(store: Store, file: string): Promise<Safetensors | undefined> {
  const bytes = await store.read(file);
  return bytes && decodeSafetensors(bytes, file);
}

/** The state of the loop in a store, and its steps; undefined when there is none. Throws InputError for a damaged one. */
export async function readState(store: Store): Promise<{ state: Tensors; steps: number } | undefined> {
  const found = await readTensors(store, FILES.state);
  if (!found) return undefined;
  const steps = found.tensors.step?.data[0];
  if (typeof steps !== 'number')
    throw new InputError('peel.state', `${FILES.state}: it has no step number; the file is damaged: remove it to begin anew`);
  return { state: found.tensors, steps };
}

/** Steps of a training that its store holds. */
export const stepsMade = async (store: Store): Promise<number> => (await readState(store))?.steps ?? 0;

/** Leaves in the store only what a training with these settings and pictures may go on from. */
export async function claimStore(training: Training, encoded: readonly EncodedPicture[]): Promise<void> {
  const { store } = training;
  const key = await settingsKey(training, encoded);
  if (new TextDecoder().decode(await store.read(FILES.settings)) === key) return;
  await clearTraining(store);
  await store.write(FILES.settings, key);
}

/** A text that is the same for runs that may go on from each other. How long they are may differ. */
async function settingsKey({ settings, base }: Training, encoded: readonly EncodedPicture[]): Promise<string> {
  const { steps: _, seconds: __, samples: ___, description: ____, author: _____, licence: ______, ...decisive } = settings;
  const bytesOf = (latent: Float32Array) => new Uint8Array(latent.buffer, latent.byteOffset, latent.byteLength);
  const latents = encoded.flatMap(({ variants }) => variants.map(({ latent }) => bytesOf(latent)));
  const captions = encoded.map(({ variants }) => variants.map(({ bucket, caption }) => [bucket.name, caption]));
  return sha256([new TextEncoder().encode(JSON.stringify([decisive, base, captions])), ...latents]);
}
