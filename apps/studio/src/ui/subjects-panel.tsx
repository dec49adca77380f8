// A shelf of up to five characters, called <1> to <5> in sentences, and scenes: sentences with them, drawn side by side.
import { signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { layers, selected } from '../arranging.ts';
import { workedOn } from '../files/files.ts';
import { pixelsOf } from '../state/layers.ts';
import { keepPicture, pictureAt } from '../state/pictures.ts';
import type { Subject } from '../state/wish.ts';
import { change, session, typed, wish } from '../studio.ts';
import { nameOf } from '../words/layer-names.ts';
import { t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button, Field, FileButton } from './fields.tsx';

const SUBJECTS_MAX = 5;
/** Longer side of a scene in the strip. */
const SIDE = 256;

interface Scene {
  readonly prompt: string;
  readonly image: Image;
}

const text = signal('');
const strip = signal<readonly Scene[]>([]);
const drawing = signal<AbortController | undefined>(undefined);

function add(image: Image, words: string): void {
  const { subjects } = wish.value;
  const slot = Array.from({ length: SUBJECTS_MAX }, (_, i) => i + 1).find((k) => subjects.every((one) => one.slot !== k));
  if (slot) change({ subjects: [...subjects, { slot, words, picture: keepPicture(image) }].toSorted((a, b) => a.slot - b.slot) });
}

async function addFile(file: File): Promise<void> {
  try {
    add(await workedOn(file), '');
  } catch (error) {
    session.fault.value = (error as Error).message;
  }
}

const put = (slot: number, patch: Partial<Subject>): void =>
  change({ subjects: wish.value.subjects.map((one) => (one.slot === slot ? { ...one, ...patch } : one)) }, `subject ${slot}`);

export function SubjectsPanel() {
  const { subjects, prompt } = wish.value;
  const full = subjects.length >= SUBJECTS_MAX;
  const { event, list = [] } = layers.value ?? {};
  const layer = list.find(({ id }) => id === selected.value);
  return (
    <>
      <p class="hint">{t('subjectsHint')}</p>
      <ul class="list">
        {subjects.map((one) => (
          <Shelved key={one.slot} {...one} />
        ))}
      </ul>
      <div class="row">
        {!full && <FileButton label={t('choosePicture')} accept="image/*" take={([file]) => file && void addFile(file)} />}
        <Button
          icon="picture"
          label={t('fromCanvas')}
          disabled={full || !session.settled.value}
          press={() => session.settled.value && add(session.settled.value.image, prompt)}
        />
        <Button
          icon="layers"
          label={t('fromLayer')}
          disabled={full || !layer}
          press={() => layer && event && add(pixelsOf(layer, event), layer.words || (list.length <= 2 ? prompt : nameOf(layer)))}
        />
      </div>
      <Scenes />
    </>
  );
}

function Shelved({ slot, words, picture }: Subject) {
  const name = `<${slot}>`;
  return (
    <li class="row shelf">
      <Canvas image={pictureAt(picture)} label={name} class="tiny" />
      <Field label={t('subjectWords', { name })}>
        <input type="text" maxLength={100} value={words} onInput={(event) => put(slot, { words: event.currentTarget.value })} />
      </Field>
      <Button
        icon="plus"
        bare
        label={t('subjectSay', { name })}
        press={() => typed(`${wish.value.prompt.trimEnd()} ${name}`.trimStart())}
      />
      <Button
        icon="bin"
        bare
        label={`${t('delete')}: ${name}`}
        press={() => change({ subjects: wish.value.subjects.filter((one) => one.slot !== slot) })}
      />
    </li>
  );
}

async function draw(): Promise<void> {
  const stop = new AbortController();
  [strip.value, drawing.value] = [[], stop];
  try {
    for (const prompt of text.value.split('\n').map((line) => line.trim())) {
      if (prompt === '') continue;
      const request = { ...session.request({ ...wish.value, prompt, side: SIDE, arranged: undefined }), layers: undefined };
      await session.draw({ ...request, signal: stop.signal }, ({ image }) => (strip.value = [...strip.value, { prompt, image }]));
    }
  } catch (error) {
    if (!stop.signal.aborted) session.fault.value = (error as Error).message;
  }
  drawing.value = undefined;
}

function Scenes() {
  const none = text.value.trim() === '' || session.phase.value.at !== 'ready';
  return (
    <>
      <h2>{t('scenes')}</h2>
      <Field label={t('scenesLabel')}>
        <textarea rows={4} placeholder={t('scenesHint')} value={text.value} onInput={(event) => (text.value = event.currentTarget.value)} />
      </Field>
      <div class="row">
        <Button kind="main" icon="dice" label={t('drawScenes')} disabled={none || !!drawing.value} press={() => void draw()} />
        {drawing.value && <Button icon="close" label={t('stop')} press={() => drawing.value?.abort()} />}
      </div>
      <ul class="grid">
        {strip.value.map(({ prompt, image }, i) => (
          <li key={i}>
            <button type="button" class="thumb" title={prompt} onClick={() => typed(prompt)}>
              <Canvas image={image} label={prompt} />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
