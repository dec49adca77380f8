// Asks the browser to keep the studio (sw.ts), once it draws: what is kept should not be in the way of what is waited for.
import { effect } from '@preact/signals';
import { session, tell } from './studio.ts';
import { t } from './words/words.ts';

export function keepOffline(): void {
  if (import.meta.env.MODE === 'development' || !('serviceWorker' in navigator)) return;
  const stop = effect(() => {
    if (session.phase.value.at !== 'ready') return;
    queueMicrotask(() => stop());
    const known = navigator.serviceWorker.controller !== null;
    void navigator.serviceWorker.register(new URL('sw.js', document.baseURI)).catch(() => {}); // a browser that keeps nothing still draws
    void navigator.serviceWorker.ready.then(() => {
      document.documentElement.dataset['offline'] = 'ready';
      if (!known) tell(t('offlineReady'));
    });
  });
}
