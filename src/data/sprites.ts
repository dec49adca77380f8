// Sprites: the drawings of the art packages as SVG fragments, one a (concept, style). Loaded lazily, a style at a time
// (the largest package takes a second and 200 MB). What is measured about each sprite - its tight box, its dominant
// colour cluster - stands in tables/sprites.json, made by scripts/data-tables.ts. No scene is composed here.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InputError } from '../util/errors.ts';
import { hash32 } from '../util/random.ts';
import type { Oklch } from './colour.ts';
import { CORE_NOUNS, type CoreNoun } from './nouns.ts';
import { table } from './tables.ts';

/** The styles: the word of the captions, the package of the art, its licence and how common it is in the mix. */
export const STYLES = {
  flat: { word: 'flat', nl: 'platte', package: '@iconify-json/fluent-emoji-flat', licence: 'MIT', raster: false },
  fluent: { word: 'soft gradient', nl: 'zachte', package: '@iconify-json/fluent-emoji', licence: 'MIT', raster: false },
  fluent3d: { word: '3D', nl: '3D', package: '@lobehub/fluent-emoji-3d', licence: 'MIT', raster: true },
  noto: { word: 'shaded cartoon', nl: 'cartoon', package: '@iconify-json/noto', licence: 'Apache-2.0', raster: false },
  twemoji: { word: 'bold flat', nl: 'strakke platte', package: '@iconify-json/twemoji', licence: 'CC-BY-4.0', raster: false },
  emojione: { word: 'classic emoji', nl: 'klassieke emoji', package: '@iconify-json/emojione', licence: 'CC-BY-4.0', raster: false },
  blob: { word: 'blob', nl: 'blob', package: '@iconify-json/noto-v1', licence: 'Apache-2.0', raster: false },
  fx: { word: 'simple flat', nl: 'eenvoudige platte', package: '@iconify-json/fxemoji', licence: 'CC-BY-4.0', raster: false },
  streamline: {
    word: 'outlined cartoon',
    nl: 'omlijnde cartoon',
    package: '@iconify-json/streamline-emojis',
    licence: 'CC-BY-4.0',
    raster: false,
  },
  mono: { word: 'icon', nl: 'pictogram', package: '@iconify-json/fluent-emoji-high-contrast', licence: 'MIT', raster: false },
} as const;

export type StyleKey = keyof typeof STYLES;
export const STYLE_KEYS = Object.keys(STYLES) as StyleKey[];

/** A style by its key or by its word. Throws InputError. */
export function styleKey(word: string): StyleKey {
  const found = STYLE_KEYS.find((k) => k === word || STYLES[k].word.toLowerCase() === word.toLowerCase());
  if (!found)
    throw new InputError('data.style', `style "${word}" is unknown; the styles are ${STYLE_KEYS.map((k) => STYLES[k].word).join(', ')}`);
  return found;
}

export interface Sprite {
  /** Code points, e.g. `1F98A`. */
  concept: string;
  style: StyleKey;
  /** Inner SVG (for the 3D style an `<image>`). */
  body: string;
  /** `left top width height` of the body's own coordinates. */
  viewBox: string;
  /** Tight box of the visible art, in fractions of the view box: x, y, width, height. */
  box: [number, number, number, number];
  /** Mean of the dominant colour cluster; chroma 0 for a neutral one. */
  colour: Oklch;
  /** Share of the opaque pixels that the cluster holds, 0..1. */
  share: number;
  /** Has art outside its view box, which must be clipped. */
  stray: boolean;
}

export interface Concept {
  hex: string;
  label: string;
  synonyms: string[];
  group: string;
  subgroup: string;
  styles: StyleKey[];
  /** Fits into a scene beside others. */
  composable: boolean;
  /** Its mirror image is something else (a hand that points left, three o'clock, a waxing moon) or wrong (writing): it is never turned over. */
  handed: boolean;
  /** The hand-written noun, where there is one. */
  core?: CoreNoun;
}

/** Restricts the art: the n most everyday concepts that exist in all of the styles. */
export interface Scope {
  concepts?: number;
  styles?: string[];
}

type SpriteRow = [
  icon: string,
  x: number,
  y: number,
  w: number,
  h: number,
  l: number,
  c: number,
  hue: number,
  share: number,
  flags: number,
];
const spriteRows = () => table<Record<StyleKey, Record<string, SpriteRow>>>('sprites');

interface Icon {
  body: string;
  viewBox: string;
}

interface IconFile {
  icons: Record<string, { body: string; width?: number; height?: number; left?: number; top?: number }>;
  aliases?: Record<string, { parent: string }>;
  width?: number;
  height?: number;
}

const sets = new Map<StyleKey, (icon: string) => Icon | undefined>();
const require = createRequire(import.meta.url);

function locate(style: StyleKey, file: string): string {
  const path = `${STYLES[style].package}/${file}`;
  try {
    return require.resolve(path);
  } catch (cause) {
    throw new InputError(
      'data.package',
      `the art of style "${STYLES[style].word}" (${path}) is not installed; run npm ci in the repository`,
      { cause },
    );
  }
}

