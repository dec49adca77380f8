// The picture to start from with what is painted on it: white into its mask, where it is to be drawn anew, or colour into the picture itself.
import { signal } from '@preact/signals';
import type { Image } from 'banana-sdk/web';
import { useEffect, useRef } from 'preact/hooks';
import { keepPicture, pictureAt } from '../state/pictures.ts';
import type { Start } from '../state/wish.ts';
import { change } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { paint } from './canvas.tsx';
import { Chips, Field, Range } from './fields.tsx';

const brush = signal(40);
const colour = signal('#d2402a');
/** What is painted on: the mask, or the picture. */
export const paintOn = signal<'mask' | 'picture'>('mask');

export function Brush() {
  return (
    <>
      <Chips
        label={t('paintOn')}
        value={paintOn.value}
        choices={[
          ['mask', t('paintMask')],
          ['picture', t('paintPicture')],
        ]}
        set={(x) => (paintOn.value = x as typeof paintOn.value)}
      />
      <div class="row">
        <Range label={t('brush')} value={brush.value} min={5} max={120} step={5} text={n(brush.value)} set={(x) => (brush.value = x)} />
        {paintOn.value === 'picture' && (
          <Field label={t('colour')}>
            <input type="color" value={colour.value} onInput={(event) => (colour.value = event.currentTarget.value)} />
          </Field>
        )}
      </div>
    </>
  );
}

export function Paper(start: Start) {
  const picture = pictureAt(start.picture);
  const [under, over] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  useEffect(() => paint(under.current!, picture), [picture]);
  useEffect(() => {
    const mask = start.mask === undefined ? undefined : pictureAt(start.mask);
    if (mask) paint(over.current!, mask);
    else Object.assign(over.current!, { width: picture.width, height: picture.height });
  }, [picture, start.mask]);
  const canvas = () => (paintOn.value === 'mask' ? over : under).current!;
  const stroke = ({ buttons, offsetX, offsetY, movementX, movementY }: PointerEvent) => {
    if ((buttons & 1) === 0) return;
    const scale = canvas().width / canvas().clientWidth;
    const from = [(offsetX - movementX) * scale, (offsetY - movementY) * scale] as const;
    const style = { lineWidth: (brush.value * canvas().width) / 512, strokeStyle: paintOn.value === 'mask' ? 'white' : colour.value };
    line(canvas(), from, [offsetX * scale, offsetY * scale], style);
  };
  const done = () => {
    const painted = keepPicture(pixelsOf(canvas()));
    change({ start: { ...start, ...(paintOn.value === 'mask' ? { mask: painted } : { picture: painted }) } });
  };
  return (
    <div class="mask">
      <canvas ref={under} role="img" aria-label={t('startPicture')} />
      <canvas
        ref={over}
        class="strokes"
        role="img"
        aria-label={t('mask')}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId); // a stroke may end outside
          stroke(event);
        }}
        onPointerMove={stroke}
        onPointerUp={done}
      />
    </div>
  );
}

type Point = readonly [x: number, y: number];

function line(canvas: HTMLCanvasElement, from: Point, to: Point, style: { lineWidth: number; strokeStyle: string }): void {
  const context = canvas.getContext('2d')!;
  Object.assign(context, { lineCap: 'round', ...style });
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function pixelsOf(canvas: HTMLCanvasElement): Image {
  const { width, height } = canvas;
  return { width, height, data: canvas.getContext('2d')!.getImageData(0, 0, width, height).data };
}
