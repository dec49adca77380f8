// Teaches the model a style from pictures that are dropped here: captions, progress with its curve, samples, stop and go on. All of it in
// this tab; the Peel is saved as a file and put on.
import { batch, signal } from '@preact/signals';
import type { TrainedPeel, TrainPeelEvent, WebPicture } from 'banana-sdk/web';
import { captionOf } from '../files/captions.ts';
import { save } from '../files/files.ts';
import { addPeelFile } from '../files/peels.ts';
import { session } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button, Field, FileButton } from './fields.tsx';
import { Small } from './gallery-panel.tsx';

interface Lesson {
  readonly file: File;
  readonly caption: string;
}

interface Point {
  readonly step: number;
  readonly loss: number;
  readonly held: boolean;
}

type Samples = Extract<TrainPeelEvent, { type: 'samples' }>['samples'];

const lessons = signal<readonly Lesson[]>([]);
const name = signal('mine');
const minutes = signal(5);
/** Steps to make, however long they take; 0: as many as the minutes allow. */
const steps = signal(0);
const running = signal<AbortController | undefined>(undefined);
const progress = signal(0);
const curve = signal<readonly Point[]>([]);
const samples = signal<Samples>([]);
const line = signal('');

const add = (files: readonly File[]) =>
  (lessons.value = [
    ...lessons.value,
    ...files.filter(({ type }) => type.startsWith('image/')).map((file) => ({ file, caption: captionOf(file.name) })),
  ]);

/** What an event of a training changes on the page. */
const SHOWN: { readonly [T in TrainPeelEvent['type']]: (event: Extract<TrainPeelEvent, { type: T }>) => void } = {
  prepare: ({ done, total }) => ([progress.value, line.value] = [done / total, t('preparing', { done, total })]),
  pictures: ({ pictures, heldOut }) => (line.value = t('learning', { pictures, heldOut })),
  step: ({ step, loss, done, seconds }) => {
    curve.value = [...curve.value, { step, loss, held: false }];
    [progress.value, line.value] = [done, t('trainStep', { step, seconds: n(seconds), loss: n(loss, 4) })];
  },
  heldOut: ({ step, loss }) => (curve.value = [...curve.value, { step, loss, held: true }]),
  samples: (event) => (samples.value = [...samples.value, ...event.samples]),
};

const show = (event: TrainPeelEvent) => batch(() => (SHOWN[event.type] as (event: TrainPeelEvent) => void)(event));

async function train(): Promise<void> {
  const stop = new AbortController();
  [running.value, curve.value, samples.value, progress.value] = [stop, [], [], 0];
  const pictures = lessons.value.map(({ file, caption }): WebPicture => ({ image: file, caption }));
  const length = steps.value > 0 ? { steps: steps.value } : { seconds: 60 * minutes.value };
  const options = { name: name.value, ...length, signal: stop.signal, keep: 'browser' } as const;
  try {
    const peel = await session.alone(({ tab }) => ended(tab!.trainPeel(pictures, options)));
    line.value = t('trained', { steps: peel.steps, kept: peel.keptStep });
    const file = new Blob(peel.chunks as Uint8Array<ArrayBuffer>[]);
    await addPeelFile(new Uint8Array(await file.arrayBuffer()));
    save(file, `${peel.info.name}.safetensors`);
  } catch (error) {
    line.value = stop.signal.aborted ? t('trainStopped') : (error as Error).message;
  }
  running.value = undefined;
}

async function ended(training: AsyncGenerator<TrainPeelEvent, TrainedPeel, void>): Promise<TrainedPeel> {
  for (;;) {
    const { done, value } = await training.next();
    if (done) return value;
    show(value);
  }
}

export function Training() {
  const taken = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    add([...(event.dataTransfer?.files ?? [])]);
  };
  return (
    <section class="training" aria-label={t('train')} onDrop={taken}>
      <h2>{t('train')}</h2>
      <p class="hint">{t('trainHint')}</p>
      <FileButton label={t('addLessons')} accept="image/*" several take={add} />
      <ul class="grid">
        {lessons.value.map((lesson, i) => (
          <LessonItem key={lesson.file} lesson={lesson} at={i} />
        ))}
      </ul>
      <div class="row">
        <Field label={t('name')}>
          <input type="text" maxLength={64} value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
        </Field>
        <Field label={t('minutes')}>
          <input
            type="number"
            min={0.5}
            max={60}
            step={0.5}
            value={minutes.value}
            disabled={steps.value > 0}
            onInput={(event) => (minutes.value = Number(event.currentTarget.value) || 5)}
          />
        </Field>
        <Field label={t('trainSteps')}>
          <input
            type="number"
            min={0}
            max={10_000}
            step={1}
            value={steps.value || ''}
            placeholder={t('trainStepsHint')}
            onInput={(event) => (steps.value = Number(event.currentTarget.value) || 0)}
          />
        </Field>
      </div>
      {running.value ? (
        <Button icon="close" label={t('stop')} press={() => running.value?.abort()} />
      ) : (
        <Button kind="main" icon="peel" label={t('trainNow')} disabled={lessons.value.length === 0} press={() => void train()} />
      )}
      {running.value && <progress max={1} value={progress.value} aria-label={t('train')} />}
      <p class="hint" aria-live="polite">
        {line.value}
      </p>
      {curve.value.length > 1 && <Curve points={curve.value} />}
      <ul class="grid">
        {samples.value.map(({ image, stage, label }, i) => (
          <li key={i}>
            <Canvas image={image} label={`${stage}: ${label}`} />
            <span class="hint">{`${stage}: ${label}`}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function LessonItem({ lesson, at }: { lesson: Lesson; at: number }) {
  const put = (...put: Lesson[]) => (lessons.value = lessons.value.toSpliced(at, 1, ...put));
  return (
    <li>
      <Small file={lesson.file} alt={lesson.caption} />
      <div class="under">
        <input
          type="text"
          aria-label={t('caption')}
          placeholder={t('caption')}
          value={lesson.caption}
          onInput={(event) => put({ ...lesson, caption: event.currentTarget.value })}
        />
        <Button icon="bin" bare label={`${t('delete')}: ${lesson.caption}`} press={() => put()} />
      </div>
    </li>
  );
}

const [WIDTH, HEIGHT] = [300, 80];

/** The losses so far: of the pictures themselves, and of those held out; each scaled to its own range. */
function Curve({ points }: { points: readonly Point[] }) {
  const last = Math.max(...points.map(({ step }) => step));
  const line = (held: boolean) => {
    const own = points.filter((one) => one.held === held);
    const [low, high] = [Math.min(...own.map(({ loss }) => loss)), Math.max(...own.map(({ loss }) => loss))];
    return own
      .map(({ step, loss }) => `${(WIDTH * step) / last},${HEIGHT - 5 - ((HEIGHT - 10) * (loss - low)) / (high - low || 1)}`)
      .join(' ');
  };
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={t('curve')}>
      <polyline points={line(false)} />
      <polyline class="held" points={line(true)} />
    </svg>
  );
}
