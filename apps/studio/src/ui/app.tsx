// The page: what is at the top, the picture, the tools.
import { history, panel, theme, THEMES, type Theme } from '../studio.ts';
import { LANGUAGES, language, t, type Language } from '../words/words.ts';
import { Button } from './fields.tsx';
import { PicturePanel } from './picture-panel.tsx';
import { Stage } from './stage.tsx';
import { Tabs, type Tab } from './tabs.tsx';

const tabs = (): readonly Tab[] => [{ id: 'picture', icon: 'picture', label: t('picture'), content: () => <PicturePanel /> }];

export function App() {
  return (
    <>
      <header class="top">
        <h1>{t('studio')}</h1>
        <Button icon="undo" bare label={t('undo')} shortcut="Ctrl+Z" disabled={!history.canUndo.value} press={history.undo} />
        <Button icon="redo" bare label={t('redo')} shortcut="Ctrl+Shift+Z" disabled={!history.canRedo.value} press={history.redo} />
        <Settings />
      </header>
      <main>
        <Stage />
        <Tabs label={t('panels')} tabs={tabs()} open={panel.value} set={(id) => (panel.value = id)} />
      </main>
    </>
  );
}

const THEME_WORDS = { auto: 'themeAuto', light: 'themeLight', dark: 'themeDark' } as const;

function Settings() {
  return (
    <div class="settings">
      <select aria-label={t('theme')} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        {THEMES.map((one) => (
          <option key={one} value={one} selected={one === theme.value}>
            {t(THEME_WORDS[one])}
          </option>
        ))}
      </select>
      <select aria-label={t('language')} onChange={(event) => (language.value = event.currentTarget.value as Language)}>
        {Object.entries(LANGUAGES).map(([id, name]) => (
          <option key={id} value={id} lang={id} selected={id === language.value}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}
