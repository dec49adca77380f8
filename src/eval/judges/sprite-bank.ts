// Every drawing that a classifier must know, drawn once and kept as bytes: each (concept, style) as it is, in a few colours where
// the data recolours it too, and backgrounds to lay it on. Training then composes its crops from these (compose.ts), and needs no
// drawing process. Drawn at twice the size and shrunk: in what it is measured on, things are drawn large and shrunk to a crop, and
// gradients and blurs drawn small are other pixels. The bank of all art takes some minutes of two cores, and is kept in a file.
import { existsSync } from 'node:fs';
import {
  PLAIN_COLOURS,
  SCENERY_NAMES,
  drawBackground,
  isDark,
  plainHex,
  type Background,
  type SceneryName,
} from '../../data/backgrounds.ts';
import { COLOUR_NAMES, fromHex, type ColourName } from '../../data/colour.ts';
import { canRecolour, boxOf, sceneSvg, type Placed } from '../../data/scenes.ts';
import { inScope, sprite, type Concept, type Scope, type StyleKey } from '../../data/sprites.ts';
import { renderPool, type RenderJob } from '../../data/render.ts';
import { readSafetensors, writeSafetensors } from '../../disk/files.ts';
import { tensor } from '../../tensor/tensor.ts';
import type { Random } from '../../util/random.ts';
import { shrink } from './crop.ts';

const CANVAS = { side: 80, art: 0.8 } as const;
/** Pixels of a background. */
export const BACKDROP = 96;

/** A drawing on a transparent canvas. */
export interface Drawn {
  /** The data shows it in other colours too. */
  readonly paintable: boolean;
  /** Colour that it was given. */
  readonly colour?: ColourName;
  /** The background that it needs (icons are dark or white by it); undefined: any. */
  readonly on?: 'light' | 'dark';
  /** Never turned over: its mirror image is something else. */
  readonly handed?: boolean;
  /** Cut off below: there the picture ends. */
  readonly bust?: boolean;
  /** Width and height of the art, as shares of its canvas. */
  readonly art: readonly [number, number];
  /** Premultiplied RGBA of the canvas. */
  readonly bytes: Uint8Array;
}

/** Numbers of its concept and style. */
export interface DrawnSprite extends Drawn {
  readonly concept: number;
  readonly style: number;
}

export interface Backdrop {
  readonly dark: boolean;
  readonly scenery: boolean;
  /** The colour that things in front of it do not have. */
  readonly colour?: ColourName;
  /** Premultiplied RGBA, BACKDROP squared; or one colour. */
  readonly bytes: Uint8Array;
}

/** Drawings in groups, a sprite's in all its colours, and what they can stand in front of. */
export interface Bank<D extends Drawn> {
  /** Pixels of a canvas, and the share of it that the longer side of the art takes. */
  readonly canvas: { readonly side: number; readonly art: number };
  readonly drawings: readonly (readonly D[])[];
  /** White, transparent, plain, sceneries. */
  readonly backdrops: readonly (readonly Backdrop[])[];
}

/** As dataset.ts has it: sceneries that hide a colour. */
const HIDDEN_BY: Readonly<Partial<Record<SceneryName, ColourName>>> = { snow: 'white', night: 'black', space: 'black' };

const named = ({ label, core }: Concept) => COLOUR_NAMES.some((c) => (core?.noun ?? label).split(' ').includes(c));

/** The colours in which the data shows a sprite, besides its own: as dataset.ts decides. */
function coloursOf(concept: Concept, style: StyleKey, rng: Random, count: number): ColourName[] {
  const found = sprite(concept.hex, style);
  if (!found || named(concept) || !canRecolour(found) || (concept.group === 'people-body' && style !== 'mono')) return [];
  const left = [...COLOUR_NAMES];
  return Array.from({ length: count }, () => left.splice(rng.integer(left.length), 1)[0]!);
}

type Wanted = Omit<DrawnSprite, 'bytes'> & { job: RenderJob };

function wantedOf(concept: Concept, c: number, style: StyleKey, s: number, rng: Random, recolours: number): Wanted[] {
  const colours = coloursOf(concept, style, rng, recolours);
  const looks: { colour?: ColourName; on?: 'light' | 'dark' }[] =
    style === 'mono' ? [{ on: 'light' }, { colour: 'white', on: 'dark' }] : [{}];
  return [...looks, ...colours.map((colour) => ({ colour }))].map(({ colour, on }: (typeof looks)[number]) => {
    const placed: Placed = { concept: concept.hex, style, ...(colour && { colour }), x: 0.5, y: 0.5, size: CANVAS.art, flip: false };
    const scene = { width: 64, height: 64, background: { kind: 'transparent', seed: 0 } as Background, objects: [placed] };
    const [, , w, h] = boxOf(placed, scene);
    return {
      concept: c,
      style: s,
      paintable: colours.length > 0,
      ...(concept.handed && { handed: true }),
      ...(colour && { colour }),
      ...(on && { on }),
      art: [w, h] as const,
      job: { svg: sceneSvg(scene), width: 2 * CANVAS.side, height: 2 * CANVAS.side },
    };
  });
}

