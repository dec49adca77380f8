// The sets of the shipped Peels are what they say, and the distance tells sets of pictures apart.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import { image, type Image } from '../src/image/image.ts';
import { random } from '../src/util/random.ts';
import { distancesTo, featuresOf } from '../src/eval/peels/scores.ts';
import { PEEL_SETS } from './peel-sets.ts';

test.each(PEEL_SETS.map((set) => [set.name, set] as const))(
  '%s: 12 to 40 pictures, captions from words, every one a drawing',
  async (_, { pictures }) => {
    const found = await pictures();
    expect(found.size).toBeGreaterThanOrEqual(12);
    expect(found.size).toBeLessThanOrEqual(40);
    for (const [caption, svg] of found) {
      expect(caption).toMatch(/^[A-Za-z]+( [A-Za-z]+)*$/); // it is a file's name
      expect(svg).toMatch(/^<svg xmlns="[^"]+" viewBox="[-\d ]+">.+<\/svg>$/);
    }
    expect(new Set(found.values()).size).toBe(found.size);
  },
);

test('the licences are those that the packages state', () => {
  const require = createRequire(import.meta.url);
  const of = (name: string) =>
    (JSON.parse(readFileSync(require.resolve(`@iconify-json/${name}/info.json`), 'utf8')) as { license: { spdx: string } }).license.spdx;
  const licences = Object.fromEntries(PEEL_SETS.map(({ name, licence }) => [name, licence]));
  expect(licences).toEqual({ outline: of('icon-park'), architecture: of('icon-park'), health: of('healthicons'), brand: 'CC0-1.0' });
});

/** A square of one colour, somewhere on white. */
function square([r, g, b]: readonly [number, number, number], at: number): Image {
  const one = image(48, 48);
  for (let i = 0; i < 48 * 48; i++) {
    const inside = Math.abs((i % 48) - 16 - at) < 10 && Math.abs(Math.floor(i / 48) - 24) < 10;
    one.data.set(inside ? [r, g, b, 255] : [255, 255, 255, 255], 4 * i);
  }
  return one;
}

test('the distance: none to more of the same, larger the less alike', () => {
  const rng = random(1);
  const some = (colour: readonly [number, number, number]) =>
    Array.from({ length: 10 }, () => featuresOf(square(colour, 16 * rng.uniform())));
  const [truth, same, like, unlike] = [some([220, 30, 30]), some([220, 30, 30]), some([200, 60, 30]), some([30, 60, 220])];
  const d = distancesTo(truth, unlike, { same, like, unlike });
  expect(Math.abs(d.same)).toBeLessThan(0.1);
  expect(d.like).toBeGreaterThan(d.same + 0.1);
  expect(d.unlike).toBeGreaterThan(d.like + 0.1);
});
