import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tinyLayers } from '../../test/tiny-layers.ts';
import { run } from '../cli/run.ts';
import { decodeImage, encodeImage } from '../disk/codec.ts';
import type { Ability } from '../models/family.ts';
import { openBanana, readRecipe, type GenerateOptions, type ImageEvent, type NodeBanana } from '../node/index.ts';
import type { Banana } from './banana.ts';
import { sharpen } from './sharpen.ts';
import { checkStory, drawStory, type StoryEvent } from './scenes.ts';

const folder = mkdtempSync(join(tmpdir(), 'banana-scenes-'));
const model = join(folder, 'tiny.safetensors');
let banana: NodeBanana;
beforeAll(async () => {
  await tinyLayers(model);
  banana = await openBanana({ model, inProcess: true, threads: 1 });
}, 60_000);
afterAll(async () => {
  await banana.close();
  rmSync(folder, { recursive: true });
});

const anna = { name: 'anna', prompt: 'a girl' };
const red = { width: 8, height: 8, data: new Uint8ClampedArray(256).fill(255) };
const rex = { name: 'rex', prompt: 'a dog', image: red };
const all = async (events: AsyncGenerator<StoryEvent>) => {
  const found: StoryEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
};

test('subjects are drawn once, and every scene that names one shows its picture', async () => {
  const story = {
    subjects: [anna, rex],
    scenes: [
      { prompt: '<anna> and <rex> on a beach' },
      { prompt: 'a house' },
      { prompt: '<rex>', seed: 90, objects: [{ subject: 'rex', box: [0.1, 0.2, 0.5, 0.5] }] },
    ],
    seed: 4,
    width: 64,
    height: 64,
    steps: 1,
  };
  const events = await all(drawStory(banana, story));
  expect(events.map(({ type }) => type)).toEqual(['subject', 'subject', 'scene', 'scene', 'scene']);
  expect(events.flatMap((one) => (one.type === 'subject' ? [[one.name, one.drawn]] : []))).toEqual([
    ['anna', true],
    ['rex', false],
  ]);
  const recipes = events.flatMap((one) => (one.type === 'scene' ? [one.event.recipe] : []));
  expect(recipes.map(({ prompt, seed }) => [prompt, seed])).toEqual([
    ['a girl and a dog on a beach', 4],
    ['a house', 5],
    ['a dog', 90],
  ]);
  const [first, none, last] = recipes.map(({ objects }) => objects);
  expect(first).toEqual([
    { slot: 1, reference: expect.stringMatching(/^[0-9a-f]{16}$/) },
    { slot: 2, reference: expect.any(String) },
  ]);
  expect(none).toBeUndefined();
  expect(last).toEqual([{ slot: 1, box: [0.1, 0.2, 0.5, 0.5], reference: first![1]!.reference }]);
});

describe('a model of another kind', () => {
  const asked: GenerateOptions[] = [];
  const other = (abilities: readonly Ability[]): Banana =>
    ({
      model: { name: 'other', abilities },
      picture: async (options: GenerateOptions) => (asked.push(options), { image: red }),
      generate: async function* (options: GenerateOptions) {
        asked.push(options);
        yield { type: 'image', image: red } as ImageEvent;
      },
    }) as unknown as Banana;

  test('that takes references reads subjects as <1> to <5>', async () => {
    const scenes = [{ prompt: 'a house beside <rex>, <anna> and <rex>' }];
    await all(drawStory(other(['references']), { subjects: [anna, rex], scenes, seed: 1 }));
    expect(asked[0]).toMatchObject({ prompt: 'a girl', background: 'white', seed: 1 });
    expect(asked[1]).toMatchObject({ prompt: 'a house beside <1>, <2> and <1>', references: [{ slot: 1, image: red }, { slot: 2 }] });
  });

  test('that draws in layers besides is told where they stand, and draws them anew', async () => {
    asked.length = 0;
    const scenes = [{ prompt: '<rex> and <anna>', objects: [{ subject: 'anna', box: [0.5, 0.2, 0.4, 0.6] }] }, { prompt: '<anna> asleep' }];
    await all(drawStory(other(['layers', 'references']), { subjects: [{ ...anna, image: red }, rex], scenes, seed: 1 }));
    expect(asked[0]).toMatchObject({
      prompt: '<1> and <2>',
      references: [{ slot: 1 }, { slot: 2 }],
      objects: [{}, { box: [0.5, 0.2, 0.4, 0.6] }],
    });
    expect(asked[1]).toMatchObject({ prompt: '<1> asleep', references: [{ slot: 1, image: red }] });
    expect(asked.flatMap(({ objects = [] }) => objects).some((one) => 'reference' in one)).toBe(false);
    expect(asked[1]).not.toHaveProperty('objects');
  });

  test('that can do neither is refused', async () => {
    const story = { subjects: [anna], scenes: [{ prompt: '<anna>' }] };
    await expect(all(drawStory(other([]), story))).rejects.toMatchObject({ code: 'model.references' });
  });
});

