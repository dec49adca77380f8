// Figures of layered pictures: so many identities of each maker whose art is free of conditions (MIT, CC0), in every expression, as
// drawings of the bank; and pictures of one to five of them, each known from a reference, where it has another expression.
import type { Background } from './backgrounds.ts';
import { figuresCaption, footOf, pickBackground, slotsFor } from './characters.ts';
import { framedSvg, type Drawing } from './drawings.ts';
import type { RenderPool } from './render.ts';
import { FILL } from '../models/layers/config.ts';
import { random, type Random } from '../util/random.ts';
import { MAKERS, type Identity, type Maker } from './makers.ts';

const FREE: readonly Maker[] = MAKERS.filter(({ licence }) => licence === 'MIT' || licence === 'CC0-1.0');
/** Identities of a maker. Kawaii things come in ten colours: there are not so many. */
const IDENTITIES = { kawaii: 150, others: 400 };
/** The style words of these makers. */
export const FIGURE_STYLES: ReadonlySet<string> = new Set(FREE.map(({ style }) => style));
const identitiesOf = ({ style }: Maker): number => (style === 'kawaii' ? IDENTITIES.kawaii : IDENTITIES.others);
/** Seed of all identities, and of the pictures that are looked at for where their art is. */
const SEED = 2026;
/** Side of those, in pixels. */
const LOOK = 96;

const identity = (maker: Maker, i: number): Identity => maker.identity(random(SEED).split(maker.style).split(i));

/** Name of a figure's drawing in the bank. */
export const figureKey = ({ style }: Maker, i: number, expression: string): string => `${style} ${i} ${expression}`;

/** A figure in its maker's own frame. */
interface Posed {
  readonly key: string;
  readonly body: string;
  readonly viewBox: string;
}

function* posed(most: number): Generator<Posed> {
  for (const maker of FREE)
    for (let i = 0; i < Math.min(most, identitiesOf(maker)); i++) {
      const who = identity(maker, i);
      for (const expression of Object.keys(maker.expressions(who)))
        yield { key: figureKey(maker, i, expression), ...maker.draw(who, expression) };
    }
}

/** Every figure as a drawing, `size` pixels a side, in its canonical frame: each is drawn once small, to see where its art is. */
export async function figureDrawings(size: number, pool: RenderPool, most = Infinity): Promise<Drawing[]> {
  const all = [...posed(most)];
  const looks = pool.renderAll(
    all.map(({ viewBox, body }) => ({ svg: framedSvg(viewBox, squareOf(viewBox), body), width: LOOK, height: LOOK })),
  );
  const out: Drawing[] = [];
  let i = 0;
  for await (const { pixels } of looks) {
    const { key, viewBox, body } = all[i++]!;
    const art = pixels && visible(pixels, squareOf(viewBox, FILL));
    if (art) out.push({ key, svg: framedSvg(viewBox, art, body), width: size, height: size });
  }
  return out;
}

type Box = readonly [x: number, y: number, width: number, height: number];

/** The square around a view box of which the box's longer side fills a share, in its units. */
function squareOf(viewBox: string, share = 1): Box {
  const [x = 0, y = 0, w = 1, h = 1] = viewBox.split(' ').map(Number);
  const side = Math.max(w, h) / share;
  return [x + (w - side) / 2, y + (h - side) / 2, side, side];
}

/** Where there is art in LOOK x LOOK pixels of a square, in the square's units; undefined where there is none. */
function visible(pixels: Uint8Array, [x, y, side]: Box): Box | undefined {
  const rows = new Set<number>();
  const columns = new Set<number>();
  for (let i = 0; i < LOOK * LOOK; i++)
    if (pixels[i * 4 + 3]! > 8) {
      rows.add(Math.floor(i / LOOK));
      columns.add(i % LOOK);
    }
  if (rows.size === 0) return undefined;
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const unit = side / LOOK;
  return [x + left * unit, y + top * unit, (Math.max(...columns) + 1 - left) * unit, (Math.max(...rows) + 1 - top) * unit];
}

/** A figure of a picture, in shorter sides from its middle. */
export interface PlacedFigure {
  readonly drawing: string;
  readonly reference: { readonly drawing: string; readonly slot: number };
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

export interface Cast {
  readonly caption: string;
  readonly background: Background;
  readonly figures: readonly PlacedFigure[];
}

/** One to `most` figures side by side in a picture of so many shorter sides, of the first `identities` of their maker. */
export function cast(rng: Random, [width, height]: readonly [number, number], most: number, identities = Infinity): Cast {
  const maker = FREE[rng.weighted(FREE.map((m) => m.weight))]!;
  const n = 1 + rng.weighted([0.4, 0.25, 0.15, 0.1, 0.1].slice(0, most));
  const background = pickBackground(rng);
  const slots = slotsFor(n, rng);
  const words: string[] = [];
  const figures = slots.map((slot, i): PlacedFigure => {
    const index = rng.integer(Math.min(identities, identitiesOf(maker)));
    const who = identity(maker, index);
    const expressions = Object.keys(maker.expressions(who));
    const expression = rng.pick(expressions);
    const other = rng.pick(expressions.filter((e) => e !== expression));
    words.push(`<${slot}> ${rng.pick(maker.expressions(who)[expression]!).trim()}`);
    return {
      drawing: figureKey(maker, index, expression),
      reference: { drawing: figureKey(maker, index, other), slot },
      ...standing(maker, i, n, [width, height], background),
    };
  });
  return { caption: figuresCaption(words, maker, background, rng), background, figures };
}

/** Where figure i of n stands. Figures are about as high as wide. */
function standing(
  maker: Maker,
  i: number,
  n: number,
  [width, height]: readonly [number, number],
  background: Background,
): Pick<PlacedFigure, 'x' | 'y' | 'size'> {
  const size = Math.min(n === 1 ? 0.85 : 0.7, (0.92 * width) / n);
  const bottom = footOf(maker, background, size / height) * height;
  return { x: ((i + 0.5) / n - 0.5) * width, y: bottom - size / 2 - height / 2, size };
}
