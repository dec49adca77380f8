// A picture to start from, how much of it may change, and a mask: painted white where it is to be drawn anew.
import { signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { useEffect, useRef } from 'preact/hooks';
import { startFrom } from '../files/taken.ts';
import { keepPicture, pictureAt } from '../state/pictures.ts';
import { nearestShape, type Start } from '../state/wish.ts';
import { change, session, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { paint } from './canvas.tsx';
import { Button, FileButton, Range } from './fields.tsx';

const brush = signal(40);
/** As the library has it. */
const STRENGTH = { whole: 0.6, masked: 0.9 };

function fromCanvas(): void {
  const image = session.settled.value?.image;
  if (image) change({ start: { picture: keepPicture(image) }, aspect: nearestShape(image.width / image.height) });
}

export function StartPanel() {
  const { start } = wish.value;
  if (!session.model.value?.abilities.includes('image')) return <p class="hint">{t('cannotStart')}</p>;
  return (
    <>
      <div class="row">
        <FileButton label={t('choosePicture')} accept="image/*" take={([file]) => file && void startFrom(file)} />
        <Button icon="picture" label={t('fromCanvas')} disabled={!session.settled.value} press={fromCanvas} />
      </div>
      <p class="hint">{t('startHint')}</p>
      {start && <Started {...start} />}
    </>
  );
}

function Started(start: Start) {
  const { strength = start.mask === undefined ? STRENGTH.whole : STRENGTH.masked } = start;
  return (
    <>
      <Mask {...start} />
      <Range label={t('brush')} value={brush.value} min={5} max={120} step={5} text={`${brush.value}`} set={(x) => (brush.value = x)} />
      <Range
        label={t('strength')}
        value={strength}
        min={0}
        max={1}
        step={0.05}
        text={n(strength, 2)}
        set={(x) => change({ start: { ...start, strength: x } }, 'strength')}
      />
      <div class="row">
        <Button
          icon="close"
          label={t('clearMask')}
          disabled={start.mask === undefined}
          press={() => change({ start: { ...start, mask: undefined } })}
        />
        <Button icon="bin" label={t('removeStart')} press={() => change({ start: undefined })} />
      </div>
    </>
  );
}

/** The picture with its mask over it; strokes are painted into the mask. */
function Mask(start: Start) {
  const picture = pictureAt(start.picture);
  const [under, over] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  useEffect(() => paint(under.current!, picture), [picture]);
  useEffect(() => {
    const mask = start.mask === undefined ? undefined : pictureAt(start.mask);
    if (mask) paint(over.current!, mask);
    else Object.assign(over.current!, { width: picture.width, height: picture.height });
  }, [picture, start.mask]);
  const stroke = ({ buttons, offsetX, offsetY, movementX, movementY }: PointerEvent) => {
    if ((buttons & 1) === 0) return;
    const canvas = over.current!;
    const scale = canvas.width / canvas.clientWidth;
    line(
      canvas,
      [(offsetX - movementX) * scale, (offsetY - movementY) * scale],
      [offsetX * scale, offsetY * scale],
      (brush.value * canvas.width) / 512,
    );
  };
  const done = () => change({ start: { ...start, mask: keepPicture(pixelsOf(over.current!)) } });
  return (
    <div class="mask">
      <canvas ref={under} role="img" aria-label={t('startPicture')} />
      <canvas
        ref={over}
        class="strokes"
        role="img"
        aria-label={t('mask')}
        onPointerDown={stroke}
        onPointerMove={stroke}
        onPointerUp={done}
      />
    </div>
  );
}

type Point = readonly [x: number, y: number];

function line(canvas: HTMLCanvasElement, from: Point, to: Point, width: number): void {
  const context = canvas.getContext('2d')!;
  Object.assign(context, { lineWidth: width, lineCap: 'round', strokeStyle: 'white' });
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function pixelsOf(canvas: HTMLCanvasElement): Image {
  const { width, height } = canvas;
  return { width, height, data: canvas.getContext('2d')!.getImageData(0, 0, width, height).data };
}
