// Backgrounds: plain ones and nine small landscapes drawn from a few shapes, in fractions of the picture, so that every
// aspect ratio works. A seed moves hills, clouds and stars a little; the layout (horizon, sun, ground) stays the same.
import { random, type Random } from '../util/random.ts';
import { COLOURS, colourOf, fromOklch, toHex, type ColourName } from './colour.ts';

/** English and Dutch phrases, and a noun in each language for the comma-list captions. */
interface Phrases {
  en: readonly string[];
  nl: readonly string[];
  de: string;
  fr: string;
  es: string;
}

interface Scenery extends Phrases {
  /** Where things stand, as a fraction of the height; undefined: they float. */
  ground?: number;
  /** Needs light icons. */
  dark: boolean;
  draw: (w: number, h: number, rng: Random) => string;
}

const rect = (x: number, y: number, w: number, h: number, fill: string) =>
  `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill="${fill}"/>`;
const circle = (x: number, y: number, r: number, fill: string, more = '') =>
  `<circle cx="${n(x)}" cy="${n(y)}" r="${n(r)}" fill="${fill}"${more}/>`;
const ellipse = (x: number, y: number, rx: number, ry: number, fill: string) =>
  `<ellipse cx="${n(x)}" cy="${n(y)}" rx="${n(rx)}" ry="${n(ry)}" fill="${fill}"/>`;
const path = (d: string, fill: string) => `<path d="${d}" fill="${fill}"/>`;
const n = (x: number) => String(Math.round(x * 100) / 100);

/** A vertical gradient over the whole picture. */
function sky(w: number, h: number, from: string, to: string): string {
  return `<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${from}"/><stop offset="1" stop-color="${to}"/></linearGradient></defs>${rect(0, 0, w, h, 'url(#sky)')}`;
}

/** A rolling edge from left to right, filled downwards. */
function hills(w: number, h: number, y: number, height: number, fill: string, rng: Random): string {
  const [a, b] = [y * h - (0.3 + 0.7 * rng.uniform()) * height * h, y * h + (0.2 + 0.6 * rng.uniform()) * height * h];
  const [c, d] = rng.uniform() < 0.5 ? [a, b] : [b, a];
  return path(`M0 ${n(y * h)}C${n(w * 0.28)} ${n(c)} ${n(w * 0.6)} ${n(d)} ${n(w)} ${n(y * h)}V${n(h)}H0Z`, fill);
}

function cloud(x: number, y: number, s: number, fill: string): string {
  return (
    ellipse(x, y, s, s * 0.38, fill) + circle(x - s * 0.3, y - s * 0.22, s * 0.36, fill) + circle(x + s * 0.22, y - s * 0.3, s * 0.44, fill)
  );
}

function stars(w: number, h: number, bottom: number, count: number, rng: Random): string {
  const s = Math.min(w, h);
  return Array.from({ length: count }, () =>
    circle(rng.uniform() * w, rng.uniform() * h * bottom, s * (0.004 + 0.007 * rng.uniform()), '#fdf6d8'),
  ).join('');
}

