import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { DATA } from '../data/dataset.ts';
import { heldOut } from '../data/splits.ts';
import { float32, type Tensor } from '../tensor/tensor.ts';
import { classesOf, conceptCases, SETS } from './cases.ts';
import { measureConcepts } from './concepts.ts';
import { meanScore, measureGenEval, promptsOf, TASK_NAMES, type Prompt } from './geneval.ts';
import { openLedger } from './ledger.ts';
import type { FoundObject, Judges } from './judges/judges.ts';
import { measureSteps } from './steps.ts';
import { worstOf, type Miss, type Suite, type Variant } from './suite.ts';

const data = DATA.tiny;
const { concept, labels, style, background } = classesOf(data);
const [seen, heldOutSet, synonyms, dutch] = SETS as [(typeof SETS)[0], (typeof SETS)[0], (typeof SETS)[0], (typeof SETS)[0]];
const folder = mkdtempSync(join(tmpdir(), 'banana-suite-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Truth {
  readonly things: Prompt['asked']['things'];
  readonly relation?: Prompt['asked']['relation'];
  readonly style?: string;
  readonly background?: string;
}

/** Where things are that lie so. */
const PLACES = {
  'left of': [
    [0.2, 0.5],
    [0.8, 0.5],
  ],
  'right of': [
    [0.8, 0.5],
    [0.2, 0.5],
  ],
  above: [
    [0.5, 0.2],
    [0.5, 0.8],
  ],
  below: [
    [0.5, 0.8],
    [0.5, 0.2],
  ],
  'next to': [
    [0.2, 0.5],
    [0.8, 0.5],
  ],
} as const;

const oneHot = (n: number, i: number) => Float32Array.from({ length: n }, (_, k) => (k === i ? 0.9 : 0.1 / (n - 1)));

/** Judges that know the truth of every picture: its number is the picture's first value. */
function knowing(truths: readonly Truth[]): { suite: Suite; picture: (i: number) => Tensor; count: () => number } {
  let looked = 0;
  const found = ({ things, relation = 'left of', style: word = style[0]! }: Truth): FoundObject[] =>
    things.flatMap((thing, t) =>
      Array.from({ length: thing.count }, (_, k): FoundObject => {
        const [x, y] = PLACES[relation][t]!;
        return {
          box: [x - 0.1 + k * 0.02, y - 0.1, 0.2, 0.2],
          score: 1 - 0.1 * t,
          concept: oneHot(concept.length, concept.indexOf(thing.concept)),
          style: oneHot(style.length, style.indexOf(word)),
          ...(thing.colour && { colour: { colour: thing.colour, share: 1 } }),
        };
      }),
    );
  const judges = {
    classes: { concept, labels, style, background },
    find: async (picture: Tensor) => {
      looked++;
      const truth = truths[Math.round((((picture.data[0] as number) + 1) / 2) * 255)]!;
      return { objects: found(truth), background: oneHot(background.length, background.indexOf(truth.background ?? 'white')) };
    },
  } as unknown as Judges;
  const pool = {
    render: async ({ svg, width, height }: { svg: string; width: number; height: number }) => ({
      pixels: new Uint8Array(width * height * 4).fill(Number(svg)),
    }),
  } as unknown as Suite['pool'];
  const suite: Suite = {
    judges,
    judgesKey: { judges: 'j' },
    pool,
    side: 8,
    ledger: openLedger(join(folder, `${Math.random()}.jsonl`)),
    progress: () => {},
  };
  return {
    suite,
    picture: (i) =>
      float32(
        [1, 8, 8, 4],
        Float32Array.from({ length: 256 }, (_, k) => (k % 4 === 3 ? 1 : (i / 255) * 2 - 1)),
      ),
    count: () => looked,
  };
}

const variant = (name: string, draw: Variant['draw']): Variant => ({ name, key: { model: name }, draw });

describe('prompts of GenEval', () => {
  test.each(TASK_NAMES)('%s: says what is asked, keeps the splits apart, and follows from the seed', (task) => {
    const prompts = promptsOf(DATA.pico, task, seen, 6, 1);
    expect(prompts.length).toBe(6);
    expect(promptsOf(DATA.pico, task, seen, 3, 1)).toEqual(prompts.slice(0, 3)); // a quick run's are the first of a full one's
    for (const { asked, caption, svg, index } of prompts) {
      expect(caption).toMatch(/flat|shaded cartoon/);
      expect(asked.things.length).toBe(
        { 'one object': 1, 'two objects': 2, counting: 1, colours: 1, position: 2, 'colour attribution': 2 }[task],
      );
      expect(asked.relation !== undefined).toBe(task === 'position');
      for (const { concept: hex, colour, count } of asked.things) {
        expect(colour !== undefined).toBe(task === 'colours' || task === 'colour attribution');
        if (colour) expect(caption).toContain(colour);
        expect(count > 1).toBe(task === 'counting');
        expect(count).toBeLessThanOrEqual(4);
        if (colour) expect(heldOut('colour', hex, colour)).toBe(false);
      }
      if (asked.relation)
        expect(caption).toMatch(
          { 'left of': /left of/, 'right of': /right of/, above: /above|over/, below: /below|under/, 'next to': /./ }[asked.relation],
        );
      expect(svg.match(/<svg x=/g)!.length).toBe(asked.things.reduce((sum, t) => sum + t.count, 0));
      expect(prompts[index]!.caption).toBe(caption);
    }
  });

  test('held-out colours are held out, synonyms are none of the nouns, Dutch is Dutch', () => {
    for (const { asked } of promptsOf(DATA.pico, 'position', heldOutSet, 4, 1).slice(0, 4)) expect(asked.relation).toBeDefined();
    const [first] = promptsOf(DATA.pico, 'one object', synonyms, 1, 1);
    expect(first!.caption).not.toMatch(new RegExp(`\\b${labels[concept.indexOf(first!.asked.things[0]!.concept)] ?? '-'}\\b`));
    expect(promptsOf(DATA.pico, 'counting', synonyms, 1, 1)).toEqual([]);
    for (const { caption } of promptsOf(DATA.pico, 'two objects', dutch, 3, 1)) expect(caption).toMatch(/\b(een|en|op|in|de|het)\b/);
  });
});

test('cases of single things: in the language asked for, with a truth that the judges know; seeds decide', () => {
  for (const set of SETS) {
    const cases = conceptCases(data, set, 8, 5);
    expect(cases.length).toBe(8);
    for (const { truth } of cases)
      expect([concept, style, background].map((list, i) => list.includes(Object.values(truth)[i]!))).toEqual([true, true, true]);
    expect(conceptCases(data, set, 4, 5)).toEqual(cases.slice(0, 4));
    expect(cases.some((c) => /\b(een|op|in de|stijl)\b/.test(c.caption))).toBe(set.language === 'nl');
  }
});

test('house GenEval: a model that draws the truth gets the score of real renders, another one does not; nothing is judged twice', async () => {
  const prompts = TASK_NAMES.flatMap((task) => promptsOf(data, task, seen, 2, 3)).map((p, i) => ({ ...p, svg: String(i) }));
  expect(prompts.length).toBe(12);
  // The last truth is that of no prompt: nothing at all.
  const { suite, picture, count } = knowing([...prompts.map((p) => p.asked), { things: [] }]);
  const indexOf = (caption: string) => prompts.findIndex((p) => p.caption === caption);
  const right = await measureGenEval(
    suite,
    variant('right', async (prompt) => picture(indexOf(prompt))),
    prompts,
    2,
  );
  const tasks = right.result[seen.name]!;
  expect(Object.keys(tasks)).toEqual(TASK_NAMES);
  for (const task of TASK_NAMES)
    expect(tasks[task]).toEqual({ prompts: 2, real: { count: 2, first: 1, five: 1 }, drawn: { count: 4, first: 1, five: 1 } });
  expect(right.misses).toEqual([]);
  // Every second picture is empty.
  const half = await measureGenEval(
    suite,
    variant('half', async (prompt, seed) => picture(seed % 2 ? 12 : indexOf(prompt))),
    prompts,
    2,
  );
  expect(meanScore(half.result[seen.name]!, 'drawn', 'first')).toBe(0.5);
  expect(meanScore(half.result[seen.name]!, 'real', 'first')).toBe(1);
  expect(half.misses.length).toBe(12);
  expect(half.misses[0]).toMatchObject({ part: 'one object', seed: 1, nearness: 0, why: expect.stringMatching(/^no /) });
  const before = count();
  expect(
    await measureGenEval(
      suite,
      variant('half', () => Promise.reject(new Error('drawn again'))),
      prompts,
      2,
    ),
  ).toEqual(half);
  expect(count()).toBe(before);
});

test('single things: concept, style and background each by itself; what is not said of the background is not asked', async () => {
  const cases = conceptCases(data, seen, 6, 5).map((c, i) => ({ ...c, svg: String(i), backgroundSaid: i > 0 }));
  const truths: Truth[] = cases.map(({ truth }) => ({
    things: [{ concept: truth.concept, count: 1 }],
    style: truth.style,
    background: truth.background,
  }));
  const another = concept.find((c) => c !== cases[1]!.truth.concept)!;
  const wrong: Truth[] = [
    { ...truths[0]!, background: 'night' },
    { ...truths[1]!, things: [{ concept: another, count: 1 }] },
    { things: [] },
  ];
  const { suite, picture } = knowing([...truths, ...wrong]);
  const indexOf = (caption: string) => cases.findIndex((c) => c.caption === caption);
  const drawn = variant('m', async (prompt) => picture(indexOf(prompt) < 3 ? 6 + indexOf(prompt) : indexOf(prompt)));
  const { result, misses } = await measureConcepts(suite, drawn, cases);
  const nothing = Number(cases[2]!.truth.background !== 'white'); // an empty picture is white to these judges
  expect(result[seen.name]!.real).toEqual({ count: 6, concept: 1, concept5: 1, style: 1, background: 1 });
  expect(result[seen.name]!.drawn).toMatchObject({
    count: 6,
    concept: 4 / 6,
    style: 5 / 6,
    background: expect.closeTo(1 - nothing / 5, 6),
  });
  expect(misses.map((m) => m.why)).toEqual([`seen as ${labels[concept.indexOf(another)]}`, 'nothing there']);
});

test('steps: scores and PSNR at equal seeds, each picture drawn once', async () => {
  const prompts = TASK_NAMES.flatMap((task) => promptsOf(data, task, seen, 1, 3)).map((p, i) => ({ ...p, svg: String(i) }));
  const { suite, picture } = knowing([...prompts.map((p) => p.asked), { things: [] }]);
  const drawn: string[] = [];
  const by = (name: string, i: (prompt: string) => number) =>
    variant(name, async (prompt, seed) => (drawn.push(`${name} ${prompt} ${seed}`), picture(i(prompt))));
  const indexOf = (caption: string) => prompts.findIndex((p) => p.caption === caption);
  const reference = by('4 steps', indexOf);
  const { variants, reference: name } = await measureSteps(
    suite,
    reference,
    [by('empty', () => 6), by('equal', indexOf), reference],
    prompts,
    4,
  );
  expect(name).toBe('4 steps');
  expect(variants).toEqual({
    empty: { count: 6, first: 0, five: 0, psnr: expect.any(Number) },
    equal: { count: 6, first: 1, five: 1, psnr: 99 },
    '4 steps': { count: 6, first: 1, five: 1 },
  });
  expect(variants.empty!.psnr).toBeLessThan(45);
  expect(new Set(drawn).size).toBe(drawn.length);
  expect(drawn.length).toBe(18);
});

test('the worst: by part in turn, no prompt twice, the furthest first', () => {
  const miss = (part: string, caption: string, nearness: number): Miss => ({ part, caption, nearness, seed: 0, svg: '', why: '' });
  const list = [miss('a', 'x', 0.5), miss('a', 'x', 0.1), miss('a', 'y', 0.2), miss('b', 'z', 0.9), miss('a', 'w', 0.3)];
  expect(worstOf(list, 3).map((m) => [m.caption, m.nearness])).toEqual([
    ['x', 0.1],
    ['z', 0.9],
    ['y', 0.2],
  ]);
  expect(worstOf(list, 99).length).toBe(4);
});
