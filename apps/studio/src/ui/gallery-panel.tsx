// The pictures that this browser keeps: to be taken up again, saved, or deleted for good.
import { useEffect, useState } from 'preact/hooks';
import { nameOf, save } from '../files/files.ts';
import { forget, forgetAll, gallery, keep, readGallery, storage } from '../files/gallery.ts';
import type { Kept } from '../files/store.ts';
import { take } from '../files/taken.ts';
import { session } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Button } from './fields.tsx';

const MB = 1e6;

export function GalleryPanel() {
  useEffect(() => void readGallery(), []);
  const { used, quota } = storage.value;
  return (
    <>
      <Button kind="main" icon="keep" label={t('keep')} shortcut="Ctrl+S" disabled={!session.settled.value} press={() => void keep()} />
      <ul class="grid">
        {gallery.value.map((one) => (
          <Item key={one.id} {...one} />
        ))}
      </ul>
      {gallery.value.length === 0 && <p class="hint">{t('galleryEmpty')}</p>}
      {quota > 0 && <p class="hint">{t('quota', { used: n(used / MB, 1), quota: n(quota / MB) })}</p>}
      {gallery.value.length > 0 && <Button kind="danger" icon="bin" label={t('deleteAll')} press={() => void forgetAll()} />}
    </>
  );
}

function Item({ id, prompt, seed, file, small }: Kept) {
  return (
    <li>
      <button type="button" class="thumb" title={prompt} aria-label={`${t('takeUp')}: ${prompt}`} onClick={() => void take(file)}>
        <Small file={small} />
      </button>
      <div class="under">
        <Button icon="export" bare label={`${t('save')}: ${prompt}`} press={() => save(file, `${nameOf(prompt, seed)}.png`)} />
        <Button icon="bin" bare label={`${t('delete')}: ${prompt}`} press={() => void forget(id)} />
      </div>
    </li>
  );
}

/** A file as a picture, as long as it is shown. */
export function Small({ file, alt = '' }: { file: Blob; alt?: string }) {
  const [url, set] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(file);
    set(made);
    return () => URL.revokeObjectURL(made);
  }, [file]);
  return url ? <img src={url} alt={alt} /> : null;
}
