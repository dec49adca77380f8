// The contact sheets of docs/: 64 fixed prompts, and, where the model takes reference pictures, 12 scenes of the same two characters.
// Each picture is drawn by the SDK as a user would get it; its seed is its place in the list. The first of anything, never the best.
//   npx tsx scripts/contact-sheet.ts [--steps 4] [--model FILE] [--out docs/prompts.webp] [--characters docs/characters.webp]
import { parseArgs } from 'node:util';
import { MAKERS, type Identity } from '../src/data/makers.ts';
import { renderPool } from '../src/data/render.ts';
import { sceneSvg, type Art } from '../src/data/scenes.ts';
import { openBanana, type NodeBanana } from '../src/node/index.ts';
import { encodeImage } from '../src/disk/codec.ts';
import { writeFileWhole } from '../src/disk/files.ts';
import { premultipliedToTensor, tensorToImage, type Image } from '../src/image/image.ts';
import { labelledSheet } from '../src/disk/sheet.ts';

const PROMPTS = [
  // one thing, in several styles
  'a red fox, flat style',
  'a strawberry, soft gradient style',
  'a blue car, shaded cartoon style',
  'a green apple, flat style',
  'a cat, shaded cartoon style',
  'a rocket, soft gradient style',
  'a yellow umbrella, flat style',
  'a house, soft gradient style',
  'a purple butterfly, shaded cartoon style',
  'a guitar, flat style',
  'a penguin, soft gradient style',
  'a slice of pizza, shaded cartoon style',
  'a bicycle, flat style',
  'an owl, soft gradient style',
  'a cactus, shaded cartoon style',
  'a crown, flat style',
  // as a sticker
  'a tiger, flat style, transparent background',
  'an ice cream, soft gradient style, transparent background',
  'a robot, shaded cartoon style, transparent background',
  'a heart, flat style, transparent background',
  // in a place
  'a red fox in the snow, flat style',
  'a tree on the beach, shaded cartoon style',
  'a rocket in space, flat style',
  'a fish under water, soft gradient style',
  'a camel in the desert, flat style',
  'a cow in a meadow, soft gradient style',
  'an owl at night, shaded cartoon style',
  'a sailboat at sunset, flat style',
  // how many
  'two penguins, flat style',
  'three bananas, soft gradient style',
  'four apples, shaded cartoon style',
  'three yellow flowers on a blue background, flat style',
  'two purple butterflies on a yellow background, soft gradient style',
  'three fish under water, flat style',
  'two dogs in a meadow, shaded cartoon style',
  'four stars on a black background, flat style',
  // where
  'a penguin left of a pumpkin, flat style',
  'a frog above a mushroom, flat style',
  'a dog to the right of a ball, soft gradient style',
  'a cat below an umbrella, shaded cartoon style',
  'a bird above a house, flat style',
  'a car next to a tree, soft gradient style',
  'a small mouse left of a big elephant, flat style',
  'an apple, a banana and a pear, shaded cartoon style',
  // which is which colour
  'a red car and a blue bicycle, flat style',
  'a green bird left of a yellow fish, soft gradient style',
  'a pink pig and a black cat, shaded cartoon style',
  'a purple umbrella above an orange box, flat style',
  // characters
  'a happy woman with long brown hair and a red shirt, avatar style',
  'an angry man with a beard and a blue shirt, avatar style',
  'a surprised person with glasses and a green shirt, avatar style',
  'a sad person with black hair and a yellow shirt, avatar style',
  'a happy mug, kawaii style',
  'an excited ghost on a purple background, kawaii style',
  'a winking person with a beanie, avatar style',
  'a calm person with a hat, doodle style',
  // Dutch, synonyms, less usual words
  'een rode auto, platte stijl',
  'twee gele bloemen',
  'een hond op het strand, platte stijl',
  'een blauwe vis links van een ster',
  'a kitten, flat style',
  'a bunny in the snow, soft gradient style',
  'an automobile, shaded cartoon style',
  'a castle in the desert, flat style',
];

