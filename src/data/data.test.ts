// The dataset: determinism, splits, and captions that say what the picture shows.
import { describe, expect, it } from 'vitest';
import { random } from '../util/random.ts';
import { article, caption, dutchNoun, isCountable, RELATIONS, type Facts, type Thing } from './captions.ts';
import { COLOUR_NAMES, COLOURS, colourOf, fromHex, fromOklch, toHex, toOklch, type ColourName } from './colour.ts';
import { CHARACTER_STYLES } from './characters.ts';
import { DATA, sample, samples } from './dataset.ts';
import type { Sample } from './sample.ts';
import { nounOf } from './labels.ts';
import { CORE_NOUNS } from './nouns.ts';
import { drawJob } from './draw.ts';
import { boxOf, canRecolour, prefixIds, sceneSvg } from './scenes.ts';
import { heldOut } from './splits.ts';
import { STYLE_WORDS } from '../models/style-words.ts';
import { concepts, coreConcepts, sprite, styleKey, STYLES } from './sprites.ts';

const PICO = DATA.pico;
const named = (noun: string) => concepts().find((c) => c.core?.noun === noun)!;
const english = { languages: { en: 1 }, synonym: 0, hypernym: 0, dropStyle: 0, dropBackground: 0 };
const take = (n: number, options: Parameters<typeof samples>[1], seed = 5): Sample[] =>
  Array.from({ length: n }, (_, i) => sample(seed, i, options));

