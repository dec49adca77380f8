// The page: what is at the top, the picture, the tools.
import { history, panel, session, theme, THEMES, told, type Theme } from '../studio.ts';
import { LANGUAGES, language, t, type Language } from '../words/words.ts';
import { Button } from './fields.tsx';
import { ExportPanel } from './export-panel.tsx';
import { GalleryPanel } from './gallery-panel.tsx';
import { LayersPanel } from './layers-panel.tsx';
import { PeelsPanel } from './peels-panel.tsx';
import { PicturePanel } from './picture-panel.tsx';
import { Stage } from './stage.tsx';
import { StartPanel } from './start-panel.tsx';
import { SubjectsPanel } from './subjects-panel.tsx';
import { Tabs, type Tab } from './tabs.tsx';
import { VaryPanel } from './vary-panel.tsx';

const tabs = (): readonly Tab[] => [
  { id: 'picture', icon: 'picture', label: t('tabPicture'), content: () => <PicturePanel /> },
  { id: 'layers', icon: 'layers', label: t('tabLayers'), needs: ['layers'], content: () => <LayersPanel /> },
  { id: 'start', icon: 'brush', label: t('tabStart'), needs: ['image'], content: () => <StartPanel /> },
  { id: 'subjects', icon: 'person', label: t('tabSubjects'), needs: ['layers', 'references'], content: () => <SubjectsPanel /> },
  { id: 'peels', icon: 'peel', label: t('tabPeels'), needs: ['peels'], content: () => <PeelsPanel /> },
  { id: 'vary', icon: 'dice', label: t('tabVary'), content: () => <VaryPanel /> },
  { id: 'gallery', icon: 'gallery', label: t('tabGallery'), content: () => <GalleryPanel /> },
  { id: 'export', icon: 'export', label: t('tabExport'), content: () => <ExportPanel /> },
];

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
        <Tabs label={t('panels')} tabs={tabs()} able={session.model.value?.abilities} open={panel.value} set={(id) => (panel.value = id)} />
      </main>
      <p class="told" role="status">
        {told.value}
      </p>
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
