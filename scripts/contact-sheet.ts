// The contact sheets of docs/: 64 fixed prompts, and, where the model takes reference pictures, 12 scenes of the same two characters.
// Each picture is drawn by the SDK as a user would get it; its seed is its place in the list. The first of anything, never the best.
//   npx tsx scripts/contact-sheet.ts [--steps 4] [--model FILE] [--out docs/prompts.png] [--characters docs/characters.png]
import { parseArgs } from 'node:util';
import { openBanana, type NodeBanana } from '../src/node.ts';
import { encodeImage } from '../src/tensor/codec.ts';
import { writeFileWhole } from '../src/tensor/files.ts';
import type { Image } from '../src/tensor/image.ts';
import { labelledSheet } from '../src/tensor/sheet.ts';

const PROMPTS = [
  // one thing, in several styles
  'a red fox, flat style', 'a strawberry, bold flat style', 'a blue car, shaded cartoon style', 'a green apple, flat style',
  'a cat, shaded cartoon style', 'a rocket, bold flat style', 'a yellow umbrella, flat style', 'a house, bold flat style',
  'a purple butterfly, shaded cartoon style', 'a guitar, flat style', 'a penguin, bold flat style', 'a slice of pizza, shaded cartoon style',
  'a bicycle, flat style', 'an owl, bold flat style', 'a cactus, shaded cartoon style', 'a crown, flat style',
  // as a sticker
  'a tiger, flat style, transparent background', 'an ice cream, bold flat style, transparent background', 'a robot, shaded cartoon style, transparent background', 'a heart, flat style, transparent background',
  // in a place
  'a red fox in the snow, flat style', 'a tree on the beach, shaded cartoon style', 'a rocket in space, flat style', 'a fish under water, bold flat style',
  'a camel in the desert, flat style', 'a cow in a meadow, bold flat style', 'an owl at night, shaded cartoon style', 'a sailboat at sunset, flat style',
  // how many
  'two penguins, flat style', 'three bananas, bold flat style', 'four apples, shaded cartoon style', 'three yellow flowers on a blue background, flat style',
  'two purple butterflies on a yellow background, bold flat style', 'three fish under water, flat style', 'two dogs in a meadow, shaded cartoon style', 'four stars on a black background, flat style',
  // where
  'a penguin left of a pumpkin, flat style', 'a frog above a mushroom, flat style', 'a dog to the right of a ball, bold flat style', 'a cat below an umbrella, shaded cartoon style',
  'a bird above a house, flat style', 'a car next to a tree, bold flat style', 'a small mouse left of a big elephant, flat style', 'an apple, a banana and a pear, shaded cartoon style',
  // which is which colour
  'a red car and a blue bicycle, flat style', 'a green bird left of a yellow fish, bold flat style', 'a pink pig and a black cat, shaded cartoon style', 'a purple umbrella above an orange box, flat style',
  // characters
  'a happy woman with long brown hair and a red shirt, avatar style', 'an angry man with a beard and a blue shirt, avatar style',
  'a surprised person with glasses and a green shirt, avatar style', 'a sad person with black hair and a yellow shirt, avatar style',
  'a happy mug, kawaii style', 'an excited ghost on a purple background, kawaii style', 'a winking person with a beanie, avatar style', 'a calm person with a hat, doodle style',
  // Dutch, synonyms, less usual words
  'een rode auto, platte stijl', 'twee gele bloemen', 'een hond op het strand, platte stijl', 'een blauwe vis links van een ster',
  'a kitten, flat style', 'a bunny in the snow, bold flat style', 'an automobile, shaded cartoon style', 'a castle in the desert, flat style',
];

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '4' }, out: { type: 'string', default: 'docs/prompts.png' }, characters: { type: 'string', default: 'docs/characters.png' }, model: { type: 'string' } },
});
const banana = await openBanana({ inProcess: true, ...(values.model !== undefined && { model: values.model }) });
try {
  await promptSheet(banana, values.out);
} finally {
  await banana.close();
}

async function promptSheet({ picture }: NodeBanana, out: string): Promise<void> {
  const images: Image[] = [];
  for (const [seed, prompt] of PROMPTS.entries()) {
    images.push((await picture({ prompt, seed, steps: Number(values.steps), width: 512, height: 512 })).image);
    process.stderr.write(`\r${seed + 1}/${PROMPTS.length}`);
  }
  await writeFileWhole(out, await encodeImage(await labelledSheet(images, PROMPTS, { columns: 8, cell: 192, lines: 3 }), 'png'));
  process.stderr.write(`\r${out}\n`);
}
