// The dataset: sample i of seed s is a pure function, `sample(seed, i, options)` -> an SVG, its caption and what is true of
// it. Nothing is rendered here (render.ts) or stored (pack.ts). The presets' scopes and mixes stand in one table, DATA.
import { random, type Random } from '../util/random.ts';
import { PLAIN_COLOURS, sceneryOf, SCENERY_NAMES, type Background } from './backgrounds.ts';
import { CAPTIONS, caption, isCountable, type Facts, type Thing } from './captions.ts';
import { COLOUR_NAMES, nameOf, type ColourName } from './colour.ts';
import { characterSample, slotsFor } from './characters.ts';
import { LAYOUTS, type LayoutName } from './layouts.ts';
import type { DataOptions, Sample, Subject } from './sample.ts';
import { boxOf, canRecolour, sceneSvg, type Placed, type Scene } from './scenes.ts';
import { heldOut } from './splits.ts';
import { inScope, sprite, STYLES, type Concept, type Scope, type StyleKey } from './sprites.ts';

// The latent grids that draw/size.ts gives to 1:1, 4:3 and 5:4, 16:9, 21:9 and 4:1, where a picture has 64 tokens; 3:2 (10 x 7) lies between.
const MANY: DataOptions['aspects'] = [
  [256, 256, 5],
  [288, 224, 1],
  [224, 288, 1],
  [352, 192, 1],
  [192, 352, 1],
  [384, 160, 0.5],
  [160, 384, 0.25],
  [512, 128, 0.25],
  [128, 512, 0.25],
];

const FULL: DataOptions = {
  mix: { single: 0.4, scene: 0.37, character: 0.23 },
  scope: {},
  aspects: MANY,
  subjects: 0.15,
  split: 'train',
  captions: {},
  recolour: 0.3,
  size: 256,
};

/** What each preset trains on. */
export const DATA = {
  tiny: {
    ...FULL,
    mix: { single: 0.7, scene: 0.3, character: 0 },
    scope: { concepts: 20, styles: ['flat', 'bold flat'] },
    aspects: [
      [64, 64, 1],
      [128, 32, 1],
    ],
    subjects: 0.2,
    size: 64,
    captions: { languages: { en: 0.9, nl: 0.1 } },
  },
  // Narrow on purpose: what two cores can learn in an hour or two.
  layers: {
    ...FULL,
    mix: { single: 0.6, scene: 0.4, character: 0 },
    scope: { concepts: 300, styles: ['flat', 'soft gradient', '3D', 'shaded cartoon'] },
    aspects: [[256, 256, 1]],
    subjects: 0,
    captions: { languages: { en: 0.85, nl: 0.15 } },
  },
  pico: {
    ...FULL,
    mix: { single: 0.52, scene: 0.32, character: 0.16 },
    scope: { concepts: 200, styles: ['flat', 'bold flat', 'shaded cartoon'] },
    subjects: 0.25,
    captions: { languages: { en: 0.85, nl: 0.15 } },
  },
  nano: FULL,
  xl: FULL,
} satisfies Record<string, DataOptions>;
export type DataPreset = keyof typeof DATA;

type Pool = { concepts: readonly Concept[]; styles: StyleKey[] };
const pools = new Map<string, Pool>();

function poolOf(scope: Scope): Pool {
  const key = JSON.stringify(scope);
  let pool = pools.get(key);
  if (!pool) pools.set(key, (pool = inScope(scope)));
  return pool;
}

/** The icon style is one in ten, the others equal; a style must have the concept, and the pair must be of the split. */
function pickStyle(concept: Concept, styles: readonly StyleKey[], rng: Random): StyleKey | undefined {
  const able = styles.filter((s) => concept.styles.includes(s));
  return able.length ? able[rng.weighted(able.map((s) => (s === 'mono' ? 0.5 : 1)))] : undefined;
}

function pickBackground(rng: Random, style: StyleKey, single: boolean): Background {
  const seed = rng.integer(2 ** 31);
  const draw = rng.uniform();
  const plain = (): Background => ({ kind: 'plain', colour: rng.pick(PLAIN_COLOURS), seed });
  if (style === 'mono') return draw < 0.4 ? { kind: 'white', seed } : draw < 0.6 ? { kind: 'transparent', seed } : plain();
  if (draw < (single ? 0.25 : 0.15)) return { kind: 'white', seed };
  if (draw < (single ? 0.45 : 0.25)) return { kind: 'transparent', seed };
  if (draw < (single ? 0.6 : 0.4)) return plain();
  return { kind: rng.pick(SCENERY_NAMES), seed };
}

const groundOf = (rng: Random, style: StyleKey, single: boolean, { grounds }: DataOptions): Background =>
  grounds ? { kind: grounds, seed: 0 } : pickBackground(rng, style, single);

