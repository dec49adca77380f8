// Layers on the canvas: one is selected by pressing it, moved by dragging, scaled by its corners, and all of it by keys. A drag is one step of
// the history.
import type { Tile } from 'banana-sdk/web';
import { useRef } from 'preact/hooks';
import { arrange, layerKey, layers, selected } from '../arranging.ts';
import { artOf, layerAt, scaled, type Placed } from '../state/layers.ts';
import { dragged } from '../studio.ts';
import { nameOf } from '../words/layer-names.ts';
import { t } from '../words/words.ts';

type Now = NonNullable<typeof layers.value>;

/** A drag: which layer, from where, and what it does to it. */
interface Drag {
  readonly from: { readonly x: number; readonly y: number };
  readonly now: Now;
  readonly one: Placed;
  apply(to: { x: number; y: number }): Placed;
}

export function Handles() {
  const area = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | undefined>(undefined);
  const now = layers.value;
  if (!now) return null;
  const one = now.list.find(({ id }) => id === selected.value);
  /** Where the pointer is, in pixels of the picture. */
  const at = ({ clientX, clientY }: PointerEvent) => {
    const { left, top, width, height } = area.current!.getBoundingClientRect();
    return { x: ((clientX - left) / width) * now.event.image.width, y: ((clientY - top) / height) * now.event.image.height };
  };
  const begin = (event: PointerEvent, one: Placed, apply: (from: Drag['from']) => Drag['apply']) => {
    event.stopPropagation();
    area.current!.setPointerCapture(event.pointerId);
    const from = at(event);
    drag.current = { from, now, one, apply: apply(from) };
  };
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const { x, y } = at(event);
    const found = layerAt(now.list, x, y, now.event);
    selected.value = found?.id;
    if (found) begin(event, found, (from) => (to) => ({ ...found, x: found.x + to.x - from.x, y: found.y + to.y - from.y }));
  };
  const pull = (event: PointerEvent, one: Placed) => {
    const art = artOf(one, now.event);
    const middle = { x: art.x + art.width / 2, y: art.y + art.height / 2 };
    const far = (point: Drag['from']) => Math.max(1, Math.hypot(point.x - middle.x, point.y - middle.y));
    begin(event, one, (from) => (to) => scaled(one, far(to) / far(from), now.event));
  };
  const follow = (event: PointerEvent) => {
    const { now, one, apply } = drag.current ?? {};
    if (now && one) dragged.value = now.list.map((layer) => (layer.id === one.id ? apply!(at(event)) : layer));
  };
  const end = () => {
    const list = dragged.value;
    if (drag.current && list) arrange(list, drag.current.now.event);
    [drag.current, dragged.value] = [undefined, undefined];
  };
  return (
    <div ref={area} class="handles" onPointerDown={press} onPointerMove={follow} onPointerUp={end} onPointerCancel={end}>
      {one && <Box one={one} now={now} press={press} pull={(event) => pull(event, one)} />}
    </div>
  );
}

const CORNERS = ['nw', 'ne', 'sw', 'se'] as const;

function Box({ one, now, press, pull }: { one: Placed; now: Now; press(event: PointerEvent): void; pull(event: PointerEvent): void }) {
  const { width, height } = now.event.image;
  return (
    <>
      <button
        type="button"
        class="box"
        style={placeOf(artOf(one, now.event), width, height)}
        aria-label={t('layerHandle', { name: nameOf(one) })}
        onPointerDown={press}
        onKeyDown={(event) => layerKey(one.id, event)}
      />
      {CORNERS.map((corner) => (
        <span key={corner} class={`corner ${corner}`} style={cornerOf(artOf(one, now.event), corner, width, height)} onPointerDown={pull} />
      ))}
    </>
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(3)}%`;

/** A part of the picture as a place in the view. */
export const placeOf = (art: Tile, width: number, height: number) => ({
  left: percent(art.x / width),
  top: percent(art.y / height),
  width: percent(art.width / width),
  height: percent(art.height / height),
});

function cornerOf({ x, y, width, height }: Tile, corner: (typeof CORNERS)[number], W: number, H: number) {
  return { left: percent((corner.endsWith('e') ? x + width : x) / W), top: percent((corner.startsWith('s') ? y + height : y) / H) };
}
