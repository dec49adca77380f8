// The layers of a picture, of a model that draws in layers: seen or hidden, moved, made larger or smaller, laid before one another, deleted.
import { moved, pictureOf, placed, type Placed } from '../state/layers.ts';
import { change, session, wish } from '../studio.ts';
import { n, t } from '../words/words.ts';
import { Canvas } from './canvas.tsx';
import { Button, Range } from './fields.tsx';

/** The layers now, and a way to have others; one `key` joins what belongs together in the history. */
function arrangement() {
  const event = session.settled.value?.event;
  if (!event?.layers) return undefined;
  const set = (layers: readonly Placed[], key?: string) => change({ arranged: { picture: pictureOf(event), layers } }, key);
  return { event, layers: placed(event, wish.value.arranged), set };
}

type Arranged = NonNullable<ReturnType<typeof arrangement>>;

export function LayersPanel() {
  const now = arrangement();
  if (!now) return <p class="hint">{t('layersNone')}</p>;
  return (
    <>
      <p class="hint">{t('layersHint')}</p>
      <ol class="list layers">{now.layers.map((one, i) => <Row key={one.at} now={now} one={one} i={i} />).reverse()}</ol>
      <Button icon="undo" label={t('layersReset')} disabled={!wish.value.arranged} press={() => change({ arranged: undefined })} />
    </>
  );
}

function Row({ now: { event, layers, set }, one, i }: { now: Arranged; one: Placed; i: number }) {
  const { image, slot } = event.layers![one.at]!;
  const name = slot === 0 ? t('layerBack') : t('layer', { n: slot });
  const put = (patch: Partial<Placed>, key?: string) => set(layers.with(i, { ...one, ...patch }), key && `${key} ${one.at}`);
  const { width, height } = event.image;
  return (
    <li class="layer" aria-label={name}>
      <div class="row">
        <Canvas image={image} label={name} class="tiny" />
        <span class="grow">{name}</span>
        <Button
          icon={one.hidden ? 'hidden' : 'eye'}
          bare
          label={`${t('layerShow')}: ${name}`}
          pressed={!one.hidden}
          press={() => put({ hidden: !one.hidden })}
        />
        <Button
          icon="up"
          bare
          label={`${t('layerUp')}: ${name}`}
          disabled={i === layers.length - 1}
          press={() => set(moved(layers, i, 1))}
        />
        <Button icon="down" bare label={`${t('layerDown')}: ${name}`} disabled={i === 0} press={() => set(moved(layers, i, -1))} />
        <Button icon="bin" bare label={`${t('delete')}: ${name}`} press={() => set(layers.toSpliced(i, 1))} />
      </div>
      {slot !== 0 && (
        <div class="row">
          <Range label={t('layerX')} value={one.dx} min={-width} max={width} step={1} text={n(one.dx)} set={(dx) => put({ dx }, 'x')} />
          <Range label={t('layerY')} value={one.dy} min={-height} max={height} step={1} text={n(one.dy)} set={(dy) => put({ dy }, 'y')} />
          <Range
            label={t('layerScale')}
            value={one.scale}
            min={0.1}
            max={3}
            step={0.05}
            text={n(one.scale, 2)}
            set={(scale) => put({ scale }, 'scale')}
          />
        </div>
      )}
    </li>
  );
}
