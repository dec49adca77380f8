// The layers of the picture as a list, the front on top: seen or hidden, laid before one another; the one that is selected is also copied,
// kept, replaced by a picture, deleted, and drawn anew by words of its own.
import { useState } from 'preact/hooks';
import {
  drawAnew,
  duplicate,
  hide,
  keepAll,
  keepLayer,
  layerKey,
  layers,
  raise,
  redrawn,
  remove,
  replaceWith,
  scale,
  selected,
  unarrange,
} from '../arranging.ts';
import { workedOn } from '../files/files.ts';
import { pixelsOf, type Placed } from '../state/layers.ts';
import { session, wish } from '../studio.ts';
import { nameOf } from '../words/layer-names.ts';
import { t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button, Field, FileButton } from './fields.tsx';

export function LayersPanel() {
  const now = layers.value;
  if (!now) return <p class="hint">{t('layersNone')}</p>;
  return (
    <>
      <p class="hint">{t('layersHint')}</p>
      <ol class="list layers">{now.list.map((one, i) => <Row key={one.id} one={one} i={i} />).reverse()}</ol>
      <div class="row">
        <Button icon="undo" label={t('layersReset')} disabled={!wish.value.arranged} press={unarrange} />
        <Button icon="keep" label={t('layersKeep')} press={keepAll} />
      </div>
      <p class="hint">{t('layersKeepHint')}</p>
    </>
  );
}

function Row({ one, i }: { one: Placed; i: number }) {
  const { event, list } = layers.value!;
  const { id, hidden } = one;
  const name = nameOf(one);
  const open = selected.value === id;
  return (
    <li class="layer" aria-label={name}>
      <div class="row">
        <Canvas image={pixelsOf(one, event)} label={name} class="tiny" />
        <button
          type="button"
          class="grow select"
          aria-expanded={open}
          onClick={() => (selected.value = open ? undefined : id)}
          onKeyDown={(event) => layerKey(id, event)}
        >
          {name}
        </button>
        <Button icon={hidden ? 'hidden' : 'eye'} bare label={`${t('layerShow')}: ${name}`} pressed={!hidden} press={() => hide(id)} />
        <Button icon="up" bare label={`${t('layerUp')}: ${name}`} disabled={i === list.length - 1} press={() => raise(id, 1)} />
        <Button icon="down" bare label={`${t('layerDown')}: ${name}`} disabled={i === 0} press={() => raise(id, -1)} />
      </div>
      {open && <Acts one={one} name={name} />}
    </li>
  );
}

async function replace(id: number, file: File): Promise<void> {
  try {
    replaceWith(id, await workedOn(file));
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
}

function Acts({ one, name }: { one: Placed; name: string }) {
  const [words, set] = useState(one.words);
  const { id, kept, slot } = one;
  const busy = redrawn.value !== undefined;
  const anew = () => void drawAnew(id, words);
  return (
    <>
      <div class="row">
        <Button icon="keep" bare label={`${t('layerKeep')}: ${name}`} pressed={kept} press={() => keepLayer(id)} />
        <Button icon="copy" bare label={`${t('layerCopy')}: ${name}`} disabled={slot === 0} press={() => duplicate(id)} />
        <Button icon="minus" bare label={`${t('layerSmaller')}: ${name}`} press={() => scale(id, 1 / 1.1)} />
        <Button icon="plus" bare label={`${t('layerLarger')}: ${name}`} press={() => scale(id, 1.1)} />
        <FileButton label={t('layerReplace')} accept="image/*" take={([file]) => file && void replace(id, file)} />
        <Button icon="bin" bare label={`${t('delete')}: ${name}`} press={() => remove(id)} />
      </div>
      <div class="row">
        <Field label={t('layerWords')}>
          <input
            type="text"
            maxLength={200}
            placeholder={t('layerWordsHint')}
            value={words}
            onInput={(event) => set(event.currentTarget.value)}
            onKeyDown={(event) => event.key === 'Enter' && anew()}
          />
        </Field>
        <Button icon="dice" label={t('layerAnew')} disabled={busy} press={anew} />
      </div>
    </>
  );
}
