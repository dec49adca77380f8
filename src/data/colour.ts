// Colours of vector art: sRGB <-> OKLCH (Björn Ottosson, "A perceptual color space for image processing", 2020), the
// named colours of the captions, and recolouring: only the colours near the dominant cluster of a drawing move, so that
// a red car keeps its grey wheels and a blue flower its green leaf. No gradient or blend is computed: SVG text in, SVG text out.

/** Lightness 0..1, chroma 0..~0.37, hue in degrees. */
export interface Oklch {
  l: number;
  c: number;
  h: number;
}

/** The colour words of the captions. `nl` is the base form and the inflected form before a noun. */
export const COLOURS = {
  red: { hex: '#d92b2b', nl: ['rood', 'rode'], de: 'rot', fr: 'rouge', es: 'rojo' },
  orange: { hex: '#f58a1f', nl: ['oranje', 'oranje'], de: 'orange', fr: 'orange', es: 'naranja' },
  yellow: { hex: '#f7cf2e', nl: ['geel', 'gele'], de: 'gelb', fr: 'jaune', es: 'amarillo' },
  green: { hex: '#3da648', nl: ['groen', 'groene'], de: 'grün', fr: 'vert', es: 'verde' },
  blue: { hex: '#2f6fde', nl: ['blauw', 'blauwe'], de: 'blau', fr: 'bleu', es: 'azul' },
  purple: { hex: '#8a3fc7', nl: ['paars', 'paarse'], de: 'lila', fr: 'violet', es: 'morado' },
  pink: { hex: '#f279b2', nl: ['roze', 'roze'], de: 'rosa', fr: 'rose', es: 'rosa' },
  brown: { hex: '#8a5a33', nl: ['bruin', 'bruine'], de: 'braun', fr: 'marron', es: 'marrón' },
  black: { hex: '#2b2b2e', nl: ['zwart', 'zwarte'], de: 'schwarz', fr: 'noir', es: 'negro' },
  white: { hex: '#f4f4f2', nl: ['wit', 'witte'], de: 'weiß', fr: 'blanc', es: 'blanco' },
  grey: { hex: '#8d9096', nl: ['grijs', 'grijze'], de: 'grau', fr: 'gris', es: 'gris' },
} as const;

export type ColourName = keyof typeof COLOURS;
export const COLOUR_NAMES = Object.keys(COLOURS) as ColourName[];

const linear = (x: number) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
const gamma = (x: number) => (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055);

