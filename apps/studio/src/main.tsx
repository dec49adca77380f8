// The studio: puts the page together.
import { effect } from '@preact/signals';
import { render } from 'preact';
import { carryPeels } from './files/peels.ts';
import { listenForFiles } from './files/taken.ts';
import { keepOffline } from './offline.ts';
import { theme } from './studio.ts';
import './style.css';
import { App } from './ui/app.tsx';
import { listen } from './ui/keys.ts';
import { drawCloseUps } from './zoom.ts';

effect(() => void (document.documentElement.dataset['theme'] = theme.value));
listen();
listenForFiles();
keepOffline();
carryPeels();
drawCloseUps();
render(<App />, document.getElementById('studio')!);