describe('samples', () => {
  it('are pure functions of seed, index and options', () => {
    const [a, b] = [take(25, PICO), samples(5, PICO)];
    for (const s of a) expect(b.next().value).toEqual(s);
    expect(sample(5, 20, PICO)).toEqual(a[20]);
    expect(sample(6, 20, PICO).svg).not.toBe(a[20]!.svg);
    expect(JSON.parse(JSON.stringify(a))).toEqual(a);
  });

  it('stay inside their scope', () => {
    const scope = new Set(coreConcepts(20, ['flat', 'bold flat']).map((c) => c.hex));
    expect(scope.size).toBe(20);
    for (const s of take(60, { ...DATA.tiny, aspects: [[64, 64, 1]] })) {
      expect(['flat', 'bold flat']).toContain(s.style);
      expect([s.width, s.height]).toEqual([64, 64]);
      for (const o of s.objects) expect(scope).toContain(o.concept);
    }
  });

  it('turn things over, but not those whose mirror image is something else', () => {
    const labelled = new Map(concepts().map((c) => [c.label, c]));
    for (const label of [
      'backhand index pointing left',
      'three o’clock',
      'waxing crescent moon',
      'person walking',
      'person walking: facing right',
    ])
      expect(labelled.get(label)!.handed).toBe(true);
    for (const label of ['fox', 'bicycle', 'full moon', 'alarm clock']) expect(labelled.get(label)!.handed).toBe(false);
    const objects = take(1500, { ...DATA.nano, mix: { single: 1, scene: 0, character: 0 } }, 4).flatMap((s) => s.objects);
    const turned = (handed: boolean) => objects.filter((o) => labelled.get(o.label)!.handed === handed).map((o) => o.flip);
    expect(turned(true).length).toBeGreaterThan(20);
    expect(turned(true)).not.toContain(true);
    expect(turned(false)).toContain(true);
  });

  it('keep every object visible, mostly inside the picture', () => {
    for (const s of take(150, { ...DATA.nano, mix: { single: 1, scene: 2, character: 0 } }))
      for (const {
        box: [x, y, w, h],
      } of s.objects) {
        const seen = (Math.min(1, x + w) - Math.max(0, x)) * (Math.min(1, y + h) - Math.max(0, y));
        expect(seen / (w * h), s.caption).toBeGreaterThan(0.85);
      }
  });

  it('say relations and counts that the boxes bear out', () => {
    const checks: Record<string, (a: number[], b: number[]) => boolean> = {
      'left of': (a, b) => a[0]! + a[2]! / 2 < b[0]! + b[2]! / 2 - 0.1,
      'right of': (a, b) => a[0]! + a[2]! / 2 > b[0]! + b[2]! / 2 + 0.1,
      above: (a, b) => a[1]! + a[3]! / 2 < b[1]! + b[3]! / 2 - 0.1,
      below: (a, b) => a[1]! + a[3]! / 2 > b[1]! + b[3]! / 2 + 0.1,
      'next to': (a, b) => Math.abs(a[0]! - b[0]!) > 0.1,
    };
    const all = take(250, { ...PICO, subjects: 0, mix: { single: 0, scene: 1, character: 0 }, captions: english });
    const related = all.filter((s) => s.relation);
    expect(related.length).toBeGreaterThan(50);
    for (const s of related) {
      expect(
        RELATIONS[s.relation!].en.some((words) => s.caption.includes(words)),
        s.caption,
      ).toBe(true);
      expect(checks[s.relation!]!(s.objects[0]!.box, s.objects[1]!.box), s.caption).toBe(true);
    }
    const numbers = ['two', 'three', 'four', 'five'];
    const counted = all.filter((s) => new Set(s.objects.map((o) => o.concept)).size === 1 && s.objects.length > 1);
    expect(counted.length).toBeGreaterThan(20);
    for (const s of counted) expect(s.caption).toMatch(new RegExp(`\\b(${numbers[s.objects.length - 2]}|${s.objects.length})\\b`));
  });

  it('name a colour exactly when an object is said to have it', () => {
    for (const s of take(120, {
      ...PICO,
      subjects: 0,
      mix: { single: 1, scene: 0, character: 0 },
      captions: { ...english, dropBackground: 1 },
    })) {
      if (s.background.kind === 'plain' || s.background.kind === 'white') continue;
      const [object] = s.objects;
      const noun = concepts().find((c) => c.hex === object!.concept)!.core!.noun;
      for (const colour of COLOUR_NAMES)
        if (!noun.includes(colour)) expect(new RegExp(`\\b${colour}\\b`).test(s.caption), s.caption).toBe(object!.colour === colour);
    }
  });

  it('have subjects in every slot, up to five in a picture', () => {
    const some = take(400, { ...PICO, subjects: 1, mix: { single: 0, scene: 1, character: 1 } }).filter((s) => s.subjects);
    expect(new Set(some.flatMap((s) => s.subjects!.map(({ slot }) => slot)))).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(new Set(some.map((s) => s.subjects!.length))).toEqual(new Set([1, 2, 3, 4, 5]));
    for (const { subjects } of some)
      expect(subjects!.map(({ slot }) => slot)).toEqual([...new Set(subjects!.map(({ slot }) => slot))].sort());
  });

  it('number their reference subjects as the caption does', () => {
    const some = take(120, { ...PICO, subjects: 1 }).filter((s) => s.subjects);
    expect(some.length).toBeGreaterThan(60);
    for (const s of some)
      for (const { slot, referenceSvg } of s.subjects!) {
        expect(s.caption).toContain(`<${slot}>`);
        expect(referenceSvg).toMatch(/^<svg /);
      }
  });
});

describe('splits', () => {
  const facts = (s: Sample): boolean =>
    s.objects.some((o) => heldOut('style', o.concept, styleKey(s.style))) ||
    s.objects.some((o) => o.colour && heldOut('colour', o.concept, o.colour)) ||
    s.objects.some(
      (o) =>
        /^[a-z]/.test(s.background.kind) &&
        !['white', 'plain', 'transparent'].includes(s.background.kind) &&
        heldOut('background', o.concept, s.background.kind),
    ) ||
    (s.relation !== undefined && heldOut('relation', s.objects[0]!.concept, s.relation, s.objects[1]!.concept)) ||
    (new Set(s.objects.map((o) => o.concept)).size === 1 &&
      s.objects.length > 1 &&
      heldOut('count', s.objects[0]!.concept, s.objects.length));
  const mix = { single: 1, scene: 1, character: 0 };

  it('are disjoint: training never shows a held-out fact, every test does', () => {
    for (const s of take(150, { ...PICO, mix })) expect(facts(s), s.caption).toBe(false);
    for (const s of take(60, { ...PICO, mix, split: 'test' })) expect(facts(s), s.caption).toBe(true);
  });

  it('hold out about the stated share, always the same', () => {
    const hexes = concepts()
      .slice(0, 300)
      .map((c) => c.hex);
    const share =
      hexes.flatMap((h) => COLOUR_NAMES.map((c) => heldOut('colour', h, c))).filter(Boolean).length / (300 * COLOUR_NAMES.length);
    expect(share).toBeGreaterThan(0.08);
    expect(share).toBeLessThan(0.12);
    expect(heldOut('colour', '1F98A', 'red')).toBe(heldOut('colour', '1F98A', 'red'));
  });
});

