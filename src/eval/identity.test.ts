import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { DATA } from '../data/dataset.ts';
import { ATTRIBUTES } from './judges/characters.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { hash32, random } from '../util/random.ts';
import { judgeSubjects, measureIdentity, subjectScenes, type Figure, type SubjectScene } from './identity.ts';
import { openLedger } from './ledger.ts';
import type { Judges } from './judges/judges.ts';
import type { Suite, Variant } from './suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-identity-'));
afterAll(() => rmSync(folder, { recursive: true }));

const WORDS = Object.fromEntries(ATTRIBUTES.map((a) => [a, 'same'])) as Figure['words'];

/** A figure that points one way among others, with some words of its own. */
function figure(identity: readonly number[], words: Partial<Figure['words']> = {}, likeness: readonly number[] = [10, 10]): Figure {
  const length = Math.hypot(...identity);
  return { box: [0, 0, 0.5, 1], identity: identity.map((x) => x / length), words: { ...WORDS, ...words }, likeness };
}
const [ann, bob] = [
  figure([1, 0, 0], { hair: 'long', hat: 'none', expression: 'happy' }),
  figure([0, 1, 0], { hair: 'short', hat: 'none', expression: 'sad' }),
];
const crowd = [[0, 0, 1]];

test('found in any order, each is its own', () => {
  const found = [
    figure([0.1, 0.9, 0], { hair: 'short', expression: 'angry' }),
    figure([0.8, 0.2, 0.1], { hair: 'long', expression: 'calm' }),
  ];
  const verdicts = judgeSubjects(found, [ann, bob], ['calm', 'angry'], crowd);
  expect(verdicts).toEqual([0, 1].map(() => ({ found: true, match: true, chances: 1, bled: 0, asked: true, kept: false, copied: false })));
});

test('somebody of the crowd is no match, nor is one who is liker to the other', () => {
  const [a, b] = judgeSubjects([figure([0.5, 0, 0.8]), figure([0.1, 0.9, 0])], [ann, bob], ['calm', 'calm'], crowd);
  expect([a!.match, b!.match]).toEqual([false, true]);
  const twins = judgeSubjects([figure([0.2, 0.9, 0]), figure([0, 1, 0])], [ann, bob], ['calm', 'calm'], crowd);
  expect(twins.map((v) => v.match)).toEqual([false, true]);
});

test('nobody found for one of them', () => {
  const [a, b] = judgeSubjects([figure([0, 1, 0])], [ann, bob], ['calm', 'calm'], crowd);
  expect([a, b!.match]).toEqual([{ found: false, match: false, chances: 0, bled: 0 }, true]);
});

test('bleeding: the hair of the other; what both share cannot bleed, what neither has did not come from the other', () => {
  const bled = (hair: string) =>
    judgeSubjects([figure([1, 0, 0], { hair }), figure([0, 1, 0], { hair: 'short' })], [ann, bob], ['calm', 'calm'], crowd)[0]!;
  expect([bled('short'), bled('long'), bled('afro')].map((v) => [v.chances, v.bled])).toEqual([
    [1, 1],
    [1, 0],
    [1, 0],
  ]);
});

test('the expression asked for, the one of the reference, another one; and the very pixels', () => {
  const of = (expression: string, likeness: number) =>
    judgeSubjects([figure([1, 0, 0], { expression }, [likeness])], [ann], ['calm'], crowd)[0]!;
  expect([of('calm', 24), of('happy', 26), of('sad', 5)].map(({ asked, kept, copied }) => [asked, kept, copied])).toEqual([
    [true, false, false],
    [false, true, true],
    [false, false, false],
  ]);
});

