// A picture to start from: chosen, taken from the canvas or the camera, or sketched; how much of it may change, and where (paper.tsx).
import type { Image } from 'banana-sdk/web';
import { camera, seen, startCamera, stopCamera } from '../camera.ts';
import { startFrom } from '../files/taken.ts';
import { keepPicture } from '../state/pictures.ts';
import { nearestShape, type Start } from '../state/wish.ts';
import { change, session, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button, FileButton, Range } from './fields.tsx';
import { Brush, Paper, paintOn } from './paper.tsx';

/** As the library has it. */
const STRENGTH = { whole: 0.6, masked: 0.9 };

const begin = (image: Image): void => change({ start: { picture: keepPicture(image) }, aspect: nearestShape(image.width / image.height) });

/** Longer side of an empty paper. */
const PAPER = 512;

function sketch(): void {
  const [w, h] = wish.value.aspect.split(':').map(Number) as [number, number];
  const [width, height] = [Math.round((PAPER * w) / Math.max(w, h)), Math.round((PAPER * h) / Math.max(w, h))];
  paintOn.value = 'picture';
  begin({ width, height, data: new Uint8ClampedArray(width * height * 4).fill(255) });
}

export function StartPanel() {
  const { start } = wish.value;
  return (
    <>
      <div class="row">
        <FileButton label={t('choosePicture')} accept="image/*" take={([file]) => file && void startFrom(file)} />
        <Button
          icon="picture"
          label={t('fromCanvas')}
          disabled={!session.settled.value}
          press={() => session.settled.value && begin(session.settled.value.image)}
        />
        <Button icon="brush" label={t('sketch')} press={sketch} />
        <Camera />
      </div>
      {seen.value && <Canvas image={seen.value} label={t('camera')} class="seen" />}
      <p class="hint">{t('startHint')}</p>
      {start && <Started {...start} />}
    </>
  );
}

function Camera() {
  if (!camera.value) return <Button icon="camera" label={t('camera')} press={() => void on()} />;
  const take = () => {
    const image = seen.value;
    stopCamera();
    if (image) begin(image);
  };
  return (
    <>
      <Button kind="main" icon="camera" label={t('cameraTake')} press={take} />
      <Button icon="close" label={t('cameraOff')} press={stopCamera} />
    </>
  );
}

/** Draws from the camera until it is turned off; a refusal is told. */
async function on(): Promise<void> {
  try {
    await startCamera(session.shown);
  } catch (error) {
    stopCamera();
    session.fault.value = (error as Error).message;
  }
}

function Started(start: Start) {
  const { strength = start.mask === undefined ? STRENGTH.whole : STRENGTH.masked } = start;
  return (
    <>
      <Paper {...start} />
      <Brush />
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
