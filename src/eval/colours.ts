// The colour that a thing has, read off a picture of it on a plain background: the nearest colour word for each pixel that is
// not background, and the word of most of them. No training, nothing to flatter; its own error on real renders is printed
// beside every score.
import { COLOUR_NAMES, colourOf, toOklch, type ColourName } from '../data/colour.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { median, overWhite } from './metrics.ts';

/** Lightness counts less than hue: shading darkens a red thing but leaves it red. */
const LIGHTNESS = 0.5;
/** Distance in OKLab from which a pixel is not background. */
const APART = 0.1;

type Lab = readonly [lightness: number, a: number, b: number];

function lab({ l, c, h }: { l: number; c: number; h: number }): Lab {
  const angle = (h * Math.PI) / 180;
  return [LIGHTNESS * l, c * Math.cos(angle), c * Math.sin(angle)];
}

const distance = (p: Lab, q: Lab) => Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);

/** The colour word for most of the thing in picture (1, H, W, 4), and its share of it; undefined where there is no thing. */
export function dominantColour(picture: Tensor): { colour: ColourName; share: number } | undefined {
  const { width, height, rgb } = overWhite(picture);
  const at = (i: number) => lab(toOklch(rgb[i * 3]!, rgb[i * 3 + 1]!, rgb[i * 3 + 2]!));
  const border = [...Array(width * height).keys()].filter((i) => i < width || i >= width * (height - 1) || i % width === 0 || i % width === width - 1).map(at);
  const background: Lab = [median(border.map((p) => p[0])), median(border.map((p) => p[1])), median(border.map((p) => p[2]))];
  const named = COLOUR_NAMES.map((name) => lab(colourOf(name)));
  const counts = new Float64Array(named.length);
  for (let i = 0; i < width * height; i++) {
    const p = at(i);
    if (distance(p, background) < APART) continue;
    const distances = named.map((q) => distance(p, q));
    counts[distances.indexOf(Math.min(...distances))]! += 1;
  }
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total < 0.01 * width * height) return undefined;
  const most = counts.indexOf(Math.max(...counts));
  return { colour: COLOUR_NAMES[most]!, share: counts[most]! / total };
}