export const SCENERY = {
  meadow: {
    en: ['in a meadow', 'on the grass', 'in a green meadow'],
    nl: ['in een weide', 'op het gras'],
    de: 'Wiese',
    fr: 'prairie',
    es: 'prado',
    ground: 0.84,
    dark: false,
    draw: (w, h, rng) =>
      sky(w, h, '#8fd0f7', '#dff3fd') +
      cloud(w * (0.15 + 0.2 * rng.uniform()), h * 0.16, 0.11 * Math.min(w, h), '#ffffff') +
      cloud(w * (0.68 + 0.2 * rng.uniform()), h * 0.25, 0.08 * Math.min(w, h), '#ffffff') +
      hills(w, h, 0.6, 0.1, '#9ad36b', rng) +
      hills(w, h, 0.69, 0.06, '#78bf4b', rng),
  },
  beach: {
    en: ['on the beach', 'on a sandy beach', 'at the beach'],
    nl: ['op het strand', 'aan het strand'],
    de: 'Strand',
    fr: 'plage',
    es: 'playa',
    ground: 0.88,
    dark: false,
    draw: (w, h, rng) =>
      sky(w, h, '#7cc8f5', '#d5effb') +
      circle(w * (0.8 + 0.08 * rng.uniform()), h * 0.15, 0.075 * Math.min(w, h), '#ffe27a') +
      rect(0, h * 0.46, w, h * 0.3, '#2fa3d9') +
      rect(0, h * 0.57, w, h * 0.12, '#54bfe6') +
      hills(w, h, 0.68, 0.04, '#f3dca2', rng) +
      hills(w, h, 0.8, 0.05, '#ebcd86', rng),
  },
  night: {
    en: ['at night', 'under the stars', 'in the night'],
    nl: ['in de nacht', 'onder de sterren'],
    de: 'Nacht',
    fr: 'nuit',
    es: 'noche',
    ground: 0.86,
    dark: true,
    draw: (w, h, rng) => {
      const [x, y, r] = [w * (0.76 + 0.1 * rng.uniform()), h * 0.17, 0.085 * Math.min(w, h)];
      return (
        sky(w, h, '#111b47', '#33427f') +
        stars(w, h, 0.6, 22, rng) +
        circle(x, y, r, '#fbeeb4') +
        circle(x - r * 0.35, y - r * 0.25, r * 0.2, '#e9d894') +
        hills(w, h, 0.7, 0.08, '#1d2a4f', rng) +
        hills(w, h, 0.8, 0.05, '#162040', rng)
      );
    },
  },
  desert: {
    en: ['in the desert', 'in a desert', 'on the sand dunes'],
    nl: ['in de woestijn', 'in een woestijn'],
    de: 'Wüste',
    fr: 'désert',
    es: 'desierto',
    ground: 0.86,
    dark: false,
    draw: (w, h, rng) =>
      sky(w, h, '#fbd08a', '#fdeccb') +
      circle(w * (0.14 + 0.1 * rng.uniform()), h * 0.18, 0.09 * Math.min(w, h), '#fff1b8') +
      hills(w, h, 0.6, 0.14, '#e8ae62', rng) +
      hills(w, h, 0.7, 0.08, '#d99a4e', rng) +
      hills(w, h, 0.82, 0.05, '#cc8b40', rng),
  },
  snow: {
    en: ['in the snow', 'in the snow', 'in a snowy landscape', 'in winter'],
    nl: ['in de sneeuw', 'in de winter'],
    de: 'Schnee',
    fr: 'neige',
    es: 'nieve',
    ground: 0.86,
    dark: false,
    draw: (w, h, rng) => {
      const [x, s] = [w * (0.06 + 0.1 * rng.uniform()), Math.min(w, h)];
      const pine = (px: number, py: number, k: number) =>
        path(`M${n(px)} ${n(py - k)}L${n(px + k * 0.36)} ${n(py)}H${n(px - k * 0.36)}Z`, '#5f8f8a') +
        path(`M${n(px)} ${n(py - k)}L${n(px + k * 0.16)} ${n(py - k * 0.56)}H${n(px - k * 0.16)}Z`, '#f4fafd');
      const flakes = Array.from({ length: 20 }, () =>
        circle(rng.uniform() * w, rng.uniform() * h * 0.9, s * (0.006 + 0.007 * rng.uniform()), '#ffffff'),
      ).join('');
      return (
        sky(w, h, '#9fb9d3', '#dce8f2') +
        pine(x, h * 0.66, s * 0.26) +
        pine(w - x * 0.9, h * 0.67, s * 0.32) +
        hills(w, h, 0.64, 0.06, '#e9f2f9', rng) +
        hills(w, h, 0.76, 0.06, '#ffffff', rng) +
        flakes
      );
    },
  },
  sunset: {
    en: ['at sunset', 'in front of a sunset', 'in the evening sun'],
    nl: ['bij zonsondergang', 'voor een zonsondergang'],
    de: 'Sonnenuntergang',
    fr: 'coucher de soleil',
    es: 'atardecer',
    ground: 0.86,
    dark: false,
    draw: (w, h, rng) =>
      sky(w, h, '#7b4b94', '#ff9b54') +
      circle(w * (0.4 + 0.2 * rng.uniform()), h * 0.56, 0.2 * Math.min(w, h), '#ffd166') +
      rect(0, h * 0.34, w * 0.3, h * 0.012, '#ffc48a') +
      rect(w * 0.66, h * 0.26, w * 0.34, h * 0.012, '#f7a58b') +
      hills(w, h, 0.66, 0.08, '#5c3566', rng) +
      hills(w, h, 0.77, 0.06, '#43264d', rng),
  },
  'under water': {
    en: ['under water', 'underwater', 'in the sea'],
    nl: ['onder water', 'in de zee'],
    de: 'unter Wasser',
    fr: 'sous l’eau',
    es: 'bajo el agua',
    dark: true,
    draw: (w, h, rng) => {
      const s = Math.min(w, h);
      const weed = (x: number, k: number) =>
        path(
          `M${n(x)} ${n(h)}C${n(x - k * 0.5)} ${n(h - k * 0.5)} ${n(x + k * 0.45)} ${n(h - k * 0.7)} ${n(x)} ${n(h - k)}C${n(x + k * 0.7)} ${n(h - k * 0.6)} ${n(x + k * 0.05)} ${n(h - k * 0.4)} ${n(x + k * 0.25)} ${n(h)}Z`,
          '#2f9a6c',
        );
      const bubbles = Array.from({ length: 9 }, () =>
        circle(rng.uniform() * w, rng.uniform() * h * 0.8, s * (0.008 + 0.016 * rng.uniform()), '#bfeaf7', ' fill-opacity="0.6"'),
      ).join('');
      return (
        sky(w, h, '#3fb6e0', '#0e4f8c') +
        bubbles +
        hills(w, h, 0.88, 0.03, '#d8bf7f', rng) +
        weed(w * 0.08, s * 0.3) +
        weed(w * (0.86 + 0.06 * rng.uniform()), s * 0.24) +
        weed(w * 0.16, s * 0.18)
      );
    },
  },
  space: {
    en: ['in space', 'in outer space', 'among the stars'],
    nl: ['in de ruimte', 'in het heelal'],
    de: 'Weltraum',
    fr: 'espace',
    es: 'espacio',
    dark: true,
    draw: (w, h, rng) => {
      const s = Math.min(w, h);
      const [x, y] = [w * (0.1 + 0.06 * rng.uniform()), h * 0.84];
      return (
        rect(0, 0, w, h, '#0d0b26') +
        ellipse(w * 0.6, h * 0.35, w * 0.5, h * 0.25, '#1b1744') +
        stars(w, h, 1, 46, rng) +
        circle(x, y, s * 0.11, '#c86f5a') +
        ellipse(x, y, s * 0.17, s * 0.022, '#e9b98f') +
        circle(w * 0.9, h * 0.12, s * 0.045, '#7fa7d9')
      );
    },
  },
  city: {
    en: ['in the city', 'in front of a city', 'in a town'],
    nl: ['in de stad', 'voor een stad'],
    de: 'Stadt',
    fr: 'ville',
    es: 'ciudad',
    ground: 0.9,
    dark: false,
    draw: (w, h, rng) => {
      const shades = ['#8aa0bd', '#7489ab', '#9db0c8'];
      const blocks = Array.from({ length: 7 }, (_, i) => {
        const [x, bw, top] = [(i * w) / 7, w / 7 + 1, h * (0.3 + 0.3 * rng.uniform())];
        const windows = [0, 1, 2].flatMap((r) =>
          [0.2, 0.6].map((c) => rect(x + bw * c, top + h * (0.04 + 0.085 * r), bw * 0.2, h * 0.035, '#fbe9a6')),
        );
        return rect(x, top, bw, h - top, shades[i % 3]!) + windows.join('');
      });
      return (
        sky(w, h, '#bfe3f7', '#eef8fd') +
        blocks.join('') +
        rect(0, h * 0.78, w, h * 0.22, '#6d7480') +
        rect(0, h * 0.775, w, h * 0.02, '#c9ced6')
      );
    },
  },
} satisfies Record<string, Scenery>;

