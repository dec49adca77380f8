import { expect, test } from 'vitest';
import { DATA } from '../data/dataset.ts';
import { ATTRIBUTES } from './characters.ts';
import { judgeSubjects, subjectScenes, type Figure } from './identity.ts';

const WORDS = Object.fromEntries(ATTRIBUTES.map((a) => [a, 'same'])) as Figure['words'];

/** A figure that points one way among others, with some words of its own. */
function figure(identity: readonly number[], words: Partial<Figure['words']> = {}, likeness: readonly number[] = [10, 10]): Figure {
  const length = Math.hypot(...identity);
  return { box: [0, 0, 0.5, 1], identity: identity.map((x) => x / length), words: { ...WORDS, ...words }, likeness };
}
const [ann, bob] = [figure([1, 0, 0], { hair: 'long', hat: 'none', expression: 'happy' }), figure([0, 1, 0], { hair: 'short', hat: 'none', expression: 'sad' })];
const crowd = [[0, 0, 1]];

test('found in any order, each is its own', () => {
  const found = [figure([0.1, 0.9, 0], { hair: 'short', expression: 'angry' }), figure([0.8, 0.2, 0.1], { hair: 'long', expression: 'calm' })];
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
  const bled = (hair: string) => judgeSubjects([figure([1, 0, 0], { hair }), figure([0, 1, 0], { hair: 'short' })], [ann, bob], ['calm', 'calm'], crowd)[0]!;
  expect([bled('short'), bled('long'), bled('afro')].map((v) => [v.chances, v.bled])).toEqual([[1, 1], [1, 0], [1, 0]]);
});

test('the expression asked for, the one of the reference, another one; and the very pixels', () => {
  const of = (expression: string, likeness: number) => judgeSubjects([figure([1, 0, 0], { expression }, [likeness])], [ann], ['calm'], crowd)[0]!;
  expect([of('calm', 24), of('happy', 26), of('sad', 5)].map(({ asked, kept, copied }) => [asked, kept, copied])).toEqual([[true, false, false], [false, true, true], [false, false, false]]);
});

test('scenes of one to five: each subject a slot, a picture and an expression; the first ones the same for any count', { timeout: 30_000 }, () => {
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
