// Tabs as the ARIA practices have them: one stop for the Tab key, arrows move between them. https://www.w3.org/WAI/ARIA/apg/patterns/tabs/
import type { Ability } from 'banana-sdk/web';
import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons.tsx';
import { Lacks } from './lacks.tsx';

export interface Tab {
  readonly id: string;
  readonly icon: IconName;
  readonly label: string;
  /** What the model must be able to do, one of these; without it the tab is grey and says so. */
  readonly needs?: readonly Ability[];
  readonly content: () => ComponentChildren;
}

const MOVES: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at, last) => (at === last ? 0 : at + 1),
  ArrowLeft: (at, last) => (at === 0 ? last : at - 1),
  Home: () => 0,
  End: (_, last) => last,
};

interface TabsOptions {
  readonly label: string;
  readonly tabs: readonly Tab[];
  /** What the model can do; undefined as long as there is none. */
  readonly able: readonly Ability[] | undefined;
  readonly open: string;
  set(id: string): void;
}

export function Tabs({ label, tabs, able, open, set }: TabsOptions) {
  const lacks = ({ needs }: Tab) => needs !== undefined && able !== undefined && !needs.some((one) => able.includes(one));
  const at = Math.max(
    0,
    tabs.findIndex(({ id }) => id === open),
  );
  const move = (event: KeyboardEvent) => {
    const to = MOVES[event.key]?.(at, tabs.length - 1);
    if (to === undefined) return;
    event.preventDefault();
    set(tabs[to]!.id);
    document.getElementById(`tab-${tabs[to]!.id}`)?.focus();
  };
  const tab = tabs[at]!;
  return (
    <aside class="tools" aria-label={label}>
      <div role="tablist" aria-label={label} class="tablist" onKeyDown={move}>
        {tabs.map((tab, i) => (
          <button
            type="button"
            key={tab.id}
            role="tab"
            id={`tab-${tab.id}`}
            aria-selected={i === at}
            aria-controls="panel"
            aria-disabled={lacks(tab)}
            tabIndex={i === at ? 0 : -1}
            onClick={() => set(tab.id)}
          >
            <Icon name={tab.icon} />
            <span>{tab.label}</span>
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a panel that scrolls is reached by the keyboard */}
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${tab.id}`} class="panel" tabIndex={0}>
        {lacks(tab) ? <Lacks needs={tab.needs!} /> : tab.content()}
      </div>
    </aside>
  );
}
