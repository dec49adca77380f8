// The key of a server that has one. It is kept in this page's memory and nowhere else.
import { useState } from 'preact/hooks';
import { session } from '../studio.ts';
import { t } from '../words/words.ts';
import { Button, Field } from './fields.tsx';

export function KeyField() {
  const [key, set] = useState('');
  const open = () => void session.unlock(key);
  return (
    <div class="key">
      <p class="title">{t('keyTitle')}</p>
      <Field label={t('key')} hint={t('keyHint')}>
        <input
          id="key"
          type="password"
          autocomplete="off"
          value={key}
          onInput={(event) => set(event.currentTarget.value)}
          onKeyDown={(event) => event.key === 'Enter' && open()}
        />
      </Field>
      <Button kind="main" icon="lock" label={t('keyOpen')} disabled={key === ''} press={open} /> <a href="?host=tab">{t('openInTab')}</a>
    </div>
  );
}
