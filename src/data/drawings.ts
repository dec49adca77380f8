// The drawings that layered pictures are composed of: every concept in every style and colour of a scope, each in its canonical
// frame (tight box, the longer side filling 94 % of a square, transparent around it), and canvases without anything on them.
// They are drawn once, as thumbnails; scenes are then composed by choosing rows and boxes (layered.ts).
import { FILL } from '../models/layers/config.ts';
import { hash32 } from '../util/random.ts';
import { drawBackground, PLAIN_COLOURS, SCENERY_NAMES, type Background } from './backgrounds.ts';
import { COLOUR_NAMES, COLOURS, colourOf, recolour, type ColourName } from './colour.ts';
import type { RenderPool } from './render.ts';
import { canRecolour } from './scenes.ts';
import { inScope, sprite, type Scope, type Sprite, type StyleKey } from './sprites.ts';

/** Drawn this many times larger, then averaged: a box filter, whatever the drawing program's own. */
const FINER = 3;

/** Something to draw as a thumbnail. */
export interface Drawing {
  readonly key: string;
  readonly svg: string;
  /** Pixels of the thumbnail. */
  readonly width: number;
  readonly height: number;
}

/** Name of a drawing; without a colour, the drawing's own. */
export const drawingKey = (concept: string, style: StyleKey, colour?: ColourName): string =>
  `${concept} ${style}${colour ? ` ${colour}` : ''}`;

const document = (viewBox: string, body: string, ink = '#222226') =>
  `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${viewBox}" width="64" height="64" color="${ink}">${body}</svg>`;

/** A sprite in its canonical frame, as an SVG. */
export function canonicalSvg({ viewBox, box: [x, y, w, h], body, colour, style }: Sprite, painted?: ColourName): string {
  const [left = 0, top = 0, vw = 1, vh = 1] = viewBox.split(' ').map(Number);
  const art = painted && style !== 'mono' ? recolour(body, colour, colourOf(painted)) : body;
  return document(frame([left + x * vw, top + y * vh, w * vw, h * vh]), art, painted && COLOURS[painted].hex);
}

/** The view box in which the longer side of a box fills FILL of a square. */
function frame([x, y, w, h]: readonly [number, number, number, number]): string {
  const side = Math.max(w, h) / FILL;
  return `${x + w / 2 - side / 2} ${y + h / 2 - side / 2} ${side} ${side}`;
}

/** A drawing of which a view box is shown and nothing beyond it, in the canonical frame of `box` (x, y, width, height). */
export function framedSvg(viewBox: string, box: readonly [number, number, number, number], body: string): string {
  const [x, y, w, h] = viewBox.split(' ');
  return document(frame(box), `<svg x="${x}" y="${y}" width="${w}" height="${h}" viewBox="${viewBox}" overflow="hidden">${body}</svg>`);
}

/** Every drawing of a scope, `size` pixels a side: a concept in a style as it is, and in every colour that it can take. */
export function drawingsOf(scope: Scope, size: number): Drawing[] {
  const { concepts, styles } = inScope(scope);
  return concepts.flatMap(({ hex }) =>
    styles.flatMap((style) => {
      const found = sprite(hex, style);
      if (!found) return [];
      const colours = [undefined, ...(canRecolour(found) ? COLOUR_NAMES : [])];
      return colours.map(
        (colour): Drawing => ({ key: drawingKey(hex, style, colour), svg: canonicalSvg(found, colour), width: size, height: size }),
      );
    }),
  );
}

/** Variants of a scenery: its seeds are these. */
export const CANVAS_SEEDS = 24;

/** Name of a canvas. */
export function canvasKey({ kind, colour, seed }: Background): string {
  return kind === 'white' ? 'white' : kind === 'plain' ? `plain ${colour}` : `${kind} ${seed % CANVAS_SEEDS}`;
}

/** Every canvas: white, plain colours, and sceneries in CANVAS_SEEDS variants. */
export function canvasesOf(width: number, height: number): Drawing[] {
  const backgrounds: Background[] = [
    { kind: 'white', seed: 0 },
    ...PLAIN_COLOURS.map((colour): Background => ({ kind: 'plain', colour, seed: 0 })),
    ...SCENERY_NAMES.flatMap((kind) => Array.from({ length: CANVAS_SEEDS }, (_, seed): Background => ({ kind, seed }))),
  ];
  const [w, h] = [width * 4, height * 4];
  return backgrounds.map((b) => {
    const seed = hash32(canvasKey(b));
    return { key: canvasKey(b), svg: document(`0 0 ${w} ${h}`, drawBackground({ ...b, seed }, w, h)), width, height };
  });
}

/** A drawing as a thumbnail: premultiplied RGBA, rows first; undefined, with the reason, where it cannot be drawn. */
export interface Drawn {
  readonly drawing: Drawing;
  readonly pixels?: Uint8Array;
  readonly error?: string;
}

/** Draws thumbnails in order. */
export async function* thumbnails(drawings: readonly Drawing[], pool: RenderPool): AsyncGenerator<Drawn> {
  const jobs = drawings.map(({ svg, width, height }) => ({ svg, width: width * FINER, height: height * FINER }));
  let i = 0;
  for await (const { pixels, error } of pool.renderAll(jobs)) {
    const drawing = drawings[i++]!;
    yield pixels ? { drawing, pixels: boxFiltered(pixels, drawing.width, drawing.height) } : { drawing, error: error ?? 'no picture' };
  }
}

/** Means of FINER x FINER pixels. */
function boxFiltered(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const out = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 4; c++) {
        let sum = 0;
        for (let dy = 0; dy < FINER; dy++)
          for (let dx = 0; dx < FINER; dx++) sum += pixels[((y * FINER + dy) * width * FINER + x * FINER + dx) * 4 + c]!;
        out[(y * width + x) * 4 + c] = Math.round(sum / FINER ** 2);
      }
  return out;
}
