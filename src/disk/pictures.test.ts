// Folders of pictures: formats, where captions come from, and what is refused by name.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeImage } from './codec.ts';
import { image } from '../image/image.ts';
import { captionFrom, readPictures } from './pictures.ts';
import { priorCaptions } from '../train/peel/prior.ts';
import { random } from '../util/random.ts';

let folder: string;
const picture = image(20, 10, new Uint8ClampedArray(800).fill(200));
const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 12"><circle cx="6" cy="6" r="5" fill="red"/></svg>';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'banana-folder-'))));
afterAll(() => rm(folder, { recursive: true }));

test('every format, captions from the list, the text beside or the name, in order', async () => {
  await writeFile(join(folder, '02_red-house.png'), await encodeImage(picture, 'png'));
  await writeFile(join(folder, 'b.JPG'), await encodeImage(picture, 'jpeg'));
  await writeFile(join(folder, 'b.txt'), ' a  boat\nat sea ');
  await writeFile(join(folder, 'c.webp'), await encodeImage(picture, 'webp'));
  await writeFile(join(folder, 'd.svg'), svg);
  await writeFile(join(folder, 'captions.jsonl'), '{"file":"c.webp","caption":"a cloud"}\n\n{"file_name":"d.svg","text":"a dot"}\n');
  await writeFile(join(folder, 'notes.md'), 'not a picture');
  const read = await readPictures(folder);
  expect(read.map((p) => p.caption)).toEqual(['red house', 'a boat at sea', 'a cloud', 'a dot']);
  expect(read.slice(0, 3).every((p) => p.image.width === 20)).toBe(true);
  expect(read[3]!.image.width).toBeGreaterThan(500);
  expect(read[3]!.image.data[3]).toBe(0); // transparent where nothing is drawn
});

test.each([
  ['03-red_house.png', 'red house'],
  ['IMG_2041.jpg', ''],
  ['12.png', ''],
  ['un chat.v2.webp', 'un chat v2'],
  ['a.svg', ''],
  ['DSC 1.jpg', ''],
])('%s says "%s"', (name, caption) => {
  expect(captionFrom(name)).toBe(caption);
});

test('captions without their picture are told', async () => {
  const list = ['gone.png', 'a.png', 'b.png', 'c.png', 'a-red_house.png'].map((file) => JSON.stringify({ file, caption: 'x' }));
  const alone = await mkdtemp(join(folder, 'lost-'));
  await writeFile(join(alone, 'a-red_house.svg'), '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 90"/>');
  const told: string[] = [];
  for (const lines of [list, list.slice(0, 1), []]) {
    await writeFile(join(alone, 'captions.jsonl'), lines.join('\n'));
    await readPictures(alone, { warn: (line) => told.push(line) });
  }
  expect(told).toEqual([
    `captions of 5 pictures that ${alone} does not hold: gone.png, a.png, b.png, ...`,
    `captions of a picture that ${alone} does not hold: gone.png`,
  ]);
});

test('what cannot be read is told by name, before anything begins', async () => {
  await expect(readPictures(join(folder, 'none'))).rejects.toThrow('is not a folder');
  await writeFile(join(folder, 'captions.jsonl'), '{"file":"c.webp"}');
  await expect(readPictures(folder)).rejects.toThrow(/captions\.jsonl line 1: expected/);
  await rm(join(folder, 'captions.jsonl'));
  await writeFile(join(folder, 'broken.png'), 'no picture');
  await expect(readPictures(folder)).rejects.toThrow(/broken\.png: cannot read the picture/);
  await rm(join(folder, 'broken.png'));
  await writeFile(join(folder, 'broken.svg'), '<svg');
  await expect(readPictures(folder)).rejects.toThrow(/broken\.svg: cannot read the drawing/);
  const empty = await mkdtemp(join(folder, 'empty-'));
  await expect(readPictures(empty)).rejects.toThrow('no pictures in');
});

test('captions of the base: the same for a seed, with its styles', () => {
  const list = priorCaptions(['flat'], random(1), 40);
  expect(priorCaptions(['flat'], random(1), 40)).toEqual(list);
  expect(list.filter((c) => c.endsWith(', flat style')).length).toBeGreaterThan(15);
  expect(priorCaptions([], random(1), 40).some((c) => c.includes('style'))).toBe(false);
});
