// The gallery: pictures that were kept, the newest first.
import { signal } from '@preact/signals';
import type { LiveFrame } from 'banana-sdk/web';
import { finished, tell } from '../studio.ts';
import { t } from '../words/words.ts';
import { fileOf, smallOf } from './files.ts';
import { room, store, type Kept } from './store.ts';

export const gallery = signal<readonly Kept[]>([]);
export const storage = signal({ used: 0, quota: 0 });

/** Reads what is there. */
export async function readGallery(): Promise<void> {
  gallery.value = ((await (await store()).getAll('pictures')) as Kept[]).reverse();
  storage.value = await room();
}

/** Keeps the picture that is shown. */
export async function keep(frame: LiveFrame | undefined = finished.value): Promise<void> {
  if (!frame) return;
  const [file, small] = await Promise.all([fileOf({ ...frame.event, image: frame.image }, 'png'), smallOf(frame.image)]);
  await (await store()).add('pictures', { created: Date.now(), prompt: frame.prompt, seed: frame.event.recipe.seed, file, small });
  await readGallery();
  tell(t('kept'));
}

export async function forget(id: number): Promise<void> {
  await (await store()).delete('pictures', id);
  await readGallery();
}

export async function forgetAll(): Promise<void> {
  await (await store()).clear('pictures');
  await readGallery();
}