export type SceneryName = keyof typeof SCENERY;
export const SCENERY_NAMES = Object.keys(SCENERY) as SceneryName[];
/** The colours of plain backgrounds, softer than those of objects. */
export const PLAIN_COLOURS = [
  'red',
  'orange',
  'yellow',
  'green',
  'blue',
  'purple',
  'pink',
  'grey',
  'black',
] as const satisfies readonly ColourName[];

export interface Background {
  kind: 'white' | 'transparent' | 'plain' | SceneryName;
  /** Of a plain background. */
  colour?: (typeof PLAIN_COLOURS)[number];
  seed: number;
}

const isScenery = (kind: Background['kind']): kind is SceneryName => kind in SCENERY;

/** The scenery of a background, or undefined for the plain kinds. */
export function sceneryOf(background: Background): Scenery | undefined {
  return isScenery(background.kind) ? SCENERY[background.kind] : undefined;
}

/** Do dark drawings vanish on it? */
export function isDark(background: Background): boolean {
  return background.colour === 'black' || (sceneryOf(background)?.dark ?? false);
}

/** The hex colour of a plain background. */
export function plainHex(colour: ColourName): string {
  if (colour === 'black') return COLOURS.black.hex;
  const { l, c, h } = colourOf(colour);
  return toHex(fromOklch({ l: Math.max(l, l + (0.8 - l) * 0.6), c: c * 0.75, h }));
}

/** The SVG of a background over `w` x `h` units; empty for a transparent one. */
export function drawBackground(background: Background, w: number, h: number): string {
  const scenery = sceneryOf(background);
  if (scenery) return scenery.draw(w, h, random(background.seed));
  if (background.kind === 'transparent') return '';
  return rect(0, 0, w, h, background.kind === 'white' ? '#ffffff' : plainHex(background.colour ?? 'blue'));
}
