// Keys that work everywhere on the page. Undo and redo are the studio's, in the sentence too: there is one history.
import { keep } from '../files/gallery.ts';
import { history } from '../studio.ts';

const KEYS: Readonly<Record<string, () => void>> = {
  'ctrl+z': history.undo,
  'ctrl+shift+z': history.redo,
  'ctrl+y': history.redo,
  'ctrl+s': () => void keep(),
};

const nameOf = ({ key, ctrlKey, metaKey, shiftKey }: KeyboardEvent): string =>
  `${ctrlKey || metaKey ? 'ctrl+' : ''}${shiftKey ? 'shift+' : ''}${key.toLowerCase()}`;

export function listen(keys = KEYS): void {
  document.addEventListener('keydown', (event) => {
    const act = keys[nameOf(event)];
    if (!act || event.isComposing) return;
    event.preventDefault();
    act();
  });
}