describe('captions', () => {
  const thing = (noun: string, more: Partial<Thing> = {}): Thing => ({ concept: named(noun), count: 1, ...more });
  const say = (facts: Omit<Facts, 'style'>, seeds = 60) =>
    new Set(Array.from({ length: seeds }, (_, i) => caption({ ...facts, style: 'flat' }, random(i), english).text));

  it('reach the sentence of the README', () => {
    expect(say({ things: [thing('fox', { colour: 'red' })], background: { kind: 'snow', seed: 0 } })).toContain(
      'a red fox in the snow, flat style',
    );
  });

  it('know articles, plurals and nouns without an article', () => {
    expect(['apple', 'unicorn', 'umbrella', 'orange', 'hourglass', 'fox'].map(article)).toEqual(['an', 'a', 'an', 'an', 'an', 'a']);
    const white = { background: { kind: 'white' as const, seed: 0 } };
    expect([...say({ things: [thing('fox', { count: 3 })], ...white })].every((t) => /\b(three|3) foxes\b/.test(t))).toBe(true);
    expect([...say({ things: [thing('mouse', { count: 2 })], ...white })].every((t) => /\b(two|2) mice\b/.test(t))).toBe(true);
    expect([...say({ things: [thing('broccoli')], ...white })].some((t) => /\b(a|one) broccoli/.test(t))).toBe(false);
    expect(isCountable(named('glasses'))).toBe(false);
    expect([nounOf('six-thirty').noun, nounOf('skis').bare, nounOf('compass').bare, nounOf('woman: white hair').noun]).toEqual([
      'clock showing six-thirty',
      true,
      false,
      'woman with white hair',
    ]);
  });

  it('inflect Dutch adjectives', () => {
    const nl = (noun: string, more: Partial<Thing> = {}) => dutchNoun(thing(noun, more));
    expect(nl('fox', { colour: 'red' })).toBe('een rode vos');
    expect(nl('house', { colour: 'red' })).toBe('een rood huis');
    expect(nl('house', { colour: 'red', count: 2 })).toBe('twee rode huizen');
    expect(nl('rabbit', { colour: 'white', size: 'big' })).toBe('een groot wit konijn');
    expect(nl('car', { colour: 'yellow', size: 'small' })).toBe('een kleine gele auto');
    expect(nl('castle', { colour: 'pink' })).toBe('een roze kasteel');
    expect(nl('cherries', { colour: 'purple' })).toBe('paarse kersen');
    expect(nl('broccoli')).toBe('broccoli');
    const dutch = { languages: { nl: 1 }, dropStyle: 1, dropBackground: 0 };
    const facts: Facts = {
      things: [thing('cat'), thing('house', { colour: 'blue' })],
      relation: 'left of',
      background: { kind: 'meadow', seed: 0 },
      style: 'flat',
    };
    const said = new Set(Array.from({ length: 20 }, (_, i) => caption(facts, random(i), dutch).text));
    expect([...said].sort()).toEqual(['een kat links van een blauw huis in een weide', 'een kat links van een blauw huis op het gras']);
  });

  it('name concepts in other languages', () => {
    const facts: Facts = { things: [thing('fox', { colour: 'red' })], background: { kind: 'snow', seed: 0 }, style: 'flat' };
    const say = (language: string) => caption(facts, random(1), { languages: { [language]: 1 }, dropStyle: 0, dropBackground: 0 });
    expect(say('de')).toEqual({ text: 'Fuchs, rot, Schnee, flat style', language: 'de' });
    expect(say('fr').text).toMatch(/^renard, rouge, neige/);
    expect(say('es').text).toMatch(/^zorro, rojo, nieve/);
  });

  it('have words for every core noun', () => {
    const labels = new Map(concepts().map((c) => [c.label, c]));
    for (const n of CORE_NOUNS) {
      expect(labels.has(n.label), n.label).toBe(true);
      expect(['de', 'het'], n.label).toContain(n.dutch.article);
      expect(n.dutch.noun.length, n.label).toBeGreaterThan(1);
    }
  });
});

