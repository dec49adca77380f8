// The contact sheet of docs/: 24 fixed prompts, each drawn by the command itself with seed 0, exactly as a user would get it.
//   npm run build && npx tsx scripts/contact-sheet.ts [--steps 4] [--out docs/prompts.png] [--model FILE]
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { decodeImage, encodeImage } from '../src/tensor/codec.ts';
import { writeFileWhole } from '../src/tensor/files.ts';
import { resizeImage } from '../src/tensor/image.ts';
import { labelledSheet } from '../src/tensor/sheet.ts';

const PROMPTS = [
  // objects in several styles
  'a red fox, flat style', 'a strawberry, bold flat style', 'a blue car, shaded cartoon style', 'a green apple, flat style',
  'a cat, shaded cartoon style', 'a rocket, bold flat style', 'a yellow umbrella, flat style', 'a house, bold flat style',
  // scenes
  'a red fox in the snow, flat style', 'a penguin left of a pumpkin, flat style', 'three bananas, bold flat style', 'a tree on the beach, shaded cartoon style',
  'a rocket in space, flat style', 'a fish under water, bold flat style', 'a frog above a mushroom, flat style', 'two purple butterflies on a yellow background, bold flat style',
  // characters
  'a happy woman with long brown hair and a red shirt, avatar style', 'an angry man with a beard and a blue shirt, avatar style',
  'a surprised person with glasses and a green shirt, avatar style', 'a sad person with black hair and a yellow shirt, avatar style',
  // Dutch
  'een rode auto, platte stijl', 'twee gele bloemen', 'een hond op het strand, platte stijl', 'een blauwe vis links van een ster',
];

const { values } = parseArgs({ options: { steps: { type: 'string', default: '4' }, out: { type: 'string', default: 'docs/prompts.png' }, model: { type: 'string' } } });
const command = fileURLToPath(new URL('../dist/src/cli/main.js', import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'banana-sheet-'));
try {
  const images = [];
  for (const [i, prompt] of PROMPTS.entries()) {
    const path = join(folder, `${i}.png`);
    const more = values.model === undefined ? [] : ['--model', values.model];
    await promisify(execFile)(process.execPath, [command, 'generate', prompt, '-o', path, '--seed', '0', '--steps', values.steps, ...more]);
    images.push(resizeImage(await decodeImage(await readFile(path)), 256, 256));
    console.error(`${i + 1}/${PROMPTS.length} ${prompt}`);
  }
  await writeFileWhole(values.out, await encodeImage(await labelledSheet(images, PROMPTS, { columns: 6, cell: 256, lines: 2 }), 'png'));
  console.error(values.out);
} finally {
  await rm(folder, { recursive: true });
}
