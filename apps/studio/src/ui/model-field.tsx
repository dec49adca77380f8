// Which model draws: those beside the page, drawn in this tab, and the server's. What the chosen one can do is said under it.
import type { Ability } from 'banana-sdk/web';
import type { Choice } from '../engine/open.ts';
import { session } from '../studio.ts';
import { t } from '../words/words.ts';
import { Select } from './fields.tsx';

/** Abilities that the studio has tools for, with their words. */
export const ABILITIES = {
  image: 'canImage',
  references: 'canReferences',
  peels: 'canPeels',
  layers: 'canLayers',
  guidance: 'canGuidance',
  transparent: 'canTransparent',
} as const satisfies Partial<Record<Ability, string>>;

export const nameOf = ({ name, at }: Choice) => t(at === 'server' ? 'modelAtServer' : 'modelInTab', { name });

/** The abilities that a model has, or lacks, in words. */
const listed = (abilities: readonly string[], has: boolean): string =>
  Object.entries(ABILITIES)
    .filter(([ability]) => abilities.includes(ability) === has)
    .map(([, words]) => t(words))
    .join(', ');

export function ModelField() {
  const { choices, opened, model } = session;
  const use = (id: string) => void session.use(choices.value.find((one) => one.id === id)!);
  const abilities = model.value?.abilities;
  return (
    <div class="field">
      <Select
        label={t('model')}
        value={opened.value?.choice.id ?? ''}
        choices={choices.value.map((one) => [one.id, nameOf(one)])}
        set={use}
      />
      {abilities && (
        <p class="hint">
          {t('can', { what: listed(abilities, true) || t('canWords') })}
          {listed(abilities, false) && ` ${t('cannot', { what: listed(abilities, false) })}`}
        </p>
      )}
    </div>
  );
}