/** A colour that differs from the background's and that the sprite can take. */
function pickColour({ hex, group, label, core }: Concept, style: StyleKey, background: Background, rng: Random): ColourName | undefined {
  const found = sprite(hex, style);
  // A "green book" painted red would still be called green.
  const named = COLOUR_NAMES.some((c) => (core?.noun ?? label).split(' ').includes(c));
  if (!found || named || !canRecolour(found) || (group === 'people-body' && style !== 'mono')) return undefined;
  const avoid =
    background.kind === 'plain'
      ? background.colour
      : background.kind === 'white' || background.kind === 'snow'
        ? 'white'
        : background.kind === 'night' || background.kind === 'space'
          ? 'black'
          : undefined;
  return rng.pick(COLOUR_NAMES.filter((c) => c !== avoid));
}

/** The colour that a drawing has anyway, for a caption to say: always where the noun leaves it open, else now and then. */
function ownColour(concept: Concept, style: StyleKey, rng: Random): ColourName | undefined {
  if (style === 'mono') return undefined;
  const own = concept.core?.colour;
  if (own) return own !== 'red' || rng.uniform() < 0.5 ? own : undefined;
  const found = sprite(concept.hex, style);
  if (rng.uniform() >= 0.2 || !found || found.share < 0.7 || ['people-body', 'smileys-emotion'].includes(concept.group)) return undefined;
  return nameOf(found.colour);
}

/** Everything about a scene that the splits look at. */
export function isHeldOut(facts: Facts): boolean {
  const [a, b] = facts.things;
  return (
    facts.things.some((t) => heldOut('style', t.concept.hex, facts.style)) ||
    facts.things.some((t) => t.colour !== undefined && heldOut('colour', t.concept.hex, t.colour)) ||
    facts.things.some((t) => t.count > 1 && heldOut('count', t.concept.hex, t.count)) ||
    (facts.relation !== undefined &&
      a !== undefined &&
      b !== undefined &&
      heldOut('relation', a.concept.hex, facts.relation, b.concept.hex)) ||
    (sceneryOf(facts.background) !== undefined && facts.things.some((t) => heldOut('background', t.concept.hex, facts.background.kind)))
  );
}

/** A scene, and what is true of it. */
export interface Draft {
  facts: Facts;
  scene: Scene;
}

/** One object, centred, in the canonical place and size. */
function single(rng: Random, pool: Pool, o: DataOptions, aspect: [number, number]): Draft | undefined {
  const concept = rng.pick(pool.concepts);
  const style = pickStyle(concept, pool.styles, rng);
  if (!style) return undefined;
  const background = groundOf(rng, style, true, o);
  return arrange('one', [concept], style, background, rng, o, aspect);
}

function scene(rng: Random, pool: Pool, o: DataOptions, aspect: [number, number]): Draft | undefined {
  const layout = (['place', 'pair', 'stack', 'count', 'trio'] as const)[rng.weighted([0.25, 0.3, 0.15, 0.2, 0.1])]!;
  const style = rng.pick(pool.styles);
  const able = pool.concepts.filter((c) => c.composable && c.styles.includes(style));
  const first = rng.pick(able);
  if (layout === 'count' && !isCountable(first)) return undefined;
  const chosen = [first];
  while (chosen.length < LAYOUTS[layout].things) {
    const next = rng.pick(able);
    if (chosen.every((c) => c.label !== next.label && c.core?.noun !== (next.core?.noun ?? next.label))) chosen.push(next);
  }
  return arrange(layout, chosen, style, groundOf(rng, style, false, o), rng, o, aspect);
}

/** Puts concepts into a layout: positions, sizes, colours, flips. */
function arrange(
  name: LayoutName,
  chosen: Concept[],
  style: StyleKey,
  background: Background,
  rng: Random,
  o: DataOptions,
  [width, height]: [number, number],
): Draft {
  const painted = new Set<string>();
  const things: Thing[] = chosen.map((concept) => {
    const colour = rng.uniform() < o.recolour ? pickColour(concept, style, background, rng) : undefined;
    if (colour) painted.add(concept.hex);
    const said = colour ?? ownColour(concept, style, rng);
    return { concept, count: 1, ...(said && { colour: said }) };
  });
  const { places, relation, position, count, sizes } = LAYOUTS[name].place(rng, width / height, sceneryOf(background)?.ground);
  const objects = places.map((place): Placed => {
    const { concept, colour } = things[place.thing]!;
    const placed: Placed = {
      concept: concept.hex,
      style,
      ...(colour && painted.has(concept.hex) && { colour }),
      x: place.x,
      y: place.y,
      size: place.size,
      flip: rng.uniform() < 0.25 && !concept.handed,
    };
    if (place.stand === undefined) return placed;
    return { ...placed, y: place.stand - boxOf(placed, { width, height })[3] / 2 };
  });
  sizes?.forEach((size, i) => size && things[i] && (things[i].size = size));
  if (count !== undefined) things[0]!.count = count;
  const facts: Facts = { things, background, style, ...(relation && { relation }), ...(position && { position }) };
  return { facts, scene: { width, height, background, objects } };
}

