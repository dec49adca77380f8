// The middle of the page: the picture, the sentence under it, and how fast it is.
import type { Image, LiveFrame } from 'banana-sdk/web';
import { useState } from 'preact/hooks';
import { before, session, shown, typed, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';

export function Stage() {
  const frame = session.frame.value;
  const empty = !frame || wish.value.prompt.trim() === '';
  return (
    <section
      class="stage"
      aria-label={t('canvasLabel')}
      data-phase={session.phase.value.at}
      data-shows={frame && `${frame.kind} ${frame.prompt}`}
    >
      <div class={`frame ${frame?.event.recipe.background === 'transparent' ? 'clear' : ''}`}>
        {empty ? <Empty /> : <Canvas id="picture" image={shown.value!} label={`${t('canvasLabel')}: ${frame.prompt}`} />}
        {before.value && !empty && <Before image={before.value} />}
      </div>
      <Prompt />
      <Status frame={empty ? undefined : frame} />
    </section>
  );
}

/** The earlier picture over a part of the canvas, and the line that divides them. */
function Before({ image }: { image: Image }) {
  const [share, set] = useState(50);
  return (
    <>
      <div class="before" style={{ clipPath: `inset(0 ${100 - share}% 0 0)` }}>
        <Canvas image={image} label={t('setBefore')} />
      </div>
      <input
        type="range"
        class="divide"
        min={0}
        max={100}
        value={share}
        aria-label={t('divide')}
        onInput={(event) => set(Number(event.currentTarget.value))}
      />
    </>
  );
}

function Empty() {
  return (
    <div class="empty">
      <p class="title">{t('emptyTitle')}</p>
      <p>{t('emptyText')}</p>
    </div>
  );
}

function Prompt() {
  return (
    <textarea
      id="prompt"
      class="prompt"
      rows={2}
      maxLength={2000}
      autocomplete="off"
      spellcheck={false}
      autofocus
      aria-label={t('promptLabel')}
      placeholder={t('promptHint')}
      value={wish.value.prompt}
      onInput={(event) => typed(event.currentTarget.value)}
    />
  );
}

const MB = 1e6;

/** What is going on: loading, how fast it draws, or what is wrong. */
function Status({ frame }: { frame: LiveFrame | undefined }) {
  const phase = session.phase.value;
  const fault = session.fault.value;
  const text =
    fault !== ''
      ? fault
      : phase.at === 'loading'
        ? loading(phase)
        : phase.at === 'starting'
          ? t('starting')
          : frame
            ? speedOf(frame)
            : where();
  return (
    <>
      <p id="status" class={`status ${fault ? 'wrong' : ''}`} role={fault ? 'alert' : undefined}>
        {text}
      </p>
      {phase.at === 'loading' && phase.total > 0 && <progress max={phase.total} value={phase.done} aria-label={t('starting')} />}
    </>
  );
}

const loading = ({ done, total }: { done: number; total: number }) =>
  total > 0 ? t('loading', { done: n(done / MB, 1), total: n(total / MB, 1) }) : t('loadingSome', { done: n(done / MB, 1) });

function speedOf({ kind, image, seconds, latency, times }: LiveFrame): string {
  const size = `${image.width} × ${image.height}`;
  if (kind === 'settled') return `${t('settled')} ${size}, ${t('took', { s: n(seconds, 2) })}`;
  const fps = t('speed', { fps: n(1 / (times.frames > 0 ? times.mean : seconds), 0) });
  return `${t('preview')} ${size}, ${fps}, ${t('latency', { ms: n(latency * 1000) })}`;
}

function where(): string {
  const { runtime = '' } = session.model.value ?? {};
  return t(session.opened.value?.tab ? 'byTab' : 'byServer', { runtime });
}
