// The colour that a thing has, read off a box around it on any background: pixels that look like what lies just outside of the box,
// in their own row or column, are background; each of the others votes for the nearest colour word. No training, nothing to
// flatter; its own error on real renders is printed beside every score.
import { COLOUR_NAMES, colourOf, toOklch, type ColourName } from '../../data/colour.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { crops } from './crop.ts';
import { overWhite } from '../metrics.ts';
import type { Box } from '../rule.ts';

/** Lightness counts less than hue: shading darkens a red thing but leaves it red. */
const LIGHTNESS = 0.5;
/** Distance in OKLab from which a pixel is not background: 0.03 to 0.045 name 99 % of 240 colours rightly, 0.06 97 %, 0.09 91 %. */
const APART = 0.04;
/** Pixels of the crop that is looked at, and the share of it that the box's longer side takes. */
const [SIDE, INNER] = [56, 0.8];
/** How far around the box, and along a row or column, background is looked for, in pixels of the crop. */
const [RING, REACH] = [4, 2];

type Lab = readonly [lightness: number, a: number, b: number];

function lab({ l, c, h }: { l: number; c: number; h: number }): Lab {
  const angle = (h * Math.PI) / 180;
  return [LIGHTNESS * l, c * Math.cos(angle), c * Math.sin(angle)];
}

const distance = (p: Lab, q: Lab) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
const NAMED = COLOUR_NAMES.map((name) => lab(colourOf(name)));

/** The colour word for most of the thing in a box of picture (1, H, W, 4), and its share of it; undefined where there is no thing. */
export function colourIn(picture: Tensor, [x, y, w, h]: Box): { colour: ColourName; share: number } | undefined {
  const [, H, W] = picture.shape as [number, number, number];
  const scale = (SIDE * INNER) / Math.max(w * W, h * H, 1); // pixels of the crop to one of the picture
  const side = SIDE / scale;
  const [left, top] = [(x + w / 2) * W - side / 2, (y + h / 2) * H - side / 2];
  const crop = crops([[picture, [left, top, side]]], SIDE);
  const { rgb } = overWhite(crop);
  const colours = Array.from({ length: SIDE * SIDE }, (_, i) => lab(toOklch(rgb[i * 3]!, rgb[i * 3 + 1]!, rgb[i * 3 + 2]!)));
  const clear = (i: number) => crop.data[i * 4 + 3]! < 0;
  const inside = (at: number, from: number) => Math.round((at - from) * scale);
  const [x0, x1] = [inside(x * W, left), inside((x + w) * W, left)];
  const [y0, y1] = [inside(y * H, top), inside((y + h) * H, top)];
  // What the picture has around the box: columns and rows of the crop, left out where the picture ends.
  const ends = (low: number, high: number, from: number, size: number) => {
    const [first, last] = [Math.ceil(-from * scale), Math.floor((size - from) * scale) - 1];
    const before = Array.from({ length: RING }, (_, k) => low - 2 - k);
    const after = Array.from({ length: RING }, (_, k) => high + 1 + k);
    return [...before, ...after].filter((p) => p >= Math.max(0, first) && p <= Math.min(SIDE - 1, last));
  };
  const [columns, rows] = [ends(x0, x1, left, W), ends(y0, y1, top, H)];
  const near = (at: number) => Array.from({ length: 2 * REACH + 1 }, (_, k) => at - REACH + k).filter((p) => p >= 0 && p < SIDE);
  const counts = new Float64Array(NAMED.length);
  let area = 0;
  for (let j = Math.max(0, y0); j < Math.min(SIDE, y1); j++)
    for (let i = Math.max(0, x0); i < Math.min(SIDE, x1); i++) {
      area++;
      const p = colours[j * SIDE + i]!;
      if (clear(j * SIDE + i)) continue;
      const like = (other: number) => !clear(other) && distance(p, colours[other]!) < APART;
      if (
        near(j).some((row) => columns.some((c) => like(row * SIDE + c))) ||
        near(i).some((column) => rows.some((r) => like(r * SIDE + column)))
      )
        continue;
      const distances = NAMED.map((q) => distance(p, q));
      counts[distances.indexOf(Math.min(...distances))]! += 1;
    }
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total < 0.02 * area) return undefined;
  const most = counts.indexOf(Math.max(...counts));
  return { colour: COLOUR_NAMES[most]!, share: counts[most]! / total };
}
