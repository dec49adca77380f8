// The studio: puts the page together.
import { effect } from '@preact/signals';
import { render } from 'preact';
import { theme } from './studio.ts';
import './style.css';
import { App } from './ui/app.tsx';
import { listen } from './ui/keys.ts';

effect(() => void (document.documentElement.dataset['theme'] = theme.value));
listen();
render(<App />, document.getElementById('studio')!);