/** Two characters of nobody's picture, each with a look that is easy to tell from the other's. */
const CAST: readonly Identity[] = [
  {
    who: 'woman',
    hair: 'long',
    hat: 'none',
    hatColour: 'red',
    hairColour: 'red',
    skin: 'light',
    beard: 'none',
    glasses: 'roundGlasses',
    clothing: 'vneck',
    clothingColour: 'green',
  },
  {
    who: 'man',
    hair: 'short',
    hat: 'beanie',
    hatColour: 'blue',
    hairColour: 'dark',
    skin: 'brown',
    beard: 'mediumBeard',
    glasses: 'none',
    clothing: 'shirt',
    clothingColour: 'orange',
  },
];
/** Their expression in the reference pictures: asked for in none of the scenes. */
const GIVEN = 'serious';
const SCENES = [
  '<1> happy and <2> happy, avatar style',
  '<1> sad and <2> angry in the snow, avatar style',
  '<1> surprised and <2> winking on the beach, avatar style',
  '<2> happy and <1> surprised in a meadow, avatar style',
  '<1> angry and <2> sad at night, avatar style',
  '<1> in love and <2> in love on a pink background, avatar style',
  '<1> winking on a yellow background, avatar style',
  '<2> surprised in space, avatar style',
  '<1> dizzy and <2> happy in the desert, avatar style',
  '<2> sticking out the tongue and <1> happy under water, avatar style',
  '<1> sad on a blue background, avatar style',
  '<2> winking and <1> winking at sunset, avatar style',
];

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '4' },
    out: { type: 'string', default: 'docs/prompts.webp' },
    characters: { type: 'string', default: 'docs/characters.webp' },
    model: { type: 'string' },
  },
});
const banana = await openBanana({ inProcess: true, ...(values.model !== undefined && { model: values.model }) });
try {
  await promptSheet(banana, values.out);
  if (banana.model.abilities.includes('references')) await characterSheet(banana, values.characters);
  else process.stderr.write('no sheet of characters: the model was not trained with references\n');
} finally {
  await banana.close();
}

async function promptSheet({ picture }: NodeBanana, out: string): Promise<void> {
  const images: Image[] = [];
  for (const [seed, prompt] of PROMPTS.entries()) {
    images.push((await picture({ prompt, seed, steps: Number(values.steps), width: 512, height: 512 })).image);
    process.stderr.write(`\r${seed + 1}/${PROMPTS.length}`);
  }
  await writeFileWhole(out, await encodeImage(await labelledSheet(images, PROMPTS, { columns: 8, cell: 192, lines: 3 }), 'webp'));
  process.stderr.write(`\r${out}\n`);
}

/** The two characters as the model is given them, on white. */
async function drawCast(): Promise<Image[]> {
  const avatar = MAKERS.find((m) => m.style === 'avatar')!;
  const pool = renderPool();
  try {
    return await Promise.all(
      CAST.map(async (who) => {
        const drawn = avatar.draw(who, GIVEN);
        const [, , w = 1, h = 1] = drawn.viewBox.split(' ').map(Number);
        const [width, height] = [(0.9 * w) / Math.max(w, h), (0.9 * h) / Math.max(w, h)];
        const art: Art = { ...drawn, box: [0.5 - width / 2, 1 - height, width, height], flip: false };
        const { pixels, error } = await pool.render({
          svg: sceneSvg({ width: 256, height: 256, background: { kind: 'white', seed: 0 }, objects: [], art: [art] }),
          width: 512,
          height: 512,
        });
        if (!pixels) throw new Error(`the characters cannot be drawn: ${error}`);
        return tensorToImage(premultipliedToTensor(512, 512, pixels));
      }),
    );
  } finally {
    pool.close();
  }
}

async function characterSheet({ picture }: NodeBanana, out: string): Promise<void> {
  const cast = await drawCast();
  const images = [...cast];
  const labels = ['<1>, the reference', '<2>, the reference'];
  for (const [seed, prompt] of SCENES.entries()) {
    const references = cast.map((one, i) => ({ slot: i + 1, image: one })).filter(({ slot }) => prompt.includes(`<${slot}>`));
    images.push((await picture({ prompt, seed, steps: Number(values.steps), references, width: 512, height: 512 })).image);
    labels.push(prompt);
  }
  await writeFileWhole(out, await encodeImage(await labelledSheet(images, labels, { columns: 7, cell: 192, lines: 3 }), 'webp'));
  process.stderr.write(`${out}\n`);
}
