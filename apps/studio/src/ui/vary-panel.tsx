// Variations: the same words by other seeds, side by side; and what a change did, before and after.
import { signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { anySeed, type Wish } from '../state/wish.ts';
import { before, change, session, wish } from '../studio.ts';
import { t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button } from './fields.tsx';

interface Variation {
  readonly seed: number;
  readonly image: Image;
}

const COUNT = 6;
/** Longer side of a variation. */
const SIDE = 256;
const variations = signal<readonly Variation[]>([]);
const drawing = signal<AbortController | undefined>(undefined);

async function draw(now: Wish): Promise<void> {
  const stop = new AbortController();
  [variations.value, drawing.value] = [[], stop];
  try {
    const small = { ...now, side: SIDE, seed: anySeed() };
    const request = { ...session.request(small), layers: undefined, count: COUNT, signal: stop.signal };
    await session.draw(request, ({ image, recipe: { seed } }) => (variations.value = [...variations.value, { seed, image }]));
  } catch (error) {
    if (!stop.signal.aborted) session.fault.value = (error as Error).message;
  }
  drawing.value = undefined;
}

export function VaryPanel() {
  const none = wish.value.prompt.trim() === '' || session.phase.value.at !== 'ready';
  return (
    <>
      <h2>{t('variations')}</h2>
      <div class="row">
        <Button
          kind="main"
          icon="dice"
          label={t('drawVariations', { n: COUNT })}
          disabled={none || !!drawing.value}
          press={() => void draw(wish.value)}
        />
        {drawing.value && <Button icon="close" label={t('stop')} press={() => drawing.value?.abort()} />}
      </div>
      <ul class="grid">
        {variations.value.map(({ seed, image }) => (
          <li key={seed}>
            <button type="button" class="thumb" aria-pressed={wish.value.seed === seed} onClick={() => change({ seed, locked: true })}>
              <Canvas image={image} label={t('variation', { seed })} />
            </button>
          </li>
        ))}
      </ul>
      <h2>{t('compare')}</h2>
      <p class="hint">{t('compareHint')}</p>
      <div class="row">
        <Button
          icon="eye"
          label={t('setBefore')}
          disabled={!session.settled.value}
          press={() => (before.value = session.settled.value?.image)}
        />
        <Button icon="close" label={t('endCompare')} disabled={!before.value} press={() => (before.value = undefined)} />
      </div>
    </>
  );
}
