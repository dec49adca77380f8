// Which tokens a picture has and what each is: frames first, then the objects' thumbnails, then the canvas. Every thumbnail has
// positions inside its own grid, whatever its place in the picture, so an object is the same tokens wherever it stands.
import { gridPositions } from '../../nn/rope.ts';
import { FRAME_NUMBERS, GRID, OBJECTS } from './config.ts';

/** A picture's parts. */
export interface Layout {
  /** Objects, 0 to 6. */
  readonly objects: number;
  /** Patches of the canvas; none: everything behind the objects is transparent. */
  readonly canvas?: { readonly rows: number; readonly columns: number } | undefined;
}

/** Cells of one object. */
export const CELLS_PER_OBJECT = GRID * GRID;

/** Tokens of the canvas. */
export const canvasTokens = ({ canvas }: Layout): number => (canvas ? canvas.rows * canvas.columns : 0);
/** Tokens of thumbnails: objects first, then the canvas. */
export const contentTokens = (layout: Layout): number => layout.objects * CELLS_PER_OBJECT + canvasTokens(layout);
/** All tokens: a frame an object, and the thumbnails. */
export const tokenCount = (layout: Layout): number => layout.objects + contentTokens(layout);
/** Numbers of a picture's latent: frames, then content tokens of `channels`. */
export const latentSize = (layout: Layout, channels: number): number => layout.objects * FRAME_NUMBERS + contentTokens(layout) * channels;

/** Rows of the slot table: the canvas, each object's content, each object's frame. */
export const SLOTS = 1 + 2 * OBJECTS;
/** Widest canvas that has learned places; cells beyond share those of the rim. */
const PLACES_SIDE = 9;
/** Rows of the place table: frames, the cells of an object, the cells of a canvas by their distance from its middle. */
export const PLACES = 1 + CELLS_PER_OBJECT + PLACES_SIDE ** 2;

/** What each token is, in order. */
export interface TokenKinds {
  /** Row of the slot table. */
  readonly slots: number[];
  /** Row of the place table. */
  readonly places: number[];
  /** Row and column within the token's own grid, from its middle. */
  readonly positions: [number, number][];
}

const range = (n: number) => [...Array(n).keys()];

/** What each token of a layout is. */
export function kindsOf({ objects, canvas }: Layout): TokenKinds {
  const cells = gridPositions(GRID, GRID);
  const spread = canvas ? gridPositions(canvas.rows, canvas.columns) : [];
  return {
    slots: [...range(objects).map((k) => 1 + OBJECTS + k), ...range(objects).flatMap((k) => cells.map(() => 1 + k)), ...spread.map(() => 0)],
    places: [...range(objects).map(() => 0), ...range(objects).flatMap(() => cells.map((_, i) => 1 + i)), ...spread.map(canvasPlace)],
    positions: [...range(objects).map((): [number, number] => [0, 0]), ...range(objects).flatMap(() => cells), ...spread],
  };
}

/** Row of the place table of a canvas cell. */
function canvasPlace([row, column]: readonly [number, number]): number {
  const near = (v: number) => Math.min(PLACES_SIDE - 1, Math.max(0, Math.floor(v + PLACES_SIDE / 2)));
  return 1 + CELLS_PER_OBJECT + near(row) * PLACES_SIDE + near(column);
}
