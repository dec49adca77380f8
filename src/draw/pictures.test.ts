import { beforeEach, expect, test } from 'vitest';
import { image, type Image } from '../image/image.ts';
import { RuntimeError } from '../util/errors.ts';
import { checkOptions, type Checked } from './check.ts';
import { byName, pictureStore, type Sent } from './pictures.ts';
import { hashOf } from './start.ts';

const grey = (level: number): Image => image(8, 8, new Uint8ClampedArray(256).fill(level));
const [house, sky] = [grey(100), grey(200)];

let store: ReturnType<typeof pictureStore>; // an engine: a new one is one that was lost
let crossed: string[]; // which pixels each request brought
let got: (Image | undefined)[];
beforeEach(() => ([store, crossed, got] = [pictureStore(), [], []]));

const draw = byName(async function* (request: Sent) {
  crossed.push(Object.keys(request.pictures ?? {}).join());
  const { image: start, mask } = store(request);
  got.push(start, mask);
  yield { type: 'done', count: 1, seconds: { text: 0, denoise: 0, render: 0 } };
});
const ask = async (options: Partial<Checked>, from = draw): Promise<void> => {
  for await (const _ of from({ ...checkOptions({ prompt: 'x' }), ...options }));
};

test('pixels cross once, then only names; the same pixels in another object too', async () => {
  const [h, s] = [await hashOf(house), await hashOf(sky)];
  await ask({ image: house });
  await ask({ image: house, mask: sky });
  await ask({ image: grey(100), mask: sky });
  await ask({});
  expect(crossed).toEqual([h, s, '', '']);
  expect(got).toEqual([house, undefined, house, sky, house, sky, undefined, undefined]);
});

test('an engine that was lost gets them again, and the request is drawn', async () => {
  await ask({ image: house, mask: sky });
  store = pictureStore();
  await ask({ image: house, mask: sky });
  await ask({ image: house });
  const both = [await hashOf(house), await hashOf(sky)].join();
  expect(crossed.slice(-3)).toEqual(['', both, '']);
  expect(got.slice(-4)).toEqual([house, sky, house, undefined]);
});

test('an engine keeps so many bytes, the last used longest', async () => {
  const names = (await Promise.all([house, sky, grey(1)].map(hashOf))) as [string, string, string];
  const small = pictureStore(512); // two of them
  const request = (...which: [string, Image?][]): Sent => {
    const pictures = Object.fromEntries(which.filter(([, one]) => one)) as Record<string, Image>;
    return { ...(checkOptions({ prompt: 'x' }) as Omit<Checked, 'image' | 'mask' | 'objects'>), image: which[0]![0], pictures };
  };
  small(request([names[0], house]));
  small(request([names[1], sky]));
  small(request([names[0]])); // used again
  small(request([names[2], grey(1)]));
  expect(small(request([names[0]])).image).toEqual(house);
  expect(() => small(request([names[1]]))).toThrow(`the engine has no picture ${names[1]}: send it again`);
});

test('what else goes wrong is told once', async () => {
  let asked = 0;
  const failing = byName(async function* () {
    asked++;
    throw new RuntimeError('engine.lost', 'gone');
  });
  await expect(ask({ image: house }, failing)).rejects.toThrow('gone');
  expect(asked).toBe(1);
});
