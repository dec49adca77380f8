import { expect, test } from 'vitest';
import { random } from '../util/random.ts';
import { loosely } from './loose.ts';

const many = (caption: string) => Array.from({ length: 400 }, (_, i) => loosely(caption, random(5).split(i)));

test('what is asked for is still there, but for a slip; subjects keep their numbers', () => {
  for (const caption of ['a red apple, flat style', 'een groene kikker boven een gele eend', '<2> happy and <1> sad at night']) {
    const loose = many(caption);
    const whole = loose.filter((text) => text.includes(caption.replace(/^(a|een) /, '')));
    expect(whole.length / loose.length).toBeGreaterThan(0.7);
    expect(whole.length).toBeLessThan(loose.length);
    expect(new Set(loose).size).toBeGreaterThan(300);
  }
  for (const text of many('<2> happy and <1> sad at night')) expect(text).toMatch(/<2>.*<1>/);
});

test('Dutch is spoken around Dutch', () => {
  expect(many('een groene kikker').join(' ')).toMatch(/alsjeblieft/);
  expect(many('a green frog').join(' ')).not.toMatch(/alsjeblieft/);
});

test('the same stream says the same', () => {
  expect(loosely('a fox', random(3))).toBe(loosely('a fox', random(3)));
});