/** The drawings of a style's package, by icon name. */
export function iconSet(style: StyleKey): (icon: string) => Icon | undefined {
  let set = sets.get(style);
  if (!set) sets.set(style, (set = STYLES[style].raster ? rasterSet(style) : vectorSet(style)));
  return set;
}

function vectorSet(style: StyleKey): (icon: string) => Icon | undefined {
  const file = JSON.parse(readFileSync(locate(style, 'icons.json'), 'utf8')) as IconFile;
  return (name) => {
    const icon = file.icons[name] ?? file.icons[file.aliases?.[name]?.parent ?? ''];
    if (!icon) return undefined;
    const [w, h] = [icon.width ?? file.width ?? 16, icon.height ?? file.height ?? 16];
    return { body: withoutGroups(icon.body), viewBox: `${icon.left ?? 0} ${icon.top ?? 0} ${w} ${h}` };
  };
}

/** `opacity` on a shape without a stroke is its `fill-opacity`: the same picture without a layer, which costs time and can
 * abort resvg (draw.ts). */
function withoutGroups(body: string): string {
  if (!body.includes(' opacity="') || /<g\b[^>]*stroke/.test(body)) return body;
  return body.replace(/<(?:path|circle|ellipse|rect|polygon)\b[^>]*>/g, (shape) =>
    /stroke|fill-opacity|style=/.test(shape) ? shape : shape.replace(' opacity="', ' fill-opacity="'),
  );
}

/** The 3D art is WebP, which resvg draws from a data URI only when it was built for it: `render-child` turns it into PNG. */
function rasterSet(style: StyleKey): (icon: string) => Icon | undefined {
  const folder = dirname(locate(style, 'package.json'));
  return (name) => {
    const path = join(folder, 'assets', name);
    if (!existsSync(path)) return undefined;
    return { body: `<image width="256" height="256" href="webp:${name}"/>`, viewBox: '0 0 256 256' };
  };
}

/** One sprite, or undefined where the style lacks the concept or a filter leaves it out. */
export function sprite(concept: string, style: StyleKey): Sprite | undefined {
  const row = spriteRows()[style]?.[concept];
  const icon = row && iconSet(style)(row[0]);
  if (!row || !icon) return undefined;
  const [, x, y, w, h, l, c, hue, share, flags] = row;
  return {
    concept,
    style,
    body: icon.body,
    viewBox: icon.viewBox,
    box: [x / 100, y / 100, w / 100, h / 100],
    colour: { l: l / 100, c: c / 1000, h: hue },
    share: share / 100,
    stray: (flags & 2) !== 0,
  };
}

let all: Concept[] | undefined;

/** Labels of handed concepts. Who also exists "facing right" faces left, and is handed too. */
const HANDED = /\b(left|right)|o’clock|-thirty|waxing|waning|quarter moon|calendar|banknote|newspaper|hundred points|stop sign/;

/** Every concept, ranked: the core nouns first, then by the number of styles, ties broken by hash. */
export function concepts(): readonly Concept[] {
  if (all) return all;
  const rows = table<[string, string, string[], string, string, number][]>('concepts');
  const drawn = spriteRows();
  const labels = new Set(rows.map(([, label]) => label));
  const core = new Map(CORE_NOUNS.map((noun, rank) => [noun.label, { noun, rank }]));
  const ranked = rows.map(([hex, label, synonyms, group, subgroup, concrete]) => {
    const styles = STYLE_KEYS.filter((k) => drawn[k]?.[hex]);
    const plates = styles.filter((k) => drawn[k]![hex]![9] & 1).length;
    const found = core.get(label);
    const composable = found !== undefined || (concrete === 1 && plates === 0 && group !== 'symbols');
    const handed = HANDED.test(label) || labels.has(`${label}: facing right`);
    const rank = found ? found.rank : 1e4 * (composable ? 1 : 2) - styles.length * 100 + (hash32(hex) % 100);
    return { rank, concept: { hex, label, synonyms, group, subgroup, styles, composable, handed, ...(found && { core: found.noun }) } };
  });
  return (all = ranked.sort((a, b) => a.rank - b.rank).map((r) => r.concept));
}

/** The n most everyday concepts that exist in every one of the styles (keys or words). */
export function coreConcepts(n: number, styles: readonly string[] = STYLE_KEYS): Concept[] {
  const keys = styles.map(styleKey);
  return concepts()
    .filter((c) => keys.every((k) => c.styles.includes(k)))
    .slice(0, n);
}

/** The concepts and styles that a scope leaves; without `concepts` every concept that has at least one of the styles. */
export function inScope({ concepts: n, styles }: Scope = {}): { concepts: readonly Concept[]; styles: StyleKey[] } {
  const keys = styles?.map(styleKey) ?? STYLE_KEYS;
  if (n !== undefined) return { concepts: coreConcepts(n, keys), styles: keys };
  return { concepts: concepts().filter((c) => c.styles.some((k) => keys.includes(k))), styles: keys };
}