/** A square picture of one thing alone: the reference of a subject. */
function referenceOf(placed: Placed, { handed }: Concept, rng: Random): string {
  const alone: Placed = { ...placed, x: 0.5, y: 0.5, size: 0.74, flip: rng.uniform() < 0.5 && !handed };
  return sceneSvg({
    width: 256,
    height: 256,
    background: { kind: rng.uniform() < 0.7 ? 'white' : 'transparent', seed: 0 },
    objects: [alone],
  });
}

/** Sample `index` of `seed`: always the same for the same options. */
export function sample(seed: number, index: number, options: Partial<DataOptions> = {}): Sample {
  const o = { ...FULL, ...options };
  const rng = random(seed).split(`sample:${o.split}`).split(index);
  const pool = poolOf(o.scope);
  const aspect = o.aspects[rng.weighted(o.aspects.map((a) => a[2]))]!;
  const kinds = ['single', 'scene', 'character'] as const;
  const kind = kinds[rng.weighted(kinds.map((k) => o.mix[k]))]!;
  if (kind === 'character') return characterSample(index, rng, [aspect[0], aspect[1]], o);
  return finish(index, kind, draftOf(kind, rng, pool, o, [aspect[0], aspect[1]]), rng, o);
}

/** A scene of this kind that the split may show. */
function draftOf(kind: 'single' | 'scene', rng: Random, pool: Pool, o: DataOptions, aspect: [number, number]): Draft {
  for (let attempt = 0; ; attempt++) {
    const draft = (kind === 'single' ? single : scene)(rng, pool, o, aspect);
    // A scope so small that nothing of it is held out gives, after 400 tries, what there is.
    if (draft && (isHeldOut(draft.facts) === (o.split === 'test') || attempt >= 400)) return draft;
  }
}

/** A scene of sprites, and its caption, undrawn: what a layered picture is composed of. Always the same for the same stream. */
export function composed(kind: 'single' | 'scene', rng: Random, options: DataOptions): Draft & { caption: string } {
  const aspect = options.aspects[rng.weighted(options.aspects.map((a) => a[2]))]!;
  const draft = draftOf(kind, rng, poolOf(options.scope), options, [aspect[0], aspect[1]]);
  if (options.subjects > 0) giveSlots(draft.facts, rng, options);
  const { text } = caption(draft.facts, rng, { ...CAPTIONS, ...options.captions, split: options.split });
  return { ...draft, caption: text };
}

/** Makes things of a share of the scenes subjects, each known from a reference; `each`, once for each, in order. */
function giveSlots(
  { things }: Facts,
  rng: Random,
  o: DataOptions,
  each: (thing: Thing & { slot: number }, i: number) => void = () => {},
): void {
  if (!(rng.uniform() < o.subjects && things.every((t) => t.count === 1))) return;
  const slots = slotsFor(things.length, rng);
  for (const [i, t] of things.entries()) {
    if (i > 0 && rng.uniform() < 0.4) continue;
    const slot = (t.slot = slots.shift()!);
    each({ ...t, slot }, i);
  }
}

function finish(index: number, kind: string, { facts, scene }: Draft, rng: Random, o: DataOptions): Sample {
  const subjects: Subject[] = [];
  giveSlots(facts, rng, o, ({ slot, concept }, i) =>
    subjects.push({ slot, referenceSvg: referenceOf(scene.objects[i]!, concept, rng), label: concept.label }),
  );
  const { text, language } = caption(facts, rng, { ...CAPTIONS, ...o.captions, split: o.split });
  const known = new Map(facts.things.map((t) => [t.concept.hex, t]));
  return {
    index,
    kind,
    caption: text,
    language,
    svg: sceneSvg(scene),
    width: scene.width,
    height: scene.height,
    style: STYLES[facts.style].word,
    background: facts.background,
    transparent: facts.background.kind === 'transparent',
    objects: scene.objects.map((p) => ({
      concept: p.concept,
      label: known.get(p.concept)!.concept.label,
      ...(known.get(p.concept)!.colour && { colour: known.get(p.concept)!.colour! }),
      box: boxOf(p, scene),
      flip: p.flip,
    })),
    ...(facts.relation && { relation: facts.relation }),
    ...(subjects.length && { subjects }),
  };
}

/** Samples without end, from `start` on. */
export function* samples(seed: number, options: Partial<DataOptions> = {}, start = 0): Generator<Sample, never> {
  for (let i = start; ; i++) yield sample(seed, i, options);
}
