// Which tokens a picture has and what each is: frames first, then the objects' thumbnails, then the canvas. Every thumbnail has
// positions inside its own grid, whatever its place in the picture, so an object is the same tokens wherever it stands.
import { sharesOf, type Size, type Tile } from '../../image/image.ts';
import { gridPositions } from '../../nn/rope.ts';
import type { Grid } from '../../sampling/noise.ts';
import type { Part } from '../layout.ts';
import { FRAME_NUMBERS, GRID, OBJECTS, PICTURE_GRID } from './config.ts';

/** A picture's parts. */
export interface Layout {
  /** Objects, 0 to 6; none: the canvas is a whole picture. */
  readonly objects: number;
  /** Patches of the canvas; none: everything behind the objects is transparent. */
  readonly canvas?: Grid | undefined;
}

/** Cells of one object. */
export const CELLS_PER_OBJECT = GRID * GRID;

/** Tokens of the canvas. */
export const canvasTokens = ({ canvas }: Layout): number => (canvas ? canvas.rows * canvas.columns : 0);
/** Tokens of thumbnails: objects first, then the canvas. */
export const contentTokens = (layout: Layout): number => layout.objects * CELLS_PER_OBJECT + canvasTokens(layout);
/** All tokens: a frame an object, and the thumbnails. */
export const tokenCount = (layout: Layout): number => layout.objects + contentTokens(layout);
/** Longest canvas. */
const LONGEST = 4;

/** A canvas of this shape, `grid` patches along its shorter side. */
function canvasOf({ width, height }: Size, grid: number): Grid {
  const side = (a: number, b: number) => Math.min(LONGEST * grid, Math.max(grid, Math.round((grid * a) / b)));
  return { rows: side(height, width), columns: side(width, height) };
}

/** The layout of a picture of this shape. */
export function layoutOf(size: Size, objects: number, transparent: boolean): Layout {
  return { objects, ...(!transparent && { canvas: canvasOf(size, GRID) }) };
}

/** Where a canvas lies in a picture, in pixels: it covers it, its middle in the middle, and reaches beyond where its shape is another. */
export function canvasPlace({ width, height }: Size, { rows, columns }: Grid): Tile {
  const scale = Math.max(width / columns, height / rows);
  const [w, h] = [columns * scale, rows * scale];
  return { x: (width - w) / 2, y: (height - h) / 2, width: w, height: h };
}

/** The one part of a picture that is a canvas alone, as one to start from is. */
export function pictureParts(size: Size, channels: number): Part[] {
  const canvas = canvasOf(size, PICTURE_GRID);
  return [{ ...canvas, channels, slot: 0, box: sharesOf(canvasPlace(size, canvas), size) }];
}

/** A layout as the parts of a latent: frames, objects, canvas. Slots: the canvas 0, object k, its frame OBJECTS + k. */
export function partsOf({ objects, canvas }: Layout, channels: number): Part[] {
  const each = <T>(make: (slot: number) => T): T[] => Array.from({ length: objects }, (_, k) => make(k + 1));
  return [
    ...each((slot): Part => ({ rows: 1, columns: 1, channels: FRAME_NUMBERS, slot: OBJECTS + slot })),
    ...each((slot): Part => ({ rows: GRID, columns: GRID, channels, slot })),
    ...(canvas ? [{ ...canvas, channels, slot: 0 }] : []),
  ];
}

/** The layout that parts are of. */
export function layoutIn(parts: readonly Part[]): Layout {
  const canvas = parts.find(({ slot }) => slot === 0);
  return {
    objects: parts.filter(({ slot }) => slot > OBJECTS).length,
    ...(canvas && { canvas: { rows: canvas.rows, columns: canvas.columns } }),
  };
}

/** Rows of the slot table: the canvas, each object's content, each object's frame, a whole picture. */
export const SLOTS = 2 + 2 * OBJECTS;
const WHOLE = SLOTS - 1;
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
    slots: [
      ...range(objects).map((k) => 1 + OBJECTS + k),
      ...range(objects).flatMap((k) => cells.map(() => 1 + k)),
      ...spread.map(() => (objects === 0 ? WHOLE : 0)),
    ],
    places: [...range(objects).map(() => 0), ...range(objects).flatMap(() => cells.map((_, i) => 1 + i)), ...spread.map(placeRow)],
    positions: [...range(objects).map((): [number, number] => [0, 0]), ...range(objects).flatMap(() => cells), ...spread],
  };
}

/** Row and column of each token of so many references, one after the other: the places of the object's own. */
export const referenceCells = (count: number): [number, number][] => range(count).flatMap(() => gridPositions(GRID, GRID));

/** Row of the place table of a canvas cell. */
function placeRow([row, column]: readonly [number, number]): number {
  const near = (v: number) => Math.min(PLACES_SIDE - 1, Math.max(0, Math.floor(v + PLACES_SIDE / 2)));
  return 1 + CELLS_PER_OBJECT + near(row) * PLACES_SIDE + near(column);
}
