// Windows of drawings for the renderer: a piece of a thumbnail with its surroundings, and the same piece drawn large. Where there is
// an edge, mostly. Art that is pixels itself has no truth beyond its own size.
import { hash32, random, type Random } from '../util/random.ts';
import { thumbnails, type Drawing } from './drawings.ts';
import type { RenderPool } from './render.ts';

export interface WindowScale {
  /** Pixels to a cell of the thumbnail, and cells of the window's side. */
  readonly pixels: number;
  readonly cells: number;
}

export interface Window {
  readonly drawing: Drawing;
  /** The whole thumbnail, premultiplied RGBA. */
  readonly thumbnail: Uint8Array;
  /** First row and column of the window, in cells. */
  readonly top: number;
  readonly left: number;
  /** The window drawn large: premultiplied RGBA of side cells * pixels. */
  readonly target: Uint8Array;
}

/** Of some random places, the one whose cells differ most from their neighbours. */
function placeIn(thumbnail: Uint8Array, side: number, cells: number, rng: Random): [top: number, left: number] {
  const tries = Array.from({ length: 6 }, (): [number, number] => [rng.integer(side - cells + 1), rng.integer(side - cells + 1)]);
  const contrast = ([top, left]: [number, number]) => {
    let sum = 0;
    for (let y = top; y < top + cells - 1; y++)
      for (let x = left; x < left + cells - 1; x++)
        for (let c = 0; c < 4; c++) sum += Math.abs(thumbnail[(y * side + x) * 4 + c]! - thumbnail[((y + 1) * side + x + 1) * 4 + c]!);
    return sum;
  };
  return tries.map((place) => ({ place, found: contrast(place) })).reduce((a, b) => (b.found > a.found ? b : a)).place;
}

/** Windows at a scale, `each` of every drawing. Drawings that cannot be drawn are left out. */
export async function* windowsOf(
  drawings: readonly Drawing[],
  { pixels, cells }: WindowScale,
  each: number,
  pool: RenderPool,
  seed: number,
): AsyncGenerator<Window> {
  for await (const { drawing, pixels: thumbnail } of thumbnails(drawings, pool)) {
    if (!thumbnail) continue;
    const side = drawing.width;
    const rng = random(seed).split(hash32(drawing.key)).split(pixels);
    const places = Array.from({ length: each }, () => placeIn(thumbnail, side, cells, rng));
    const jobs = places.map(([top, left]) => ({
      svg: drawing.svg,
      width: cells * pixels,
      height: cells * pixels,
      rect: [left / side, top / side, (left + cells) / side, (top + cells) / side] as const,
    }));
    const drawn = await Promise.all(jobs.map((job) => pool.render(job)));
    for (const [i, { pixels: target }] of drawn.entries()) {
      const [top, left] = places[i]!;
      if (target) yield { drawing, thumbnail, top, left, target };
    }
  }
}