describe('colours and sprites', () => {
  it('go to OKLCH and back', () => {
    for (const name of COLOUR_NAMES) expect(toHex(fromOklch(toOklch(...fromHex(COLOURS[name].hex))))).toBe(COLOURS[name].hex);
    expect(toOklch(255, 255, 255).l).toBeCloseTo(1, 4);
  });

  it('recolour a drawing to the named colour, measured in its pixels', async () => {
    const size = 48;
    let [right, all] = [0, 0];
    for (const concept of coreConcepts(300, PICO.scope.styles).filter((_, i) => i % 15 === 0))
      for (const style of ['flat', 'twemoji', 'noto'] as const)
        for (const colour of ['red', 'green', 'blue', 'purple'] as ColourName[]) {
          if (!canRecolour(sprite(concept.hex, style)!)) continue;
          const svg = sceneSvg({
            width: 1,
            height: 1,
            background: { kind: 'transparent', seed: 0 },
            objects: [{ concept: concept.hex, style, colour, x: 0.5, y: 0.5, size: 0.9, flip: false }],
          });
          const px = await drawJob({ svg, width: size, height: size });
          let [near, chromatic] = [0, 0];
          for (let i = 0; i < px.length; i += 4) {
            if (px[i + 3]! < 250) continue;
            const c = toOklch(px[i]!, px[i + 1]!, px[i + 2]!);
            if (c.c < 0.05) continue;
            chromatic++;
            if (Math.abs(((c.h - colourOf(colour).h + 540) % 360) - 180) < 35) near++;
          }
          all++;
          if (near > 0.4 * chromatic) right++;
        }
    expect(all).toBeGreaterThan(100);
    expect(right / all).toBeGreaterThan(0.95);
  });

  it('have a tight box that the drawing fills', async () => {
    const placed = { concept: named('fox').hex, style: 'flat' as const, x: 0.3, y: 0.6, size: 0.4, flip: true };
    const scene = { width: 2, height: 1, background: { kind: 'transparent' as const, seed: 0 }, objects: [placed] };
    const px = await drawJob({ svg: sceneSvg(scene), width: 200, height: 100 });
    const xs: number[] = [];
    const ys: number[] = [];
    for (let i = 0; i < 200 * 100; i++) if (px[4 * i + 3]! > 100) xs.push(i % 200), ys.push(Math.floor(i / 200));
    const [x, y, w, h] = boxOf(placed, scene);
    expect(
      [
        Math.min(...xs) / 200 - x,
        Math.min(...ys) / 100 - y,
        (Math.max(...xs) + 1) / 200 - x - w,
        (Math.max(...ys) + 1) / 100 - y - h,
      ].every((d) => Math.abs(d) < 0.03),
    ).toBe(true);
  });

  it('keep ids apart, and refuse unknown styles', () => {
    expect(prefixIds('<g id="a"/><use xlink:href="#a" fill="url(#a)"/>', 'p-')).toBe(
      '<g id="p-a"/><use xlink:href="#p-a" fill="url(#p-a)"/>',
    );
    expect(styleKey('Bold Flat')).toBe('twemoji');
    expect(() => styleKey('oil')).toThrow(/unknown; the styles are flat, soft gradient/);
    expect([...Object.values(STYLES).map((s) => s.word), ...CHARACTER_STYLES]).toEqual([...STYLE_WORDS]);
  });
});