/** A drawing of twice the canvas' side, shrunk to it. */
const onCanvas = (pixels: Uint8Array) => Uint8Array.from(shrink(Float32Array.from(pixels), 2 * CANVAS.side, CANVAS.side), (v) => v + 0.5);

/** Draws the bank of a scope. `recolours`: how many other colours of each sprite that takes colours. */
export async function drawSpriteBank(
  scope: Scope,
  rng: Random,
  { recolours = 2, sceneries = 12, processes = 2 } = {},
): Promise<Bank<DrawnSprite>> {
  const { concepts, styles } = inScope(scope);
  const wanted = concepts.flatMap((concept, c) =>
    styles.flatMap((style, s) => (concept.styles.includes(style) ? wantedOf(concept, c, style, s, rng, recolours) : [])),
  );
  const pool = renderPool({ processes, seconds: 600 });
  const drawings = new Map<string, DrawnSprite[]>();
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(wanted.map((w) => w.job))) {
      const { job: _, ...facts } = wanted[i++]!;
      if (!pixels) continue;
      const key = `${facts.concept}:${facts.style}`;
      const list = drawings.get(key) ?? [];
      drawings.set(key, list);
      list.push({ ...facts, bytes: onCanvas(pixels) });
    }
  } finally {
    pool.close();
  }
  return { canvas: CANVAS, drawings: [...drawings.values()], backdrops: await drawBackdrops(rng, sceneries) };
}

/** White, transparent, every plain colour, `sceneries` of each scenery. */
export async function drawBackdrops(rng: Random, sceneries: number): Promise<Backdrop[][]> {
  const kinds = SCENERY_NAMES.flatMap((kind) => Array.from({ length: sceneries }, () => ({ kind, seed: rng.integer(2 ** 31) })));
  const jobs = kinds.map((b) => ({
    svg: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96">${drawBackground(b, 96, 96)}</svg>`,
    width: BACKDROP,
    height: BACKDROP,
  }));
  const pool = renderPool();
  const scenes: Backdrop[] = [];
  try {
    let i = 0;
    for await (const { pixels } of pool.renderAll(jobs)) {
      const one = kinds[i++]!;
      const colour = HIDDEN_BY[one.kind];
      if (pixels) scenes.push({ dark: isDark(one), scenery: true, ...(colour && { colour }), bytes: Uint8Array.from(pixels) });
    }
  } finally {
    pool.close();
  }
  const plains = PLAIN_COLOURS.map(
    (colour): Backdrop => ({
      dark: colour === 'black',
      scenery: false,
      colour,
      bytes: Uint8Array.from([...fromHex(plainHex(colour)), 255]),
    }),
  );
  const white: Backdrop = { dark: false, scenery: false, colour: 'white', bytes: new Uint8Array(4).fill(255) };
  const nothing: Backdrop = { dark: false, scenery: false, bytes: new Uint8Array(4) };
  return [[white], [nothing], plains, scenes];
}

/** The bank in a file, drawn when there is none; a file of another scope or seed is the caller's to remove. */
export async function spriteBank(path: string, draw: () => Promise<Bank<DrawnSprite>>): Promise<Bank<DrawnSprite>> {
  if (existsSync(path)) {
    const { tensors, metadata } = await readSafetensors(path);
    const { drawings, backdrops } = JSON.parse(metadata.bank!) as {
      drawings: Omit<DrawnSprite, 'bytes'>[][];
      backdrops: (Omit<Backdrop, 'bytes'> & { length: number })[][];
    };
    const rows = (key: string) => {
      let at = 0;
      const data = tensors[key]!.data as Uint8Array;
      return (n: number) => data.subarray(at, (at += n));
    };
    const [drawn, behind] = [rows('drawings'), rows('backdrops')];
    return {
      canvas: CANVAS,
      drawings: drawings.map((list) => list.map((d) => ({ ...d, bytes: drawn(CANVAS.side ** 2 * 4) }))),
      backdrops: backdrops.map((list) => list.map(({ length, ...b }) => ({ ...b, bytes: behind(length) }))),
    };
  }
  const bank = await draw();
  const joined = (parts: readonly Uint8Array[]) => {
    const data = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
    parts.reduce((at, p) => (data.set(p, at), at + p.length), 0);
    return tensor('uint8', [data.length], data);
  };
  const facts = {
    drawings: bank.drawings.map((list) => list.map(({ bytes: _, ...d }) => d)),
    backdrops: bank.backdrops.map((list) => list.map(({ bytes, ...b }) => ({ ...b, length: bytes.length }))),
  };
  const bytes = (groups: readonly (readonly { bytes: Uint8Array }[])[]) => joined(groups.flat().map((d) => d.bytes));
  await writeSafetensors(path, { drawings: bytes(bank.drawings), backdrops: bytes(bank.backdrops) }, { bank: JSON.stringify(facts) });
  return bank;
}
