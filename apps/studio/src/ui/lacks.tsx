// What stands in a panel that the chosen model has no use for: what it cannot, and which other can, one press away.
import type { Ability } from 'banana-sdk/web';
import { session } from '../studio.ts';
import { language, t } from '../words/words.ts';
import { Button } from './fields.tsx';
import { ABILITIES, nameOf } from './model-field.tsx';

/** What a tool needs, in words: one of some abilities. */
const either = (needs: readonly Ability[]): string =>
  new Intl.ListFormat(language.value, { type: 'disjunction' }).format(needs.map((one) => t(ABILITIES[one as keyof typeof ABILITIES])));

export function Lacks({ needs }: { needs: readonly Ability[] }) {
  const others = session.choices.value.filter(({ abilities }) => abilities?.some((one) => needs.includes(one)));
  return (
    <>
      <p class="hint">{t('lacks', { name: session.model.value!.name, what: either(needs) })}</p>
      {others.length === 0 && <p class="hint">{t('lacksAsk')}</p>}
      {others.map((one) => (
        <Button key={one.id} icon="picture" label={t('drawWith', { name: nameOf(one) })} press={() => void session.use(one)} />
      ))}
    </>
  );
}
