// The middle of the page: the picture, the sentence under it, and how fast it is.
import { computed } from '@preact/signals';
import type { Image, LiveFrame } from 'banana-sdk/web';
import { useState } from 'preact/hooks';
import { paintLayers } from '../state/layers.ts';
import { before, session, shown, typed, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { closeUp, pan, zoom, zoomAt } from '../zoom.ts';
import { Canvas, Painted, put, type Painting } from './canvas.tsx';
import { Button } from './fields.tsx';
import { Handles, placeOf } from './handles.tsx';
import { KeyField } from './key-field.tsx';

export function Stage() {
  const frame = session.frame.value;
  const empty = !frame || wish.value.prompt.trim() === '';
  return (
    <section
      class="stage"
      aria-label={t('canvasLabel')}
      data-phase={session.phase.value.at}
      data-model={session.opened.value?.choice.id}
      data-shows={frame && `${frame.kind} ${frame.prompt}`}
      data-version={frame?.version}
    >
      <div class="frame" onWheel={wheel} onPointerDown={panBy}>
        {session.phase.value.at === 'locked' ? <KeyField /> : empty ? <Empty /> : <View frame={frame} />}
        {!empty && <Zooms />}
      </div>
      <Prompt />
      <Status frame={empty ? undefined : frame} />
    </section>
  );
}

/** The picture, with what lies over it: the earlier one, the handles of its layers. */
function View({ frame }: { frame: LiveFrame }) {
  const { width, height } = frame.image;
  const { scale, x, y } = zoom.value;
  return (
    <div class="view" style={{ '--ratio': width / height, transform: `translate(${100 * x}%, ${100 * y}%) scale(${scale})` }}>
      <Painted id="picture" painting={painting.value!} label={`${t('canvasLabel')}: ${frame.prompt}`} />
      {closeUp.value && <CloseUp {...closeUp.value} width={width} height={height} />}
      {before.value ? <Before image={before.value} /> : <Handles />}
    </div>
  );
}

/** The part that was drawn anew, over the picture that it is of. */
function CloseUp({ image, part, width, height }: NonNullable<typeof closeUp.value> & { width: number; height: number }) {
  return (
    <div class="close-up" style={placeOf(part, width, height)}>
      <Canvas image={image} label={t('closeUp')} />
    </div>
  );
}

/** A wheel looks nearer at where the pointer is. */
function wheel(event: WheelEvent): void {
  const view = (event.currentTarget as HTMLElement).querySelector('.view');
  if (!view) return;
  event.preventDefault();
  const { left, top, width, height } = view.getBoundingClientRect();
  const { scale, x, y } = zoom.value;
  const at = (pointer: number, from: number, size: number, corner: number) => ((pointer - from) / size) * scale + corner;
  zoomAt(Math.exp(-event.deltaY / 400), at(event.clientX, left, width, x), at(event.clientY, top, height, y));
}

/** What is dragged where there is no layer is the picture, as far as it is larger than its frame. */
function panBy({ currentTarget, pointerId, target }: PointerEvent): void {
  const frame = currentTarget as HTMLElement;
  const view = frame.querySelector('.view');
  if (!view || zoom.value.scale === 1 || (target as Element).closest('.zooms')) return;
  frame.setPointerCapture(pointerId);
  const { width, height } = view.getBoundingClientRect();
  const { scale } = zoom.value;
  const move = ({ movementX, movementY }: PointerEvent) => pan((movementX * scale) / width, (movementY * scale) / height);
  const end = () => frame.removeEventListener('pointermove', move);
  frame.addEventListener('pointermove', move);
  for (const name of ['pointerup', 'pointercancel'] as const) frame.addEventListener(name, end, { once: true });
}

function Zooms() {
  const { scale } = zoom.value;
  return (
    <div class="zooms row">
      <Button icon="minus" bare label={t('zoomOut')} disabled={scale === 1} press={() => zoomAt(1 / 1.5)} />
      <output>{`${n(100 * scale)} %`}</output>
      <Button icon="plus" bare label={t('zoomIn')} press={() => zoomAt(1.5)} />
    </div>
  );
}

const painting = computed((): Painting | undefined => {
  const { frame, layers } = shown.value ?? {};
  if (!frame) return undefined;
  const { event, image } = frame;
  const { width, height } = image;
  return { width, height, paint: (context) => (layers ? paintLayers(context, layers, event) : put(context, image)) };
});

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