/** sRGB 0..255 to OKLCH. */
export function toOklch(red: number, green: number, blue: number): Oklch {
  const [r, g, b] = [linear(red / 255), linear(green / 255), linear(blue / 255)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  const x = 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s;
  const y = 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s;
  const hue = (Math.atan2(y, x) * 180) / Math.PI;
  return { l: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s, c: Math.hypot(x, y), h: (hue + 360) % 360 };
}

/** OKLCH to sRGB 0..255; chroma is lowered until the colour is in gamut. */
export function fromOklch({ l, c, h }: Oklch): [number, number, number] {
  const angle = (h * Math.PI) / 180;
  for (let chroma = c; ; chroma = chroma < 0.004 ? 0 : chroma * 0.92) {
    const [x, y] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
    const p = (l + 0.3963377774 * x + 0.2158037573 * y) ** 3;
    const q = (l - 0.1055613458 * x - 0.0638541728 * y) ** 3;
    const s = (l - 0.0894841775 * x - 1.291485548 * y) ** 3;
    const rgb = [
      4.0767416621 * p - 3.3077115913 * q + 0.2309699292 * s,
      -1.2684380046 * p + 2.6097574011 * q - 0.3413193965 * s,
      -0.0041960863 * p - 0.7034186147 * q + 1.707614701 * s,
    ];
    if (chroma === 0 || rgb.every((v) => v > -0.002 && v < 1.002))
      return rgb.map((v) => Math.round(255 * Math.min(1, Math.max(0, gamma(Math.max(0, v)))))) as [number, number, number];
  }
}

/** `#rgb`, `#rrggbb` to 0..255 each. */
export function fromHex(hex: string): [number, number, number] {
  const h = hex.length < 6 ? [...hex.slice(1, 4)].map((d) => d + d).join('') : hex.slice(1, 7);
  return [0, 2, 4].map((i) => parseInt(h.slice(i, i + 2), 16)) as [number, number, number];
}

export function toHex(rgb: readonly number[]): string {
  return `#${rgb.map((v) => v.toString(16).padStart(2, '0')).join('')}`;
}

const hueDistance = (a: number, b: number) => Math.abs(((a - b + 540) % 360) - 180);

/** Below this chroma a colour counts as grey. */
export const NEUTRAL = 0.04;
/** Half the width of a hue cluster, in degrees (measured: leaves, wheels and eyes stay). */
const CLUSTER = 42;

/** Is this colour part of the cluster around `from`? A neutral cluster (chroma 0) holds greys of similar lightness. */
function inCluster(colour: Oklch, from: Oklch): boolean {
  if (from.c < NEUTRAL) return colour.c < NEUTRAL && Math.abs(colour.l - from.l) < 0.22 && colour.l < 0.97;
  return colour.c >= 0.03 && hueDistance(colour.h, from.h) < CLUSTER;
}

const HEX = /(?<!url\(|href=")#(?:[0-9a-f]{6}|[0-9a-f]{3})\b/gi;

/** Moves the colours of an SVG text that lie in the cluster around `from` so that the cluster's mean becomes `to`. */
export function recolour(svg: string, from: Oklch, to: Oklch): string {
  const seen = new Map<string, string>();
  return svg.replace(HEX, (hex) => {
    let out = seen.get(hex);
    if (out === undefined) seen.set(hex, (out = shift(hex, from, to)));
    return out;
  });
}

function shift(hex: string, from: Oklch, to: Oklch): string {
  const colour = toOklch(...fromHex(hex));
  if (!inCluster(colour, from)) return hex;
  // Contrast within the cluster is kept, but squeezed where the target leaves little room (black, white).
  const room = Math.min(1, to.l / 0.45, (1.06 - to.l) / 0.45);
  const l = Math.min(0.99, Math.max(0.05, to.l + (colour.l - from.l) * room));
  const c = from.c < NEUTRAL ? to.c : to.c * Math.min(1.3, colour.c / from.c);
  const h = from.c < NEUTRAL ? to.h : to.h + 0.35 * (((colour.h - from.h + 540) % 360) - 180);
  return toHex(fromOklch({ l, c, h: (h + 360) % 360 }));
}

/** The named colour of a caption as OKLCH. */
export function colourOf(name: ColourName): Oklch {
  return toOklch(...fromHex(COLOURS[name].hex));
}

/** The colour word for a colour, or undefined where people would argue. */
export function nameOf({ l, c, h }: Oklch): ColourName | undefined {
  if (c < 0.025) return l > 0.88 ? 'white' : l < 0.36 ? 'black' : l > 0.48 && l < 0.78 ? 'grey' : undefined;
  if (c < 0.05) return undefined;
  const RANGES: [ColourName, number, number, number, number][] = [
    // name, hue from, to, lightness from, to
    ['brown', 30, 80, 0.3, 0.58],
    ['orange', 45, 72, 0.64, 0.82],
    ['yellow', 80, 108, 0.76, 0.97],
    ['green', 120, 168, 0.4, 0.88],
    ['blue', 225, 272, 0.35, 0.78],
    ['purple', 285, 318, 0.3, 0.68],
    ['pink', 325, 376, 0.7, 0.88],
    ['red', 13, 33, 0.45, 0.68],
  ];
  if (c < 0.1 && h > 30 && h < 110 && l > 0.58) return undefined; // skin, eggs, paper
  return RANGES.find(([, from, to, low, high]) => l >= low && l <= high && ((h >= from && h <= to) || h + 360 <= to))?.[0];
}