test.each<[object, string, string]>([
  [{ scenes: [] }, 'options.type', 'subjects is undefined: expected a list'],
  [{ subjects: [anna, anna], scenes: [] }, 'scenes.name', 'subjects[1].name "anna" is a second one'],
  [{ subjects: [{ ...anna, name: 'a b' }], scenes: [] }, 'scenes.name', '"a b" cannot be a name'],
  [{ subjects: [anna], scenes: [{ prompt: '<ben>' }] }, 'scenes.subject', 'scenes[0].prompt says <ben>: the subjects are anna'],
  [{ subjects: [anna], scenes: [{ prompt: 'x', objects: [{ subject: 'anna' }] }] }, 'scenes.subject', 'scenes[0].objects[0] is of "anna"'],
  [
    { subjects: [anna], scenes: [{ prompt: '<anna>', objects: [{ subject: 'anna', slot: 9 }] }] },
    'objects.slot',
    'scenes[0].objects[0].slot 9',
  ],
  [
    { subjects: Array.from({ length: 6 }, (_, i) => ({ ...anna, name: `a${i}` })), scenes: [] },
    'scenes.count',
    '6 subjects: expected at most 5',
  ],
  [{ subjects: [anna], scenes: [{ promt: 'x' }] }, 'options.unknown', 'did you mean prompt?'],
])('%j is refused', (story, code, message) => {
  expect(() => checkStory(story)).toThrow(expect.objectContaining({ name: 'InputError', code, message: expect.stringContaining(message) }));
});

test('the command writes subjects, scenes and a contact sheet', async () => {
  let [out, err] = ['', ''];
  const io = { out: (text: string) => void (out += text), err: (text: string) => void (err += text), terminal: false };
  writeFileSync(
    join(folder, 'rex.svg'),
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4" fill="red"/></svg>',
  );
  const path = join(folder, 'story.json');
  const story = {
    subjects: [anna, { ...rex, image: 'rex.svg' }],
    scenes: ['<anna> and <rex> on a beach', { prompt: '<rex>', name: 'The end!' }],
  };
  writeFileSync(path, JSON.stringify({ ...story, width: 64, height: 64, steps: 1, seed: 3 }));
  const to = join(folder, 'out');
  const code = await run(['scenes', path, '--out', to, '--model', model, '--threads', '1'], io);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(readdirSync(to, { recursive: true }).sort()).toEqual(
    [
      '01-anna-and-rex-on-a-beach.png',
      '02-The-end.png',
      'contact-sheet.webp',
      'subjects',
      join('subjects', 'anna.png'),
      join('subjects', 'rex.png'),
    ].sort(),
  );
  expect(out.trim().split('\n')).toHaveLength(5);
  expect(readRecipe(readFileSync(join(to, '02-The-end.png')))).toMatchObject({ prompt: 'a dog', seed: 4, objects: [{ slot: 1 }] });
  expect((await decodeImage(readFileSync(join(to, 'contact-sheet.webp')))).width).toBeGreaterThan(2 * 256);
  writeFileSync(path, '{');
  expect(await run(['scenes', path, '--out', to, '--model', model], io)).toBe(2);
  expect(err).toContain('story.json: no JSON');
});

describe('sharpen', () => {
  const icon = {
    width: 24,
    height: 16,
    data: Uint8ClampedArray.from({ length: 24 * 16 * 4 }, (_, i) => (i % 4 === 3 ? ((i >> 2) % 24 < 12 ? 255 : 0) : (i % 4) * 80)),
  };

  test('draws a picture at another size: all of it, to its edges', async () => {
    const large = await sharpen(banana, icon, { width: 97 });
    expect([large.width, large.height]).toEqual([97, 65]);
    const again = await sharpen(banana, icon, { height: 65 });
    expect([again.width, again.height]).toEqual([98, 65]);
    const smaller = await sharpen(
      banana,
      { width: 256, height: 128, data: new Uint8ClampedArray(256 * 128 * 4).fill(200) },
      { width: 128 },
    );
    expect(new Set(smaller.data)).toEqual(new Set([200]));
  });

  test('another shape is refused, and more than can be drawn', async () => {
    await expect(sharpen(banana, icon, { width: 100, height: 100 })).rejects.toMatchObject({ code: 'size.conflict' });
    await expect(sharpen(banana, icon, { width: 9000 })).rejects.toMatchObject({ code: 'size.pixels' });
  });

  test('the command writes it', async () => {
    const io = { out: () => {}, err: () => {}, terminal: false };
    const [from, to] = [join(folder, 'icon.png'), join(folder, 'large.png')];
    writeFileSync(from, await encodeImage(icon, 'png'));
    expect(await run(['sharpen', from, '-W', '96', '-o', to, '--model', model, '--threads', '1'], io)).toBe(0);
    expect(await decodeImage(readFileSync(to))).toEqual(await sharpen(banana, icon, { width: 96 }));
  });
});