test('scenes of one to five: each subject a slot, a picture and an expression; the first ones the same for any count', {
  timeout: 30_000,
}, () => {
  const scenes = subjectScenes(DATA.pico, 2, 1);
  expect(scenes.map((s) => s.subjects)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
  expect(subjectScenes(DATA.pico, 1, 1)).toEqual(scenes.filter((s) => s.index === 0));
  for (const { subjects, references, expressions, caption, svg, width, height } of scenes) {
    expect([references.length, expressions.length, width > height]).toEqual([subjects, subjects, subjects === 5]);
    for (const { slot, svg: own } of references) {
      expect(caption).toContain(`<${slot}>`);
      expect(own).not.toBe(svg);
    }
  }
});

/** Judges that know who is in every picture that the pool "draws": pictures are numbers, and a number stands for an SVG. */
function knowing(scenes: readonly SubjectScene[]): { suite: Suite; draw: (svg: string) => Tensor } {
  const numbers = new Map<string, number>();
  const numberOf = (svg: string) => numbers.get(svg) ?? numbers.set(svg, numbers.size).get(svg)!;
  /** Somebody: a random direction for each reference picture. */
  const who = (svg: string) => {
    const v = random(hash32(svg)).normals(16);
    const length = Math.hypot(...v);
    return v.map((x) => x / length);
  };
  const words = ['happy', 'other'];
  const figure = (svg: string, expression: string) => ({
    box: [0, 0, 1, 1] as const,
    identity: who(svg),
    attributes: Object.fromEntries(
      ATTRIBUTES.map((a) => [a, a === 'expression' && expression === 'happy' ? Float32Array.of(1, 0) : Float32Array.of(0, 1)]),
    ),
  });
  const paint = (svg: string, width: number, height: number) => {
    const n = numberOf(svg);
    return float32(
      [1, height, width, 4],
      new Float32Array(width * height * 4).fill((n % 250) / 125 - 1).fill(Math.floor(n / 250) / 125 - 1, 4, 8),
    );
  };
  const judges = {
    classes: { attributes: Object.fromEntries(ATTRIBUTES.map((a) => [a, words])) },
    readCharacters: async ({ data }: Tensor) => {
      const n = Math.round(((data[0] as number) + 1) * 125) + 250 * Math.round(((data[4] as number) + 1) * 125);
      const svg = [...numbers].find(([, k]) => k === n)![0];
      const scene = scenes.find((s) => s.svg === svg);
      return scene ? scene.references.map((r, i) => figure(r.svg, scene.expressions[i]!)) : [figure(svg, 'other')];
    },
  } as unknown as Judges;
  const bytes = ({ data }: Tensor) => Uint8Array.from(data as Float32Array, (x) => Math.round(((x + 1) / 2) * 255));
  const pool = {
    render: async ({ svg, width, height }: { svg: string; width: number; height: number }) => ({
      pixels: bytes(paint(svg, width, height)),
    }),
  } as unknown as Suite['pool'];
  const suite: Suite = {
    judges,
    judgesKey: { judges: 'j' },
    pool,
    side: 16,
    ledger: openLedger(join(folder, 'a.jsonl')),
    progress: () => {},
  };
  return { suite, draw: (svg) => paint(svg, 16, 16) };
}

test('a model that draws the truth has every subject, one that draws the first reference has one of two', { timeout: 60_000 }, async () => {
  const scenes = subjectScenes(DATA.pico, 2, 1).filter((s) => s.subjects <= 2);
  const { suite, draw } = knowing(scenes);
  const sceneOf = (caption: string) => scenes.find((s) => s.caption === caption)!;
  const by = (name: string, svgOf: (s: SubjectScene) => string): Variant => ({
    name,
    key: { model: name },
    draw: async (prompt) => draw(svgOf(sceneOf(prompt))),
  });
  const right = await measureIdentity(
    suite,
    by('right', (s) => s.svg),
    scenes,
    DATA.pico,
    1,
  );
  for (const n of [1, 2]) expect(right.result[n]!.drawn).toEqual(right.result[n]!.real);
  expect(right.result[2]!.drawn).toMatchObject({ subjects: 4, found: 1, match: 1 });
  const copies = await measureIdentity(
    suite,
    by('copies', (s) => s.references[0]!.svg),
    scenes,
    DATA.pico,
    1,
  );
  expect([copies.result[1]!.drawn.match, copies.result[2]!.drawn.match, copies.result[2]!.drawn.found]).toEqual([1, 0.5, 0.5]);
  expect(copies.result[2]!.drawn.copied).toBe(1);
  expect(copies.misses.map((m) => m.why)).toEqual(['1 of 2 recognised', '1 of 2 recognised']);
});
