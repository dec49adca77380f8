// Tabs as the ARIA practices have them: one stop for the Tab key, arrows move between them. https://www.w3.org/WAI/ARIA/apg/patterns/tabs/
import type { ComponentChildren } from 'preact';
import { Icon, type IconName } from './icons.tsx';

export interface Tab {
  readonly id: string;
  readonly icon: IconName;
  readonly label: string;
  readonly content: () => ComponentChildren;
}

const MOVES: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at, last) => (at === last ? 0 : at + 1),
  ArrowLeft: (at, last) => (at === 0 ? last : at - 1),
  Home: () => 0,
  End: (_, last) => last,
};

export function Tabs({ label, tabs, open, set }: { label: string; tabs: readonly Tab[]; open: string; set(id: string): void }) {
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
  const { id, content } = tabs[at]!;
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
            tabIndex={i === at ? 0 : -1}
            onClick={() => set(tab.id)}
          >
            <Icon name={tab.icon} />
            <span>{tab.label}</span>
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a panel that scrolls is reached by the keyboard */}
      <div role="tabpanel" id="panel" aria-labelledby={`tab-${id}`} class="panel" tabIndex={0}>
        {content()}
      </div>
    </aside>
  );
}
